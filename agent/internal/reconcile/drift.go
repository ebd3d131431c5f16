package reconcile

import (
	"slices"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
)

// mostDrift is how many new rows of one read-back are told one by one; behind them one event counts
// the rest. A panel that was managed by hand for years has thousands.
const mostDrift = 200

// audited keeps what a full read-back showed: the rows that are not as they should be, each told once,
// and enough of all rows to plan without reading again.
func (l *Loop) audited(rows []model.Record, strangers int) error {
	now, _ := l.cfg.Clock.Now()
	l.status.Lock()
	l.status.Audited, l.status.Rows, l.status.Strangers = now, len(rows), strangers
	l.status.Unlock()
	list, evs, err := l.drift(rows)
	if err != nil {
		return err
	}
	err = l.write(func() error { return l.cfg.Ledger.SaveDrift(l.cfg.Device.ID, list, evs...) })
	if err == nil {
		seen := Observed{At: now, Rows: len(rows), Secrets: l.secrets}
		err = l.write(func() error { return l.cfg.Ledger.SaveObserved(l.cfg.Device.ID, seen) })
	}
	if unwritten(err) {
		l.auditAt = l.mono() // again when it can be kept
		return nil
	}
	l.status.Lock()
	defer l.status.Unlock()
	l.status.Drift = map[access.DriftKind]int{}
	for _, d := range list {
		if d.Ignore == "" {
			l.status.Drift[d.Kind]++
		}
	}
	return err
}

// drift is the list of what is astray, with when each was first seen and what people said of it, and
// the events of what is new in it.
func (l *Loop) drift(rows []model.Record) ([]access.Drift, []access.Event, error) {
	in, err := l.everybody()
	if err != nil {
		return nil, nil, err
	}
	in.Observed = plan.Observed{Complete: true, Everybody: true, Records: rows}
	was, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err := l.unreadable(err); err != nil {
		return nil, nil, err
	}
	old := map[driftKey]access.Drift{}
	for _, d := range was {
		old[keyOf(d)] = d
	}
	list := plan.Make(in).Drift
	if in.Position == (access.Position{}) { // without a state nobody can say whose a row of ours is
		list = slices.DeleteFunc(list, func(d access.Drift) bool { return d.Kind != access.DriftStranger })
	}
	var evs []access.Event
	more := 0
	for i := range list {
		d := &list[i]
		d.Device = l.cfg.Device.ID
		if o, ok := old[keyOf(*d)]; ok {
			d.First, d.Ignore = o.First, o.Ignore
			continue
		}
		if len(evs) == mostDrift {
			more++
			continue
		}
		e := l.event(access.EventDrift, d.Person, "")
		e.Drift, e.Message = d.Kind, d.What
		evs = append(evs, e)
	}
	if more > 0 {
		e := l.event(access.EventDrift, "", "")
		e.Message = plural(more, "more record is", "more records are") + " not as this gateway wrote them; the list at the gateway has them all"
		evs = append(evs, e)
	}
	return list, evs, nil
}

// driftKey tells one astray row from another.
type driftKey struct {
	kind   access.DriftKind
	person access.PersonID
	native string
	what   string
}

func keyOf(d access.Drift) driftKey { return driftKey{d.Kind, d.Person, d.Native, d.What} }

// everybody is the input about all people of the state and of the ledger, with nothing read from the
// device yet.
func (l *Loop) everybody() (plan.Input, error) {
	all := l.common()
	seen := map[access.PersonID]bool{}
	one := func(p access.PersonID) error {
		if seen[p] {
			return nil
		}
		seen[p] = true
		in, err := l.input(p)
		all.People, all.Gone = append(all.People, in.People...), append(all.Gone, in.Gone...)
		if e, ok := in.Ledger[p]; ok {
			all.Ledger[p] = e
		}
		return err
	}
	if err := l.unreadable(l.cfg.Wanted.People(one)); err != nil {
		return all, err
	}
	err := l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error { return one(e.Person) })
	return all, l.unreadable(err)
}

// adopt enters a row into the ledger that is exactly a wanted person's, as it stands.
func (l *Loop) adopt(a plan.Adopt, pos access.Position) {
	e := l.eventOf(pos, access.EventConfirmed, a.Person, access.OpAdd)
	e.Grade, e.Message = a.Grade, "adopted as it stood on the device"
	secrets := plan.Secrets(l.cfg.Ledger, a.Record)
	l.carries(a.Person, secrets)
	entry := access.LedgerEntry{
		Person: a.Person, Ref: string(a.Record.Ref), Native: a.Record.Native, State: access.Settled, Grade: a.Grade,
		Print: plan.PrintRecord(l.cfg.Ledger, a.Record), Secrets: secrets, Revision: pos.Revision, At: e.At, Seen: e.At,
	}
	l.log.Info("adopted", "person", string(a.Person), "grade", a.Grade)
	l.done(a.Person, &entry, nil, e)
}
