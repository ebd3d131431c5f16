package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// noon is 12:00 at the property, an hour at which nothing of the tests' rosters falls due.
func noon() time.Time { return time.Date(2027, 3, 1, 17, 0, 0, 0, time.UTC) }

// rig is one installation: a state directory with its configuration. Opening it twice is what a
// second process does.
type rig struct {
	t   testing.TB
	dir string
	log *logged
	now func() time.Time
}

// logged is what was logged, for any goroutine.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const maples = `
[[property]]
id = "maples"
name = "The Maples"
zone = "America/New_York"
[[property.door]]
id = "lobby"
name = "Lobby"
[[property.door]]
id = "garage"
name = "Garage"
`

const elms = `
[[property]]
id = "elms"
name = "The Elms"
zone = "America/Chicago"
[[property.door]]
id = "gate"
name = "Gate"
`

// newRig makes an installation of the configuration's text, on loopback, with the clock at noon.
func newRig(t testing.TB, text string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), log: &logged{}, now: noon}
	r.configure(text)
	return r
}

func (r *rig) configure(text string) {
	r.t.Helper()
	if !strings.Contains(text, "broker_listen") && !strings.Contains(text, "broker = ") {
		text = "broker_listen = \"127.0.0.1:0\"\n" + text
	}
	text = "state_dir = \"state\"\nlisten = \"127.0.0.1:0\"\nlog_level = \"debug\"\n" + text
	if err := os.WriteFile(filepath.Join(r.dir, "cloud.toml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) load() Config {
	r.t.Helper()
	cfg, err := LoadConfig(filepath.Join(r.dir, "cloud.toml"))
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

func (r *rig) deps() Deps {
	return Deps{Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: r.now, Version: "1.2.3"}
}

// open opens the installation as one more process; it closes with the test.
func (r *rig) open() *Cloud {
	r.t.Helper()
	c, err := Open(r.t.Context(), r.load(), r.deps())
	if err != nil {
		r.t.Fatalf("Open: %v", err)
	}
	r.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			r.t.Errorf("Close: %v", err)
		}
	})
	return c
}

// resident is the n-th resident of the maples, living there since last year. All differ in
// everything; the PIN is pin(n).
func resident(n int) csv.Row {
	return csv.Row{
		"property": "The Maples", "unit": fmt.Sprint(100 + n), "resident_id": fmt.Sprintf("R%d", n), "lease_id": fmt.Sprintf("L%d", n),
		"status": "Current", "type": "Primary", "first": called(n), "last": "Miller",
		"email": fmt.Sprintf("r%d@example.com", n), "move_in": "2020-05-01", "lease_start": "2020-05-01", "lease_end": "2027-04-30",
		"pin": pin(n),
	}
}

// called is the first name of resident n.
func called(n int) string {
	names := []string{"Ada", "Ben", "Cora", "Dan", "Eva", "Finn", "Gus", "Hal", "Ivy", "Jon"}
	return names[n%10] + []string{"", "-Lou", "-Marie", "-Kit", "-Bea", "-Jo"}[n/10]
}

func pin(n int) string { return fmt.Sprint(20000 + 137*n) }

func residents(n int) []csv.Row {
	var out []csv.Row
	for i := range n {
		out = append(out, resident(i+1))
	}
	return out
}

// with is row with other values.
func with(row csv.Row, pairs ...string) csv.Row {
	row = maps.Clone(row)
	for i := 0; i < len(pairs); i += 2 {
		row[pairs[i]] = pairs[i+1]
	}
	return row
}

// export is a whole file, sealed with its footer.
func export(t testing.TB, rows ...csv.Row) string {
	t.Helper()
	var b strings.Builder
	if err := csv.Seal(&b, rows...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// load imports an export that must be readable.
func load(t testing.TB, c *Cloud, text string) SyncReport {
	t.Helper()
	report, err := c.Import(t.Context(), "maples", "csv", "residents.csv", strings.NewReader(text))
	if err != nil {
		t.Fatalf("Import: %v", err)
	}
	return report
}

// wanted is what one gateway should make true.
type wanted struct {
	access.Position
	names  []string // of the people who have a grant that has not ended
	pins   []string
	grants map[string]access.Grant // by first name
}

func wants(t testing.TB, c *Cloud, gw access.GatewayID) wanted {
	t.Helper()
	u, err := c.store.Snapshot(t.Context(), gw)
	if err != nil {
		t.Fatal(err)
	}
	return wantedOf(t, c.now(), u.Position, u.Put)
}

func wantedOf(t testing.TB, now time.Time, pos access.Position, items []access.Item) wanted {
	t.Helper()
	w := wanted{Position: pos, grants: map[string]access.Grant{}}
	name := map[access.PersonID]string{}
	var grants []access.Grant
	for _, it := range items {
		n, err := access.Decode(it)
		if err != nil {
			t.Fatal(err)
		}
		switch n := n.(type) {
		case access.Person:
			name[n.ID] = n.First
		case access.Credential:
			w.pins = append(w.pins, n.Secret.Reveal())
		case access.Grant:
			grants = append(grants, n)
		}
	}
	for _, g := range grants {
		if g.Until.IsZero() || g.Until.After(now) {
			w.names = append(w.names, name[g.Person])
		}
		w.grants[name[g.Person]] = g
	}
	slices.Sort(w.names)
	slices.Sort(w.pins)
	return w
}

func runs(t testing.TB, c *Cloud) []store.Run {
	t.Helper()
	out, err := c.store.Runs(t.Context(), "maples", 50)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// conflicts are the open ones: kind to first sight.
func conflicts(t testing.TB, c *Cloud) map[string]store.OpenConflict {
	t.Helper()
	all, err := c.store.Conflicts(t.Context(), "maples")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]store.OpenConflict{}
	for _, o := range all {
		out[o.Kind] = o
	}
	return out
}

func wantFault(t testing.TB, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Fatalf("error is %v, want kind %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+" "+fault.RemedyOf(err), w) {
			t.Errorf("%q with remedy %q does not say %q", err, fault.RemedyOf(err), w)
		}
	}
}

func encodeEvent(t testing.TB, e access.Event) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
