package outbox

import (
	"bytes"
	"encoding/json"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// class says who goes first when there is no room.
type class int

const (
	doors  class = iota // first: what goes on at doors all day; tampering is not of it
	others              // then
	proof               // never: that a removal was done and seen
	lost                // stands for events already given up
)

func classOf(s sketch) class {
	switch {
	case s.Kind == access.EventLost:
		return lost
	case s.Kind == access.EventDoor, s.Kind == access.EventRing:
		return doors
	case s.Op == access.OpRemove && (s.Kind == access.EventWritten || s.Kind == access.EventConfirmed):
		return proof
	default:
		return others
	}
}

// makeRoom gives up events until the limits hold, or only proofs are left: those stay whatever it
// costs.
func (b *Outbox) makeRoom(s *shelf, now time.Time, trusted bool) error {
	for s.head.Live > uint64(b.opts.Events) || s.head.Bytes > b.opts.Bytes {
		before := s.head.Lost
		for _, c := range []class{doors, others} {
			if err := b.giveUpOldest(s, c, now, trusted); err != nil {
				return err
			}
			if s.head.Lost > before {
				break
			}
		}
		if s.head.Lost == before {
			return nil
		}
	}
	return nil
}

// giveUpOldest turns the oldest event of a class into a lost one. It begins where the last search
// of that class ended, so that a full outbox is not walked again for every event.
func (b *Outbox) giveUpOldest(s *shelf, want class, now time.Time, trusted bool) error {
	from := &s.head.Doors
	if want == others {
		from = &s.head.Others
	}
	c := s.events.Cursor()
	for k, v := c.Seek(key(*from)); k != nil; k, v = c.Next() {
		r, err := decode(k, v)
		if err == nil && classOf(r.sketch()) != want {
			continue
		}
		n := number(k)
		*from = n + 1
		return b.giveUp(s, c, n, bytes.Clone(v), "no room", now, trusted)
	}
	*from = s.head.Number + 1
	return nil
}

// giveUp puts a lost event in the place of record n, whose stored value is v. A lost range that
// ends just before is joined to it. The link before the range stays; the link after stands in the
// next record, which begins the chain anew.
func (b *Outbox) giveUp(s *shelf, c *bolt.Cursor, n uint64, v []byte, why string, now time.Time, trusted bool) error {
	e := access.Event{
		Number: n, Kind: access.EventLost, At: now, Recorded: now, Unsure: !trusted, Boot: b.opts.Boot,
		First: n, Last: n, Message: why,
	}
	damaged, err := decode(key(n), v)
	out := record{prev: damaged.prev}
	c.Seek(key(n))
	if pk, pv := c.Prev(); pk != nil {
		before, perr := decode(pk, pv)
		was := before.sketch()
		switch {
		case perr == nil && was.Kind == access.EventLost && number(pk) == n-1:
			e.First, out.prev = was.First, before.prev
			if err := s.drop(bytes.Clone(pk), pv, false); err != nil {
				return err
			}
		case perr == nil && err != nil:
			out.prev = access.Chain(before.prev, before.raw)
		}
	}
	if err := s.drop(key(n), v, true); err != nil {
		return err
	}
	s.head.Lost++
	if out.raw, err = json.Marshal(e); err != nil {
		return err
	}
	return s.put(n, out)
}
