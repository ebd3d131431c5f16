package rentmanagersim

import (
	"slices"

	"gatehouse/protocol/simkit"
)

// Names of the faults. Each is a bad day or an open question of reference pms.md §1, §7, §9.
const (
	FaultPageCut       = "page-cut"
	FaultSilentHalf    = "silent-half"
	FaultTotalChanges  = "total-changes"
	FaultRowsSwapped   = "rows-swapped"
	FaultPageClamp     = "page-clamp"
	FaultNoLink        = "no-link"
	FaultNoTotal       = "no-total"
	FaultLinkLoop      = "link-loop"
	FaultLinkForeign   = "link-foreign"
	FaultEmpty404      = "empty-404"
	FaultEmpty204      = "empty-204"
	FaultEmpty200      = "empty-200"
	FaultEmptyList     = "empty-list"
	FaultNoMatch204    = "no-match-204"
	FaultNoMatch200    = "no-match-200"
	FaultNoMatchList   = "no-match-list"
	FaultErrorPage     = "error-page"
	FaultErrorJSON200  = "error-json-200"
	FaultHTTP500       = "http-500"
	FaultForbidden     = "forbidden"
	FaultTokenLost     = "token-lost"
	FaultTokenVoid     = "token-void"
	FaultTokenShort    = "token-short"
	FaultLoginRefused  = "login-refused"
	FaultRate429       = "rate-429"
	FaultRate429Bare   = "rate-429-bare"
	FaultRateOther     = "rate-other-headers"
	FaultRateNone      = "rate-no-headers"
	FaultRateEpoch     = "rate-reset-epoch"
	FaultDrop          = "drop"
	FaultHalfBody      = "half-body"
	FaultHalfJSON      = "half-json"
	FaultSlow          = "slow"
	FaultBOM           = "bom"
	FaultWrongTypes    = "wrong-types"
	FaultOneElement    = "one-element-object"
	FaultNullLists     = "null-lists"
	FaultOffsetDates   = "offset-dates"
	FaultSentinelDates = "sentinel-dates"
	FaultEmbedDropped  = "embed-dropped"
	FaultPastVanish    = "past-vanish"
	FaultIDChurn       = "id-churn"
	FaultLabels        = "labels"
	FaultPropertyGone  = "property-gone"
)

// FaultList lists every fault with one line of meaning. Unless it says otherwise a fault bites on every request for
// data, and on the sign-in only when that is named as its resource.
func FaultList() simkit.List {
	return simkit.List{
		Command: "gatehouse-pmssim rentmanager", Resource: knownResource,
		Faults: slices.Concat(pagingFaults(), replyFaults(), bookFaults()),
	}
}

func pagingFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultPageCut, Line: "a list ends early: its last rows are missing, status, counts and links as if whole", Default: "1", Takes: simkit.Count, Least: 1},
		{Name: FaultSilentHalf, Line: "a list holds its first half only, answered 200 without a word of more"},
		{Name: FaultTotalChanges, Line: "the total on pages after the first is one higher than on the first"},
		{Name: FaultRowsSwapped, Line: "between the pages two rows swap places: one comes twice, one never, the total stays equal"},
		{Name: FaultPageClamp, Line: "pages hold at most so many rows, whatever was asked", Default: "25", Takes: simkit.Count, Least: 1, Steady: true},
		{Name: FaultNoLink, Line: "paged replies have no Link"},
		{Name: FaultNoTotal, Line: "paged replies have no X-Total-Results"},
		{Name: FaultLinkLoop, Line: "the next link leads to the same page again"},
		{Name: FaultLinkForeign, Line: "the next link leads to another host"},
		{Name: FaultEmpty404, Line: "lists are answered as if nothing matched: 404"},
		{Name: FaultEmpty204, Line: "lists are answered as if nothing matched: 204"},
		{Name: FaultEmpty200, Line: "lists are answered as if nothing matched: 200 with an empty body"},
		{Name: FaultEmptyList, Line: "lists are answered as if nothing matched: 200 with []"},
		{Name: FaultNoMatch204, Line: "where truly nothing matches the answer is 204 instead of 404", Steady: true},
		{Name: FaultNoMatch200, Line: "where truly nothing matches the answer is 200 with an empty body instead of 404", Steady: true},
		{Name: FaultNoMatchList, Line: "where truly nothing matches the answer is 200 with [] instead of 404", Steady: true},
	}
}

func replyFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultErrorPage, Line: "an HTML error page, with status 200"},
		{Name: FaultErrorJSON200, Line: "an error object instead of data, with status 200"},
		{Name: FaultHTTP500, Line: "500 with an error object"},
		{Name: FaultForbidden, Line: "403: the account lost its rights to these rows"},
		{Name: FaultTokenLost, Line: "every token given out so far is void now; a new sign-in works", Moment: true},
		{Name: FaultTokenVoid, Line: "every token is refused, also a new one; the sign-in itself works"},
		{Name: FaultTokenShort, Line: "tokens live so long", Default: "30s", Takes: simkit.Duration, Steady: true},
		{Name: FaultLoginRefused, Line: "the sign-in is refused, whoever asks", Of: signIn},
		{Name: FaultRate429, Line: "429 with Retry-After of so many seconds", Default: "1", Takes: simkit.Count, Least: 1},
		{Name: FaultRate429Bare, Line: "429 without Retry-After"},
		{Name: FaultRateOther, Line: "rate headers are X-RateLimit, X-RateRemaining, X-RateTimeLeft", Steady: true},
		{Name: FaultRateNone, Line: "there are no rate headers", Steady: true},
		{Name: FaultRateEpoch, Line: "X-RateLimit-Reset is a Unix time instead of seconds from now", Steady: true},
		{Name: FaultDrop, Line: "the connection is reset without a byte"},
		{Name: FaultHalfBody, Line: "the connection is reset in the middle of the body"},
		{Name: FaultHalfJSON, Line: "the body ends in the middle, and HTTP calls it whole"},
		{Name: FaultSlow, Line: "the reply comes late", Default: "3s", Takes: simkit.Duration},
		{Name: FaultBOM, Line: "the body starts with a UTF-8 byte order mark"},
		{Name: FaultWrongTypes, Line: "numbers and truth values are strings"},
		{Name: FaultOneElement, Line: "a list of one is the one without its list, embedded lists too"},
		{Name: FaultNullLists, Line: "an empty embedded list is null"},
		{Name: FaultOffsetDates, Line: "dates are written with an offset and seven decimals"},
		{Name: FaultSentinelDates, Line: "no date is written 0001-01-01"},
		{Name: FaultEmbedDropped, Line: "an embed is silently left out", Default: "Contacts", Takes: simkit.Word},
	}
}

func bookFaults() []simkit.Fault {
	return []simkit.Fault{
		{Name: FaultPastVanish, Line: "who has moved out is not listed any more", Steady: true},
		{Name: FaultIDChurn, Line: "every account, person and lease has another id, so much higher", Default: "100000", Takes: simkit.Count, Least: 1, Steady: true},
		{Name: FaultLabels, Line: "people on notice have the status Notice, those being evicted Eviction", Steady: true},
		{Name: FaultPropertyGone, Line: "a property and all that belongs to it is not shown; by id, default the last", Takes: simkit.MaybeCount, Least: 1, Steady: true},
	}
}
