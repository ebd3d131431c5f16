package reconcile

import (
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// unreadable lets a damaged record pass with a line in the log: from it nothing follows.
func (l *Loop) unreadable(err error) error {
	if err != nil && fault.KindOf(err) == fault.Invalid {
		l.log.Error("a record on this box cannot be read", "err", err)
		return nil
	}
	return stored(err)
}

// evaluate decides anew, from the ledger alone, who is due: everybody that was told as changed,
// and everybody whose time has come. After an error what was not decided is decided at the next turn.
func (l *Loop) evaluate() error {
	now, trusted := l.cfg.Clock.Now()
	all, people := l.drain()
	if err := l.rereadHolds(); err != nil {
		l.putBack(all, people)
		return err
	}
	if err := l.rereadOverlay(); err != nil {
		l.putBack(all, people)
		return err
	}
	full := !l.fullAt.IsZero() && !l.mono().Before(l.fullAt)
	if all || full || trusted != l.trusted {
		if err := l.evaluateAll(trusted); err != nil {
			l.putBack(true, people)
			return err
		}
		l.fullAt = time.Time{}
	}
	for p := range people {
		if err := l.evaluateNews(p); err != nil {
			l.putBack(false, people)
			return err
		}
		delete(people, p)
	}
	for p := range l.again {
		if err := l.evaluateOne(p, false); err != nil {
			return err
		}
		delete(l.again, p)
	}
	if err := l.evaluateDue(); err != nil {
		return err
	}
	if err := l.tryRoom(); err != nil {
		return err
	}
	l.saveOpening()
	l.decided = now
	return nil
}

// evaluateDue decides about everybody whose time has come.
func (l *Loop) evaluateDue() error {
	for {
		now, _ := l.cfg.Clock.Now()
		p, at, ok := l.later.first()
		if !ok || at.After(now) {
			return nil
		}
		l.later.drop(p)
		if err := l.evaluateOne(p, false); err != nil {
			l.later.put(p, at)
			return err
		}
	}
}

// evaluateNews decides about a person that somebody told of.
func (l *Loop) evaluateNews(p access.PersonID) error {
	if err := l.evaluateOne(p, true); err != nil {
		return err
	}
	err := l.tellUnchanged(p)
	if unwritten(err) {
		l.store.unsaid[p] = true
		return nil
	}
	return err
}

func (l *Loop) evaluateAll(trusted bool) error {
	l.trusted = trusted
	if err := l.readPlaces(); err != nil {
		return err
	}
	if err := l.tellStrays(); err != nil && !unwritten(err) {
		return err
	}
	seen := map[access.PersonID]bool{}
	one := func(p access.PersonID) error {
		if seen[p] {
			return nil
		}
		seen[p] = true
		return l.evaluateOne(p, false)
	}
	if err := l.cfg.Wanted.People(one); err != nil {
		return l.unreadable(err)
	}
	return l.unreadable(l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error { return one(e.Person) }))
}

// readPlaces reads what is not about one person.
func (l *Loop) readPlaces() error {
	var err error
	if l.places, err = l.cfg.Wanted.Places(); err != nil {
		return stored(err)
	}
	if l.decideHours(); l.cfg.Units != nil {
		l.units = l.cfg.Units(l.places)
	}
	overlay, err := l.cfg.Ledger.Overlays()
	if err == nil {
		l.overlay = overlay
	}
	return l.unreadable(err)
}

// evaluateOne puts a person into the queue, or takes them out of it. News of the person, told by
// somebody, makes an earlier failure void: the record may have been mended.
func (l *Loop) evaluateOne(p access.PersonID, news bool) error {
	in, err := l.input(p)
	if err != nil {
		return err
	}
	pl := plan.Make(in)
	l.schedule(p, pl.NextChange)
	if err := l.tellWords(p, pl, in); err != nil && !unwritten(err) {
		return err
	}
	entry, known := in.Ledger[p]
	rank := rankOf(pl.Steps)
	if err := l.prove(p, pl, entry, known); err != nil && !unwritten(err) {
		return err
	}
	if known && entry.Fault != "" && !news && waits(entry.NextTry, in.Now) && (rank > 0 || resting(entry, in.Now)) {
		l.sooner(p, entry.NextTry)
		l.queue.drop(p)
		if crowdedOut(entry) {
			l.crowded(in)
		}
		return nil
	}
	// A crash or a failure came in between: the device must be read to know.
	unproved := known && (entry.State != access.Settled || entry.Fault != "")
	if len(pl.Steps) == 0 && !unproved {
		l.queue.drop(p)
		return nil
	}
	u := urgency{rank: rank}
	if it, ok := l.queue.index[p]; ok && !news {
		u.tried = it.value.tried
	}
	if len(in.People) == 1 {
		u.begins = plan.Want(in, in.People[0]).Begins
	}
	l.queue.put(p, u)
	return nil
}

// waits says whether a next try lies ahead; one that lies further ahead than any is set was set by
// a clock that has been corrected since.
func waits(next, now time.Time) bool { return next.After(now) && next.Sub(now) <= badRetry }

// resting says whether a removal that failed itself waits for its next try, which is soon.
func resting(e access.LedgerEntry, now time.Time) bool {
	return e.State == access.Removing && e.NextTry.Sub(now) <= lastRetry
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
	in := l.common() // the position first: what is read below is at least as new
	h, ok, err := l.cfg.Wanted.Holder(p)
	switch {
	case err != nil && fault.KindOf(err) == fault.Invalid:
		h.Person.ID = p
		if len(h.Unread) == 0 {
			h.Unread = access.Kinds
		}
		in.People = []access.Holder{h}
	case err != nil:
		return in, stored(err)
	case ok:
		in.People = []access.Holder{h}
	default:
		in.Gone = []access.PersonID{p}
	}
	e, ok, err := l.entry(p)
	if err != nil && fault.KindOf(err) == fault.Invalid {
		// There was one and it is damaged: the device tells what stands there.
		l.log.Error("a ledger entry cannot be read; the panel is asked", "person", string(p), "err", err)
		e, ok, err = access.LedgerEntry{Person: p, Ref: string(model.RefOf(p)), State: access.Intended}, true, nil
	}
	if ok {
		in.Ledger[p] = e
	}
	return in, stored(err)
}

func (l *Loop) common() plan.Input {
	now, trusted := l.cfg.Clock.Now()
	return plan.Input{
		Position: l.cfg.Wanted.Position(),
		Now:      now, Trusted: trusted,
		Doors: l.cfg.Device.Doors, Limits: l.limits, Places: l.places, Units: l.units, Overlay: l.overlay,
		Policy: l.policyNow(), Held: l.holds, Contact: l.contact(), StaleAfter: l.cfg.StaleAfter,
		Ledger: map[access.PersonID]access.LedgerEntry{},
		Others: plan.Others{Rows: l.rows, Secrets: l.secrets, Names: l.names},
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
