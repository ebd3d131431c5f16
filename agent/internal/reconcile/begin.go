package reconcile

import (
	"encoding/json"
	"time"

	"gatehouse/protocol/access"
)

// Starting must not mean reading everybody: with ten thousand people on a small box that takes
// seconds in which no door is looked after. So a loop remembers up to where it had decided everybody,
// looks at whoever can differ since, and goes through all of them in a quiet minute afterwards.

const (
	fullAfter  = time.Minute      // after a start that looked at some
	markEvery  = 10 * time.Minute // how often the mark is written at most
	markSettle = time.Minute      // how long a revision must have stood, so that everybody in it was told of
	markOld    = 6 * time.Hour    // and when it is although nothing changed
)

// learnAll learns from the ledger what is on the device, so that doors are enforced before the first
// full read-back, and who must be looked at. A device we never wrote to is read first: strangers'
// PINs must be known.
func (l *Loop) learnAll() error {
	seen, _, err := l.cfg.Ledger.Observed(l.cfg.Device.ID)
	if err := l.unreadable(err); err != nil {
		return err
	}
	for s, who := range seen.Secrets {
		if who == "" {
			l.learn(s, "")
		}
	}
	known := 0
	err = l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error {
		known++
		for _, s := range e.Secrets {
			l.learn(s, e.Person)
		}
		l.named(0, e.Name)
		if e.State != access.Settled || e.Fault != "" {
			l.again[e.Person] = true
		}
		return nil
	})
	if err := l.unreadable(err); err != nil {
		return err
	}
	l.rows, l.auditAt = max(known, seen.Rows), l.mono()
	if known > 0 {
		l.auditAt = l.auditAt.Add(time.Minute)
	}
	if l.holds, err = l.cfg.Ledger.Holds(); err != nil {
		if err := l.unreadable(err); err != nil {
			return err
		}
	}
	list, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err := l.unreadable(err); err != nil {
		return err
	}
	l.count(list)
	return l.beginWith()
}

// beginWith decides who is looked at first.
func (l *Loop) beginWith() error {
	if err := l.readPlaces(); err != nil {
		return err
	}
	l.inbox.Lock()
	l.policy = l.inbox.policy
	l.inbox.Unlock()
	sure, err := l.sinceMark()
	if err := l.unreadable(err); err != nil {
		return err
	}
	// Whatever changed for everybody before now shows in the mark, or can wait for the quiet minute.
	l.inbox.Lock()
	l.inbox.all = !sure
	l.inbox.Unlock()
	if !sure {
		return nil
	}
	l.fullAt = l.mono().Add(fullAfter)
	return nil
}

// sinceMark puts everybody into again who may differ since the mark; false when that is not known.
func (l *Loop) sinceMark() (bool, error) {
	m, ok, err := l.cfg.Ledger.Mark(l.cfg.Device.ID)
	now, trusted := l.cfg.Clock.Now()
	pos := l.cfg.Wanted.Position()
	l.mark, l.trusted = m, trusted
	if err != nil || !ok || !trusted || m.Position.Epoch != pos.Epoch || m.At.After(now) || m.Print != l.circumstances() {
		return false, err
	}
	one := func(p access.PersonID) error { l.again[p] = true; return nil }
	known, err := l.cfg.Wanted.ChangedSince(m.Position.Revision, one)
	if err != nil || !known {
		return false, err
	}
	for p := range l.holds {
		l.again[p] = true
	}
	return true, l.cfg.Wanted.Edges(m.At, now.Add(fullAfter+5*time.Minute), one)
}

// circumstances is a fingerprint of what beside a person and the time decides about their row.
func (l *Loop) circumstances() string {
	of := []any{l.cfg.Device.Doors, l.limits, l.policyNow(), l.places, l.overlay}
	if l.units != nil { // else as before there were any
		of = append(of, l.units)
	}
	b, err := json.Marshal(of)
	if err != nil {
		return ""
	}
	return l.cfg.Ledger.Print("circumstances\x00" + string(b))
}

// saveMark remembers that everybody was decided up to now. It is called when nothing is due.
func (l *Loop) saveMark() {
	now, trusted := l.cfg.Clock.Now()
	pos, age := l.cfg.Wanted.Position(), now.Sub(l.mark.At)
	if pos != l.seen.at { // who changed in it may be told of a moment after it is stored
		l.seen.at, l.seen.since = pos, l.mono()
	}
	switch {
	case !trusted || !l.fullAt.IsZero() || l.store.err != nil || l.queue.Len() > 0 || len(l.blocked) > 0 || len(l.stale) > 0:
		return
	case age >= 0 && (age < markEvery || age < markOld && pos == l.mark.Position) && !l.mark.At.IsZero():
		return
	case l.mono().Sub(l.seen.since) < markSettle:
		return
	}
	m := Mark{At: l.decided, Position: pos, Print: l.circumstances()}
	if l.write(func() error { return l.cfg.Ledger.SaveMark(l.cfg.Device.ID, m) }) == nil {
		l.mark = m
	}
}
