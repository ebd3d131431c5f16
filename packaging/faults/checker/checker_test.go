package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func noon() time.Time { return time.Date(2026, 6, 1, 16, 0, 0, 0, time.UTC) }

// told makes a log whose chain is right.
func told(bodies ...string) (log []event) {
	var link [32]byte
	for i, b := range bodies {
		raw := fmt.Sprintf(`{"n":%d,%s}`, i+1, b)
		h := sha256.New()
		h.Write([]byte("gatehouse event v1\x00"))
		h.Write(link[:])
		h.Write([]byte(raw))
		link = [32]byte(h.Sum(nil))
		e := event{number: uint64(i + 1), raw: []byte(raw), link: append([]byte{}, link[:]...)}
		if err := json.Unmarshal(e.raw, &e.body); err != nil {
			panic(err)
		}
		log = append(log, e)
	}
	return log
}

func TestTheChainIsRecomputed(t *testing.T) {
	t.Parallel()
	good := func() []event {
		return told(`"kind":"started"`, `"kind":"written","person":"p1"`, `"kind":"confirmed","person":"p1"`)
	}
	for name, c := range map[string]struct {
		change func([]event) []event
		want   string
	}{
		"as it should be": {func(l []event) []event { return l }, ""},
		"a gap":           {func(l []event) []event { return append(l[:1:1], l[2:]...) }, "number 2 should"},
		"other bytes":     {func(l []event) []event { l[1].raw = []byte(`{"n":2,"kind":"written"}`); return l }, "the chain is broken"},
		"another link":    {func(l []event) []event { l[2].link[0]++; return l }, "the chain is broken"},
		"told twice":      {func([]event) []event { return told(`"kind":"started"`, `"kind":"started"`) }, "tells the same"},
		"lost":            {func([]event) []event { return told(`"kind":"lost"`) }, "were lost"},
		"another number":  {func(l []event) []event { l[0].N = 9; return l }, "calls itself 9"},
	} {
		err := (&check{log: c.change(good())}).chain()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTheTimeAwayCountsOnce(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return noon().Add(time.Duration(s) * time.Second) }
	c := &check{job: journal{Troubles: []trouble{{From: at(8), To: at(12)}, {From: at(0), To: at(10)}, {From: at(20)}}}}
	for _, want := range []struct{ from, to, away int }{{0, 30, 22}, {5, 11, 6}, {13, 19, 0}, {13, 25, 5}, {-5, 1, 1}} {
		if got := c.away(at(want.from), at(want.to)); got != time.Duration(want.away)*time.Second {
			t.Errorf("from %d to %d: %s, want %d s", want.from, want.to, got, want.away)
		}
	}
}

const head = "property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card,move_in_time,move_out_time\n"

// town is a check of exports, each given by its lines.
func town(t *testing.T, exports ...string) *check {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	c := &check{zone: zone, people: map[string]string{"R1": "p1", "R2": "p2"}}
	for i, lines := range exports {
		path := filepath.Join(t.TempDir(), "e.csv")
		if err := os.WriteFile(path, []byte(head+lines+"#end,rows=1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		people, err := readExport(path, zone)
		if err != nil {
			t.Fatal(err)
		}
		c.residents = append(c.residents, people)
		at := noon().Add(time.Duration(i) * time.Minute)
		c.job.Exports = append(c.job.Exports, export{File: path, Began: at, Accepted: at.Add(time.Second), Changes: 1})
	}
	return c
}

func line(id, status, in, inAt, out, outAt string) string {
	return fmt.Sprintf("Maples,10%s,R%s,L%s,%s,Primary,Ada,Abbott%s,,,%s,%s,%s,,2000%s,,%s,%s\n", id, id, id, status, id, in, out, in, id, inAt, outAt)
}

func TestWhoLivesThereByTheExport(t *testing.T) {
	t.Parallel()
	c := town(t, line("1", "Notice", "2026-05-01", "", "2026-06-01", "12:00")+line("2", "Future", "2026-06-01", "12:01", "", ""))
	for at, want := range map[time.Time]string{
		noon().Add(-time.Nanosecond): "A. Abbott1 - Unit 101", noon(): "", noon().Add(time.Minute): "A. Abbott2 - Unit 102",
	} {
		var names []string
		for name, r := range c.wanted(panel{Relay: "B"}, at) {
			names = append(names, name)
			if r.relays != "1001-2" {
				t.Errorf("%s opens %s", name, r.relays)
			}
		}
		if strings.Join(names, " ") != want {
			t.Errorf("at %s: %q, want %q", at, names, want)
		}
	}
	if _, err := readExport(filepath.Join(t.TempDir(), "none"), c.zone); err == nil {
		t.Error("an export that is not there was read")
	}
}

// simulated is a panel that answers with what is given.
func simulated(t *testing.T, answers map[string]any) panel {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(answers[r.URL.Path]) // the test sees what is missing
	}))
	t.Cleanup(s.Close)
	return panel{Device: "front", Relay: "A", Control: s.URL}
}

func TestADoorThatOpensTooLate(t *testing.T) {
	t.Parallel()
	lived := line("1", "Current", "2026-05-01", "", "", "")
	for name, c := range map[string]struct {
		after   time.Duration // since the import that put them out was accepted
		trouble time.Duration // from then on
		late    bool
	}{
		"before":                {after: -time.Second},
		"at once":               {after: time.Second},
		"late":                  {after: 3 * time.Second, late: true},
		"while away":            {after: 3 * time.Second, trouble: 2 * time.Second},
		"late although away":    {after: 9 * time.Second, trouble: 2 * time.Second, late: true},
		"refused, however late": {after: time.Hour},
	} {
		k := town(t, lived, line("1", "Past", "2026-05-01", "", "", ""))
		out := k.job.Exports[1].Accepted
		k.job.Panels = []panel{simulated(t, map[string]any{
			"/doorlog": []entry{{At: out.Add(c.after), Granted: c.after < time.Hour, By: "A. Abbott1 - Unit 101"}},
			"/stats":   stats{Requests: 4, Mutating: []request{{Start: noon()}, {Start: noon().Add(20 * time.Millisecond)}}},
		})}
		if c.trouble > 0 {
			k.job.Troubles = []trouble{{From: out, To: out.Add(c.trouble)}}
		}
		problems, _, err := k.lateness()
		if err != nil || (len(problems) > 0) != c.late {
			t.Errorf("%s: %v %v", name, problems, err)
		}
	}
}

func TestRemovalsGoFirst(t *testing.T) {
	t.Parallel()
	at := func(ms int, action string) request {
		return request{Start: noon().Add(time.Minute + time.Duration(ms)*time.Millisecond), Action: action, UserIDs: []string{"GHp1"}}
	}
	for name, c := range map[string]struct {
		requests []request
		also     string
		trouble  bool
		wrong    bool
	}{
		"first":                 {requests: []request{at(1, "del"), at(2, "add"), at(3, "add")}},
		"one in flight":         {requests: []request{at(1, "add"), at(2, "del")}},
		"last":                  {requests: []request{at(1, "add"), at(2, "add"), at(3, "del")}, wrong: true},
		"last, on a broken one": {requests: []request{at(1, "add"), at(2, "add"), at(3, "del")}, trouble: true},
		"of an earlier import":  {requests: []request{at(-9, "add"), at(-8, "add"), at(3, "del")}},
		"due by date then":      {requests: []request{at(1, "add"), at(2, "add"), at(3, "del")}, also: line("2", "Future", "2026-06-01", "12:01", "", "")},
		"due by date long ago":  {requests: []request{at(1, "add"), at(2, "add"), at(3, "del")}, also: line("2", "Current", "2026-06-01", "11:00", "", ""), wrong: true},
	} {
		k := town(t, line("1", "Current", "2026-05-01", "", "", "")+c.also, line("1", "Past", "2026-05-01", "", "", "")+c.also)
		k.job.Panels = []panel{simulated(t, map[string]any{"/stats": stats{Mutating: c.requests}})}
		if c.trouble {
			k.job.Troubles = []trouble{{Panel: "front", From: noon()}}
		}
		if problems := k.order(); (len(problems) > 0) != c.wrong {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestRowsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	ours := map[string]any{"user_id": "GHp1", "name": "A. Abbott1 - Unit 101", "pin": "20001", "schedule_relay": "1001-1"}
	theirs := map[string]any{"user_id": "S1", "name": "Caretaker", "pin": "7001"}
	touched := map[string]any{"user_id": "S1", "name": "Caretaker", "pin": "7002"}
	made, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rows []any
		want string
	}{
		"as it should be":  {[]any{theirs, ours}, ""},
		"a touched one":    {[]any{touched, ours}, "was touched"},
		"one gone":         {[]any{ours}, "it held 1"},
		"ours missing":     {[]any{theirs}, "lacks A. Abbott1"},
		"ours twice":       {[]any{theirs, ours, ours}, "should not"},
		"somebody is left": {[]any{theirs, ours, map[string]any{"user_id": "GHp9", "name": "B. Gone - Unit 9"}}, "should not"},
	} {
		k := town(t, line("1", "Current", "2026-05-01", "", "", ""))
		k.job.Strangers = map[string][]json.RawMessage{"front": {made}}
		err := k.panel(context.Background(), simulated(t, map[string]any{"/users": c.rows}))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTheLastWordAboutSomebody(t *testing.T) {
	t.Parallel()
	here, gone := resident{first: "A", from: noon().AddDate(-9, 0, 0)}, resident{first: "A", status: "Past"}
	seen, out := body{Kind: "confirmed", Op: "add", Grade: "exact"}, body{Kind: "confirmed", Op: "remove", Grade: "exact"}
	for name, c := range map[string]struct {
		who  resident
		last body
		ever bool
		good bool
	}{
		"seen there":                      {here, seen, true, true},
		"never told":                      {here, body{}, false, false},
		"told gone and lives there":       {here, out, true, false},
		"seen gone":                       {gone, out, true, true},
		"only written":                    {gone, body{Kind: "written", Op: "remove"}, true, false},
		"gone by presence only":           {gone, body{Kind: "confirmed", Op: "remove", Grade: "presence"}, true, false},
		"still there":                     {gone, seen, true, false},
		"out before anything was written": {gone, body{}, false, true},
	} {
		if err := word(panel{}, c.who, c.last, c.ever); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARemovalProvesItself(t *testing.T) {
	t.Parallel()
	const done = `"kind":"confirmed","op":"remove","at":"2026-06-01T16:00:00Z"`
	for name, c := range map[string]struct {
		event string
		good  bool
	}{
		"asked and stored before":  {done + `,"asked":"2026-06-01T15:59:00Z","stored":"2026-06-01T15:59:01Z"`, true},
		"never asked":              {done + `,"stored":"2026-06-01T15:59:01Z"`, false},
		"never stored":             {done + `,"asked":"2026-06-01T15:59:00Z"`, false},
		"done before it was asked": {done + `,"asked":"2026-06-01T16:01:00Z","stored":"2026-06-01T15:59:01Z"`, false},
		"by a clock nobody trusts": {done + `,"unsure":true,"asked":"2026-06-01T16:01:00Z","stored":"2026-06-01T15:59:01Z"`, true},
		"no removal":               {`"kind":"confirmed","op":"add"`, true},
	} {
		if problems := (&check{log: told(c.event)}).proofs(); (len(problems) == 0) != c.good {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
