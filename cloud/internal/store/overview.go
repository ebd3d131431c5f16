package store

import (
	"context"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// Overview is one property at a glance.
type Overview struct {
	Property  model.Property
	Units     int
	People    int
	Leases    int
	Gateways  int
	Conflicts int  // open
	Last      *Run // nil: never synced
	Applied   *Run // the last run that was complete and not held: how old the data is
}

// Overview lists every property with its counts and last runs, by id.
func (s *Store) Overview(ctx context.Context) (out []Overview, err error) {
	err = s.view(ctx, func(r reader) error {
		properties, err := r.properties(ctx, "")
		if err != nil {
			return err
		}
		out = make([]Overview, len(properties))
		for i, p := range properties {
			out[i].Property = p
			if err := r.overview(ctx, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (r reader) overview(ctx context.Context, o *Overview) (err error) {
	id := o.Property.ID
	err = r.row(ctx, `SELECT (SELECT COUNT(*) FROM units WHERE property = $1), (SELECT COUNT(*) FROM people WHERE property = $1),
		(SELECT COUNT(*) FROM leases WHERE property = $1), (SELECT COUNT(*) FROM gateways WHERE property = $1),
		(SELECT COUNT(*) FROM conflicts WHERE property = $1 AND closed = 0)
			+ (SELECT COUNT(*) FROM gateways WHERE property = $1 AND ahead_revision <> 0)
			+ (SELECT COUNT(*) FROM overlays o JOIN gateways g ON g.id = o.gateway WHERE g.property = $1 AND o.state = 'open')`, id).
		Scan(&o.Units, &o.People, &o.Leases, &o.Gateways, &o.Conflicts)
	if err == nil {
		o.Last, err = r.newestRun(ctx, id, ``)
	}
	if err == nil {
		o.Applied, err = r.newestRun(ctx, id, `AND complete = 1 AND held = ''`)
	}
	return err
}

func (r reader) newestRun(ctx context.Context, property access.PropertyID, and string) (*Run, error) {
	runs, err := list(ctx, r, runFields, runColumns+`WHERE property = $1 `+and+` ORDER BY id DESC LIMIT 1`, property)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return &runs[0], nil
}
