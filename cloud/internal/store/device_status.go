package store

import (
	"context"
	"slices"

	"gatehouse/protocol/access"
)

// told is what one gateway should know about people, and what it said about them.
type told struct {
	gateway GatewayStatus
	grants  map[access.PersonID][]access.Grant
	groups  map[access.GroupID][]access.DoorID
	units   map[access.UnitID][]access.DoorID
	wanted  map[access.PersonID]uint64 // revision that last changed anything about them
	said    map[access.PersonID][]saying
}

// saying is the last word about a person on a device.
type saying struct {
	DeviceState
	person access.PersonID
	epoch  uint64
}

func (r reader) readTold(ctx context.Context, g GatewayStatus) (told, error) {
	t := told{gateway: g, grants: map[access.PersonID][]access.Grant{}, groups: map[access.GroupID][]access.DoorID{},
		units: map[access.UnitID][]access.DoorID{}, wanted: map[access.PersonID]uint64{}, said: map[access.PersonID][]saying{}}
	items, err := r.items(ctx, g.ID, `gateway = $1 AND kind IN ('door', 'group', 'grant')`)
	if err != nil {
		return t, err
	}
	for _, it := range items {
		if err := t.learn(it); err != nil {
			return t, err
		}
	}
	if err := r.readWanted(ctx, g.ID, t.wanted); err != nil {
		return t, err
	}
	said, err := r.readSaid(ctx, g.ID)
	for _, s := range said {
		t.said[s.person] = append(t.said[s.person], s)
	}
	return t, err
}

func (t *told) learn(it access.Item) error {
	noun, err := access.Decode(it)
	switch n := noun.(type) {
	case access.Grant:
		t.grants[n.Person] = append(t.grants[n.Person], n)
	case access.Group:
		t.groups[n.ID] = n.Doors
	case access.Door:
		if n.Unit != "" {
			t.units[n.Unit] = append(t.units[n.Unit], n.ID)
		}
	}
	return err
}

func (r reader) readWanted(ctx context.Context, gateway access.GatewayID, into map[access.PersonID]uint64) error {
	type row struct {
		person   access.PersonID
		revision uint64
	}
	for _, from := range []string{"gateway_items", "gateway_gone"} {
		rows, err := list(ctx, r, func(w *row) []any { return []any{&w.person, &w.revision} },
			`SELECT person, MAX(revision) FROM `+from+` WHERE gateway = $1 AND person <> '' GROUP BY person`, gateway)
		if err != nil {
			return err
		}
		for _, w := range rows {
			into[w.person] = max(into[w.person], w.revision)
		}
	}
	return nil
}

func (r reader) readSaid(ctx context.Context, gateway access.GatewayID) ([]saying, error) {
	return list(ctx, r, func(s *saying) []any {
		s.Gateway = gateway
		return []any{&s.person, &s.Device, &s.Op, &s.State, &s.Grade, inTime(&s.Written), inTime(&s.Confirmed), &s.epoch, &s.Acted,
			&s.Fault, &s.Message, inTime(&s.NextTry), &s.Attempts}
	}, `SELECT person, device, op, state, grade, written, confirmed, epoch, revision, fault, message, next_try, attempts
		FROM device_people WHERE gateway = $1 ORDER BY person, device`, gateway)
}

// strangers lists people who are not in the roster but whose removal is not proven on some device.
func (t told) strangers(roster map[access.PersonID]int) []access.PersonID {
	var out []access.PersonID
	for id, said := range t.said {
		_, known := roster[id]
		if !known && slices.ContainsFunc(said, func(s saying) bool { return s.State != Removed }) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func (t told) describe(p *PersonStatus, id access.PersonID) {
	for _, g := range t.grants[id] {
		p.addGrant(g)
	}
	seen := map[access.DeviceID]bool{}
	for _, s := range t.said[id] {
		seen[s.Device] = true
		p.Devices = append(p.Devices, t.judge(s, id))
	}
	for _, d := range t.gateway.Devices {
		if !seen[d.ID] && t.serves(d, id) {
			p.Devices = append(p.Devices, t.judge(saying{DeviceState: DeviceState{Gateway: t.gateway.ID, Device: d.ID}}, id))
		}
	}
}

// judge decides between what the gateway said and what it may not know or not have done yet.
func (t told) judge(s saying, id access.PersonID) DeviceState {
	s.Wanted = t.wanted[id]
	for _, d := range t.gateway.Devices {
		if d.ID == s.Device {
			s.Name = d.Name
		}
	}
	epoch, stored := t.gateway.Published.Epoch, t.gateway.Stored
	switch {
	case stored.Before(access.Position{Epoch: epoch, Revision: s.Wanted}):
		s.State = Planned
	case s.State == "" || s.Wanted > 0 && (s.epoch < epoch || s.Acted < s.Wanted):
		s.State = Stored
	}
	return s.DeviceState
}

// serves reports whether a device opens a door that somebody is granted, now or later.
func (t told) serves(d DeviceInfo, id access.PersonID) bool {
	for _, g := range t.grants[id] {
		doors := slices.Concat(t.groups[g.Group], t.units[g.Unit], []access.DoorID{g.Door})
		if slices.ContainsFunc(doors, func(door access.DoorID) bool { _, ok := d.Doors[door]; return ok && door != "" }) {
			return true
		}
	}
	return false
}
