package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"

	"github.com/jackc/pgx/v5/pgconn"
	sqlitedriver "modernc.org/sqlite"

	"gatehouse/protocol/access/fault"
)

// SQLite's primary result codes (sqlite.org/rescode.html); extended ones carry them in the low byte.
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// explain turns a driver's error into a fault with words for a person. Faults pass as they are,
// nil stays nil.
func explain(op, subject string, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	kind, remedy := judge(err)
	return &fault.Error{Kind: kind, Op: op, Subject: subject, Remedy: remedy, Err: err}
}

func judge(err error) (fault.Kind, string) {
	var lite *sqlitedriver.Error
	var pg *pgconn.PgError
	var dial *pgconn.ConnectError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout, ""
	case errors.As(err, &lite):
		return judgeSQLite(lite.Code() & 0xff)
	case errors.As(err, &pg): // before dial: a refused login is both
		return judgePostgres(pg.Code)
	case errors.As(err, &dial):
		return fault.Unreachable, "See that PostgreSQL runs, and that host, port and firewall are right."
	case errors.Is(err, fs.ErrPermission):
		return fault.Denied, "Give the user that runs gatehouse-cloud the right to write there."
	}
	return fault.Internal, ""
}

func judgeSQLite(code int) (fault.Kind, string) {
	switch code {
	case sqliteBusy, sqliteLocked:
		return fault.Timeout, "Another process holds the database. See that no backup or second program keeps it locked, then try again."
	case sqliteCorrupt, sqliteNotADB:
		return fault.Internal, "The database file is damaged or is not a database of Gatehouse. Keep a copy of it and restore the last good backup."
	case sqliteFull:
		return fault.Full, "The disk is full. Make room; nothing that was reported as saved is lost."
	case sqliteReadOnly, sqliteCantOpen:
		return fault.Denied, "Give the user that runs gatehouse-cloud the right to write the file and its folder."
	case sqliteIOErr:
		return fault.Internal, "The disk reports an error. Look at the system log and at the disk's health."
	}
	return fault.Internal, ""
}

// judgePostgres reads the SQLSTATE (postgresql.org/docs/15/errcodes-appendix.html).
func judgePostgres(code string) (fault.Kind, string) {
	switch code {
	case "28P01", "28000", "42501":
		return fault.Denied, "Check the user, its password and its rights on the database."
	case "3D000":
		return fault.Invalid, "Create the database, or correct its name in the address."
	case "53100", "53200":
		return fault.Full, "The database server is out of disk or memory. Make room."
	case "53300":
		return fault.Unreachable, "The database server takes no more connections. Raise max_connections or stop what holds them."
	case "57P01", "57P02", "57P03":
		return fault.Unreachable, "The database server is stopping or starting. Try again when it runs."
	}
	return fault.Internal, ""
}

// collided reports whether PostgreSQL undid a transaction only because of another one: it may be
// run again as it was (serialization_failure, deadlock_detected).
func collided(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// errNone is a row that is not there, where none was scanned.
var errNone = sql.ErrNoRows

// missing makes a fault in words of a row that should be there.
func missing(err error, what, id string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Invalid, "find "+what, id, "there is no such %s", what)
	}
	return explain("find "+what, id, err)
}
