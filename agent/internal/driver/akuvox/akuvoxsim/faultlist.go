package akuvoxsim

import "gatehouse/protocol/simkit"

// Names of the faults. Each is a bad day that the reference describes or leaves open.
const (
	FaultTrailingBytes    = "trailing-bytes"
	FaultBadUTF8          = "bad-utf8"
	FaultEmpty200         = "empty-200"
	FaultHTTP500          = "http-500"
	FaultSlow             = "slow"
	FaultDropAfter        = "drop-connection"
	FaultDropBefore       = "drop-connection-early"
	FaultDropRead         = "drop-read"
	FaultLockup           = "lockup"
	FaultSilentDrop       = "silent-drop"
	FaultPartialDrop      = "partial-drop"
	FaultStaleNonce       = "stale-nonce"
	FaultFull             = "full"
	FaultNoFilter         = "no-filter"
	FaultClockSkew        = "clock-skew"
	FaultReboot           = "reboot"
	FaultPowerCut         = "power-cut"
	FaultWriteLimit       = "write-limit"
	FaultPagedOnly        = "paged-only"
	FaultBareInfo         = "bare-info"
	FaultAPIOff           = "api-off"
	FaultLoginChanged     = "login-changed"
	FaultRefuseDuplicates = "refuse-duplicates"
	FaultBlankKeeps       = "blank-keeps"
	FaultItemNotList      = "item-not-list"
	FaultUserIDSpelling   = "userid-spelling"
	FaultDisplayID        = "display-id"
	FaultStrictSeparator  = "strict-separator"
	FaultScheduleInUse    = "schedule-in-use"
	FaultLogOldestFirst   = "log-oldest-first"
	FaultCompactDates     = "compact-dates"
	FaultLogIDsWrap       = "log-ids-wrap"
	FaultCodeWithoutRelay = "code-without-relay"
	FaultUnknownVariable  = "unknown-variable"
	FaultCallsLost        = "calls-lost"
	FaultConfigDrop       = "config-drop"
	FaultAuthIntOnly      = "auth-int-only"
	FaultAbsent404        = "absent-404"
	FaultVendorWords      = "vendor-words"
	FaultWebSPA           = "web-spa"
	FaultWebLegacy        = "web-legacy"
	FaultFCGIOnly         = "fcgi-only"
	FaultRedirect         = "redirect"
	FaultEndless          = "endless"
	FaultDrip             = "drip"
	FaultStatusWords      = "status-words"
	FaultBadUTF8Rows      = "bad-utf8-rows"
	FaultUserGet500       = "user-get-500"
	FaultSingle           = "single-connection"
	FaultFCGIEmpty        = "fcgi-empty"
	FaultFCGIWords        = "fcgi-words"
	FaultFCGIFalse        = "fcgi-false"
	FaultLogTypeDigits    = "log-type-digits"
	FaultItemKey          = "item-key"
	FaultGuideRealm       = "guide-realm"
)

// FaultList lists every fault with one line of meaning.
func FaultList() simkit.List {
	return simkit.List{Command: "gatehouse-sim akuvox", Faults: []simkit.Fault{
		{Name: FaultTrailingBytes, Line: "HTTP text follows the JSON in every reply"},
		{Name: FaultBadUTF8, Line: "the message of every reply holds a byte that is not UTF-8"},
		{Name: FaultBadUTF8Rows, Line: "each name that a reply holds begins with a byte that is not UTF-8"},
		{Name: FaultEmpty200, Line: "every request is answered 200 with an empty body and not carried out"},
		{Name: FaultHTTP500, Line: "every request is answered 500 and not carried out"},
		{Name: FaultUserGet500, Line: "user/get is answered 500, as by X915S 2915.30.10.113; everything else works"},
		{Name: FaultSlow, Line: "every reply comes late, after the request was carried out", Default: "3s", Takes: simkit.Duration},
		{Name: FaultDropAfter, Line: "a write takes effect, then the connection is reset in the middle of the reply"},
		{Name: FaultDropBefore, Line: "the connection is reset when a write arrives, before it takes effect"},
		{Name: FaultDropRead, Line: "the connection is reset in the middle of the reply to a read"},
		{Name: FaultLockup, Line: "requests that overlap, or start within 0.25 s of the last good reply, lock the panel up: connections are reset", Default: "30s", Takes: simkit.Duration},
		{Name: FaultSingle, Line: "one request is served at a time: the connection of any other that comes meanwhile is reset"},
		{Name: FaultSilentDrop, Line: "writes of users and schedules are answered OK and not stored"},
		{Name: FaultPartialDrop, Line: "a user write is answered OK and its PIN is not stored"},
		{Name: FaultStaleNonce, Line: "a digest nonce is good for one request, then refused as stale"},
		{Name: FaultGuideRealm, Line: "the realm of the login is HTTPAPI, as the guide spells it, instead of HTTP API", Steady: true},
		{Name: FaultFull, Line: "adding a user is refused as if the memory were full"},
		{Name: FaultNoFilter, Line: "NameOrPerID is ignored: everybody is returned"},
		{Name: FaultClockSkew, Line: "the panel's clock runs ahead (a negative value: behind)", Default: "1h", Takes: simkit.Duration, Negative: true},
		{Name: FaultReboot, Line: "restarts now, unreachable for a while, then the fault ends; settings are saved", Default: "20s", Takes: simkit.Duration, Moment: true},
		{Name: FaultPowerCut, Line: "loses power now, unreachable for a while, then the fault ends; unsaved settings are lost", Default: "20s", Takes: simkit.Duration, Moment: true},
		{Name: FaultWriteLimit, Line: "after so many more writes every write is refused", Default: "10", Takes: simkit.Count},
		{Name: FaultPagedOnly, Line: "a list call without page returns the first page only"},
		{Name: FaultBareInfo, Line: "system/info has Status beside retcode instead of under data"},
		{Name: FaultAPIOff, Line: "the HTTP API is switched off: 403 for everybody"},
		{Name: FaultLoginChanged, Line: "every login is refused with 401"},
		{Name: FaultRefuseDuplicates, Line: "a UserID, PIN or card that another user has is refused; otherwise it is accepted"},
		{Name: FaultBlankKeeps, Line: "a blank or absent PIN or card in a user set keeps the old one; otherwise it clears it"},
		{Name: FaultItemNotList, Line: "an empty list is answered as an empty object"},
		{Name: FaultItemKey, Line: "lists are in Item instead of item"},
		{Name: FaultUserIDSpelling, Line: "users are listed with UserId instead of UserID"},
		{Name: FaultDisplayID, Line: "schedules are listed under another ID; the number users carry is in DisplayID only"},
		{Name: FaultStrictSeparator, Line: "schedule pairs are accepted only with the separator this model shows"},
		{Name: FaultScheduleInUse, Line: "deleting a schedule that a user carries is refused; otherwise it is deleted"},
		{Name: FaultLogOldestFirst, Line: "the door log is listed oldest first"},
		{Name: FaultCompactDates, Line: "door log dates are written 20060102 instead of 2006-01-02"},
		{Name: FaultLogTypeDigits, Line: "door log types are digits: 1 card, 2 PIN, 4 face, 0 anything else; otherwise they are words"},
		{Name: FaultLogIDsWrap, Line: "door log IDs begin at 1 again when the ring is full; otherwise they count on"},
		{Name: FaultCodeWithoutRelay, Line: "a code that opens calls the Action URL of the code only; otherwise those of its relays follow"},
		{Name: FaultUnknownVariable, Line: "one more variable of Action URLs is not known: addresses with it are not stored", Default: "code", Takes: simkit.Word},
		{Name: FaultCallsLost, Line: "Action URLs are not called when they are due, and never again"},
		{Name: FaultConfigDrop, Line: "settings are answered OK and not stored"},
		{Name: FaultAuthIntOnly, Line: "the digest login offers and takes auth-int only"},
		{Name: FaultAbsent404, Line: "a call that is absent is answered 404; otherwise with the panel's own words"},
		{Name: FaultVendorWords, Line: "absent calls and wrong parameters are refused with -200 and the vendor's other words; otherwise with the usual ones"},
		{Name: FaultWebSPA, Line: "only the /api/web dialect is there: everything else leads to HTTPS"},
		{Name: FaultWebLegacy, Line: "only the older /web dialect is there: everything else is 403"},
		{Name: FaultFCGIOnly, Line: "only the /fcgi web pages are there: everything but an open-door call is a page"},
		{Name: FaultFCGIEmpty, Line: "an open-door call of /fcgi is answered with a status and an empty body"},
		{Name: FaultFCGIWords, Line: "an open-door call of /fcgi is answered in plain text, a refusal with this word", Default: "incorrect", Takes: simkit.Word},
		{Name: FaultFCGIFalse, Line: "an open-door call of /fcgi is answered as done and opens nothing"},
		{Name: FaultRedirect, Line: "every request is led to another host"},
		{Name: FaultEndless, Line: "instead of a reply come blanks, as fast as they are taken, without end"},
		{Name: FaultStatusWords, Line: "relay/status says open and closed, of relay A bare and of the others inside an object; otherwise it gives levels"},
		{Name: FaultDrip, Line: "instead of a reply comes a blank ten times a second, without end"},
	}}
}
