package outbox

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Checkpoint is the gateway's signature over how far the chain was.
type Checkpoint struct {
	Number    uint64      `json:"n"`
	Link      access.Link `json:"link"`        // after event n
	At        time.Time   `json:"at,omitzero"` // when it was signed; zero in those of an older program
	Signature []byte      `json:"sig"`         // over CheckpointMessage
}

// readCheckpoint reads what stands under a key; false when it is not a checkpoint.
func readCheckpoint(k, v []byte) (c Checkpoint, ok bool) {
	ok = len(k) == 8 && json.Unmarshal(v, &c) == nil && c.Number == number(k)
	return c, ok
}

// CheckpointMessage is what a checkpoint's signature is over: a name, the number as eight bytes, most
// significant first, and the link. The time is only told.
func CheckpointMessage(number uint64, link access.Link) []byte {
	return append(append([]byte("gatehouse checkpoint v1\x00"), key(number)...), link[:]...)
}

// checkpoint signs the chain's end when enough events came since the last time.
func (b *Outbox) checkpoint(s *shelf, now time.Time) error {
	sign := b.sign.Load()
	if sign == nil || s.head.Number/checkEvery == s.head.Checked/checkEvery {
		return nil
	}
	c := Checkpoint{Number: s.head.Number, Link: s.head.Link, At: now}
	c.Signature = (*sign)(CheckpointMessage(c.Number, c.Link))
	v, err := json.Marshal(c)
	if err != nil {
		return err
	}
	s.head.Checked = c.Number
	return s.checks.Put(key(c.Number), v)
}

// forgetCheckpoints drops those about events that are gone, but keeps the newest of all.
func (s *shelf) forgetCheckpoints(through uint64) error {
	c := s.checks.Cursor()
	for k, _ := c.First(); k != nil && number(k) <= through && number(k) != s.head.Checked; k, _ = c.First() {
		if err := s.checks.Delete(bytes.Clone(k)); err != nil {
			return err
		}
	}
	return nil
}

// Report is what Verify found.
type Report struct {
	Events      uint64   // records walked, lost ranges included
	First, Last uint64   // their numbers; 0: none
	ChainOK     bool     // no gap that is not accounted for, every link fits, every checkpoint holds
	Checkpoints int      // that hold
	Lost        uint64   // events given up, within the records walked
	Confirmed   uint64   // how far the cloud's last receipt reaches; 0: there was none
	Problems    []string // in words, at most ten
}

const maxProblems = 10

func (r *Report) bad(format string, args ...any) {
	r.ChainOK = false
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify walks everything that is kept. public is the gateway's signing key, to check the
// checkpoints with, and past those that signed before it; without it they are not counted. It reads in one transaction: a moment for a
// full outbox, so call it when asked to, not at start.
func (b *Outbox) Verify(public ed25519.PublicKey, past ...ed25519.PublicKey) (Report, error) {
	r := Report{ChainOK: true}
	err := b.view(func(s *shelf) error {
		if s.events == nil {
			return nil
		}
		return s.verify(&r, append([]ed25519.PublicKey{public}, past...))
	})
	if r.Problems == nil {
		r.Problems = []string{}
	}
	return r, err
}

// walk is where a verification stands.
type walk struct {
	next  uint64      // the number that must come
	link  access.Link // the link that must stand before it
	known bool        // link is known
}

func (s *shelf) verify(r *Report, keys []ed25519.PublicKey) error {
	checks, err := s.checkpoints(r)
	if err != nil {
		return err
	}
	r.Confirmed = s.head.Confirmed
	w := walk{next: s.head.Confirmed + 1}
	c := s.events.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(k) != 8 {
			r.bad("a record has a key of %d bytes", len(k))
			continue
		}
		s.verifyOne(r, &w, k, v)
		if cp, ok := checks[number(k)]; ok && keys[0] != nil {
			verifyCheckpoint(r, w, cp, keys)
		}
	}
	switch {
	case w.next != s.head.Number+1:
		r.bad("events %d to %d are missing", w.next, s.head.Number)
	case w.known && w.link != s.head.Link:
		r.bad("the last event does not join the chain's end")
	}
	return nil
}

func (s *shelf) verifyOne(r *Report, w *walk, k, v []byte) {
	n := number(k)
	r.Events++
	if r.First == 0 {
		r.First = n
	}
	r.Last = n
	rec, err := decode(k, v)
	if err != nil {
		r.bad("event %d cannot be read: %v", n, err)
		*w = walk{next: n + 1}
		return
	}
	var e access.Event
	if err := json.Unmarshal(rec.raw, &e); err != nil || e.Number != n {
		r.bad("event %d is not what its number says", n)
	}
	first := n
	if e.Kind == access.EventLost {
		first = e.First
		r.Lost += n - e.First + 1
	}
	if first > w.next {
		r.bad("events %d to %d are missing", w.next, first-1)
		w.known = false
	}
	if w.known && w.link != rec.prev {
		r.bad("event %d does not join the one before it", n)
	}
	// Behind a lost range the chain begins anew with the link the next event brings.
	*w = walk{next: n + 1, link: access.Chain(rec.prev, rec.raw), known: e.Kind != access.EventLost}
}

func (s *shelf) checkpoints(r *Report) (map[uint64]Checkpoint, error) {
	out := map[uint64]Checkpoint{}
	if s.checks == nil {
		return out, nil
	}
	err := s.checks.ForEach(func(k, v []byte) error {
		if c, ok := readCheckpoint(k, v); ok {
			out[c.Number] = c
		} else {
			r.bad("a checkpoint cannot be read")
		}
		return nil
	})
	return out, fault.Wrap(fault.Internal, "read", "outbox checkpoints", err)
}

func verifyCheckpoint(r *Report, w walk, c Checkpoint, keys []ed25519.PublicKey) {
	signed := func(public ed25519.PublicKey) bool {
		return ed25519.Verify(public, CheckpointMessage(c.Number, c.Link), c.Signature)
	}
	switch {
	case !slices.ContainsFunc(keys, signed):
		r.bad("the checkpoint at event %d is not signed by this gateway's key", c.Number)
	case w.known && w.link != c.Link:
		r.bad("the events up to %d are not those that were signed", c.Number)
	default:
		r.Checkpoints++
	}
}
