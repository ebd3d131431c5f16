package plan

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/rules"
)

// modelPanel is a panel that keeps its own rules: so many rows, no PIN or card twice.
type modelPanel struct {
	t    *rapid.T
	room int
	next int
	rows map[string]model.Record
}

// records lists the rows as a device would, in no order of ours.
func (p *modelPanel) records() (out []model.Record) {
	for _, native := range slices.Sorted(maps.Keys(p.rows)) {
		out = append(out, p.rows[native])
	}
	return out
}

func (p *modelPanel) put(native string, r model.Record) {
	r.Native = native
	p.rows[native] = r
	if p.room > 0 && len(p.rows) > p.room {
		p.t.Fatalf("%d rows on a panel for %d", len(p.rows), p.room)
	}
	holds := map[string]string{}
	for id, row := range p.rows {
		for _, s := range Secrets(plain{}, row) {
			if other, twice := holds[s]; twice {
				p.t.Fatalf("rows %s and %s hold %s", id, other, s)
			}
			holds[s] = id
		}
	}
}

// apply does one step by a driver's rules: only rows of ours are written.
func (p *modelPanel) apply(s model.Step) {
	row, there := p.rows[s.Native]
	switch {
	case s.Op == access.OpAdd:
		p.next++
		p.put(fmt.Sprint("n", p.next), s.Record)
	case !there || row.Ref != s.Ref || row.ReadOnly:
		p.t.Fatalf("%s of row %q, which is not %s", s.Op, s.Native, s.Ref)
	case s.Op == access.OpRemove:
		delete(p.rows, s.Native)
	default:
		p.put(s.Native, s.Record)
	}
}

// world is a property, its gateway and one panel, as drawn.
type world struct {
	t     *rapid.T
	in    Input
	panel *modelPanel
	edges []time.Time // every instant at which anything begins or ends
	seen  map[string]string
}

// TestPlanReachesWhatIsWanted: whatever is wanted, held, done by hand and standing on the panel: plans
// that are applied reach the wanted state and then are empty, now and at every NextChange. On the way
// removals go first, the panel's limits hold, no PIN stands twice, and strangers are untouched.
func TestPlanReachesWhatIsWanted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		strange := w.untouched()
		for range 40 {
			w.settle()
			w.compare()
			p := Make(w.observed())
			if diff := cmp.Diff(strange, w.untouched()); diff != "" {
				rt.Fatalf("a stranger's row changed:\n%s", diff)
			}
			if p.NextChange.IsZero() {
				return
			}
			w.unchangedUntil(p.NextChange)
			if w.in.Now = p.NextChange; rapid.IntRange(0, 9).Draw(rt, "contact") == 0 {
				w.in.Contact = w.in.Now
			}
		}
	})
}

// TestWindowsAtEveryInstant: at every edge, the nanosecond before and the one after, doors are open to
// those to whom plain counting opens them, and nothing changes before NextChange says so.
func TestWindowsAtEveryInstant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		w.in.Trusted, w.in.Limits.People = true, 0
		for _, e := range w.edges {
			for _, at := range []time.Time{e.Add(-1), e, e.Add(1)} {
				w.in.Now = at
				w.unchangedUntil(Make(w.observed()).NextChange)
			}
		}
	})
}

// observed is the input with the whole panel read.
func (w *world) observed() Input {
	in := w.in
	in.Observed = Observed{Complete: true, Everybody: true, Records: w.panel.records()}
	in.Others = Others{Rows: len(w.panel.rows), Secrets: map[string]access.PersonID{}}
	for _, r := range in.Observed.Records {
		who := access.PersonID("")
		if _, known := in.Ledger[claimed(r)]; (known || w.wants(claimed(r))) && !r.ReadOnly {
			who = claimed(r)
		}
		for _, s := range Secrets(in.Print, r) {
			in.Others.Secrets[s] = who
		}
	}
	return in
}

func (w *world) wants(id access.PersonID) bool {
	return slices.ContainsFunc(w.in.People, func(h access.Holder) bool { return h.Person.ID == id })
}

// settle applies plans until there is nothing to do.
func (w *world) settle() {
	for range 2*len(w.in.People) + 6 {
		p := Make(w.observed())
		last := 0
		for _, s := range p.Steps {
			if rank(s.Op) < last {
				w.t.Fatalf("out of order: %v", ops(p))
			}
			last = rank(s.Op)
			w.panel.apply(s)
		}
		w.record(p)
		if len(p.Steps) == 0 {
			if again := Make(w.observed()); len(again.Steps) > 0 || len(again.Adopt) > 0 {
				w.t.Fatalf("empty, and then %v and %v", ops(again), again.Adopt)
			}
			return
		}
	}
	w.t.Fatalf("never done: %v", ops(Make(w.observed())))
}

// record keeps the ledger as the loop does.
func (w *world) record(p Plan) {
	entry := func(id access.PersonID, r model.Record) {
		w.in.Ledger[id] = access.LedgerEntry{Person: id, Ref: string(model.RefOf(id)), State: access.Settled, Print: PrintRecord(plain{}, r)}
	}
	for _, s := range p.Steps {
		if s.Op == access.OpRemove {
			continue // until the row is seen to be gone the entry stays
		}
		entry(s.Person, s.Record)
	}
	for _, a := range p.Adopt {
		entry(a.Person, a.Record)
	}
	for _, s := range p.Settled {
		if s.Record.Ref == "" {
			delete(w.in.Ledger, s.Person)
		} else {
			entry(s.Person, s.Record)
		}
	}
}

// compare holds the panel against plain counting.
func (w *world) compare() {
	p := Make(w.observed())
	refused, held := refusedOf(p), map[access.PersonID]bool{}
	for _, h := range p.Held {
		held[h.Person] = true
	}
	for _, h := range w.in.People {
		id := h.Person.ID
		_, ours := w.in.Ledger[id]
		relays, hours := w.count(h)
		var rows []model.Record
		for _, r := range w.panel.rows {
			if r.Ref == model.RefOf(id) && !r.ReadOnly && ours { // else it is nobody's until it is adopted
				rows = append(rows, r)
			}
		}
		_, isRefused := refused[id]
		switch {
		case held[id]:
			if len(rows) == 0 || len(relays) > 0 && !isRefused || w.revoked(id) {
				w.t.Fatalf("%s is held with rows %v and doors %v", id, rows, relays)
			}
		case len(relays) == 0:
			if len(rows) != 0 {
				w.t.Fatalf("%s still stands at %v", id, rows)
			}
		case len(rows) > 1:
			w.t.Fatalf("%s stands twice", id)
		case len(rows) == 1 && w.in.Trusted:
			if diff := cmp.Diff(relays, rows[0].Relays) + cmp.Diff(hours, rows[0].Schedules); diff != "" {
				w.t.Fatalf("%s at %s:\n%s", id, w.in.Now, diff)
			}
		case len(rows) == 1:
			if extra := slices.DeleteFunc(slices.Clone(rows[0].Relays), func(r string) bool { return slices.Contains(relays, r) }); len(extra) > 0 {
				w.t.Fatalf("%s opens %v, wanted %v", id, extra, relays)
			}
		case !isRefused:
			w.t.Fatalf("%s is missing and not refused; doors %v", id, relays)
		}
	}
}

func (w *world) revoked(id access.PersonID) bool {
	return slices.ContainsFunc(w.in.Overlay, func(o access.Overlay) bool { return o.Person == id && o.Kind == access.OverlayRevoke })
}

// count says by plain counting which relays are open to somebody, and by which hours.
func (w *world) count(h access.Holder) (relays []string, hours []access.ScheduleID) {
	if w.revoked(h.Person.ID) {
		return nil, nil
	}
	byHours := false
	for door, relay := range w.in.Doors {
		open := false
		for _, g := range h.Grants {
			leads := g.Door == door || slices.Contains(w.in.Places.Groups[g.Group].Doors, door) || g.Unit != "" && w.in.Places.Doors[door].Unit == g.Unit
			begun := g.From.IsZero() || g.From.Equal(w.in.Now) || g.From.Before(w.in.Now)
			over := !g.Until.IsZero() && (g.Until.Equal(w.in.Now) || g.Until.Before(w.in.Now))
			if over && g.Ends == access.EndLeaseEnd && g.Until.Sub(w.in.Contact) > w.in.StaleAfter(door) && w.in.StaleAfter(door) != 0 {
				over = false
			}
			if leads && begun && !over {
				scheduled := w.in.Places.Groups[g.Group].Schedule != ""
				open, byHours = open || !scheduled, byHours || scheduled && w.in.Limits.Schedules > 0 && w.in.Trusted
			}
		}
		for _, o := range w.in.Overlay {
			open = open || o.Person == h.Person.ID && o.Kind == access.OverlayGrant && o.Door == door && o.Contains(w.in.Now)
		}
		if open {
			relays = append(relays, relay)
		}
	}
	slices.Sort(relays)
	if byHours && len(relays) == 0 { // only the lobby has hours
		return []string{"A"}, []access.ScheduleID{"day"}
	}
	return relays, nil
}

// unchangedUntil looks at every edge from now until just before next: everybody's doors and names must be
// what they are now. next zero: for ever.
func (w *world) unchangedUntil(next time.Time) {
	want := w.picture(w.in.Now)
	for _, e := range w.edges {
		for _, at := range []time.Time{e.Add(-1), e, e.Add(1)} {
			if at.Before(w.in.Now) || !next.IsZero() && !at.Before(next) {
				continue
			}
			if got := w.picture(at); got != want {
				w.t.Fatalf("at %s something changed that NextChange (%s) did not say at %s:\n%s\n%s", at, next, w.in.Now, want, got)
			}
		}
	}
}

// picture is how everybody stands at an instant; what Want says is held against plain counting.
func (w *world) picture(at time.Time) string {
	key := fmt.Sprint(at.UnixNano(), w.in.Contact)
	if p, ok := w.seen[key]; ok {
		return p
	}
	now, out := w.in.Now, ""
	w.in.Now = at
	for _, h := range w.in.People {
		relays, hours := w.count(h)
		want := Want(w.in, h)
		if want.Open && len(want.Refusals) == 0 && (!slices.Equal(relays, want.Record.Relays) || !slices.Equal(hours, want.Record.Schedules)) {
			w.t.Fatalf("%s at %s: doors %v by %v, counted %v by %v", h.Person.ID, at, want.Record.Relays, want.Record.Schedules, relays, hours)
		}
		out += fmt.Sprintln(h.Person.ID, relays, hours, want.Stale, want.Record.Name)
	}
	w.in.Now, w.seen[key] = now, out
	return out
}

// untouched are the rows that no plan may ever touch: without our reference, or the vendor's.
func (w *world) untouched() []string {
	var out []string
	for _, r := range w.panel.records() {
		if !r.Ref.Ours() || r.ReadOnly || claimed(r) == "ghost" {
			out = append(out, fmt.Sprint(r.Native, r.Ref, r.Name, r.PIN.Reveal(), r.Relays))
		}
	}
	return out
}

func drawWorld(t *rapid.T) *world {
	w := &world{t: t, in: input(), seen: map[string]string{}, panel: &modelPanel{t: t, rows: map[string]model.Record{}}}
	loc, err := time.LoadLocation(rapid.SampledFrom([]string{"America/New_York", "America/Phoenix", "Europe/Dublin", "Australia/Lord_Howe"}).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	spring := rapid.Bool().Draw(t, "spring")
	wall := func(name string, side rules.Side) time.Time {
		month, day := time.November, 1
		if spring {
			month, day = time.March, 8
		}
		at := rules.Wall(2026, month, day+rapid.IntRange(-1, 1).Draw(t, name+" day"), rapid.IntRange(0, 3).Draw(t, name+" hour"), rapid.SampledFrom([]int{0, 30}).Draw(t, name+" minute"), loc, side)
		w.edges = append(w.edges, at)
		return at
	}
	w.in.Now = wall("now", rules.Begin)
	w.places()
	for i := range rapid.IntRange(0, 6).Draw(t, "people") {
		w.person(access.PersonID(fmt.Sprint("p", i)), wall)
	}
	w.strangers()
	if rapid.Bool().Draw(t, "limited") {
		w.panel.room = len(w.panel.rows) + rapid.IntRange(0, 3).Draw(t, "room")
		w.in.Limits.People = w.panel.room
	}
	slices.SortFunc(w.edges, time.Time.Compare)
	return w
}

func (w *world) places() {
	t := w.t
	w.in.Trusted = rapid.IntRange(0, 4).Draw(t, "trusted") > 0
	w.in.Policy = rapid.SampledFrom(append([]access.DriftPolicy{""}, access.DriftPolicies...)).Draw(t, "policy")
	w.in.Limits.Schedules = rapid.SampledFrom([]int{0, 1}).Draw(t, "schedules")
	w.in.Places.Groups["office"] = access.Group{ID: "office", Name: "Office", Doors: []access.DoorID{"lobby"}, Schedule: "day"}
	w.in.Places.Schedules = map[access.ScheduleID]access.Schedule{"day": {ID: "day"}}
	w.in.Contact = w.in.Now.Add(-time.Duration(rapid.IntRange(0, 96).Draw(t, "contact hours ago")) * time.Hour)
	limits := map[access.DoorID]time.Duration{"lobby": 24 * time.Hour, "garage": time.Duration(rapid.IntRange(0, 72).Draw(t, "limit")) * time.Hour}
	w.in.StaleAfter = func(d access.DoorID) time.Duration { return limits[d] }
	w.in.Held = map[access.PersonID]access.Hold{}
}

// person draws what somebody is given, what was done to them by hand, and what stands on the panel.
func (w *world) person(id access.PersonID, wall func(string, rules.Side) time.Time) {
	t := w.t
	h := access.Holder{Person: access.Person{ID: id, Kind: access.Resident, First: "Tom", Last: string(id)}}
	window := func() access.Window {
		win := access.Window{From: wall("from", rules.Begin)}
		if until := wall("until", rules.End); until.After(win.From) && rapid.IntRange(0, 3).Draw(t, "ends") > 0 {
			win.Until = until
		}
		return win
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "grants") {
		g := access.Grant{ID: access.GrantID(fmt.Sprint(id, i)), Person: id, Reason: "lives here", Window: window()}
		switch rapid.IntRange(0, 4).Draw(t, "target") {
		case 0:
			g.Door = "garage"
		case 1:
			g.Unit = "u2"
		case 2:
			g.Group = "office"
		default:
			g.Group = rapid.SampledFrom([]access.GroupID{"entrance", "all"}).Draw(t, "group")
		}
		if !g.Until.IsZero() {
			g.Ends = rapid.SampledFrom([]access.EndReason{access.EndMoveOut, access.EndLeaseEnd, access.EndLeaseEnd, access.EndRevoked, access.EndVisit}).Draw(t, "why")
		}
		h.Grants = append(h.Grants, g)
	}
	for _, u := range rapid.SliceOfN(rapid.SampledFrom([]access.UnitID{"u1", "u2"}), 0, 2).Draw(t, "units") {
		h.Residencies = append(h.Residencies, access.Residency{ID: access.ResidencyID(fmt.Sprint(id, u)), Person: id, Unit: u, Window: window()})
	}
	if rapid.IntRange(0, 5).Draw(t, "pin") > 0 { // few, so that they collide
		h.Credentials = append(h.Credentials, access.Credential{ID: "c1", Person: id, Kind: access.PIN, Secret: access.NewSecret(rapid.StringMatching(`1[0-5]`).Draw(t, "digits"))})
	}
	if rapid.IntRange(0, 3).Draw(t, "card") == 0 {
		h.Credentials = append(h.Credentials, access.Credential{ID: "c2", Person: id, Kind: access.Card, Secret: access.NewSecret(rapid.StringMatching(`A[0-3]`).Draw(t, "hex"))})
	}
	w.in.People = append(w.in.People, h)
	switch rapid.IntRange(0, 9).Draw(t, "by hand") {
	case 0:
		w.in.Overlay = append(w.in.Overlay, access.Overlay{ID: string(id), Kind: access.OverlayRevoke, Person: id, Window: window()})
	case 1:
		w.in.Overlay = append(w.in.Overlay, access.Overlay{ID: string(id), Kind: access.OverlayGrant, Person: id, Door: "lobby", Window: window()})
	}
	if rapid.IntRange(0, 4).Draw(t, "held") == 0 {
		w.in.Held[id] = access.Hold{Person: id, Cause: access.HoldBrake, Since: w.in.Now}
	}
	w.standing(id)
}

// standing puts rows of a person on the panel, from a better or a worse past.
func (w *world) standing(id access.PersonID) {
	t := w.t
	n := rapid.IntRange(0, 2).Draw(t, "rows")
	if rapid.Bool().Draw(t, "known") {
		w.in.Ledger[id] = access.LedgerEntry{Person: id, Ref: string(model.RefOf(id)), State: access.Settled}
	}
	for i := range n {
		r := model.Record{Ref: model.RefOf(id), Name: rapid.SampledFrom([]string{"x", "T. " + string(id)}).Draw(t, "name"), Relays: rapid.SampledFrom([][]string{{"A"}, {"B"}, {"A", "B"}}).Draw(t, "relays")}
		r.ReadOnly = rapid.IntRange(0, 9).Draw(t, "vendor's") == 0
		w.stand(fmt.Sprint(id, "-", i), r)
	}
}

// stand puts a row there with a PIN that nobody has yet, if one is drawn.
func (w *world) stand(native string, r model.Record) {
	pin := access.NewSecret(rapid.StringMatching(`1[0-5]`).Draw(w.t, "digits there"))
	if !slices.ContainsFunc(w.panel.records(), func(o model.Record) bool { return o.PIN.Equal(pin) }) {
		r.PIN = pin
	}
	w.panel.put(native, r)
}

func (w *world) strangers() {
	for i, ref := range []model.Ref{"4711", "", "GHghost"}[:rapid.IntRange(0, 3).Draw(w.t, "strangers")] {
		w.stand(fmt.Sprint("s", i), model.Record{Ref: ref, Name: "Caretaker", Relays: []string{"A"}})
	}
}
