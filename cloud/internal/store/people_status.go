package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// PropertyStatus is everything the status page shows of one property.
type PropertyStatus struct {
	Property  model.Property
	People    []PersonStatus // by last name, first name
	Gateways  []GatewayStatus
	Conflicts []OpenConflict // open ones
}

// PersonStatus is one person, and how far each device is with them. Somebody who is no longer in the
// roster but still on a device has only an id.
type PersonStatus struct {
	ID      access.PersonID
	Name    string
	Kind    access.PersonKind
	Origin  model.Origin
	Stays   []Stay
	Grants  []access.Grant // as published, by start
	Devices []DeviceState  // those that serve a door of a grant, or that said something about them
}

// Stay is a lease in words of the page.
type Stay struct {
	Unit            string // its name
	Status          string
	MoveIn, MoveOut pms.Date
}

// DeviceState is how far one device is with one person.
type DeviceState struct {
	Gateway   access.GatewayID
	Device    access.DeviceID
	Name      string // of the device
	State     State
	Op        access.Op    // what was done last; "": nothing yet
	Grade     access.Grade // of Confirmed
	Written   time.Time    // when the device accepted the last change; zero: not yet
	Confirmed time.Time    // when that was read back; zero: not yet
	Wanted    uint64       // revision that last changed anything about the person
	Acted     uint64       // revision the gateway acted on; smaller than Wanted: before the last change
	Fault     string
	Message   string
	NextTry   time.Time
	Attempts  int
}

// GatewayStatus is a gateway with its devices.
type GatewayStatus struct {
	Gateway
	Devices  []DeviceInfo
	Settings uint64 // revision in which its settings were last put; 0: it has none
	Acts     []Act  // the newest first
}

// DeviceInfo is a device of the last inventory. Without a word about its reachability Since is zero.
type DeviceInfo struct {
	access.Device
	Reachable bool
	Since     time.Time
	Message   string
}

// PeopleStatus reads the status of a property from one consistent picture; an unknown property is
// Invalid.
func (s *Store) PeopleStatus(ctx context.Context, property access.PropertyID) (out PropertyStatus, err error) {
	err = s.view(ctx, func(r reader) error {
		found, err := r.properties(ctx, property)
		if err == nil && len(found) == 0 {
			err = sql.ErrNoRows
		}
		if err != nil {
			return missing(err, "property", string(property))
		}
		out.Property = found[0]
		if out.Conflicts, err = r.conflicts(ctx, property); err != nil {
			return err
		}
		open, err := r.questions(ctx, property)
		if err != nil {
			return err
		}
		out.Conflicts = append(out.Conflicts, open...)
		if out.Gateways, err = r.gatewayStatus(ctx, property); err != nil {
			return err
		}
		out.People, err = r.peopleStatus(ctx, property, out.Gateways)
		return err
	})
	return out, err
}

func (r reader) gatewayStatus(ctx context.Context, property access.PropertyID) ([]GatewayStatus, error) {
	gateways, err := r.gateways(ctx, property)
	if err != nil {
		return nil, err
	}
	out := make([]GatewayStatus, len(gateways))
	for i, g := range gateways {
		out[i].Gateway = g
		out[i].Devices, err = list(ctx, r, func(d *DeviceInfo) []any {
			return []any{inJSON(&d.Device), &d.Reachable, inTime(&d.Since), &d.Message}
		}, `SELECT d.body, COALESCE(r.reachable, 0), COALESCE(r.since, 0), COALESCE(r.message, '')
			FROM devices d LEFT JOIN device_reach r ON r.gateway = d.gateway AND r.device = d.id WHERE d.gateway = $1 ORDER BY d.id`, g.ID)
		if err == nil {
			err = r.row(ctx, `SELECT COALESCE(MAX(revision), 0) FROM gateway_items WHERE gateway = $1 AND kind = $2`, g.ID, access.KindSettings).Scan(&out[i].Settings)
		}
		if err == nil {
			out[i].Acts, err = r.acts(ctx, g.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r reader) peopleStatus(ctx context.Context, property access.PropertyID, gateways []GatewayStatus) ([]PersonStatus, error) {
	people, err := r.residents(ctx, property)
	if err != nil {
		return nil, err
	}
	index := make(map[access.PersonID]int, len(people))
	for i, p := range people {
		index[p.ID] = i
	}
	for _, g := range gateways {
		told, err := r.readTold(ctx, g)
		if err != nil {
			return nil, err
		}
		for _, id := range told.strangers(index) { // gone from the roster, not yet from a device
			index[id] = len(people)
			people = append(people, PersonStatus{ID: id})
		}
		for id, i := range index {
			told.describe(&people[i], id)
		}
	}
	return people, nil
}

func (r reader) residents(ctx context.Context, property access.PropertyID) ([]PersonStatus, error) {
	type row struct {
		PersonStatus
		first, last, company string
	}
	rows, err := list(ctx, r, func(p *row) []any { return []any{&p.ID, &p.first, &p.last, &p.company, &p.Kind, &p.Origin} },
		`SELECT id, first_name, last_name, company, kind, origin FROM people WHERE property = $1`, property)
	if err != nil {
		return nil, err
	}
	// Sorted here, because databases differ in what order letters have.
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(compareFold(cmp.Or(a.last, a.company), cmp.Or(b.last, b.company)), compareFold(a.first, b.first), cmp.Compare(a.ID, b.ID))
	})
	stays, err := r.stays(ctx, property)
	out := make([]PersonStatus, len(rows))
	for i, p := range rows {
		out[i] = p.PersonStatus
		out[i].Name = cmp.Or(strings.TrimSpace(p.first+" "+p.last), p.company)
		out[i].Stays = stays[p.ID]
	}
	return out, err
}

func (r reader) stays(ctx context.Context, property access.PropertyID) (map[access.PersonID][]Stay, error) {
	type row struct {
		Stay
		person access.PersonID
	}
	rows, err := list(ctx, r, func(s *row) []any {
		return []any{&s.person, &s.Unit, &s.Status, inDate(&s.MoveIn), inDate(&s.MoveOut)}
	}, `SELECT l.person, u.name, l.status, l.move_in, l.move_out FROM leases l JOIN units u ON u.property = l.property AND u.id = l.unit
		WHERE l.property = $1 ORDER BY l.move_in, l.id`, property)
	out := map[access.PersonID][]Stay{}
	for _, s := range rows {
		out[s.person] = append(out[s.person], s.Stay)
	}
	return out, err
}

func compareFold(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) }

// byStart orders grants by start, then id.
func byStart(a, b access.Grant) int {
	return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID))
}

// addGrant adds a grant once: gateways of one property may carry the same one.
func (p *PersonStatus) addGrant(g access.Grant) {
	if !slices.ContainsFunc(p.Grants, func(o access.Grant) bool { return o.ID == g.ID }) {
		p.Grants = append(p.Grants, g)
		slices.SortFunc(p.Grants, byStart)
	}
}
