package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"

	"gatehouse/protocol/access/fault"
)

//go:embed schema/*.sql
var schema embed.FS

// migrate brings the schema up to date. Other processes may do the same at the same time.
func migrate(ctx context.Context, kind dialect, db *sql.DB) error {
	p, err := newMigrations(kind, db)
	if err != nil {
		return err
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fault.New(fault.Invalid, "open database", "", "its schema has version %d, this program knows %d: a newer program made it", current, newest).
			WithRemedy("Start the newer gatehouse-cloud again, or restore a backup made before the update.")
	}
	_, err = p.Up(ctx)
	if err != nil && kind == sqlite {
		// goose has no lock for SQLite: another process may have been faster. Each step is one
		// transaction, so trying again finds it done.
		_, err = p.Up(ctx)
	}
	return err
}

func newMigrations(kind dialect, db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if kind == sqlite {
		return goose.NewProvider(goose.DialectSQLite3, db, files, options...)
	}
	return goose.NewProvider(goose.DialectPostgres, db, inPostgres{files}, append(options, goose.WithSessionLocker(turns{}))...)
}

// turns lets one process after the other migrate a schema. goose's own lock asks again every five
// seconds; this one waits in the server. It ends with its connection, also when the process dies.
type turns struct{}

const turnsLock = `(7204, hashtext(current_schema()))` // 7204 is ours among the users of advisory locks

// SessionLock waits for the turn.
func (turns) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock`+turnsLock)
	return err
}

// SessionUnlock lets the next one go.
func (turns) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock`+turnsLock)
	return err
}

// inPostgres shows the schema's files in PostgreSQL's words. Both databases understand everything
// else in them.
type inPostgres struct{ fs.FS }

// Open returns the translated file.
func (p inPostgres) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	b, err := fs.ReadFile(p.FS, name)
	words := strings.NewReplacer("INTEGER", "BIGINT", "BLOB", "BYTEA", ") STRICT;", ");").Replace(string(b))
	return translated{f, bytes.NewReader([]byte(words))}, err
}

type translated struct {
	fs.File
	words *bytes.Reader
}

// Read reads the translation.
func (t translated) Read(b []byte) (int, error) { return t.words.Read(b) }
