package cloud

import (
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"

	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest/realserver"
)

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
	name := fmt.Sprintf("cloud_%d", time.Now().UnixNano())
	if _, err := db.ExecContext(t.Context(), `CREATE SCHEMA `+name); err != nil {
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

// TestE4_OnPostgreSQL is the whole way down and up once more, on the database for more than one
// machine: import, publish, ack, events, an import by a second process, a restart.
func TestE4_OnPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := newRig(t, "database = \""+dsn+"\"\n"+withBroker(t, maples))
	r.now = time.Now
	s := r.serve().hears(r)
	b := enrol(t, s.Cloud, "maples")
	report := load(t, s.Cloud, export(t, residents(40)...))
	if !report.Complete || report.Added != 40 || report.Gateways != 1 {
		t.Errorf("report: %+v", report)
	}
	if again := load(t, s.Cloud, export(t, residents(40)...)); again.Changed+again.Gateways != 0 {
		t.Errorf("the same again: %+v", again)
	}
	l := b.dial(t)
	pos, _ := l.firstState()
	l.acked(s)
	l.eventsOnce(s)
	_, digest := l.changeElsewhere(r, pos)
	pos = access.Position{Epoch: pos.Epoch, Revision: pos.Revision + 1}
	if code, body := get(t, s.page+"/healthz"); code != 200 {
		t.Errorf("/healthz: %d %s", code, body)
	}
	if _, body := get(t, s.page+"/"); !strings.Contains(body, called(41)+" Miller") {
		t.Error("the page lacks who moved in last")
	}
	s.end()
	again := r.serve().hears(r)
	l.audit(again, 3)
	if got := wants(t, again.Cloud, b.ID); got.Position != pos || len(got.names) != 41 {
		t.Errorf("after the restart: %v and %d people, want %v and 41", got.Position, len(got.names), pos)
	}
	back := b.dial(t)
	back.hello(pos, digest, "back")
	if d, state := back.state("an answer"); position(d) != pos || len(state.Gone) != 0 {
		t.Errorf("after the restart: %v", position(d))
	}
}
