package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gatehouse/protocol/access/fault"
)

// Fence is the proof of a lease: writes made under it are refused once somebody else has taken the
// lease over, however late the writer notices. The zero Fence fences nothing.
type Fence struct {
	Name   string
	Number uint64 // grows with every change of owner
}

// Lease takes or renews the lease name for owner until now+ttl. It is held when nobody else's lease
// is running; the fence keeps its number as long as the owner stays the same, so an owner needs an id
// of its own with every start. Expiry is judged by the callers' clocks: skew between machines can
// make them change hands early, and the fence is what keeps that harmless.
func (s *Store) Lease(ctx context.Context, name, owner string, now time.Time, ttl time.Duration) (f Fence, held bool, err error) {
	f.Name = name
	err = s.write.QueryRowContext(ctx, `INSERT INTO claims (name, owner, fence, until) VALUES ($1, $2, 1, $3)
		ON CONFLICT (name) DO UPDATE SET
			fence = CASE WHEN claims.owner = excluded.owner THEN claims.fence ELSE claims.fence + 1 END,
			owner = excluded.owner, until = excluded.until
		WHERE claims.owner = excluded.owner OR claims.until <= $4
		RETURNING fence`, values([]any{name, owner, now.Add(ttl), now})...).Scan(&f.Number)
	if errors.Is(err, sql.ErrNoRows) {
		return Fence{}, false, nil
	}
	return f, err == nil, explain("take lease", name, err)
}

// Release gives a lease back at once, so that another replica need not wait for its end. Releasing
// what is no longer held does nothing.
func (s *Store) Release(ctx context.Context, f Fence) error {
	_, err := s.write.ExecContext(ctx, `UPDATE claims SET owner = '', until = 0 WHERE name = $1 AND fence = $2`, values([]any{f.Name, f.Number})...)
	return explain("release lease", f.Name, err)
}

// Guard fails (Conflict) unless the fence's lease is still this holder's, and keeps it so until the
// transaction ends.
func (t *Tx) Guard(ctx context.Context, f Fence) error {
	if f == (Fence{}) {
		return nil
	}
	var got uint64
	err := t.row(ctx, `UPDATE claims SET fence = fence WHERE name = $1 AND fence = $2 RETURNING fence`, f.Name, f.Number).Scan(&got)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "write under lease", f.Name, "another process has taken the lease over")
	}
	return explain("write under lease", f.Name, err)
}

// fenced is Update under a fence.
func (s *Store) fenced(ctx context.Context, f Fence, work func(*Tx) error) error {
	return s.Update(ctx, func(t *Tx) error {
		if err := t.Guard(ctx, f); err != nil {
			return err
		}
		return work(t)
	})
}
