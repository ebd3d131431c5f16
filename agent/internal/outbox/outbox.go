// Package outbox keeps a gateway's events until the cloud has committed them: numbered without
// gaps, joined by a hash chain over their exact bytes, with signed checkpoints, on disk before
// anything is told.
//
// It lives in buckets of site.db that it alone touches, and appends inside the transaction of the
// change an event tells of; the fsync is that transaction's. When there is no room the oldest door
// events go first and the proof of a removal never; what went is itself an event of kind lost,
// standing in the place and under the number of the last one lost.
//
// It imports only access and access/fault. Package store appends through an interface of its own
// and cloudlink sends; plan and drivers must not import it.
package outbox

import (
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Defaults for Options. An outbox at both limits stays within a site.db of 160 MiB (measured in
// the package's test).
const (
	DefaultEvents = 210_000
	DefaultBytes  = 96 << 20
	checkEvery    = 1000 // events from one checkpoint to the next

	// skipped is how many numbers are left out after a restore: more than a gateway gives between
	// two snapshots.
	skipped = 1_000_000

	// maxNumber is far more than a gateway can tell in its life, and far from where numbers end.
	maxNumber = 1 << 60
)

// DB is the file the outbox lives in.
type DB interface {
	View(func(*bolt.Tx) error) error
	Update(func(*bolt.Tx) error) error
}

// Options of an outbox.
type Options struct {
	Now    func() (t time.Time, trusted bool) // required
	Boot   string                             // id of this boot, put into every event
	Log    *slog.Logger                       // nil: silent
	Sign   func(msg []byte) []byte            // makes checkpoints, with the gateway's Ed25519 key; nil: none yet
	Events int                                // how many are kept; 0: DefaultEvents
	Bytes  int64                              // how many bytes of them; 0: DefaultBytes
}

// Outbox is safe for concurrent use. Append and Restored work from the start, everything else
// after Attach.
type Outbox struct {
	opts Options
	db   DB
	sign atomic.Pointer[func([]byte) []byte]
	wake chan struct{}
}

// New makes an outbox that is not attached to its file yet: the file needs it to be opened.
func New(o Options) *Outbox {
	if o.Events <= 0 {
		o.Events = DefaultEvents
	}
	if o.Bytes <= 0 {
		o.Bytes = DefaultBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Outbox{opts: o, wake: make(chan struct{}, 1)}
	b.SetSigner(o.Sign)
	return b
}

// SetSigner changes what signs checkpoints, after enrolment or a rotation of keys.
func (b *Outbox) SetSigner(sign func(msg []byte) []byte) {
	if sign != nil {
		b.sign.Store(&sign)
	}
}

// Attach names the file. Call it once, before anything but Append; it wakes the sender when
// events are waiting.
func (b *Outbox) Attach(db DB) error {
	b.db = db
	s, err := b.Stats()
	if err == nil && s.Waiting > 0 {
		b.ring()
	}
	return err
}

// Wake receives after events were appended and committed. One value may stand for many.
func (b *Outbox) Wake() <-chan struct{} { return b.wake }

func (b *Outbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Append numbers events, stamps them with the time of recording and keeps them as part of tx. An
// event without a time of its own gets that of recording. Nothing is kept and no number used up
// when tx is rolled back.
func (b *Outbox) Append(tx *bolt.Tx, evs ...access.Event) error {
	if len(evs) == 0 {
		return nil
	}
	s, err := openShelf(tx)
	if err != nil {
		return err
	}
	now, trusted := b.opts.Now()
	for _, e := range evs {
		e.Number, e.Recorded, e.Unsure = s.head.Number+1, now, !trusted
		if e.At.IsZero() {
			e.At = now
		}
		if e.Boot == "" {
			e.Boot = b.opts.Boot
		}
		raw, err := json.Marshal(e)
		if err != nil {
			return fault.Wrap(fault.Internal, "append", "outbox", err)
		}
		if err := s.append(e, raw); err != nil {
			return err
		}
	}
	if err := errors.Join(b.checkpoint(s, now), b.makeRoom(s, now, trusted), s.close()); err != nil {
		return err
	}
	tx.OnCommit(b.ring)
	return nil
}

// Number is the number of the last event, those appended in tx included; 0: none ever.
func (b *Outbox) Number(tx *bolt.Tx) (uint64, error) {
	s, err := readShelf(tx)
	return s.head.Number, err
}

// Continue lets an empty outbox go on where that of the box before it stopped: number is the last
// that the cloud has of it, link the chain's after that event. It is for a box that takes another's
// place, before the first event: afterwards it is refused (fault conflict), except that the same
// again changes nothing.
func (b *Outbox) Continue(number uint64, link access.Link) error {
	return b.update(func(s *shelf) error {
		h := s.head
		switch {
		case h.Number == number && h.Link == link && h.Records == 0:
			return nil
		case h.Number != 0:
			return fault.New(fault.Conflict, "continue", "outbox", "after event %d: it has events of its own up to %d", number, h.Number).
				WithRemedy("Give this box an empty state directory and make a new request.")
		case number > maxNumber:
			return fault.New(fault.Invalid, "continue", "outbox", "after event %d: no gateway has told so many", number)
		}
		s.head.Number, s.head.Link, s.head.Confirmed, s.head.Checked = number, link, number, number
		return nil
	})
}

// Restored skips a range of numbers, because those given after the snapshot are unknown and must
// not be given twice. The range is one lost event.
func (b *Outbox) Restored(tx *bolt.Tx) error {
	s, err := openShelf(tx)
	if err != nil {
		return err
	}
	now, trusted := b.opts.Now()
	e := access.Event{
		Kind: access.EventLost, At: now, Recorded: now, Unsure: !trusted, Boot: b.opts.Boot,
		First: s.head.Number + 1, Last: s.head.Number + skipped, Number: s.head.Number + skipped,
		Message: "the gateway's own file was damaged and an earlier copy took its place: what these numbers told is unknown, most were never given",
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	s.head.Number = e.Number - 1
	return errors.Join(s.append(e, raw), s.close())
}

// Stats says how an outbox stands.
type Stats struct {
	Waiting   uint64 // records not confirmed yet
	First     uint64 // number of the oldest of them; 0: none
	Last      uint64 // last number given; 0: none ever
	Confirmed uint64 // last number the cloud has committed
	Bytes     int64  // of the waiting records
	Lost      uint64 // events ever given up for want of room or to damage
}

// Stats reads how the outbox stands.
func (b *Outbox) Stats() (out Stats, err error) {
	err = b.view(func(s *shelf) error {
		h := s.head
		out = Stats{Waiting: h.Records, Last: h.Number, Confirmed: h.Confirmed, Bytes: h.Bytes, Lost: h.Lost}
		if s.events != nil {
			if k, _ := s.events.Cursor().First(); len(k) == 8 {
				out.First = number(k)
			}
		}
		return nil
	})
	return out, err
}

func (b *Outbox) view(fn func(*shelf) error) error {
	if b.db == nil {
		return fault.New(fault.Internal, "read", "outbox", "it is not attached to its file")
	}
	return b.db.View(func(tx *bolt.Tx) error {
		s, err := readShelf(tx)
		if err != nil {
			return err
		}
		return fn(s)
	})
}

func (b *Outbox) update(fn func(*shelf) error) error {
	if b.db == nil {
		return fault.New(fault.Internal, "write", "outbox", "it is not attached to its file")
	}
	return b.db.Update(func(tx *bolt.Tx) error {
		s, err := openShelf(tx)
		if err != nil {
			return err
		}
		return errors.Join(fn(s), s.close())
	})
}
