package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // driver "sqlite"

	"gatehouse/protocol/access/fault"
)

// dialect is the kind of database.
type dialect string

const (
	sqlite   dialect = "sqlite"
	postgres dialect = "postgres"
)

// busyTimeout is how long a writer waits for another process's transaction on SQLite.
const busyTimeout = 5 * time.Second

// poolSize bounds the connections: readers on SQLite, everybody on PostgreSQL.
const poolSize = 8

// Store is an open database. It is safe for concurrent use, and other processes may use the same
// database at the same time.
type Store struct {
	write, read *sql.DB // the same pool on PostgreSQL
	sealer      sealer
	log         *slog.Logger
	name        string // of the database in messages, without credentials
	changed     atomic.Pointer[func()]
}

// OnChange makes f be told after every commit of this process that gives a publisher something to do;
// what other processes commit shows in Changes only. It must not block. The last f counts.
func (s *Store) OnChange(f func()) { s.changed.Store(&f) }

// Open opens the database at dsn, making it and bringing its schema up to date as needed:
//
//	sqlite:///var/lib/gatehouse/cloud.db            (an absolute path)
//	postgres://user@host:5432/gatehouse?sslmode=…   (everything pgx understands)
//
// A database that was made with another key, or by a newer program, is refused (Denied, Invalid) and
// not changed. Close it at the end.
func Open(ctx context.Context, dsn string, key Key, log *slog.Logger) (*Store, error) {
	return open(ctx, dsn, key, log, busyTimeout)
}

func open(ctx context.Context, dsn string, key Key, log *slog.Logger, busy time.Duration) (*Store, error) {
	s := &Store{log: log}
	kind, err := s.connect(dsn, busy)
	if err != nil {
		return nil, err
	}
	s.sealer, err = newSealer(key)
	if err == nil {
		err = migrate(ctx, kind, s.write)
	}
	if err == nil {
		err = s.checkKey(ctx)
	}
	if err != nil {
		return nil, errors.Join(explain("open database", s.name, err), s.Close())
	}
	log.Debug("database open", "database", s.name, "kind", string(kind))
	return s, nil
}

func (s *Store) connect(dsn string, busy time.Duration) (dialect, error) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	switch scheme {
	case "sqlite":
		return sqlite, s.connectSQLite(rest, busy)
	case "postgres", "postgresql":
		return postgres, s.connectPostgres(dsn)
	}
	return "", fault.New(fault.Invalid, "open database", scheme, "its address begins with neither sqlite:// nor postgres://").
		WithRemedy("Write sqlite:///var/lib/gatehouse/cloud.db or postgres://user@host:5432/database.")
}

func (s *Store) connectSQLite(path string, busy time.Duration) (err error) {
	s.name = path
	if !filepath.IsAbs(path) {
		return fault.New(fault.Invalid, "open database", path, "its path is not absolute").
			WithRemedy("Write sqlite:// and then the path from the root, as in sqlite:///var/lib/gatehouse/cloud.db.")
	}
	if err := makePrivate(path); err != nil {
		return explain("open database", path, err)
	}
	// A deferred transaction that turns into a writer fails at once when another one wrote meanwhile;
	// so writers begin immediate, through one connection, and readers cannot write at all.
	always := []string{"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")", "foreign_keys(1)"}
	s.write, err = openSQLite(path, url.Values{"_txlock": {"immediate"},
		"_pragma": append(always, "journal_mode(WAL)", "synchronous(FULL)")}, 1)
	if err != nil {
		return err
	}
	s.read, err = openSQLite(path, url.Values{"mode": {"ro"}, "_pragma": append(always, "query_only(1)")}, poolSize)
	return err
}

// makePrivate makes an empty file that only its owner reads; SQLite gives its companions the same mode.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func openSQLite(path string, options url.Values, conns int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err == nil {
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
	}
	return db, err
}

func (s *Store) connectPostgres(dsn string) error {
	u, err := url.Parse(dsn)
	if err != nil { // the parser's own words would repeat the password
		return fault.New(fault.Invalid, "open database", "postgres", "its address is not a URL").
			WithRemedy("Write postgres://user@host:5432/database; escape special characters of a password as %%XX.")
	}
	s.name = "postgres " + u.Host + u.Path
	config, err := pgx.ParseConfig(dsn)
	if err != nil { // its words hide the password
		return fault.New(fault.Invalid, "open database", s.name, "its address has a setting that does not work: %v", err)
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s.write, s.read = db, db
	return nil
}

// Close waits for running transactions and closes the database.
func (s *Store) Close() error {
	var err error
	if s.read != nil && s.read != s.write {
		err = s.read.Close()
	}
	if s.write != nil {
		err = errors.Join(err, s.write.Close())
	}
	return err
}

const keyCheck = "gatehouse key check"

// checkKey leaves a sealed mark in a new database and opens the mark of an old one: with a wrong key
// nothing else may be read or written.
func (s *Store) checkKey(ctx context.Context) error {
	var mark []byte
	_, err := s.write.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
		keyCheck, s.sealer.seal([]byte(keyCheck), "meta", keyCheck))
	if err == nil {
		err = s.write.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, keyCheck).Scan(&mark)
	}
	if err != nil {
		return err
	}
	if _, err := s.sealer.open(mark, "meta", keyCheck); err != nil {
		return fault.New(fault.Denied, "open database", s.name, "its secrets were sealed with another key than the one in the key file").
			WithRemedy("Put the key file of this database back from a backup. If it is lost, start a new database and import again: the secrets cannot be recovered.")
	}
	return nil
}
