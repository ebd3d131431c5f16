package reconcile

import (
	"encoding/json"
	"errors"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// A store that cannot be written, as on a full disk, must keep nobody in: removals go on, because
// they may be repeated, and are recorded as soon as it can be. Whatever gives access waits, because
// what we do not know we wrote we could not take away again.

// trouble is what is amiss with the box's own store, and what could not be recorded because of it.
type trouble struct {
	err      error // nil: well
	blind    bool  // it cannot even be read
	failures int   // in a row
	retryAt  time.Time

	owed   map[access.PersonID]*debt
	order  []access.PersonID        // of owed, oldest first
	unsaid map[access.PersonID]bool // confirmations of no change that were not told
}

// debt is what happened on the device and is not in the ledger yet.
type debt struct {
	entry  *access.LedgerEntry // nil: nothing of ours is there
	proof  *access.Proof       // nil: none
	events []access.Event
	// The write that failed first may have reached the disk all the same: then the ledger shows first,
	// and the first so many events were told.
	first   *access.LedgerEntry
	doubted int
}

// storeError marks a failure of the box's own store.
type storeError struct {
	err   error
	write bool // it cannot be written; what it says is good
}

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// stored marks an error of reading the store.
func stored(err error) error {
	if err == nil || isStore(err) {
		return err
	}
	return &storeError{err: err}
}

func isStore(err error) bool {
	var own *storeError
	return errors.As(err, &own)
}

// unwritten says that err is only about writing: what follows from reading goes on.
func unwritten(err error) bool {
	var own *storeError
	return errors.As(err, &own) && own.write
}

// write changes the store, unless it is known not to work: it is tried again by mend.
func (l *Loop) write(f func() error) error {
	if l.store.err != nil {
		return &storeError{l.store.err, true}
	}
	if err := f(); err != nil {
		own := &storeError{err, true}
		l.storeFails(own)
		return own
	}
	if l.store.failures > 0 {
		l.log.Info("the box keeps records again")
	}
	l.store.failures = 0
	return nil
}

// storeFails backs off from the store, and says why in words.
func (l *Loop) storeFails(err error) {
	if unwritten(err) && l.store.err != nil {
		return // said already
	}
	l.store.failures++
	d := delay(l.store.failures, l.cfg.Rand)
	if l.store.failures == 1 {
		l.log.Error("the box cannot keep records: removals go on, additions and changes wait", "err", err, "retry_in", d, "remedy", fault.RemedyOf(err))
	}
	l.store.err, l.store.blind, l.store.retryAt = err, !unwritten(err), l.mono().Add(d)
	l.tellStorage(err.Error())
}

func (l *Loop) tellStorage(words string) {
	l.status.Lock()
	defer l.status.Unlock()
	l.status.Storage = words
}

// mend tries a store that failed: first with a write that changes nothing, after which it can be
// believed again what it says, then with what it is owed.
func (l *Loop) mend() {
	if l.store.err == nil || l.mono().Before(l.store.retryAt) {
		return
	}
	l.store.err = nil
	err := l.cfg.Ledger.Record(l.cfg.Device.ID, "", nil)
	if err != nil {
		err = &storeError{err, true}
	} else {
		l.store.blind = false
		err = l.pay()
	}
	if err != nil {
		l.storeFails(err)
		return
	}
	l.tellStorage("")
	l.putBack(true, l.store.unsaid)
	clear(l.store.unsaid)
}

// pay records what is owed, in the order in which it happened.
func (l *Loop) pay() error {
	for len(l.store.order) > 0 {
		p := l.store.order[0]
		if err := l.payOne(p, l.store.owed[p]); err != nil {
			return err
		}
		delete(l.store.owed, p)
		l.store.order = l.store.order[1:]
	}
	return nil
}

func (l *Loop) payOne(p access.PersonID, d *debt) error {
	if d.doubted > 0 {
		e, known, err := l.cfg.Ledger.Entry(l.cfg.Device.ID, p)
		if err := l.unreadable(err); err != nil {
			return err
		}
		if known == (d.first != nil) && (!known || sameEntry(e, *d.first)) {
			d.events = d.events[d.doubted:]
		}
		d.doubted = 0
	}
	err := l.recordProof(p, d.entry, d.proof, d.events...)
	if err != nil {
		d.first, d.doubted = d.entry, len(d.events)
	}
	return err
}

func sameEntry(a, b access.LedgerEntry) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// done records what has happened on the device already. What cannot be recorded now is owed.
func (l *Loop) done(p access.PersonID, e *access.LedgerEntry, proof *access.Proof, evs ...access.Event) {
	tried := l.store.err == nil
	if err := l.recordProof(p, e, proof, evs...); err == nil {
		return
	}
	d := l.store.owed[p]
	if d == nil {
		d = &debt{}
		l.store.owed[p] = d
		l.store.order = append(l.store.order, p)
	}
	if tried {
		d.first, d.doubted = e, len(evs)
	}
	d.entry, d.proof = e, proof
	for _, ev := range evs {
		if n := len(d.events); n > d.doubted && ev.Kind == access.EventFailed && d.events[n-1].Kind == access.EventFailed {
			d.events = d.events[:n-1] // of many failures the last says it all
		}
		d.events = append(d.events, ev)
	}
}

// entry is the ledger's entry with what is owed to it.
func (l *Loop) entry(p access.PersonID) (access.LedgerEntry, bool, error) {
	if d := l.store.owed[p]; d != nil {
		if d.entry == nil {
			return access.LedgerEntry{}, false, nil
		}
		return *d.entry, true, nil
	}
	return l.cfg.Ledger.Entry(l.cfg.Device.ID, p)
}
