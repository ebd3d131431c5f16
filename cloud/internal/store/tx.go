package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// retries is how often a transaction runs again after PostgreSQL undid it in favour of another.
const retries = 8

// Tx is one unit of work. It is valid inside the function given to Update, for one goroutine.
type Tx struct {
	reader
	db        *sql.Tx
	revisions bool // a new revision was allocated
	taken     map[access.PropertyID]bool
}

// Update runs work in one transaction: it is committed, on disk, when Update returns nil, and leaves
// nothing behind otherwise. Work may run more than once and must not act on anything but its Tx; it
// must not call methods of the Store that write, which would wait for it for ever. An error of work
// that has a fault kind is returned as it is.
func (s *Store) Update(ctx context.Context, work func(*Tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, work)
		if err == nil || try == retries || !collided(err) {
			return explain("write to database", s.name, err)
		}
		s.log.Debug("transaction undone in favour of another, again", "try", try)
		if err := pause(ctx, try); err != nil {
			return explain("write to database", s.name, err)
		}
	}
}

// pause waits a random while, so that two that collided do not meet again in step.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(time.Duration(try) * 20 * time.Millisecond))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) once(ctx context.Context, work func(*Tx) error) error {
	db, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = db.Rollback() }() // after a commit it does nothing
	tx := &Tx{reader: reader{db, s.sealer}, db: db, taken: map[access.PropertyID]bool{}}
	if err := work(tx); err != nil {
		return err
	}
	// Last of all, because every writer of revisions wants this row: it is held only while committing.
	if tx.revisions {
		if err := tx.exec(ctx, `UPDATE changes SET n = n + 1`); err != nil {
			return err
		}
	}
	if err := db.Commit(); err != nil {
		return err
	}
	if f := s.changed.Load(); f != nil && tx.revisions {
		(*f)()
	}
	return nil
}

// view reads from one consistent picture of the database, without waiting for writers.
func (s *Store) view(ctx context.Context, look func(reader) error) error {
	db, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return explain("read database", s.name, err)
	}
	defer func() { _ = db.Rollback() }()
	return explain("read database", s.name, look(reader{db, s.sealer}))
}

// Changes counts commits that allocated revisions, by any process that uses this database. It is
// cheap to ask: whoever publishes compares it with what it saw last.
func (s *Store) Changes(ctx context.Context) (uint64, error) {
	var n uint64
	err := s.read.QueryRowContext(ctx, `SELECT n FROM changes`).Scan(&n)
	return n, explain("read database", s.name, err)
}

// reader is what both a Tx and a view can do.
type reader struct {
	q      *sql.Tx
	sealer sealer
}

func (r reader) row(ctx context.Context, query string, args ...any) *sql.Row {
	return r.q.QueryRowContext(ctx, query, values(args)...)
}

// list runs a query and makes a T of every row; fields says where a row's columns go.
func list[T any](ctx context.Context, r reader, fields func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := r.q.QueryContext(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var one T
		if err := rows.Scan(fields(&one)...); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.db.ExecContext(ctx, query, values(args)...)
	return err
}

// bulkArgs bounds the placeholders of one statement. Few, because SQLite looks every $n up by name,
// one after the other; many enough that PostgreSQL's round trips do not count.
const bulkArgs = 200

// bulk inserts many rows with few statements: head "INSERT INTO t (a, b)", tail an ON CONFLICT
// clause or "".
func (t *Tx) bulk(ctx context.Context, head, tail string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	width := len(rows[0])
	for part := range slices.Chunk(rows, max(1, bulkArgs/width)) {
		query := head + " VALUES " + tuples(len(part), width) + " " + tail
		if err := t.exec(ctx, query, slices.Concat(part...)...); err != nil {
			return err
		}
	}
	return nil
}

// tuples is "($1, $2), ($3, $4)" for 2 of width 2.
func tuples(n, width int) string {
	var b strings.Builder
	for i := range n * width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString(placeholder(i + 1))
	}
	b.WriteString(")")
	return b.String()
}

// placeholder is "$n".
func placeholder(n int) string { return fmt.Sprintf("$%d", n) }

// takeProperty makes this transaction the only one that writes to the property until it ends. An
// UPDATE, because SQLite has no SELECT FOR UPDATE.
func (t *Tx) takeProperty(ctx context.Context, id access.PropertyID) error {
	var got string
	err := t.row(ctx, `UPDATE properties SET name = name WHERE id = $1 RETURNING id`, id).Scan(&got)
	if err == nil {
		t.taken[id] = true
	}
	return missing(err, "property", string(id))
}

// The kinds of id that NewIDs counts.
const (
	PersonIDs     = "p"
	UnitIDs       = "u"
	BuildingIDs   = "b"
	ResidencyIDs  = "r"
	CredentialIDs = "c"
	GrantIDs      = "g"
	GatewayIDs    = "gw" // counted over all properties: give property ""
)

// NewIDs allocates n ids of a kind within a property: "p1", "p2", … An id is never given twice, even
// when what it named is gone; one that was allocated in a transaction that failed was never seen.
func (t *Tx) NewIDs(ctx context.Context, property access.PropertyID, kind string, n int) ([]string, error) {
	last, err := t.count(ctx, string(property), kind, n)
	if err != nil {
		return nil, err
	}
	out, digits := make([]string, n), 1
	if kind == PersonIDs {
		digits = 6 // of one length: panels find people by a part of the id, and "p1" is a part of "p12"
	}
	for i := range out {
		out[i] = fmt.Sprintf("%s%0*d", kind, digits, last-uint64(n)+uint64(i)+1)
	}
	return out, nil
}

// NewID allocates one id.
func (t *Tx) NewID(ctx context.Context, property access.PropertyID, kind string) (string, error) {
	ids, err := t.NewIDs(ctx, property, kind, 1)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func (t *Tx) count(ctx context.Context, property, kind string, n int) (last uint64, err error) {
	err = t.row(ctx, `INSERT INTO counters (property, kind, n) VALUES ($1, $2, $3)
		ON CONFLICT (property, kind) DO UPDATE SET n = counters.n + excluded.n RETURNING n`, property, kind, n).Scan(&last)
	return last, explain("allocate id", kind, err)
}
