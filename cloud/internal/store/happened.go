package store

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"gatehouse/protocol/access"
)

// happened is what makes an event one that happened at a door or to a panel; the index of that name has
// the same words.
const happened = `(e.kind IN ('door', 'ring', 'tamper', 'reachable', 'unreachable') OR e.kind = 'failed' AND e.person = '')`

// Happening is one event at a door or of a panel, with the names of what it is about.
type Happening struct {
	access.Event
	Gateway  access.GatewayID
	Received time.Time
	Late     bool   // history when it was recorded, or when it arrived
	Name     string // of the person; "": nobody, or not in the roster
	DoorName string // likewise
	UnitName string // likewise
}

// HappeningsAsk chooses what happened.
type HappeningsAsk struct {
	Person access.PersonID             // only what they did; "": everything
	Before map[access.GatewayID]uint64 // of these gateways only events before these numbers
	Limit  int                         // 0: 100
}

// Happenings are the newest first.
type Happenings struct {
	List []Happening
	Next map[access.GatewayID]uint64 // HappeningsAsk.Before of those that come next; nil: there are none
}

// Happened lists what happened at the doors and panels of a property. Events of one gateway stay in their
// order; those of several are joined by the time at which they were recorded.
func (s *Store) Happened(ctx context.Context, property access.PropertyID, ask HappeningsAsk) (out Happenings, err error) {
	limit := cmp.Or(ask.Limit, 100)
	err = s.view(ctx, func(r reader) error {
		type row struct{ id access.GatewayID }
		gateways, err := list(ctx, r, func(g *row) []any { return []any{&g.id} }, `SELECT id FROM gateways WHERE property = $1 ORDER BY id`, property)
		if err != nil {
			return err
		}
		var all [][]Happening
		for _, g := range gateways {
			one, err := r.happenedAt(ctx, g.id, ask, limit+1)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		out = joinHappenings(all, ask.Before, limit)
		return r.nameHappenings(ctx, property, out.List)
	})
	return out, explain("read what happened at property", string(property), err)
}

func (r reader) happenedAt(ctx context.Context, gateway access.GatewayID, ask HappeningsAsk, limit int) ([]Happening, error) {
	before, some := ask.Before[gateway]
	if !some {
		before = math.MaxInt64
	}
	type row struct {
		Happening
		raw []byte
	}
	rows, err := list(ctx, r, func(w *row) []any { return []any{inTime(&w.Received), &w.Late, &w.raw, &w.Name} },
		`SELECT e.received, e.late, e.raw, `+named+` FROM events e JOIN gateways g ON g.id = e.gateway
			LEFT JOIN people p ON p.property = g.property AND p.id = e.person
			WHERE e.gateway = $1 AND e.n < $2 AND ($3 = '' OR e.person = $3) AND `+happened+` ORDER BY e.n DESC LIMIT $4`,
		gateway, before, ask.Person, limit)
	var out []Happening
	for _, w := range rows {
		w.Gateway = gateway
		if err == nil {
			err = json.Unmarshal(w.raw, &w.Event)
		}
		out = append(out, w.Happening)
	}
	return out, err
}

// joinHappenings takes the newest of several lists, each of which is in its order.
func joinHappenings(all [][]Happening, before map[access.GatewayID]uint64, limit int) (out Happenings) {
	next := maps.Clone(before)
	if next == nil {
		next = map[access.GatewayID]uint64{}
	}
	for {
		best := -1
		for i, l := range all {
			if len(l) > 0 && (best < 0 || l[0].Recorded.After(all[best][0].Recorded)) {
				best = i
			}
		}
		if best < 0 {
			return out
		}
		if len(out.List) == limit {
			out.Next = next
			return out
		}
		one := all[best][0]
		all[best], out.List = all[best][1:], append(out.List, one)
		next[one.Gateway] = one.Number
	}
}

// nameHappenings finds the names of doors and units.
func (r reader) nameHappenings(ctx context.Context, property access.PropertyID, all []Happening) error {
	type row struct{ id, name string }
	names := func(table string) (map[string]string, error) {
		rows, err := list(ctx, r, func(w *row) []any { return []any{&w.id, &w.name} }, `SELECT id, name FROM `+table+` WHERE property = $1`, property)
		out := map[string]string{}
		for _, w := range rows {
			out[w.id] = w.name
		}
		return out, err
	}
	doors, err := names("doors")
	if err != nil {
		return err
	}
	units := map[string]string{}
	if slices.ContainsFunc(all, func(h Happening) bool { return h.Unit != "" }) {
		if units, err = names("units"); err != nil {
			return err
		}
	}
	for i := range all {
		all[i].DoorName, all[i].UnitName = doors[string(all[i].Door)], units[string(all[i].Unit)]
	}
	return nil
}
