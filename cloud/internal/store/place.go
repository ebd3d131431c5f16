package store

import (
	"context"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// UpsertProperty adds a property or changes its name, zone, origin and settings. It must be valid.
func (t *Tx) UpsertProperty(ctx context.Context, p model.Property) error {
	if err := p.Validate(); err != nil {
		return err
	}
	err := t.exec(ctx, `INSERT INTO properties (id, name, zone, origin, ref, settings) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, zone = excluded.zone, origin = excluded.origin, ref = excluded.ref, settings = excluded.settings`,
		p.ID, p.Name, p.Zone, p.Origin, p.Ref, p.Settings)
	return explain("save property", string(p.ID), err)
}

// SetDoors makes doors the doors of the property: the configuration names them all, and one that is
// no longer named is gone.
func (t *Tx) SetDoors(ctx context.Context, property access.PropertyID, doors []access.Door) error {
	rows := make([][]any, len(doors))
	for i, d := range doors {
		if err := d.Validate(); err != nil {
			return err
		}
		rows[i] = []any{property, d.ID, d.Name, d.Unit}
	}
	return t.replace(ctx, property, "doors", `INSERT INTO doors (property, id, name, unit)`, rows)
}

// SetGroups makes groups the door groups of the property, like SetDoors.
func (t *Tx) SetGroups(ctx context.Context, property access.PropertyID, groups []access.Group) error {
	rows := make([][]any, len(groups))
	for i, g := range groups {
		if err := g.Validate(); err != nil {
			return err
		}
		rows[i] = []any{property, g.ID, g.Name, g.Doors, g.Schedule, g.Common, g.Shareable}
	}
	return t.replace(ctx, property, "door_groups", `INSERT INTO door_groups (property, id, name, doors, schedule, common, shareable)`, rows)
}

func (t *Tx) replace(ctx context.Context, property access.PropertyID, table, head string, rows [][]any) error {
	if err := t.takeProperty(ctx, property); err != nil {
		return err
	}
	err := t.exec(ctx, `DELETE FROM `+table+` WHERE property = $1`, property)
	if err == nil {
		err = t.bulk(ctx, head, "", rows)
	}
	return explain("save "+table, string(property), err)
}

// Properties lists every property with its settings, by id.
func (s *Store) Properties(ctx context.Context) (out []model.Property, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.properties(ctx, "")
		return err
	})
	return out, err
}

// properties lists one property, or all for "". Settings that are newer than a stored row get their
// default.
func (r reader) properties(ctx context.Context, id access.PropertyID) ([]model.Property, error) {
	fields := func(p *model.Property) []any {
		p.Settings = model.DefaultSettings()
		return []any{&p.ID, &p.Name, &p.Zone, &p.Origin, &p.Ref, inJSON(&p.Settings)}
	}
	const query = `SELECT id, name, zone, origin, ref, settings FROM properties`
	if id == "" {
		return list(ctx, r, fields, query+` ORDER BY id`)
	}
	return list(ctx, r, fields, query+` WHERE id = $1`, id)
}
