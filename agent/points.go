package agent

import (
	"sync/atomic"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// The points of the work at which a power cut is worth trying, in the order in which a change passes them.
const (
	pointStored     = "apply:stored"      // a revision is stored, nobody has been told
	pointJournalled = "step:journalled"   // the ledger says what will be done to a panel, the panel knows nothing
	pointApplied    = "step:applied"      // the panel has done it, the ledger does not say so
	pointRecorded   = "step:recorded"     // it was seen on the panel, and the outbox tells of it
	pointPublished  = "event:published"   // events are on their way, the cloud has not answered
	pointConfirmed  = "receipt:confirmed" // the cloud has them, and they are gone from the outbox

	pointMade    = "keys:made"    // next keys are kept; the cloud knows of them only if a hello was quicker
	pointChanged = "keys:changed" // they took over, the cloud has not heard of it
)

// at passes a point; nothing happens there unless a test wants it.
func (b *box) at(point string) {
	if b.point != nil {
		b.point(point)
	}
}

// passing stores a change of the ledger, and says where the work stands around it.
func (b *box) passing(e *access.LedgerEntry, evs []access.Event, store func() error) error {
	if b.point == nil {
		return store()
	}
	if among(evs, access.EventWritten) {
		b.at(pointApplied)
	}
	if err := store(); err != nil {
		return err
	}
	switch {
	case among(evs, access.EventConfirmed):
		b.at(pointRecorded)
	case e != nil && len(evs) == 0 && (e.State == access.Intended || e.State == access.Removing):
		b.at(pointJournalled)
	}
	return nil
}

func among(evs []access.Event, kind access.EventKind) bool {
	for _, e := range evs {
		if e.Kind == kind {
			return true
		}
	}
	return false
}

// pointedOutbox passes the points of the way of events.
type pointedOutbox struct {
	cloudlink.Outbox
	at        func(string)
	confirmed atomic.Uint64
}

// pointed is the outbox as it is, unless a test wants to know where the work stands.
func (b *box) pointed(o cloudlink.Outbox) cloudlink.Outbox {
	if b.point == nil {
		return o
	}
	return &pointedOutbox{Outbox: o, at: b.point}
}

// Pending is asked for what follows after was published.
func (o *pointedOutbox) Pending(after uint64, maxBytes int) (first uint64, prev access.Link, raw [][]byte, check *protocol.Checkpoint, err error) {
	if after > o.confirmed.Load() {
		o.at(pointPublished)
	}
	return o.Outbox.Pending(after, maxBytes)
}

func (o *pointedOutbox) Confirm(through uint64) error {
	err := o.Outbox.Confirm(through)
	if err == nil {
		o.confirmed.Store(max(through, o.confirmed.Load()))
		o.at(pointConfirmed)
	}
	return err
}
