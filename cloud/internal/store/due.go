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

// SetSyncDue says when the source of a property is to be read next. Under a lost lease nothing
// changes (Conflict).
func (s *Store) SetSyncDue(ctx context.Context, under Fence, property access.PropertyID, due time.Time) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		err := t.exec(ctx, `INSERT INTO sync_due (property, due) VALUES ($1, $2) ON CONFLICT (property) DO UPDATE SET due = excluded.due`, property, due)
		return explain("save when to sync", string(property), err)
	})
}
