package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gatehouse/protocol/access"
)

// SyncDue is when the source of a property is to be read next; zero: nobody ever said.
func (s *Store) SyncDue(ctx context.Context, property access.PropertyID) (due time.Time, err error) {
	err = s.view(ctx, func(r reader) error {
		err := r.row(ctx, `SELECT due FROM sync_due WHERE property = $1`, property).Scan(inTime(&due))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return due, err
}

// SetSyncDue says when the source of a property is to be read next, after a run that began at began.
// Who asked for a run since then (AskSync) still gets one. Under a lost lease nothing changes
// (Conflict).
func (s *Store) SetSyncDue(ctx context.Context, under Fence, property access.PropertyID, began, due time.Time) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		err := t.exec(ctx, `INSERT INTO sync_due (property, due) VALUES ($1, $2)
			ON CONFLICT (property) DO UPDATE SET due = excluded.due WHERE sync_due.due <= $3`, property, due, began)
		return explain("save when to sync", string(property), err)
	})
}

// AskSync makes a property due at an instant. A run that is going on then does not count: it may
// have read before what the asker wants read.
func (s *Store) AskSync(ctx context.Context, property access.PropertyID, at time.Time) error {
	return s.Update(ctx, func(t *Tx) error {
		err := t.exec(ctx, `INSERT INTO sync_due (property, due) VALUES ($1, $2) ON CONFLICT (property) DO UPDATE SET due = excluded.due`, property, at)
		return explain("ask to sync", string(property), err)
	})
}

// Leased reports whether somebody holds a lease now.
func (s *Store) Leased(ctx context.Context, name string, now time.Time) (held bool, err error) {
	err = s.view(ctx, func(r reader) error {
		return r.row(ctx, `SELECT COUNT(*) > 0 FROM claims WHERE name = $1 AND owner <> '' AND until > $2`, name, now).Scan(&held)
	})
	return held, explain("look up lease", name, err)
}
