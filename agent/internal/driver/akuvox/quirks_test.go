package akuvox_test

import (
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
)

// quirks are the faults and oddities that akuvox.md names, in its order.
func quirks() []drivertest.Quirk {
	trouble := func(t drivertest.Trouble) string { return string(t) }
	return []drivertest.Quirk{
		{At: "§1", What: "HTTPS only, HTTP leads there", By: []string{"TestRedirectsAreNotFollowed", "TestCertificates"}},
		{At: "§1", What: "the type of the content says nothing", By: []string{"TestDriverSuite"}},
		{At: "§1", What: "a write without target or envelope fails", By: []string{"TestAddWritesTheWholeRecordAndNoMore", "TestDriverSuite"}},
		{At: "§1", What: "HTTP text behind the JSON", By: []string{"fault trailing-bytes", "TestBodies", trouble(drivertest.Appended)}},
		{At: "§1", What: "bytes that are not UTF-8", By: []string{"fault bad-utf8", "fault bad-utf8-rows", trouble(drivertest.NotText), trouble(drivertest.OddNames)}},
		{At: "§1", What: "200 with an empty body", By: []string{"fault empty-200", "TestWriteAnsweredWithNothingIsUnknown", trouble(drivertest.Nothing)}},
		{At: "§1", What: "one connection at a time, lock-up on fast calls", By: []string{"fault lockup", "fault single-connection", "TestPaceKeepsAPanelFromLockingUp", "TestEachRequestHasItsOwnConnection"}},
		{At: "§1", What: "a panel that is slow or silent", By: []string{"fault slow", "TestSlowPanelTimesOut", trouble(drivertest.Silent), trouble(drivertest.Drip)}},
		{At: "§1", What: "other dialects", By: []string{"TestDialects"}},
		{At: "§1.1", What: "the API off, an allowlist that is empty", By: []string{"fault api-off", trouble(drivertest.ApiOff)}},
		{At: "§1.1", What: "a password that is wrong or was changed", By: []string{"fault login-changed", "TestWrongCredentialsAreDeniedAfterOneTry", trouble(drivertest.PasswordChanged)}},
		{At: "§1.1", What: "two spellings of the realm", By: []string{"fault guide-realm"}},
		{At: "§1.1", What: "auth and auth-int offered", By: []string{"TestLogins", "TestDigestIsPreferredToBasic"}},
		{At: "§1.1", What: "nonces that are stale, forgotten or good once", By: []string{"fault stale-nonce", "TestForgottenNonceIsAnsweredOnce", "TestSingleUseNonces", trouble(drivertest.SessionLost)}},
		{At: "§2", What: "pages of ten, totals as text, past the end", By: []string{"TestListIsWhole", "TestListRequests", "fault paged-only"}},
		{At: "§2", What: "an item that is no list; Item for item", By: []string{"fault item-not-list", "fault item-key", "TestBodies", "TestDecodePage"}},
		{At: "§2", What: "a list that changes while it is read", By: []string{"TestListSurvivesEditsDuringTheWalk", "TestListThatNeverStandsStillIsAnError", trouble(drivertest.ListMoves)}},
		{At: "§2", What: "a count that is not that of the rows", By: []string{"TestListShorterThanItsTotalIsAnError", trouble(drivertest.CountLies)}},
		{At: "§2.1", What: "Status beside the retcode", By: []string{"fault bare-info", "TestIdentity"}},
		{At: "§2.1", What: "a restart, a power cut", By: []string{"fault reboot", "fault power-cut", trouble(drivertest.Restart)}},
		{At: "§2.2", What: "a relay is asked once, its answer lost", By: []string{"TestReleaseIsNeverSentTwice", "TestReleaseAnswerLostIsUnknown", "TestReleaseNotSentIsNotUnknown"}},
		{At: "§2.3", What: "two routings of writes", By: []string{"TestVendorPathsAreTriedOnceAndRemembered", "TestWriteThatNoPathTakesIsUnsupported"}},
		{At: "§2.3", What: "a filter that is ignored", By: []string{"fault no-filter", "TestReadDoesNotBelieveABrokenSearch"}},
		{At: "§2.3", What: "UserId for UserID", By: []string{"fault userid-spelling"}},
		{At: "§2.3", What: "three names and two separators of the schedules", By: []string{"fault strict-separator", "TestPairs", "TestWritesListsAsTheUnitShowsThem"}},
		{At: "§2.3", What: "a set wants the whole row", By: []string{"TestChangeKeepsWhatWeDoNotKnow"}},
		{At: "§2.3", What: "a blank PIN that does not clear", By: []string{"fault blank-keeps", "TestClearingAPIN", "TestAddWithoutPINOrCardSendsNoBlank"}},
		{At: "§2.3", What: "retcode 1 is success", By: []string{"TestDecode", "TestDriverSuite"}},
		{At: "§2.3", What: "rows of the vendor's cloud", By: []string{"TestStrangersAndCloudRowsAreNeverTouched", "TestTakeLeavesTheVendorsRowsAlone"}},
		{At: "§2.3", What: "doubles of PIN, card and id", By: []string{"fault refuse-duplicates", "TestDoublesAreNotGuessedAt", trouble(drivertest.Double), trouble(drivertest.SamePIN)}},
		{At: "§2.3", What: "a row changed or removed by hand, or its number given to another", By: []string{trouble(drivertest.HandEdit), trouble(drivertest.HandRemoved), trouble(drivertest.Renumbered)}},
		{At: "§2.4", What: "DisplayID, and a schedule that somebody carries", By: []string{"fault display-id", "fault schedule-in-use", "TestAStrayScheduleGoesOnlyWhenNobodyCarriesIt"}},
		{At: "§2.7", What: "a log in any order, with ids that wrap and dates of two forms", By: []string{"fault log-oldest-first", "fault log-ids-wrap", "fault compact-dates", "fault log-type-digits", "TestTowardsE3_DoorLog", "FuzzEntry"}},
		{At: "§2.7", What: "codes in clear in the log", By: []string{"TestDoorLogShowsNoCodes"}},
		{At: "§3", What: "500 on every read", By: []string{"fault http-500", "TestStatuses", trouble(drivertest.ServerError)}},
		{At: "§3", What: "500 on user/get alone", By: []string{"fault user-get-500"}},
		{At: "§3", What: "models without users", By: []string{"TestProbeOfAUnitWithoutUsers"}},
		{At: "§5.1", What: "full, and refused without a reason", By: []string{"fault full", "fault write-limit", "TestAdditionRefusedAtTheDocumentedCapacityIsFull", "TestAdditionRefusedWithoutAReason", trouble(drivertest.DeviceFull), trouble(drivertest.WritesRefused)}},
		{At: "§5.2", What: "writes said to be done and not stored", By: []string{"fault silent-drop", "fault partial-drop", trouble(drivertest.SilentDrop), trouble(drivertest.HalfStored)}},
		{At: "§5.3", What: "codes, messages and their misspelling", By: []string{"TestJudgement", "TestStatuses"}},
		{At: "§7", What: "bodies without bound", By: []string{"TestHostileAnswers", "TestHostileLists", trouble(drivertest.Endless), trouble(drivertest.Huge)}},
		{At: "§7", What: "control characters, towards the panel and from it", By: []string{"TestBadRecordsAreRefusedBeforeTheWire", "FuzzDecode", trouble(drivertest.OddNames)}},
		{At: "§7", What: "a redirect with the login to another host", By: []string{"TestALoginIsNotLedElsewhere", trouble(drivertest.Elsewhere)}},
		{At: "§9", What: "an answer lost before and after the write", By: []string{"fault drop-connection", "fault drop-connection-early", "fault drop-read", trouble(drivertest.LostOnceDone), trouble(drivertest.LostOnceNot)}},
		{At: "§9", What: "a clock that is wrong", By: []string{"fault clock-skew", "TestNoHoursForAPanelWithAWrongClock", trouble(drivertest.ClockWrong)}},
	}
}

func TestEveryQuirkOfTheReferenceIsProven(t *testing.T) {
	var faults []string
	for _, f := range akuvoxsim.FaultList().Faults {
		faults = append(faults, f.Name)
	}
	drivertest.Quirks(t, quirks(), faults, newTroubled(t, "X916").troubles())
}
