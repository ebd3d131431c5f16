package pms

import "strings"

// Status is where a lease stands by its label. The empty Status is a label we do not know: the
// caller keeps the last known state and shows a conflict.
type Status string

// The statuses. None is a label that gives nobody a home: an applicant, a prospect.
const (
	Future  Status = "future"
	Current Status = "current"
	Past    Status = "past"
	None    Status = "none"
)

// labelRule is one line of reference pms.md §6.3.
type labelRule struct {
	status  Status
	dated   Status // instead, when the record has a move-in or lease-start date
	renewal bool   // somebody who lives there already signed again
}

// statusLabels is reference pms.md §6.3 as data, by folded label. Notice, eviction, month-to-month
// and holdover people still live there until a move-out date passes; cancelled is past, so that a
// future resident who was already let in by a date loses it.
func statusLabels() map[string]labelRule {
	return map[string]labelRule{
		"applicant": {status: None}, "application": {status: None}, "wait list": {status: None},
		"waitlist": {status: None}, "prospect": {status: None}, "pending": {status: None},
		"draft":                  {status: None, dated: Future},
		"applicant lease signed": {status: None, dated: Future},
		"lease signed":           {status: None, dated: Future},
		"none":                   {status: None},

		"future": {status: Future}, "future resident": {status: Future},
		"future tenant": {status: Future}, "pre move in": {status: Future},
		"future lease": {status: Future, renewal: true}, "renewal": {status: Future, renewal: true},

		"current": {status: Current}, "current resident": {status: Current}, "current tenant": {status: Current},
		"active": {status: Current}, "resident": {status: Current}, "co resident": {status: Current},
		"notice": {status: Current}, "on notice": {status: Current}, "notice to vacate": {status: Current},
		"notice rented": {status: Current}, "notice unrented": {status: Current},
		"eviction": {status: Current}, "evicted": {status: Current}, "under eviction": {status: Current},
		"month to month": {status: Current}, "mtm": {status: Current}, "holdover": {status: Current},

		"past": {status: Past}, "past resident": {status: Past}, "past tenant": {status: Past},
		"former": {status: Past}, "former resident": {status: Past}, "former tenant": {status: Past},
		"old": {status: Past}, "terminated": {status: Past}, "moved out": {status: Past},
		"canceled": {status: Past}, "cancelled": {status: Past}, "denied": {status: Past},
		"former applicant": {status: Past},
	}
}

// Labels reads a PMS's words. Make one with NewLabels and share it; it is never changed.
type Labels struct {
	status map[string]labelRule
	types  map[string]typeRule
}

// NewLabels builds the tables once, so that nothing has to be package-level state.
func NewLabels() Labels { return Labels{status: statusLabels(), types: typeLabels()} }

// Status maps a label. dated says that the record has a move-in or lease-start date, which turns
// a signed lease from nothing into Future. An unknown or empty label gives "" and known=false.
func (l Labels) Status(raw string, dated bool) (s Status, known bool) {
	r, known := l.status[fold(raw)]
	if dated && r.dated != "" {
		return r.dated, known
	}
	return r.status, known
}

// Renewal says whether the label means a new paper for somebody who may already live there: with
// a current lease of the same person in the same unit it counts as Current, not twice.
func (l Labels) Renewal(raw string) bool { return l.status[fold(raw)].renewal }

// fold makes labels comparable: case, blanks, hyphens, underscores and slashes do not count.
func fold(s string) string {
	cut := func(r rune) bool { return r == '-' || r == '_' || r == '/' || r == ' ' || r == '\t' || r == '\u00a0' }
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), cut), " ")
}
