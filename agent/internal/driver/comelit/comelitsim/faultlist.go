package comelitsim

import (
	"slices"

	"gatehouse/protocol/simkit"
)

// maxCount bounds a fault's number: a response code, characters, megabytes.
const maxCount = 1024

// Names of the faults. Each is a bad day that the reference describes or leaves open.
const (
	FaultFreeze           = "freeze"
	FaultReboot           = "reboot"
	FaultSleep            = "sleep"
	FaultSlow             = "slow"
	FaultSlowConfig       = "slow-config"
	FaultResetFrame       = "reset-mid-frame"
	FaultHalfFrame        = "half-frame"
	FaultSplitFrames      = "split-frames"
	FaultLongLength       = "long-length"
	FaultShortLength      = "short-length"
	FaultBadMagic         = "bad-magic"
	FaultBadJSON          = "bad-json"
	FaultWrongTypes       = "wrong-types"
	FaultWrongID          = "wrong-id"
	FaultNoise            = "noise"
	FaultTokenLost        = "token-lost"
	FaultCodeExpired      = "code-expired"
	FaultLapse            = "lapse"
	FaultRenewal          = "renewal"
	FaultWorksOnce        = "works-once"
	FaultStaleSession     = "stale-session"
	FaultManySessions     = "many-sessions"
	FaultKickOlder        = "kick-older"
	FaultRegisterFirst    = "register-first"
	FaultStrictSource     = "strict-source"
	FaultDoorCause        = "door-cause"
	FaultDoorMute         = "door-mute"
	FaultDoorDead         = "door-dead"
	FaultActuatorMute     = "actuator-mute"
	FaultShortOrigin      = "short-origin"
	FaultMediaChannel     = "media-channel"
	FaultFloorCall        = "floor-call"
	FaultUDPMute          = "udp-mute"
	FaultUDPShort         = "udp-short"
	FaultItalian          = "italian"
	FaultPlainLogin       = "plain-login"
	FaultPasswordChanged  = "password-changed"
	FaultAdminLost        = "admin-lost"
	FaultCookieSession    = "cookie-session"
	FaultSessionDrop      = "session-drop"
	FaultSessionLimit     = "session-limit"
	FaultAnyReferer       = "any-referer"
	FaultHTTP500          = "http-500"
	FaultEmpty200         = "empty-200"
	FaultRedirect         = "redirect"
	FaultEndless          = "endless-page"
	FaultDropBefore       = "drop-connection-early"
	FaultDropAfter        = "drop-connection"
	FaultWriteLost        = "write-lost"
	FaultWriteRefused     = "write-refused"
	FaultTruncateNames    = "truncate-names"
	FaultHandEdits        = "hand-edits"
	FaultSlotTaken        = "slot-taken"
	FaultTokenSurvives    = "token-survives"
	FaultSlotZeroEmpty    = "slot-zero-empty"
	FaultNoCode           = "no-code"
	FaultCodeFile         = "code-file"
	FaultBackupQuota      = "backup-quota"
	FaultNoBackup         = "no-backup"
	FaultLateBackup       = "late-backup"
	FaultTruncatedBackup  = "truncated-backup"
	FaultResetBackup      = "reset-backup"
	FaultBombBackup       = "bomb-backup"
	FaultPlainMembers     = "plain-members"
	FaultControlChars     = "control-chars"
	FaultUsersFileMissing = "users-file-missing"
)

// FaultList lists every fault with one line of meaning.
func FaultList() simkit.List {
	return simkit.List{Command: "gatehouse-sim comelit", Faults: slices.Concat(wholeFaults(), bridgeFaults(), webFaults(), backupFaults())}
}

func wholeFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultFreeze, Line: "connections are accepted and nothing is answered on any side"},
		{Name: FaultReboot, Line: "restarts now, unreachable for a while, then the fault ends; slots and backups stay, sessions do not", Default: "20s", Takes: simkit.Duration, Moment: true},
		{Name: FaultSleep, Line: "nothing is answered once it was idle for so long, until a ring or the end of the fault wakes it", Default: "15s", Takes: simkit.Duration},
		{Name: FaultSlow, Line: "every answer comes late, after the request was carried out", Default: "3s", Takes: simkit.Duration},
	}
}

func bridgeFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultSlowConfig, Line: "get-configuration alone is answered late", Default: "12s", Takes: simkit.Duration},
		{Name: FaultResetFrame, Line: "the connection is reset in the middle of the next frame"},
		{Name: FaultHalfFrame, Line: "half of the next frame is sent, then the connection stays open and silent"},
		{Name: FaultSplitFrames, Line: "every frame is sent one byte at a time"},
		{Name: FaultLongLength, Line: "the header promises more bytes than the frame has"},
		{Name: FaultShortLength, Line: "the header promises fewer bytes than the frame has"},
		{Name: FaultBadMagic, Line: "the frame's magic is wrong"},
		{Name: FaultBadJSON, Line: "JSON answers break off before their end, in a whole frame"},
		{Name: FaultWrongTypes, Line: "JSON answers carry text where numbers belong and numbers where text does"},
		{Name: FaultWrongID, Line: "JSON answers carry another message-id than the request"},
		{Name: FaultNoise, Line: "an unsolicited notification goes before every JSON answer"},
		{Name: FaultTokenLost, Line: "every token is refused with this response code", Default: "401", Takes: simkit.Count, Most: maxCount},
		{Name: FaultCodeExpired, Line: "activation codes are refused as expired when they are redeemed"},
		{Name: FaultLapse, Line: "registrations lapse now and then the fault ends: the socket stays up, rings stop, no error", Moment: true},
		{Name: FaultRenewal, Line: "the registration's answer is repeated so often; without ack and FIN it lapses in silence", Default: "20s", Takes: simkit.Duration},
		{Name: FaultWorksOnce, Line: "after the first door or actuator a connection's commands go unanswered"},
		{Name: FaultStaleSession, Line: "a lost connection keeps the one session taken for so long", Default: "60s", Takes: simkit.Duration},
		{Name: FaultManySessions, Line: "each slot may register for itself; otherwise one session on the whole device"},
		{Name: FaultKickOlder, Line: "a login with a token resets the connection that already uses it"},
		{Name: FaultRegisterFirst, Line: "doors and actuators go unanswered for a connection that has not registered"},
		{Name: FaultStrictSource, Line: "packets whose source is not the slot's own address are ignored"},
		{Name: FaultDoorCause, Line: "doors are refused with this cause", Default: "8", Takes: simkit.Count, Most: 255},
		{Name: FaultDoorMute, Line: "doors open and nothing is answered"},
		{Name: FaultDoorDead, Line: "doors stay shut and nothing is answered"},
		{Name: FaultActuatorMute, Line: "actuators switch and nothing is answered"},
		{Name: FaultShortOrigin, Line: "rings name their origin without its first letter"},
		{Name: FaultMediaChannel, Line: "a ring opens a media channel towards the client first"},
		{Name: FaultFloorCall, Line: "rings carry the tag of the button at the apartment's own door, FF"},
		{Name: FaultUDPMute, Line: "discovery is not answered"},
		{Name: FaultUDPShort, Line: "the answer to discovery is cut to 100 bytes"},
	}
}

func webFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultItalian, Line: "the pages speak Italian"},
		{Name: FaultPlainLogin, Line: "a login is answered without any phrase, right or wrong"},
		{Name: FaultPasswordChanged, Line: "every web login is refused"},
		{Name: FaultAdminLost, Line: "the login works and has lost its rights: no backup, no users, no writes"},
		{Name: FaultCookieSession, Line: "a web session belongs to a cookie; otherwise to the caller's address"},
		{Name: FaultSessionDrop, Line: "the web session is forgotten before the request is looked at"},
		{Name: FaultSessionLimit, Line: "somebody else holds the one web session: logins are refused"},
		{Name: FaultAnyReferer, Line: "writes are accepted without the Referer of the users page"},
		{Name: FaultHTTP500, Line: "every web request is answered 500 and not carried out"},
		{Name: FaultEmpty200, Line: "every web request is answered 200 with an empty body and not carried out"},
		{Name: FaultRedirect, Line: "every web request is redirected to another host"},
		{Name: FaultEndless, Line: "pages never end"},
		{Name: FaultDropBefore, Line: "the connection is reset when a web write arrives, before it takes effect"},
		{Name: FaultDropAfter, Line: "a web write takes effect, then the connection is reset"},
		{Name: FaultWriteLost, Line: "field writes are answered as good and not stored"},
		{Name: FaultWriteRefused, Line: "field writes are answered 200 with Invalid request and not stored"},
		{Name: FaultTruncateNames, Line: "texts are stored cut to so many characters", Default: "20", Takes: simkit.Count, Most: maxCount},
		{Name: FaultHandEdits, Line: "after each field write somebody changes the slot's name by hand"},
		{Name: FaultSlotTaken, Line: "just before a write to an empty slot somebody else takes it"},
		{Name: FaultTokenSurvives, Line: "a disabled or cleared slot keeps its token, and the token keeps working"},
		{Name: FaultNoCode, Line: "an activation code is promised and not made"},
		{Name: FaultCodeFile, Line: "user-file.mug is answered, as on one model; otherwise it is an Invalid request"},
	}
}

func backupFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultBackupQuota, Line: "somebody else's backups fill the quota of five now; then the fault ends", Moment: true},
		{Name: FaultNoBackup, Line: "a backup is promised and not made"},
		{Name: FaultLateBackup, Line: "a backup is listed only after so long", Default: "2s", Takes: simkit.Duration},
		{Name: FaultTruncatedBackup, Line: "half of the archive is sent as if it were whole"},
		{Name: FaultResetBackup, Line: "the connection is reset in the middle of the archive"},
		{Name: FaultBombBackup, Line: "users.cfg unpacks to so many megabytes", Default: "64", Takes: simkit.Count, Most: maxCount},
		{Name: FaultPlainMembers, Line: "no file inside the archive is packed again"},
		{Name: FaultControlChars, Line: "names in users.cfg carry control characters and bytes that are not UTF-8"},
		{Name: FaultUsersFileMissing, Line: "the archive has facerecognitionusers.cfg and no users.cfg"},
		{Name: FaultSlotZeroEmpty, Line: "slot 0, the wall monitor, looks free in backups"},
	}
}
