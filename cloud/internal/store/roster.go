package store

import (
	"context"
	"database/sql"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// Roster reads everybody of a property, with secrets, from one consistent picture, in the order in
// which ids were given. An unknown property is Invalid. To change it, use Tx.Roster.
func (s *Store) Roster(ctx context.Context, property access.PropertyID) (out model.Roster, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.roster(ctx, property)
		return err
	})
	return out, err
}

// Roster reads everybody of a property and keeps other writers away from it until the transaction
// ends: what is derived from it is saved with SaveRoster.
func (t *Tx) Roster(ctx context.Context, property access.PropertyID) (model.Roster, error) {
	if err := t.takeProperty(ctx, property); err != nil {
		return model.Roster{}, err
	}
	r, err := t.roster(ctx, property)
	return r, explain("read roster", string(property), err)
}

func (r reader) roster(ctx context.Context, id access.PropertyID) (out model.Roster, err error) {
	found, err := r.properties(ctx, id)
	if err == nil && len(found) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return out, missing(err, "property", string(id))
	}
	out.Property = found[0]
	for _, read := range []func() error{
		func() error { out.Buildings, err = r.buildings(ctx, id); return err },
		func() error { out.Units, err = r.units(ctx, id); return err },
		func() error { out.Doors, err = r.doors(ctx, id); return err },
		func() error { out.Groups, err = r.groups(ctx, id); return err },
		func() error { out.People, err = r.people(ctx, id); return err },
		func() error { out.Leases, err = r.leases(ctx, id); return err },
	} {
		if err := read(); err != nil {
			return model.Roster{}, err
		}
	}
	return out, nil
}

func (r reader) buildings(ctx context.Context, id access.PropertyID) ([]access.Building, error) {
	return list(ctx, r, func(b *access.Building) []any { return []any{&b.ID, &b.Name} },
		`SELECT id, name FROM buildings WHERE property = $1 ORDER BY LENGTH(id), id`, id)
}

func (r reader) units(ctx context.Context, id access.PropertyID) ([]model.Unit, error) {
	return list(ctx, r, func(u *model.Unit) []any { return []any{&u.ID, &u.Building, &u.Name, &u.Slots, &u.Ref} },
		`SELECT id, building, name, slots, ref FROM units WHERE property = $1 ORDER BY LENGTH(id), id`, id)
}

func (r reader) doors(ctx context.Context, id access.PropertyID) ([]access.Door, error) {
	return list(ctx, r, func(d *access.Door) []any { return []any{&d.ID, &d.Name, &d.Unit} },
		`SELECT id, name, unit FROM doors WHERE property = $1 ORDER BY id`, id)
}

func (r reader) groups(ctx context.Context, id access.PropertyID) ([]access.Group, error) {
	return list(ctx, r, func(g *access.Group) []any {
		return []any{&g.ID, &g.Name, inJSON(&g.Doors), &g.Schedule, &g.Common, &g.Shareable}
	}, `SELECT id, name, doors, schedule, common, shareable FROM door_groups WHERE property = $1 ORDER BY id`, id)
}

// sealedPerson is a person as stored.
type sealedPerson struct {
	model.Person
	pin, card []byte
}

func (r reader) people(ctx context.Context, id access.PropertyID) ([]model.Person, error) {
	rows, err := list(ctx, r, func(p *sealedPerson) []any {
		return []any{&p.ID, &p.Kind, &p.First, &p.Last, &p.Company, &p.Email, inJSON(&p.Phones), &p.Directory, &p.Origin, &p.Ref,
			&p.Type, &p.RawType, &p.EmailClass, &p.Primary, &p.OwnPIN, &p.OwnCard, &p.pin, &p.card, inJSON(&p.Held), inJSON(&p.May)}
	}, `SELECT id, kind, first_name, last_name, company, email, phones, directory, origin, ref, type, raw_type, email_class, head, own_pin, own_card, pin, card, held, may
		FROM people WHERE property = $1 ORDER BY LENGTH(id), id`, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	out := make([]model.Person, len(rows))
	for i, row := range rows {
		out[i] = row.Person
		if out[i].PIN, err = r.sealer.reveal(row.pin, "people", string(id), string(row.ID), "pin"); err != nil {
			return nil, err
		}
		if out[i].Card, err = r.sealer.reveal(row.card, "people", string(id), string(row.ID), "card"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r reader) leases(ctx context.Context, id access.PropertyID) ([]model.Lease, error) {
	return list(ctx, r, func(l *model.Lease) []any {
		return []any{&l.ID, &l.Person, &l.Unit, &l.Ref, &l.Status, &l.RawStatus, inDate(&l.MoveIn), inDate(&l.MoveOut), inDate(&l.LeaseStart),
			inDate(&l.LeaseEnd), &l.MoveInTime, &l.MoveOutTime, inDate(&l.Notice), &l.MonthToMonth, &l.Missing, &l.MissingIn, inTime(&l.PastSeen)}
	}, `SELECT id, person, unit, ref, status, raw_status, move_in, move_out, lease_start, lease_end, move_in_time, move_out_time, notice,
			month_to_month, missing, missing_in, past_seen
		FROM leases WHERE property = $1 ORDER BY LENGTH(id), id`, id)
}
