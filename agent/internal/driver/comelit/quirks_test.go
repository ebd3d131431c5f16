package comelit_test

import (
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/agent/internal/driver/drivertest"
)

// quirks are the faults and oddities that comelit.md names, in its order.
func quirks() []drivertest.Quirk {
	trouble := func(t drivertest.Trouble) string { return string(t) }
	return []drivertest.Quirk{
		{At: "§3", What: "phrases in the device's language, or none", By: []string{"fault italian", "fault plain-login"}},
		{At: "§3", What: "a session by address or by cookie", By: []string{"fault cookie-session", "fault any-referer"}},
		{At: "§3", What: "LOGIN_IS_REQUIRED with 200, at any request", By: []string{"fault session-drop", "fault session-limit", trouble(drivertest.SessionLost)}},
		{At: "§3", What: "a password that was changed, rights that were lost", By: []string{"fault password-changed", "fault admin-lost", "TestTowardsC16_BadDaysAreErrors", trouble(drivertest.PasswordChanged), trouble(drivertest.RightsLost)}},
		{At: "§3", What: "errors are 200 with Invalid request", By: []string{"fault write-refused", trouble(drivertest.WritesRefused)}},
		{At: "§3", What: "a 200 proves nothing", By: []string{"fault write-lost", "fault truncate-names", "TestWhatIsNotStoredIsNotThere", trouble(drivertest.SilentDrop), trouble(drivertest.HalfStored)}},
		{At: "§3", What: "an empty page, an error, somebody else's page, a page without an end", By: []string{"fault empty-200", "fault http-500", "fault endless-page", trouble(drivertest.Nothing), trouble(drivertest.AnotherPage), trouble(drivertest.Endless), trouble(drivertest.Huge)}},
		{At: "§3", What: "a redirect to another host", By: []string{"fault redirect", trouble(drivertest.Elsewhere)}},
		{At: "§3", What: "an answer lost before and after the write", By: []string{"fault drop-connection", "fault drop-connection-early", trouble(drivertest.LostOnceDone), trouble(drivertest.LostOnceNot)}},
		{At: "§3", What: "five backups and no more", By: []string{"fault backup-quota", "TestTheQuotaIsKeptAndThenSaidSo", trouble(drivertest.ReadsUsedUp)}},
		{At: "§3", What: "a backup that is late, or not made", By: []string{"fault late-backup", "fault no-backup", "TestALateBackupIsWaitedFor"}},
		{At: "§3", What: "an archive cut short, reset, or a bomb", By: []string{"fault truncated-backup", "fault reset-backup", "fault bomb-backup", "TestHostileArchives", "TestReadBackupRefuses"}},
		{At: "§3", What: "files in it packed once or twice", By: []string{"fault plain-members", "TestReadBackup"}},
		{At: "§3", What: "facerecognitionusers.cfg before users.cfg", By: []string{"fault users-file-missing", "TestReadBackup"}},
		{At: "§3", What: "no escaping: quotes, control characters, bytes that are no text", By: []string{"fault control-chars", "TestParseUsersKeepsWhatIsThere", "TestRefusedBeforeTheWire", "FuzzParseFields", trouble(drivertest.OddNames)}},
		{At: "§3", What: "slot 0 is the wall monitor's, whatever it shows", By: []string{"fault slot-zero-empty", "TestTowardsC1_StrangersAndTheMonitorAreLeftAlone"}},
		{At: "§3", What: "a token that outlives its slot", By: []string{"fault token-survives", "TestTowardsC15_ATokenThatSurvivesIsNotGone"}},
		{At: "§3", What: "a code that is not made, or shown on another page", By: []string{"fault no-code", "fault code-file"}},
		{At: "§3", What: "slots that somebody changes or takes by hand", By: []string{"fault hand-edits", "fault slot-taken", trouble(drivertest.HandEdit), trouble(drivertest.HandRemoved)}},
		{At: "§7.4", What: "slow answers", By: []string{"fault slow", trouble(drivertest.Silent), trouble(drivertest.Drip)}},
		{At: "§7.5", What: "asleep, frozen, restarting", By: []string{"fault sleep", "fault freeze", "fault reboot", trouble(drivertest.Restart)}},
		{At: "§7.9", What: "an activated user is not written over", By: []string{"TestSeats", "TestJudge"}},
		{At: "§7", What: "what is on the bridge does not hurt the directory", By: []string{"fault bad-magic", "fault stale-session", "fault door-mute", "fault udp-mute"}},
	}
}

func TestEveryQuirkOfTheReferenceIsProven(t *testing.T) {
	var faults []string
	for _, f := range comelitsim.FaultList().Faults {
		faults = append(faults, f.Name)
	}
	drivertest.Quirks(t, quirks(), faults, newTroubled(t).troubles())
}
