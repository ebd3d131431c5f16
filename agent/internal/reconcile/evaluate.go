package reconcile

import (
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// storeError marks a failure of the box's own store: it ends the loop, because nothing may be
// written to a panel that could not be recorded.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func stored(err error) error {
	if err == nil {
		return nil
	}
	return &storeError{err}
}

// evaluate decides anew, from the ledger alone, who is due: everybody that was told as changed,
// and everybody whose time has come.
func (l *Loop) evaluate() error {
	now, trusted := l.cfg.Clock.Now()
	all, people := l.drain()
	if all || trusted != l.trusted {
		l.trusted = trusted
		return stored(l.evaluateAll())
	}
	for p := range people {
		if err := l.evaluateOne(p); err != nil {
			return stored(err)
		}
		if err := l.tellUnchanged(p); err != nil {
			return stored(err)
		}
	}
	for {
		p, at, ok := l.later.first()
		if !ok || at.After(now) {
			return nil
		}
		l.later.drop(p)
		if err := l.evaluateOne(p); err != nil {
			return stored(err)
		}
	}
}

// tellUnchanged confirms anew a person who changed in a way that the device need not know, an
// e-mail address for example: the cloud waits for word about its revision. The time is that of the
// read-back.
func (l *Loop) tellUnchanged(p access.PersonID) error {
	e, ok, err := l.cfg.Ledger.Entry(l.cfg.Device.ID, p)
	_, due := l.queue.index[p]
	rev := l.cfg.Wanted.Position().Revision
	if err != nil || !ok || due || e.State != access.Settled || e.Revision >= rev || l.cfg.Device.Report {
		return err
	}
	e.Revision = rev
	ev := l.event(access.EventConfirmed, p, access.OpChange)
	ev.At, ev.Grade = e.Seen, e.Grade
	return l.record(p, &e, ev)
}

func (l *Loop) evaluateAll() error {
	var err error
	if l.places, err = l.cfg.Wanted.Places(); err != nil {
		return err
	}
	if l.overlay, err = l.cfg.Ledger.Overlays(); err != nil {
		return err
	}
	seen := map[access.PersonID]bool{}
	one := func(p access.PersonID) error {
		if seen[p] {
			return nil
		}
		seen[p] = true
		return l.evaluateOne(p)
	}
	if err := l.cfg.Wanted.People(one); err != nil {
		return err
	}
	return l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error { return one(e.Person) })
}

func (l *Loop) evaluateOne(p access.PersonID) error {
	in, err := l.input(p)
	if err != nil {
		return err
	}
	pl := plan.Make(in)
	l.schedule(p, pl.NextChange)
	if err := l.tellRefusals(p, pl.Refusals); err != nil {
		return err
	}
	entry, known := in.Ledger[p]
	if known && entry.Fault != "" && entry.NextTry.After(in.Now) && len(pl.Steps) > 0 && !l.urgent(pl) {
		l.sooner(p, entry.NextTry)
		l.queue.drop(p)
		return nil
	}
	unproved := known && entry.State != access.Settled // a crash came in between: read it
	if len(pl.Steps) == 0 && !unproved {
		l.queue.drop(p)
		return nil
	}
	u := urgency{rank: rankOf(pl.Steps)}
	if len(in.People) == 1 {
		u.begins = plan.Want(in, in.People[0]).Begins
	}
	l.queue.put(p, u)
	return nil
}

// urgent says that a removal is due, which no earlier failure of a write may delay.
func (l *Loop) urgent(pl plan.Plan) bool {
	return rankOf(pl.Steps) == 0
}

func rankOf(steps []model.Step) int {
	if len(steps) == 0 {
		return 1
	}
	switch steps[0].Op {
	case access.OpRemove:
		return 0
	case access.OpChange:
		return 1
	}
	return 2
}

// input is everything about one person, with nothing read from the device yet.
func (l *Loop) input(p access.PersonID) (plan.Input, error) {
	in := l.common()
	h, ok, err := l.cfg.Wanted.Holder(p)
	switch {
	case err != nil && fault.KindOf(err) == fault.Invalid:
		// A record that cannot be read says nothing: what the device has stays as it is.
		l.log.Error("a person's record cannot be read; it stays as it is on the device", "person", string(p), "err", err)
		return in, nil
	case err != nil:
		return in, err
	case ok:
		in.People = []access.Holder{h}
	default:
		in.Gone = []access.PersonID{p}
	}
	e, ok, err := l.cfg.Ledger.Entry(l.cfg.Device.ID, p)
	if ok {
		in.Ledger[p] = e
	}
	return in, err
}

func (l *Loop) common() plan.Input {
	now, trusted := l.cfg.Clock.Now()
	return plan.Input{
		Now: now, Trusted: trusted,
		Doors: l.cfg.Device.Doors, Limits: l.limits, Places: l.places, Overlay: l.overlay,
		Ledger: map[access.PersonID]access.LedgerEntry{},
		Others: plan.Others{Rows: l.rows, Secrets: l.secrets},
		Print:  l.cfg.Ledger,
	}
}

// schedule remembers when a person is due by itself.
func (l *Loop) schedule(p access.PersonID, t time.Time) {
	if t.IsZero() {
		l.later.drop(p)
		return
	}
	l.later.put(p, t)
}

// sooner makes a person due no later than t.
func (l *Loop) sooner(p access.PersonID, t time.Time) {
	if it, ok := l.later.index[p]; !ok || t.Before(it.value) {
		l.later.put(p, t)
	}
}

// tellRefusals records what cannot be written, once for every new set of words.
func (l *Loop) tellRefusals(p access.PersonID, rs []plan.Refusal) error {
	text := ""
	delete(l.blocked, p)
	for _, r := range rs {
		text += r.Why + "\n"
		if r.Kind == fault.Full || r.Kind == fault.Conflict {
			l.blocked[p] = true
		}
	}
	if !l.probed || text == l.refused[p] {
		return nil
	}
	if text == "" {
		delete(l.refused, p)
		return nil
	}
	l.refused[p] = text
	for _, r := range rs {
		e := l.event(access.EventRefused, p, "")
		e.Fault, e.Message = r.Kind.String(), r.Why
		if err := l.append(e); err != nil {
			return err
		}
	}
	return nil
}
