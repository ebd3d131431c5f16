package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/protocol/access"
)

// Checkpoint is a gateway's signature over the link after one of its events.
type Checkpoint struct {
	Number    uint64
	Link      access.Link
	At        time.Time
	Signature []byte
	Signing   []byte // the public key that made it
}

// holds reports whether the signature is good: over "gatehouse checkpoint v1", a zero byte, the number in
// eight bytes, big end first, and the link.
func (c Checkpoint) holds() bool {
	msg := binary.BigEndian.AppendUint64([]byte("gatehouse checkpoint v1\x00"), c.Number)
	return len(c.Signing) == ed25519.PublicKeySize && ed25519.Verify(c.Signing, append(msg, c.Link[:]...), c.Signature)
}

// saveCheckpoint keeps a checkpoint that one of the gateway's keys signed, also one from before its keys
// changed, and also when it speaks against the events stored here: Verify tells. One that nobody signed is
// not kept; its batch is none the worse.
func (t *Tx) saveCheckpoint(ctx context.Context, gateway access.GatewayID, c *Checkpoint) error {
	if c == nil {
		return nil
	}
	keys, err := t.keys(ctx, gateway)
	for _, k := range keys {
		if c.Signing = k.Signing; k.State == KeyGone || !c.holds() {
			continue
		}
		return t.exec(ctx, `INSERT INTO checkpoints (gateway, n, link, at, signature, signing) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (gateway, n) DO NOTHING`,
			gateway, c.Number, c.Link, c.At, c.Signature, c.Signing)
	}
	return err
}

// Checkpoints lists what a gateway signed, by number.
func (s *Store) Checkpoints(ctx context.Context, gateway access.GatewayID) (out []Checkpoint, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = list(ctx, r, func(c *Checkpoint) []any {
			return []any{&c.Number, inDigest(&c.Link), inTime(&c.At), &c.Signature, &c.Signing}
		}, `SELECT n, link, at, signature, signing FROM checkpoints WHERE gateway = $1 ORDER BY n`, gateway)
		return err
	})
	return out, err
}

// Span is a range of event numbers.
type Span struct{ First, Last uint64 }

// EventReport is what Verify found.
type EventReport struct {
	Events      int    // stored
	First, Last uint64 // their numbers; 0: none
	Checkpoints int    // signatures that hold and fit
	Signed      uint64 // everything up to this event stands under a good signature
	Lost        []Span // given up by the gateway for want of room, as it said itself
	Holes       []Span // not here since the database was restored
	Problems    []string
}

const (
	verifyPage  = 1000
	maxProblems = 100
)

// walk is how far Verify has come.
type walk struct {
	*EventReport
	last  uint64
	link  access.Link
	anew  bool // the chain may begin anew with the next event
	holes map[uint64]Span
	keys  []GatewayKey // by which the gateway was ever to be known
}

func (w *walk) bad(format string, args ...any) {
	if len(w.Problems) < maxProblems {
		w.Problems = append(w.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify walks every stored event of a gateway again: numbers, the hash chain over their exact bytes, and
// the gateway's signatures. It reads page by page; events that come meanwhile are left to the next time.
func (s *Store) Verify(ctx context.Context, gateway access.GatewayID) (EventReport, error) {
	g, err := s.Gateway(ctx, gateway)
	if err != nil {
		return EventReport{}, err
	}
	checks, err := s.Checkpoints(ctx, gateway)
	if err != nil {
		return EventReport{}, err
	}
	w := walk{EventReport: &EventReport{}, holes: map[uint64]Span{}}
	err = s.view(ctx, func(r reader) error {
		all, err := list(ctx, r, func(h *Span) []any { return []any{&h.First, &h.Last} }, `SELECT first, last FROM event_holes WHERE gateway = $1`, gateway)
		for _, h := range all {
			w.holes[h.First] = h
		}
		if err == nil {
			w.keys, err = r.keys(ctx, gateway)
		}
		return err
	})
	signed := map[uint64]Checkpoint{}
	for _, c := range checks {
		signed[c.Number] = c
	}
	for err == nil && w.last < g.Events {
		var page []Record
		if page, err = s.stored(ctx, gateway, w.last, verifyPage); len(page) == 0 {
			break
		}
		for _, e := range page {
			if w.one(e); w.last <= g.Events {
				w.check(signed, e)
			}
		}
	}
	if err == nil && w.last < g.Events {
		w.bad("events %d to %d are missing at the end", w.last+1, g.Events)
	}
	for n := range signed {
		w.bad("the gateway signed event %d, which is not here", n)
	}
	return *w.EventReport, err
}

// stored is Audit without reading what the bytes say.
func (s *Store) stored(ctx context.Context, gateway access.GatewayID, after uint64, limit int) (out []Record, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = list(ctx, r, func(e *Record) []any {
			return []any{&e.Number, &e.Kind, inTime(&e.Received), &e.Late, &e.Raw, inDigest(&e.Link)}
		}, `SELECT n, kind, received, late, raw, link FROM events WHERE gateway = $1 AND n > $2 ORDER BY n LIMIT $3`, gateway, after, limit)
		return err
	})
	return out, err
}

// one looks at the next stored event.
func (w *walk) one(e Record) {
	var said access.Event
	if err := json.Unmarshal(e.Raw, &said); err != nil {
		w.bad("event %d cannot be read: %v", e.Number, err)
	} else if said.Number != e.Number || said.Kind != e.Kind {
		w.bad("event %d is %d of kind %s by its own bytes", e.Number, said.Number, said.Kind)
	}
	first := w.last + 1
	switch hole := w.holes[first]; {
	case said.Kind == access.EventLost && said.First <= first && said.Last <= e.Number:
		w.Lost, w.anew = append(w.Lost, Span{said.First, said.Last}), true
	case e.Number == first:
	case hole.Last == e.Number-1:
		w.Holes, w.anew = append(w.Holes, hole), true
	default:
		w.bad("events %d to %d are missing", first, e.Number-1)
		w.anew = true
	}
	// Where the chain begins anew the link before the event is not known here; the next ones join it.
	if !w.anew && access.Chain(w.link, e.Raw) != e.Link {
		w.bad("event %d does not join the chain: it, or one before it, was changed", e.Number)
	}
	w.link, w.anew, w.last = e.Link, said.Kind == access.EventLost, e.Number
	w.Events++
	if w.First == 0 {
		w.First = e.Number
	}
	w.Last = e.Number
}

// check compares an event with the gateway's signature over it, if there is one.
func (w *walk) check(signed map[uint64]Checkpoint, e Record) {
	c, ok := signed[e.Number]
	delete(signed, e.Number)
	switch {
	case !ok:
	case !c.holds() || !slices.ContainsFunc(w.keys, func(k GatewayKey) bool { return bytes.Equal(k.Signing, c.Signing) }):
		w.bad("the signature at event %d is not by the gateway's key", e.Number)
	case c.Link != e.Link:
		w.bad("the gateway signed another chain up to event %d than is stored here", e.Number)
	default:
		w.Checkpoints++
		w.Signed = e.Number
	}
}

// Export hands out a gateway's stored events after a number, in order, until f fails.
func (s *Store) Export(ctx context.Context, gateway access.GatewayID, after uint64, f func(Record) error) error {
	if _, err := s.Gateway(ctx, gateway); err != nil {
		return err
	}
	for {
		page, err := s.stored(ctx, gateway, after, verifyPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := f(e); err != nil {
				return err
			}
			after = e.Number
		}
	}
}
