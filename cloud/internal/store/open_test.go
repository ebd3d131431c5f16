package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/protocol/access/fault"
)

func TestOpen_KeepsWhatWasSaved(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		first := withGateway(t, dsn)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second := openStore(t, dsn)
		got := must(second.Properties(t.Context()))(t)
		if len(got) != 1 {
			t.Fatalf("%d properties, want 1", len(got))
		}
		wantSame(t, "property", got[0], maples())
	})
}

func TestOpen_RefusesAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dsn   string
		kind  fault.Kind
		words string
	}{
		"empty":             {"", fault.Invalid, "sqlite:///var/lib"},
		"another database":  {"mysql://host/db", fault.Invalid, "postgres://user@host"},
		"relative path":     {"sqlite://cloud.db", fault.Invalid, "not absolute"},
		"no path":           {"sqlite://", fault.Invalid, "not absolute"},
		"not a URL":         {"postgres://user:s3cret%zz@host/db", fault.Invalid, "escape special characters"},
		"folder in the way": {"sqlite://" + os.TempDir(), fault.Internal, "directory"},
		"unknown setting":   {"postgres://user:s3cret@127.0.0.1/db?sslmode=sometimes", fault.Invalid, "sslmode is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), c.dsn, testKey(), slog.New(slog.DiscardHandler))
			wantKind(t, err, c.kind, c.words)
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestOpen_UnreachableServerInWords(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close() // now nobody answers there
	_, err = Open(t.Context(), "postgres://user:s3cret@"+addr+"/gatehouse?sslmode=disable", testKey(), slog.New(slog.DiscardHandler))
	wantKind(t, err, fault.Unreachable, "See that PostgreSQL runs")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestOpen_PostgresRefusalsInWords(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	at := strings.LastIndex(dsn, "/")
	q := strings.Index(dsn, "?")
	_, err := Open(t.Context(), dsn[:at]+"/no_such_database"+dsn[q:], testKey(), slog.New(slog.DiscardHandler))
	wantKind(t, err, fault.Invalid, "Create the database")
}

func TestOpen_AnotherKeyIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		withGateway(t, dsn)
		other := testKey()
		other[0]++
		_, err := Open(t.Context(), dsn, other, slog.New(slog.DiscardHandler))
		wantKind(t, err, fault.Denied, "Put the key file of this database back")
		if got := must(openStore(t, dsn).Properties(t.Context()))(t); len(got) != 1 {
			t.Errorf("after the refusal the right key finds %d properties, want 1", len(got))
		}
	})
}

func TestOpen_NewerSchemaIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := openStore(t, dsn)
		if _, err := s.write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), dsn, testKey(), slog.New(slog.DiscardHandler))
		wantKind(t, err, fault.Invalid, "newer")
	})
}

func TestOpen_ManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				s, err := Open(t.Context(), dsn, testKey(), slog.New(slog.DiscardHandler))
				if err != nil {
					t.Errorf("one of several that start together: %v", err)
					return
				}
				if _, err := s.Changes(t.Context()); err != nil {
					t.Error(err)
				}
				_ = s.Close()
			})
		}
		wait.Wait()
	})
}

func TestOpenSQLite_OnlyTheOwnerReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made by open", "cloud #1?.db") // a name that a URL would cut
	withGateway(t, "sqlite://"+path)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v (%v), want the database and its log", files, err)
	}
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil || st.Mode().Perm() != 0o600 || !strings.HasPrefix(f, path) {
			t.Errorf("%s has mode %v (%v), want 0600", f, st.Mode(), err)
		}
	}
}

func TestOpenSQLite_Rules(t *testing.T) {
	t.Parallel()
	s := openStore(t, sqliteDSN(t))
	for _, c := range []struct {
		pool         *sql.DB
		pragma, want string
	}{
		{s.write, "journal_mode", "wal"}, {s.write, "synchronous", "2"}, {s.write, "foreign_keys", "1"}, {s.write, "busy_timeout", "5000"},
		{s.read, "journal_mode", "wal"}, {s.read, "foreign_keys", "1"}, {s.read, "query_only", "1"}, {s.read, "busy_timeout", "5000"},
	} {
		var got string
		if err := c.pool.QueryRowContext(t.Context(), `PRAGMA `+c.pragma).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s is %q (%v), want %q", c.pragma, got, err, c.want)
		}
	}
	if n := s.write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d writers, want 1", n)
	}
	if _, err := s.read.ExecContext(t.Context(), `DELETE FROM meta`); err == nil {
		t.Error("a reader can write")
	}
	rows := must(s.read.QueryContext(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%STRICT' AND name NOT LIKE '%goose%' AND name NOT LIKE 'sqlite%'`))(t) //nolint:rowserrcheck // checked below; the linter loses it in must
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		_ = rows.Scan(&name)
		t.Errorf("table %s is not STRICT", name)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}

func TestOpenSQLite_DamagedFileInWords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cloud.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), "sqlite://"+path, testKey(), slog.New(slog.DiscardHandler))
	wantKind(t, err, fault.Internal, "restore the last good backup")
}

func TestOpenSQLite_DamagedPageInWords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cloud.db")
	s := withGateway(t, "sqlite://"+path)
	s.update(t, func(ctx context.Context, tx *Tx) error {
		_, _, err := tx.SetState(ctx, "gw1", manyItems(200), Terms{Now: noon()})
		return err
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b := must(os.ReadFile(path))(t)
	for i := 8 * 4096; i < len(b); i++ {
		b[i] ^= 0x5a
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), "sqlite://"+path, testKey(), slog.New(slog.DiscardHandler))
	if err == nil { // what Open reads was spared
		defer func() { _ = s.Close() }()
		_, err = s.Snapshot(t.Context(), "gw1")
	}
	wantKind(t, err, fault.Internal, "restore the last good backup")
}

func TestOpenSQLite_LockedInWords(t *testing.T) {
	t.Parallel()
	dsn := sqliteDSN(t)
	holder := withGateway(t, dsn)
	impatient, err := open(t.Context(), dsn, testKey(), slog.New(slog.DiscardHandler), 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = impatient.Close() }()
	holder.update(t, func(ctx context.Context, tx *Tx) error {
		if err := tx.UpsertProperty(ctx, maples()); err != nil {
			return err
		}
		err := impatient.Update(ctx, func(tx *Tx) error { return nil })
		wantKind(t, err, fault.Timeout, "Another process holds the database")
		if got := must(impatient.Properties(ctx))(t); len(got) != 1 {
			t.Errorf("while another writes, a reader sees %d properties, want 1", len(got))
		}
		return nil
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	if explain("op", "it", nil) != nil {
		t.Error("no error became one")
	}
	known := fault.New(fault.Full, "op", "it", "no room")
	if got := explain("other", "else", known); !errors.Is(got, known) || got.Error() != known.Error() {
		t.Errorf("a fault became %v", got)
	}
	wantKind(t, explain("write", "it", os.ErrPermission), fault.Denied, "the right to write")
	wantKind(t, explain("write", "it", context.Canceled), fault.Timeout, "write it: context canceled")
	wantKind(t, explain("write", "it", sql.ErrConnDone), fault.Internal, "write it")
}

func TestJudge_EveryCodeHasARemedy(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]fault.Kind{sqliteFull: fault.Full, sqliteReadOnly: fault.Denied, sqliteCantOpen: fault.Denied, sqliteIOErr: fault.Internal,
		sqliteBusy: fault.Timeout, sqliteLocked: fault.Timeout, sqliteCorrupt: fault.Internal} {
		kind, remedy := judgeSQLite(code)
		if kind != want || remedy == "" {
			t.Errorf("code %d: %s %q, want %s with a remedy", code, kind, remedy, want)
		}
	}
	for code, want := range map[string]fault.Kind{"28P01": fault.Denied, "53100": fault.Full, "53300": fault.Unreachable, "57P01": fault.Unreachable} {
		kind, remedy := judgePostgres(code)
		if kind != want || remedy == "" {
			t.Errorf("code %s: %s %q, want %s with a remedy", code, kind, remedy, want)
		}
	}
}

func TestSecretsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := withGateway(t, "sqlite://"+filepath.Join(dir, "cloud.db"))
	r := maplesRoster()
	s.update(t, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.Roster(ctx, "maples"); err != nil {
			return err
		}
		if _, err := tx.SaveRoster(ctx, r); err != nil {
			return err
		}
		_, _, err := tx.SetState(ctx, "gw1", manyItems(20), Terms{Now: noon()})
		return err
	})
	digestKey := must(s.Snapshot(t.Context(), "gw1"))(t).DigestKey
	secrets := map[string][]byte{"a PIN": []byte(r.People[0].PIN.Reveal()), "a card": []byte(r.People[0].Card.Reveal()),
		"an item's PIN": []byte(manyPIN(7)), "the digest key": digestKey}
	known := false
	for _, pass := range []string{"with its log", "closed"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			b := must(os.ReadFile(f))(t)
			known = known || bytes.Contains(b, []byte("Jones"))
			for what, secret := range secrets {
				if bytes.Contains(b, secret) {
					t.Errorf("%s: %s stands in clear in %s", pass, what, filepath.Base(f))
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !known {
		t.Error("the search finds nothing at all: not even a name")
	}
}

func manyPIN(i int) string { return fmt.Sprintf("70%05d", i*13+1) }
