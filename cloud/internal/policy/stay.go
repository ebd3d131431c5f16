package policy

import (
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/rules"
)

// The statuses of a lease.
const (
	future  = "future"
	current = "current"
	past    = "past"
)

// stay is the time a lease gives somebody, before and after bridging.
type stay struct {
	access.Window      // by the lease's own dates
	home, common  span // what the unit's own doors and the common doors get
	lease         model.Lease
	unit          model.Unit
	ends          access.EndReason
	begins        string // where the beginning comes from
	endWords      string // where the end comes from
	endless       string // why there is no end
}

// span is a window that may last longer than the lease says.
type span struct {
	access.Window
	then string // what follows without a pause; "" when nothing does
}

// whyNot says why a lease gives no access, or gives it in a way somebody should look at; text and
// remedy only where a kind is set, which makes it a refusal.
type whyNot struct{ explain, kind, text, remedy string }

// read finds the window of a lease. It may return both: access, and a doubt about it.
func (c calendar) read(l model.Lease, u model.Unit) (*stay, *whyNot) {
	if why := noAccess(l, u); why != nil {
		return nil, why
	}
	in, doubt := c.hour(l.MoveInTime, c.in, "move-in")
	s := &stay{lease: l, unit: u}
	if !c.begin(s, in) {
		return nil, &whyNot{
			explain: "no access yet to unit " + u.Name + ": the PMS gives neither a move-in date nor a lease start", kind: "no_begin_date",
			text: "has no move-in date and no lease start, so access cannot begin.", remedy: "Enter the move-in date in the PMS.",
		}
	}
	out, doubtOut := c.hour(l.MoveOutTime, c.out, "move-out")
	c.end(s, out)
	switch {
	case !s.Until.IsZero() && !s.Until.After(s.From):
		return nil, c.endsFirst(s)
	case doubt == nil && doubtOut != nil:
		doubt = doubtOut
	case doubt == nil && l.Status == past && s.Until.IsZero():
		doubt = &whyNot{
			explain: "the PMS says past, but this property ends access by date only and there is no such date", kind: "past_without_end",
			text: "is past in the PMS but has no move-out date, and this property ends access by date only: access goes on.", remedy: "Enter the move-out date in the PMS, or let status past end access.",
		}
	}
	s.home, s.common = span{Window: s.Window}, span{Window: s.Window}
	return s, doubt
}

func noAccess(l model.Lease, u model.Unit) *whyNot {
	switch {
	case l.Status == past && l.PastSeen.IsZero():
		return &whyNot{explain: "no access to unit " + u.Name + ": was past before it was known here"}
	case l.Status == past, l.Status == current, l.Status == future:
		return nil
	case l.Status == "":
		return &whyNot{explain: "no access to unit " + u.Name + ": the PMS's status is not known"}
	default:
		return &whyNot{explain: "no access to unit " + u.Name + ": the PMS's status (" + orText(l.RawStatus, l.Status) + ") gives nobody a home"}
	}
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// hour is the lease's agreed hour or the property's. One that cannot be read is the property's.
func (c calendar) hour(agreed string, property clock, what string) (clock, *whyNot) {
	if agreed == "" {
		return property, nil
	}
	if t, err := readClock(agreed); err == nil {
		return t, nil
	}
	return property, &whyNot{
		explain: "the agreed " + what + " time cannot be read: the property's counts", kind: "bad_time",
		text: "has an agreed " + what + " time that cannot be read; the property's time counts.", remedy: "Enter the time as HH:MM.",
	}
}

// begin sets the beginning; false means that there is none (row A7: one trigger a property).
func (c calendar) begin(s *stay, in clock) bool {
	type source struct {
		day  model.Date
		name string
	}
	want, other := source{s.lease.MoveIn, "move-in date"}, source{s.lease.LeaseStart, "lease start"}
	if c.settings.Begin == model.BeginLeaseStart {
		want, other = other, want
	}
	switch {
	case !want.day.IsZero():
		s.From, s.begins = c.at(want.day, in, rules.Begin), want.name
	case !other.day.IsZero():
		s.From, s.begins = c.at(other.day, in, rules.Begin), other.name+", as the PMS gives no "+want.name
	case s.lease.Status == future:
		return false
	default:
		s.begins = "living there already; the PMS gives no move-in date"
	}
	return true
}

// candidate is one reason to end.
type candidate struct {
	at    time.Time
	why   access.EndReason
	words string
}

// end sets the first of the ends that count (rows S7, A7), or says why there is none.
func (c calendar) end(s *stay, out clock) {
	l := s.lease
	var all []candidate
	if d := l.MoveOut; !d.IsZero() && c.settings.EndMoveOut {
		all = append(all, candidate{c.at(d, out, rules.End), access.EndMoveOut, "move-out date"})
	}
	holds := holdsOver(l)
	if d := l.LeaseEnd; !d.IsZero() && c.settings.EndLeaseEnd && !holds {
		all = append(all, candidate{c.at(d, out, rules.End), access.EndLeaseEnd, "lease end"})
	}
	if l.Status == past && c.settings.EndStatus {
		all = append(all, candidate{l.PastSeen.UTC().Truncate(time.Second), access.EndRevoked, "the PMS says past"})
	}
	if len(all) == 0 {
		s.endless = ", with no end date"
		if holds {
			s.endless = ", month to month, with no end date"
		}
		return
	}
	first := slices.MinFunc(all, func(a, b candidate) int { return a.at.Compare(b.at) })
	s.Until, s.ends, s.endWords = first.at, first.why, first.words
}

// holdsOver says that somebody lives on without a lease that ends: month-to-month or holdover, by
// the PMS's mark or by its label.
func holdsOver(l model.Lease) bool {
	label := strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(strings.TrimSpace(l.RawStatus)))
	return l.MonthToMonth || label == "month to month" || label == "mtm" || label == "holdover" || label == "hold over"
}

// endsFirst explains a window that ends before it begins. One that was called off before it began
// needs nobody's attention; dates the wrong way round do.
func (c calendar) endsFirst(s *stay) *whyNot {
	span := "begins " + c.show(s.From) + " (" + s.begins + ") and ends " + c.show(s.Until) + " (" + s.endWords + ")"
	why := &whyNot{explain: "no access to unit " + s.unit.Name + ": " + span}
	if s.ends != access.EndRevoked {
		why.kind, why.text = "ends_before_begin", "gets no access: it "+span+"."
		why.remedy = "Correct the dates in the PMS."
	}
	return why
}

// maxBridge is the longest pause between two stays of one person that is no pause: out at 11:00
// and in at 15:00, or a lease that ends on the 31st and its renewal that starts on the 1st.
const maxBridge = 48 * time.Hour

// bridgeGaps keeps doors open for who moves within the property or renews: common doors until the
// next stay begins, the unit's own only where the next stay is in the same unit.
func (d *decider) bridgeGaps() {
	for _, p := range d.roster.People {
		stays := d.stays[p.ID]
		for _, s := range stays {
			d.bridge(&s.home, nextStay(s, stays, true))
			d.bridge(&s.common, nextStay(s, stays, false))
		}
	}
}

func (d *decider) bridge(w *span, next *stay) {
	if next != nil {
		w.Until = next.From
		w.then = "then unit " + next.unit.Name
	}
}

// nextStay is the stay that follows s soon enough, if any. Where the PMS called s past, only
// somebody it calls current elsewhere is moving; a future lease is not yet a home.
func nextStay(s *stay, all []*stay, sameUnit bool) *stay {
	if s.Until.IsZero() {
		return nil
	}
	var next *stay
	for _, n := range all {
		gap := n.From.Sub(s.Until)
		switch {
		case gap <= 0 || gap > maxBridge, sameUnit && n.unit.ID != s.unit.ID:
		case s.ends == access.EndRevoked && n.lease.Status != current:
		case next == nil || n.From.Before(next.From):
			next = n
		}
	}
	return next
}
