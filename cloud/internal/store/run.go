package store

import (
	"context"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// Run is one sync of a property from its source.
type Run struct {
	ID                uint64 // given by AddRun, growing per property
	Property          access.PropertyID
	Source            string // "csv residents.csv"
	Started, Finished time.Time
	Complete          bool     // nothing was missing, so absence counted
	Evidence          []string // why complete, or why not
	People            int      // read from the source
	Units             int
	Leases            int
	Skipped           int // records that were not taken
	Added             int // people
	Changed           int
	Removed           int
	Held              string // why nothing of it was applied; "": it was applied
}

// AddRun stores a run and returns its number; the run's own ID is ignored.
func (t *Tx) AddRun(ctx context.Context, r Run) (uint64, error) {
	id, err := t.count(ctx, string(r.Property), "run", 1)
	if err != nil {
		return 0, err
	}
	err = t.exec(ctx, `INSERT INTO sync_runs (property, id, source, started, finished, complete, evidence,
			people, units, leases, skipped, added, changed, removed, held)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		r.Property, id, r.Source, r.Started, r.Finished, r.Complete, r.Evidence,
		r.People, r.Units, r.Leases, r.Skipped, r.Added, r.Changed, r.Removed, r.Held)
	return id, explain("save sync run", string(r.Property), err)
}

const runColumns = `SELECT id, property, source, started, finished, complete, evidence, people, units, leases, skipped, added, changed, removed, held FROM sync_runs `

func runFields(r *Run) []any {
	return []any{&r.ID, &r.Property, &r.Source, inTime(&r.Started), inTime(&r.Finished), &r.Complete, inJSON(&r.Evidence),
		&r.People, &r.Units, &r.Leases, &r.Skipped, &r.Added, &r.Changed, &r.Removed, &r.Held}
}

// Runs lists the newest runs of a property, newest first.
func (s *Store) Runs(ctx context.Context, property access.PropertyID, limit int) (out []Run, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = list(ctx, r, runFields, runColumns+`WHERE property = $1 ORDER BY id DESC LIMIT $2`, property, limit)
		return err
	})
	return out, err
}

// OpenConflict is a conflict with the time it was first seen, this time round.
type OpenConflict struct {
	model.Conflict
	FirstSeen, LastSeen time.Time
}

// SetConflicts opens what was found and keeps the first sight of what was already open. With whole,
// found is everything there is and open conflicts that are not in it close; a run that saw only part
// of the source must not close anything. A closed conflict that is found again starts anew.
func (t *Tx) SetConflicts(ctx context.Context, property access.PropertyID, found []model.Conflict, whole bool, at time.Time) error {
	if err := t.takeProperty(ctx, property); err != nil {
		return err
	}
	for _, c := range found {
		err := t.exec(ctx, `INSERT INTO conflicts (property, kind, subject, words, remedy, found_by, first_seen, last_seen, closed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)
			ON CONFLICT (property, kind, subject) DO UPDATE SET words = excluded.words, remedy = excluded.remedy, found_by = excluded.found_by,
				first_seen = CASE WHEN conflicts.closed = 0 THEN conflicts.first_seen ELSE excluded.first_seen END,
				last_seen = excluded.last_seen, closed = 0`,
			property, c.Kind, c.Subject, c.Text, c.Remedy, c.FoundBy, at)
		if err != nil {
			return explain("save conflict", c.Subject, err)
		}
	}
	if !whole {
		return nil
	}
	return t.closeConflicts(ctx, property, found, at)
}

func (t *Tx) closeConflicts(ctx context.Context, property access.PropertyID, found []model.Conflict, at time.Time) error {
	open, err := t.conflicts(ctx, property)
	if err != nil {
		return explain("read conflicts", string(property), err)
	}
	type name struct{ kind, subject string }
	still := map[name]bool{}
	for _, c := range found {
		still[name{text(c.Kind), text(c.Subject)}] = true
	}
	for _, c := range open {
		if still[name{c.Kind, c.Subject}] {
			continue
		}
		err := t.exec(ctx, `UPDATE conflicts SET closed = $1 WHERE property = $2 AND kind = $3 AND subject = $4`, at, property, c.Kind, c.Subject)
		if err != nil {
			return explain("close conflict", c.Subject, err)
		}
	}
	return nil
}

// Conflicts lists the open conflicts of a property, oldest first.
func (s *Store) Conflicts(ctx context.Context, property access.PropertyID) (out []OpenConflict, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.conflicts(ctx, property)
		return err
	})
	return out, err
}

func (r reader) conflicts(ctx context.Context, property access.PropertyID) ([]OpenConflict, error) {
	return list(ctx, r, func(c *OpenConflict) []any {
		return []any{&c.Property, &c.Kind, &c.Subject, &c.Text, &c.Remedy, &c.FoundBy, inTime(&c.FirstSeen), inTime(&c.LastSeen)}
	}, `SELECT property, kind, subject, words, remedy, found_by, first_seen, last_seen FROM conflicts
		WHERE property = $1 AND closed = 0 ORDER BY first_seen, kind, subject`, property)
}
