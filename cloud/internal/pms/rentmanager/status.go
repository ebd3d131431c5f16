package rentmanager

import (
	"fmt"

	"gatehouse/cloud/internal/pms"
)

// byDates is where a lease stands by its move-in and move-out alone, as the vendor's side defines
// it (§1.4): Past once the move-out day is over, Current from the move-in day on, else Future. A
// lease without a move-in that has not ended says nothing.
func byDates(today pms.Date, l pms.Lease) pms.Status {
	switch {
	case l.MoveOut.Before(today):
		return pms.Past
	case l.MoveIn.IsZero():
		return ""
	case today.Before(l.MoveIn):
		return pms.Future
	}
	return pms.Current
}

// stay is where a lease stands: by its dates, with the tenant's label as cross-check (§6.2). The
// label is of the whole account, so with several leases it cannot speak for one of them. Where the
// two cannot both be right the answer is not known, or the one that acts later; why says so.
func (b *builder) stay(t tenantRow, l pms.Lease) (s pms.Stay, why string) {
	s = l.Stay
	s.RawStatus = t.Status.s
	dates := byDates(b.today, l)
	label, known := b.labels.Status(t.Status.s, !l.MoveIn.IsZero() || !l.LeaseStart.IsZero())
	odd := func(what string) string {
		return fmt.Sprintf("tenant %s has status %.40q, its lease by its dates is %s: %s", t.TenantID.id(), t.Status.s, orNothing(dates), what)
	}
	s.Status = dates
	switch {
	case label == dates && known:
	case dates == pms.Past: // a date that has passed is explicit, whatever the account's other leases do
		if len(t.Leases.rows) == 1 && label != pms.None {
			why = odd("the move-out date counts")
		}
	case t.Status.s == "" && dates == "":
		why = odd("the last known state stays")
	case t.Status.s == "":
	case !known:
		s.Status, why = "", odd("this status is not known here, the last known state stays")
	case dates == "":
		s.Status = label
	case label == pms.Past && dates == pms.Current:
		s.Status, why = pms.Past, odd("the status counts")
	case label == pms.Past, label == pms.None && dates == pms.Current:
		s.Status, why = "", odd("they cannot both be right, the last known state stays")
	case label == pms.None:
		s.Status = pms.None
	case len(t.Leases.rows) == 1:
		why = odd("the dates count")
	}
	return s, why
}

func orNothing(s pms.Status) string {
	if s == "" {
		return "nothing"
	}
	return string(s)
}
