package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Events is a batch of consecutive events as a gateway sent it.
type Events struct {
	First    uint64      // number of the first
	Prev     access.Link // link before the first
	Raw      [][]byte    // their exact bytes: the chain is over them
	Received time.Time
	// Checkpoint is the gateway's signature over one of its links; nil: none came.
	Checkpoint *Checkpoint
}

// SaveEvents stores events exactly once and tells through which number they are stored now; when it
// returns, the caller may send the receipt. Events that are already there are checked and skipped. A
// batch that begins beyond the next number is not stored: the gateway sends again from through. In
// the same transaction it keeps up what PeopleStatus shows.
//
// A batch that does not continue the chain, or differs from what is stored, is a Conflict; one that
// cannot be read is Invalid. Nothing of it is stored then.
func (s *Store) SaveEvents(ctx context.Context, under Fence, gateway access.GatewayID, batch Events) (through uint64, err error) {
	err = s.fenced(ctx, under, func(t *Tx) error {
		if through, err = t.saveEvents(ctx, gateway, batch); err == nil {
			err = explain("save events of gateway", string(gateway), t.saveCheckpoint(ctx, gateway, batch.Checkpoint))
		}
		return err
	})
	return through, err
}

func (t *Tx) saveEvents(ctx context.Context, gateway access.GatewayID, b Events) (through uint64, err error) {
	if b.First == 0 || b.First > math.MaxInt64-uint64(len(b.Raw)) {
		return 0, fault.New(fault.Invalid, "save events of gateway", string(gateway), "they begin with number %d", b.First)
	}
	if err := t.told(ctx, gateway, b.Received, ``); err != nil {
		return 0, err
	}
	var link access.Link
	if err := t.row(ctx, `SELECT last_event, last_link FROM gateways WHERE id = $1`, gateway).Scan(&through, inDigest(&link)); err != nil {
		return 0, explain("save events of gateway", string(gateway), err)
	}
	lost := b.bridges(through)
	if !lost && len(b.Raw) > 0 && b.First > through+1 {
		if lost, err = t.leap(ctx, gateway, b, through); err != nil {
			return 0, explain("save events of gateway", string(gateway), err)
		}
	}
	if len(b.Raw) == 0 || b.First > through+1 && !lost || b.First <= through && lost {
		return through, nil // nothing, a hole, or given up after it came here: what is stored stays
	}
	if !lost {
		if lost, err = t.endsLost(ctx, gateway, through); err != nil {
			return 0, explain("save events of gateway", string(gateway), err)
		}
	}
	fresh, err := t.continues(ctx, gateway, b, through, link, lost)
	if err != nil || len(fresh) == 0 {
		return through, err
	}
	for _, e := range fresh {
		if err := t.project(ctx, gateway, e.Event); err != nil {
			return 0, explain("save events of gateway", string(gateway), err)
		}
	}
	last := fresh[len(fresh)-1]
	if err := t.appendEvents(ctx, gateway, fresh); err != nil {
		return 0, explain("save events of gateway", string(gateway), err)
	}
	err = t.exec(ctx, `UPDATE gateways SET last_event = $1, last_link = $2 WHERE id = $3`, last.Number, last.Link, gateway)
	return last.Number, explain("save events of gateway", string(gateway), err)
}

// bridges says whether the batch is one event that accounts for every number after through that it
// leaves out: the gateway had no room for them.
func (b Events) bridges(through uint64) bool {
	if len(b.Raw) != 1 {
		return false
	}
	e, err := readEvent(b.Raw[0], b.First, b.Received)
	return err == nil && e.Kind == access.EventLost && e.First <= through+1 && e.Last <= e.Number
}

// leap says whether the batch may begin beyond the next number because this database was restored and
// the gateway no longer has what lies between. The hole is kept, and there is one a restore.
func (t *Tx) leap(ctx context.Context, gateway access.GatewayID, b Events, through uint64) (bool, error) {
	rows, err := list(ctx, t.reader, func(id *string) []any { return []any{id} },
		`UPDATE gateways SET anew = 0 WHERE id = $1 AND anew = 1 RETURNING id`, gateway)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return true, t.exec(ctx, `INSERT INTO event_holes (gateway, first, last, found) VALUES ($1, $2, $3, $4)`, gateway, through+1, b.First-1, b.Received)
}

// endsLost says whether the newest stored event is a lost range: the chain begins anew after it.
func (t *Tx) endsLost(ctx context.Context, gateway access.GatewayID, through uint64) (lost bool, err error) {
	var n int
	err = t.row(ctx, `SELECT COUNT(*) FROM events WHERE gateway = $1 AND n = $2 AND kind = $3`, gateway, through, access.EventLost).Scan(&n)
	return n > 0, err
}

// Record is a stored event with what the cloud knows about it.
type Record struct {
	access.Event
	Received time.Time
	Late     bool        // it was history when it was recorded, or when it arrived: it triggers nothing
	Raw      []byte      // exactly as the gateway signed it
	Link     access.Link // the chain's link after it
}

// continues checks the batch against what is stored, and returns the events that are new. With anew
// its link before the first need not be the last one stored.
func (t *Tx) continues(ctx context.Context, gateway access.GatewayID, b Events, through uint64, last access.Link, anew bool) ([]Record, error) {
	conflict := func(format string, args ...any) error {
		return fault.New(fault.Conflict, "save events of gateway", string(gateway), format, args...).
			WithRemedy("The gateway's record of events and ours are not the same any more. Look at both, then enrol the gateway anew; the events stored here stay.")
	}
	link := b.Prev
	var fresh []Record
	for i, raw := range b.Raw {
		n := b.First + uint64(i)
		if n == through+1 && link != last && !anew {
			return nil, conflict("event %d does not continue the chain that ends with event %d", n, through)
		}
		link = access.Chain(link, raw)
		if n <= through {
			continue
		}
		e, err := readEvent(raw, n, b.Received)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "save events of gateway", string(gateway), err)
		}
		e.Link = link
		fresh = append(fresh, e)
	}
	if end := b.First + uint64(len(b.Raw)) - 1; end <= through { // all of it was here already
		var stored access.Link
		if err := t.row(ctx, `SELECT link FROM events WHERE gateway = $1 AND n = $2`, gateway, end).Scan(inDigest(&stored)); err != nil {
			return nil, explain("save events of gateway", string(gateway), err)
		}
		if stored != link {
			return nil, conflict("event %d is not the one that was stored under that number", end)
		}
	}
	return fresh, nil
}

func readEvent(raw []byte, n uint64, received time.Time) (Record, error) {
	r := Record{Raw: raw, Received: received}
	if err := json.Unmarshal(raw, &r.Event); err != nil {
		return r, fmt.Errorf("event %d cannot be read: %w", n, err)
	}
	if r.Number != n {
		return r, fmt.Errorf("event %d calls itself %d", n, r.Number)
	}
	r.Late = r.Event.Late() || received.Sub(r.Recorded) > access.LateAfter
	return r, nil
}

func (t *Tx) appendEvents(ctx context.Context, gateway access.GatewayID, fresh []Record) error {
	rows := make([][]any, len(fresh))
	for i, e := range fresh {
		rows[i] = []any{gateway, e.Number, e.Kind, e.Device, e.Person, e.Received, e.Late, e.Raw, e.Link}
	}
	return t.bulk(ctx, `INSERT INTO events (gateway, n, kind, device, person, received, late, raw, link)`, ``, rows)
}

// Audit lists up to limit stored events of a gateway after a number, in order.
func (s *Store) Audit(ctx context.Context, gateway access.GatewayID, after uint64, limit int) (out []Record, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = list(ctx, r, func(e *Record) []any { return []any{inTime(&e.Received), &e.Late, &e.Raw, inDigest(&e.Link)} },
			`SELECT received, late, raw, link FROM events WHERE gateway = $1 AND n > $2 ORDER BY n LIMIT $3`, gateway, after, limit)
		for i := range out {
			if err == nil {
				err = json.Unmarshal(out[i].Raw, &out[i].Event)
			}
		}
		return err
	})
	return out, err
}
