package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest/realserver"
)

// The suite: every test of this package that needs a database is run on both.

// onEach runs test on SQLite always, on PostgreSQL when there is one. Each gets a database of its own.
func onEach(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, sqliteDSN(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, postgresDSN(t)) })
}

func sqliteDSN(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "cloud.db") }

// postgresDSN makes a schema of the test's own on the real server and drops it at the end.
func postgresDSN(t testing.TB) string {
	t.Helper()
	server := realserver.Postgres(t)
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", realserver.PostgresEnv, err)
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("store_%d_%s", time.Now().UnixNano(), strings.ToLower(strings.Map(letters, t.Name())))
	name = name[:min(len(name), 60)]
	if _, err := db.Exec(`CREATE SCHEMA ` + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec(`DROP SCHEMA ` + name + ` CASCADE`); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '_'
}

func testKey() Key { return Key([]byte("a key of thirty-two bytes, tests")) }

func openStore(t testing.TB, dsn string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, testKey(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// update is Update that must work.
func (s *Store) update(t testing.TB, work func(ctx context.Context, tx *Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx *Tx) error { return work(t.Context(), tx) }); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// must unwraps an answer that must not fail.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantSame(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(access.Secret{})); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func wantKind(t testing.TB, err error, kind fault.Kind, words string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatalf("no error, want %s saying %q", kind, words)
	case fault.KindOf(err) != kind:
		t.Errorf("%v is %s, want %s", err, fault.KindOf(err), kind)
	case !strings.Contains(err.Error()+" "+fault.RemedyOf(err), words):
		t.Errorf("%q with remedy %q does not say %q", err, fault.RemedyOf(err), words)
	}
}

// noon is the hour at which these tests happen.
func noon() time.Time { return time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC) }

func maples() model.Property {
	return model.Property{Property: access.Property{ID: "maples", Name: "The Maples", Zone: "America/Chicago"},
		Origin: model.OtherCSV, Ref: "MAPLES", Settings: model.DefaultSettings()}
}

func gatewayOne() Gateway {
	return Gateway{ID: "gw1", Property: "maples", Serial: "0a1b", Signing: []byte("signing key"), Sealing: []byte("sealing key"), Added: noon()}
}

// withGateway opens a database that has a property and a gateway.
func withGateway(t testing.TB, dsn string) *Store {
	t.Helper()
	s := openStore(t, dsn)
	s.update(t, func(ctx context.Context, tx *Tx) error {
		if err := tx.UpsertProperty(ctx, maples()); err != nil {
			return err
		}
		return tx.AddGateway(ctx, gatewayOne())
	})
	return s
}
