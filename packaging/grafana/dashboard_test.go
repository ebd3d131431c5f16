package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/protocol/prototest/realserver"
)

// dashboard is what Grafana needs of the file; it ignores what it does not know, so a typing error in a name
// would load and show nothing.
type dashboard struct {
	UID           string `json:"uid"`
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Time          struct{ From, To string }
	Templating    struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
	Panels []panel
}

type panel struct {
	ID          int
	Title, Type string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Datasource  *source
	Targets     []struct {
		RefID      string `json:"refId"`
		Expr       string
		Datasource *source
	}
}

type source struct{ Type, UID string }

func load(t *testing.T) dashboard {
	t.Helper()
	b, err := os.ReadFile("gateway.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 10 {
		t.Fatalf("only %d panels", len(d.Panels))
	}
	return d
}

func TestE7_TheDashboardHasGrafanasForm(t *testing.T) {
	d := load(t)
	if d.UID == "" || len(d.UID) > 40 || d.Title == "" || d.SchemaVersion < 30 || d.Time.From == "" || d.Time.To == "" {
		t.Errorf("uid %q, title %q, schema %d, time %v", d.UID, d.Title, d.SchemaVersion, d.Time)
	}
	ids := map[int]bool{}
	kinds := []string{"row", "stat", "timeseries", "state-timeline", "table"}
	for i, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] || p.Title == "" || !slices.Contains(kinds, p.Type) {
			t.Errorf("panel %d: id %d, title %q, type %q", i, p.ID, p.Title, p.Type)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s stands at %+v, and Grafana has 24 columns", p.Title, g)
		}
		for _, q := range d.Panels[:i] {
			if h := q.GridPos; g.X < h.X+h.W && h.X < g.X+g.W && g.Y < h.Y+h.H && h.Y < g.Y+g.H {
				t.Errorf("%s lies over %s", p.Title, q.Title)
			}
		}
		if p.Type != "row" {
			whole(t, p)
		}
	}
}

// whole checks a panel that shows something.
func whole(t *testing.T, p panel) {
	t.Helper()
	if p.Description == "" || len(p.Targets) == 0 {
		t.Errorf("%s: description %q, %d questions", p.Title, p.Description, len(p.Targets))
	}
	refs := map[string]bool{}
	sources := []*source{p.Datasource}
	for _, q := range p.Targets {
		if q.RefID == "" || refs[q.RefID] || q.Expr == "" {
			t.Errorf("%s: question %q asks %q", p.Title, q.RefID, q.Expr)
		}
		refs[q.RefID] = true
		sources = append(sources, q.Datasource)
	}
	for _, s := range sources {
		if s == nil || *s != (source{"prometheus", "${datasource}"}) {
			t.Errorf("%s asks %v instead of the data source that was chosen above", p.Title, s)
		}
	}
}

// expressions are every PromQL expression of the dashboard with Grafana's variables filled in.
func expressions(t *testing.T, d dashboard) (out []string) {
	t.Helper()
	known := regexp.MustCompile(`\$(gateway|device|__rate_interval)\b`)
	fill := strings.NewReplacer("$gateway", "maple-court", "$device", "lobby", "$__rate_interval", "5m")
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			if left := known.ReplaceAllString(q.Expr, ""); strings.Contains(left, "$") {
				t.Errorf("%s uses a variable that is not there: %s", p.Title, q.Expr)
			}
			out = append(out, fill.Replace(q.Expr))
		}
	}
	return out
}

// TestE7_TheDashboardSpeaksPromQL: promtool reads each expression as a rule.
func TestE7_TheDashboardSpeaksPromQL(t *testing.T) {
	var rules bytes.Buffer
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, expr := range expressions(t, load(t)) {
		fmt.Fprintf(&rules, "  - {record: 'panel:%d', expr: %q}\n", i, expr)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), realserver.Binary(t, "promtool"), "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestE7_TheDashboardShowsMetricsThatExist: and every one of the gateway's own.
func TestE7_TheDashboardShowsMetricsThatExist(t *testing.T) {
	table, err := os.ReadFile("../prometheus/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	gateway, _, _ := strings.Cut(string(table), "\n# Metrics of the cloud\n") // this dashboard is the gateway's
	var known []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` ").FindAllStringSubmatch(gateway, -1) {
		known = append(known, m[1])
	}
	d := load(t)
	all := strings.Join(expressions(t, d), "\n")
	for _, v := range d.Templating.List {
		all += fmt.Sprintf("\n%v", v.Query)
	}
	for _, name := range regexp.MustCompile(`\b(gatehouse|process|go)_\w+`).FindAllString(all, -1) {
		if strings.HasPrefix(name, "gatehouse_") && !slices.Contains(known, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
	for _, name := range known {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(all) {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}
