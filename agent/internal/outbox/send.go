package outbox

import (
	"bytes"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Pending reads the oldest events whose numbers are greater than after: the number of the first,
// the link before it and the exact bytes of consecutive events, at most maxBytes of them but at
// least one. No events: raw is empty. The caller sends what it gets and may ask for more with
// after = first+len(raw)-1, before anything is confirmed.
//
// A lost event always comes alone. It stands for the numbers First to its own, so first may be
// greater than after+1; its prev and that of the next batch begin the chain anew.
//
// check is the newest checkpoint about these events or those before them; nil when there is none.
func (b *Outbox) Pending(after uint64, maxBytes int) (first uint64, prev access.Link, raw [][]byte, check *Checkpoint, err error) {
	for {
		var damaged uint64
		err = b.view(func(s *shelf) error {
			first, prev, raw, damaged = s.batch(after, maxBytes)
			check = s.newestCheckpoint(first + uint64(len(raw)))
			return nil
		})
		if err != nil || damaged == 0 {
			return first, prev, raw, check, err
		}
		if err := b.bury(damaged); err != nil {
			return 0, prev, nil, nil, err
		}
	}
}

// newestCheckpoint is the newest about events before end that can be read; nil when there is none.
func (s *shelf) newestCheckpoint(end uint64) *Checkpoint {
	if s.checks == nil || end == 0 {
		return nil
	}
	c := s.checks.Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() { // few: one in a thousand events
		if len(k) != 8 || number(k) >= end {
			continue
		}
		if cp, ok := readCheckpoint(k, v); ok {
			return &cp
		}
	}
	return nil
}

// batch stops before a damaged record, and names it when it is the first.
func (s *shelf) batch(after uint64, maxBytes int) (first uint64, prev access.Link, raw [][]byte, damaged uint64) {
	if s.events == nil {
		return 0, prev, nil, 0
	}
	size := 0
	c := s.events.Cursor()
	for k, v := c.Seek(key(after + 1)); k != nil; k, v = c.Next() {
		n := number(k)
		r, err := decode(k, v)
		switch {
		case err != nil && len(raw) == 0:
			return 0, prev, nil, n
		case err != nil:
			return first, prev, raw, 0
		}
		isLost := bytes.Contains(r.raw, []byte(access.EventLost)) && r.sketch().Kind == access.EventLost
		switch {
		case len(raw) == 0:
			first, prev = n, r.prev
		case isLost || n != first+uint64(len(raw)) || size+len(r.raw) > maxBytes:
			return first, prev, raw, 0
		}
		raw = append(raw, bytes.Clone(r.raw))
		size += len(r.raw)
		if isLost {
			break
		}
	}
	return first, prev, raw, 0
}

// bury turns a damaged record into a lost event, so that it does not block those behind it.
func (b *Outbox) bury(n uint64) error {
	b.opts.Log.Error("an event in the outbox is damaged and given up", "number", n)
	return b.update(func(s *shelf) error {
		v := s.events.Get(key(n))
		if v == nil {
			return nil
		}
		if _, err := decode(key(n), v); err == nil {
			return nil // already done
		}
		now, trusted := b.opts.Now()
		return b.giveUp(s, s.events.Cursor(), n, bytes.Clone(v), "damaged on disk", now, trusted)
	})
}

// confirmAtOnce bounds how many records one transaction deletes.
const confirmAtOnce = 5000

// Confirm deletes every event up to and including through, which the cloud says it has committed.
// Repeating an older receipt does nothing. A receipt for numbers never given is refused (fault
// invalid): it is a mistake or a forgery.
func (b *Outbox) Confirm(through uint64) error {
	for more := true; more; {
		err := b.update(func(s *shelf) (err error) {
			more, err = s.confirm(through)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) confirm(through uint64) (more bool, err error) {
	switch {
	case through > s.head.Number:
		return false, fault.New(fault.Invalid, "confirm", "outbox", "a receipt through event %d, the last one is %d", through, s.head.Number)
	case through <= s.head.Confirmed:
		return false, nil
	}
	done, n := through, 0
	c := s.events.Cursor()
	for k, v := c.First(); k != nil && number(k) <= through; k, v = c.First() {
		if n++; n > confirmAtOnce {
			done, more = number(k)-1, true
			break
		}
		r, err := decode(k, v)
		live := err != nil || r.sketch().Kind != access.EventLost
		if err := s.drop(bytes.Clone(k), v, live); err != nil {
			return false, err
		}
	}
	s.head.Confirmed = max(s.head.Confirmed, done)
	return more, s.forgetCheckpoints(done)
}
