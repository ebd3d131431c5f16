package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access/fault"
)

func (s *site) json(path string) map[string]any {
	s.t.Helper()
	if ct := s.get(path).Header.Get("Content-Type"); ct != "application/json" {
		s.t.Errorf("%s is %s", path, ct)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(s.body(path)), &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// at follows keys and indices: "property.residents.0.name".
func at(t *testing.T, v any, path string) any {
	t.Helper()
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(x) {
				t.Fatalf("%s: no element %s", path, step)
			}
			v = x[i]
		default:
			t.Fatalf("%s: nothing at %s", path, step)
		}
	}
	return v
}

func keys(t *testing.T, v any, path string) string {
	t.Helper()
	m, ok := at(t, v, path).(map[string]any)
	if !ok {
		t.Fatalf("%s is no object", path)
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

// Scripts rely on these keys: add to them, never take one away.
func TestJSON_KeysAreStable(t *testing.T) {
	t.Parallel()
	sample := busy()
	live(noon.Add(time.Minute), true)(&sample)
	v := newSite(t, sample).json("/status.json?property=elm&q=r009")
	for path, want := range map[string]string{
		"property":                      "applied attention conflicts counts gateways id last level name open_revocations people residents runs source units zone",
		"property.source":               "every kind next running",
		"property.runs.0":               "added changed complete evidence finished held people removed skipped source started units",
		"property.conflicts.0":          "first_seen kind remedy subject text",
		"property.gateways.0":           "clock_source clock_trusted contact devices drift epoch id online published replies silent software stored stored_at waiting waiting_people",
		"property.gateways.0.devices.1": "doors firmware id kind message model name reachable since",
		"property.residents.0":          "from grants id kind level name panels units until",
		"property.residents.0.grants.0": "ends from reason until",
		"property.residents.0.panels.1": "attempts confirmed device fault gateway level message name next_try op shown state written",
	} {
		if got := keys(t, v, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]any{
		"version": "1.2.3", "now": "2026-11-05T12:00:00-06:00", "property.level": "problem", "property.counts.problem": 4.0, "property.counts.ok": 59.0,
		"property.residents.0.name": "Jonas Jansen", "property.residents.0.level": "problem", "property.residents.0.until": "2026-11-05T11:00:00-06:00",
		"property.residents.0.panels.0.shown": "removed", "property.residents.0.panels.0.confirmed": "2026-11-05T11:00:03-06:00",
		"property.residents.0.panels.1.shown": "removal_failed", "property.residents.0.panels.1.state": "failed",
		"property.source.kind": "rentmanager", "property.source.every": 300.0, "property.source.next": "2026-11-05T12:01:00-06:00", "property.source.running": true,
		"property.gateways.0.stored": 1041.0, "property.gateways.0.devices.1.reachable": false, "property.attention.0.remedy": "Nobody lost access by it. It is read again by itself, next: being read now.",
	} {
		if got := at(t, v, path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func TestJSON_Properties(t *testing.T) {
	t.Parallel()
	s := newSite(t, busy(), elm(func(p *Property) {
		p.Overview.ID, p.Overview.Zone, p.Overview.Last, p.Overview.Applied = "oak", "nowhere", nil, nil
	}))
	v := s.json("/status.json")
	if got, want := keys(t, v, "properties.0"), "applied conflicts gateways id last name people units zone"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := keys(t, v, "properties.1"), "conflicts gateways id name people units zone"; got != want {
		t.Errorf("never imported: %s, want %s", got, want)
	}
	if at(t, v, "properties.0.last.complete") != false || at(t, v, "properties.0.last.finished") != "2026-11-05T11:56:00-06:00" {
		t.Errorf("%v", at(t, v, "properties.0.last"))
	}
}

func TestJSON_ShowsEverythingInTheOneState(t *testing.T) {
	t.Parallel()
	s := newSite(t, busy())
	people := at(t, s.json("/status.json?property=elm"), "property.residents").([]any)
	if len(people) != 70 {
		t.Errorf("%d people", len(people))
	}
	if n := len(at(t, s.json("/status.json?property=elm&state=gone"), "property.residents").([]any)); n != 2 {
		t.Errorf("%d gone", n)
	}
	well := newSite(t, elm()).json("/status.json?property=elm")
	if at(t, well, "property.level") != "ok" || len(at(t, well, "property.attention").([]any)) != 0 || len(at(t, well, "property.conflicts").([]any)) != 0 {
		t.Errorf("%v %v", at(t, well, "property.level"), at(t, well, "property.attention"))
	}
	if r, ok := at(t, well, "property.residents.0").(map[string]any); !ok || r["until"] != nil || r["from"] == nil {
		t.Errorf("an open end: %v", r)
	}
}

func TestJSON_Errors(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm())
	if s.get("/status.json?property=oak").StatusCode != 404 {
		t.Error("an unknown property is found")
	}
	if v := s.json("/status.json?property=oak"); at(t, v, "error.kind") != "invalid" || v["property"] != nil {
		t.Errorf("%v", v)
	}
	s.fake.err = fault.New(fault.Unreachable, "read", "database", "gone").WithRemedy("Start it.")
	if v := s.json("/status.json"); s.get("/status.json").StatusCode != 503 || at(t, v, "error.remedy") != "Start it." || v["properties"] != nil {
		t.Errorf("%v", v)
	}
}

func TestJSON_SpanOfSeveralGrants(t *testing.T) {
	t.Parallel()
	v := newSite(t, elm(func(p *Property) {
		g := p.People[0].Grants[0]
		early, late := g, g
		early.From, early.Until, early.Ends = g.From.AddDate(0, -6, 0), g.From.AddDate(0, -1, 0), "move_out"
		late.From, late.Until, late.Ends = g.From, noon.AddDate(0, 1, 0), "move_out"
		p.People[0].Grants = append(p.People[0].Grants[:0], late, early)
	})).json("/status.json?property=elm&q=r000")
	if at(t, v, "property.residents.0.from") != "2026-03-26T13:00:00-05:00" || at(t, v, "property.residents.0.until") != "2026-12-05T12:00:00-06:00" {
		t.Errorf("%v – %v", at(t, v, "property.residents.0.from"), at(t, v, "property.residents.0.until"))
	}
}
