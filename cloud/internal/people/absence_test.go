package people

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

func TestG3_AbsentFromOneCompleteExportIsOnlyNoted(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(10)
	w.sync()
	w.leave("3")
	w.sync()
	if l := w.lease("L3"); l.Status != "current" || l.Missing != 1 {
		t.Errorf("lease %+v", l)
	}
	w.wantConflict("missing", string(w.lease("L3").ID), "Ada No3 in unit 102 was not in the last complete export. If the next complete one lacks them too, their access ends.")
	w.wantChange(Missing, "not in a complete export")
	w.sync()
	if l := w.lease("L3"); l.Status != "past" || !l.PastSeen.Equal(w.now) {
		t.Errorf("missing twice: %+v", l)
	}
	w.wantChange(Ended, "missing from 2 complete exports in a row")
	w.wantKinds()
	if w.person("3").First == "" || len(w.roster.Units) != 10 {
		t.Error("a record is gone")
	}
}

func TestG3_BackInBetweenStartsAnew(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(10)
	w.sync()
	whole := w.snap
	w.leave("3")
	gone := w.snap
	w.sync()
	w.snap = whole
	w.sync()
	if w.lease("L3").Missing != 0 {
		t.Error("who is back still counts as missing")
	}
	w.wantChange(Changed, "is in the export again")
	w.snap = gone
	w.sync()
	if w.lease("L3").Status != "current" {
		t.Error("two absences with a presence between them end access")
	}
	w.sync()
	w.snap = whole
	w.sync()
	if l := w.lease("L3"); l.Status != "current" || !l.PastSeen.IsZero() {
		t.Errorf("who comes back after being ended stays out: %+v", l)
	}
}

func TestG3_TheSamePullCountsOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(10)
	w.sync()
	w.leave("3")
	w.src.Pull = "sha256 of the file"
	w.sync()
	if r := w.sync(); len(r.Changes) != 0 || w.lease("L3").Missing != 1 {
		t.Errorf("the same file twice proves more than once: %+v", r.Changes)
	}
	w.src.Pull = "another file"
	w.sync()
	if w.lease("L3").Status != "past" {
		t.Error("a second export that agrees does not count")
	}
}

func TestG3_IncompleteExportRemovesNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(40)
	w.sync()
	var half []string
	for i := 21; i <= 40; i++ {
		half = append(half, fmt.Sprint(i))
	}
	w.leave(half...)
	w.snap.Complete, w.snap.Evidence = false, []string{"the footer is missing: the file may be cut off"}
	w.edit("1", func(p *pms.Person, _ *pms.Lease) { p.First = "Eve" })
	w.past("2")
	for range 3 {
		w.sync()
	}
	if n := len(w.living()); n != 39 {
		t.Errorf("%d live here, want all but the one the export calls past", n)
	}
	if w.person("1").First != "Eve" || w.lease("L2").Status != "past" {
		t.Error("what could be read did not act")
	}
	if l := w.lease("L40"); l.Missing != 0 {
		t.Errorf("an incomplete export counts for absence: %+v", l)
	}
	w.wantKinds("incomplete_export")
	w.wantConflict("incomplete_export", "elm", "The last export is not complete: the footer is missing: the file may be cut off. What could be read was taken over; nobody was removed for not being in it (20 known leases are not).")
}

func TestG3_UnreadableExportChangesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(5)
	w.sync()
	before := w.roster
	w.snap = pms.Snapshot{Evidence: []string{"the connection was refused"}}
	r := w.sync()
	if len(r.Changes) != 0 || sameRoster(before, r.Roster) != "" {
		t.Errorf("an export that could not be read changes %+v", r.Changes)
	}
	w.wantConflict("incomplete_export", "elm", "could not be read, so nothing changed: the connection was refused")
}

func TestG3_ExportWithoutThePropertyProvesNothing(t *testing.T) {
	t.Parallel()
	for name, others := range map[string][]pms.Property{"another property's": {{Ref: "OAK"}}, "an empty one": nil} {
		w := newTown(t)
		w.residents(5)
		w.sync()
		w.snap = pms.Snapshot{OK: true, Complete: true, Properties: others}
		w.sync()
		w.sync()
		if l := w.lease("L1"); l.Missing != 0 || l.Status != "current" {
			t.Errorf("%s export: %+v", name, l)
		}
		w.wantConflict("incomplete_export", "elm", `property "ELM" does not stand in it`)
	}
}

func TestG3_TheBrake(t *testing.T) {
	t.Parallel()
	refs := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprint(i+1))
		}
		return out
	}
	for _, c := range []struct {
		residents, leave int
		how              string // past, absent, move-out, none, later, type
		held             bool
	}{
		{10, 3, "past", false},
		{10, 4, "past", true},
		{40, 4, "past", false},
		{40, 5, "past", true},
		{100, 10, "past", false},
		{100, 11, "past", true},
		{40, 4, "absent", false},
		{40, 5, "absent", true},
		{40, 40, "absent", true},
		{40, 5, "move-out", true},
		{40, 5, "none", true},
		{40, 5, "later", true},
		{40, 5, "type", true},
		{40, 5, "secrets", true},
		{40, 4, "secrets", false},
		{3, 3, "past", true},
		{2, 2, "absent", true},
		{1, 1, "past", false},
		{1, 1, "absent", true},
		{40, 40, "published", false},
		{40, 40, "published lease end", false},
		{40, 20, "transfer", false},
	} {
		t.Run(fmt.Sprintf("%d of %d %s", c.leave, c.residents, c.how), func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			w.roster.Property.Settings.Types = []string{"resident"}
			w.roster.Property.Settings.EndLeaseEnd = c.how == "published lease end"
			w.residents(c.residents)
			for _, ref := range refs(c.residents) {
				w.edit(ref, func(p *pms.Person, l *pms.Lease) {
					p.PIN = pms.Held{Secret: access.NewSecret("1" + ref + "0")}
					if c.how == "published" {
						l.MoveOut = w.date("2026-11-22")
					}
					if c.how == "published lease end" {
						l.LeaseEnd = w.date("2026-11-21")
					}
				})
			}
			w.sync()
			gone := refs(c.leave)
			switch c.how {
			case "absent":
				w.leave(gone...)
				w.sync()
			default:
				for _, ref := range gone {
					w.edit(ref, leaving(w, c.how))
				}
			}
			before := w.roster
			r := w.sync()
			if held := r.Held != ""; held != c.held {
				t.Fatalf("held %q, want held %v", r.Held, c.held)
			}
			if !c.held {
				return
			}
			if n := len(w.living()); n != c.residents {
				t.Errorf("%d live here though the run is held", n)
			}
			for i, p := range r.Roster.People {
				if p.PIN.IsZero() || p.RawType != before.People[i].RawType {
					t.Errorf("%s lost something though the run is held", p.ID)
				}
			}
			want := fmt.Sprintf("Held: %d of %d current residents would lose their access", c.leave, c.residents)
			if c.how == "secrets" {
				want = fmt.Sprintf("Held: %d people would lose their PIN: is the field still called so?", c.leave)
			}
			if !strings.HasPrefix(r.Held, want) || r.Counts.Leaving != c.leave || r.Counts.Residents != c.residents {
				t.Errorf("%q, counts %+v; want %q", r.Held, r.Counts, want)
			}
			w.wantConflict("held", "elm", "Ada No1 in unit 100")
			for range 3 {
				if w.sync(); w.last.Held == "" {
					t.Fatal("what is held does not stay held")
				}
			}
			w.src.Release = true
			if w.sync(); w.last.Held != "" || w.last.Counts.Leaving != c.leave {
				t.Errorf("an administrator's release is held: %q, counts %+v", w.last.Held, w.last.Counts)
			}
		})
	}
}

// leaving is one way in which an export takes somebody's access.
func leaving(w *town, how string) func(*pms.Person, *pms.Lease) {
	return func(p *pms.Person, l *pms.Lease) {
		switch how {
		case "past", "published", "published lease end":
			l.Status, l.RawStatus = pms.Past, "Past"
		case "move-out":
			l.MoveOut = w.date("2026-11-20")
		case "none":
			l.Status, l.RawStatus = pms.None, "Applicant"
		case "later":
			l.MoveIn = w.date("2027-11-20")
		case "type":
			p.Type, p.RawType = "", ""
		case "secrets":
			p.PIN = pms.Held{}
		case "transfer":
			l.Unit = "100"
		}
	}
}

// TestG3_AVanishedFieldTakesNoPINs: a field that is called otherwise now leaves everybody's PIN blank, also of those who
// have yet to move in.
func TestG3_AVanishedFieldTakesNoPINs(t *testing.T) {
	t.Parallel()
	pin := pms.Held{Secret: access.NewSecret("48213")}
	for _, c := range []struct {
		name            string
		current, future int // how many of 40 and 20 lose theirs
		card            bool
		held            string // how Held begins
	}{
		{"nobody", 0, 0, false, ""},
		{"a few", 2, 1, false, ""},
		{"everybody", 40, 20, false, "Held: 60 people would lose their PIN: is the field still called so? They keep it (at most 6 may in one run): Ada No1"},
		{"everybody, who have cards", 40, 20, true, "Held: 60 people would lose their PIN: is"},
		{"only those to come", 0, 20, false, "Held: 20 people would lose their PIN: is"},
		{"a tenth", 4, 2, false, "Held: 6 people"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			w.residents(40)
			for i := range 20 {
				w.resident(fmt.Sprint("f", i), fmt.Sprint(500+i), pms.Future, func(_ *pms.Person, l *pms.Lease) { l.MoveIn = w.date("2027-01-01") })
			}
			for i := range w.snap.People {
				w.snap.People[i].PIN = pin
				if c.card {
					w.snap.People[i].Card = pms.Held{Secret: access.NewSecret(fmt.Sprint("04A1B2", 10+i))}
				}
			}
			w.sync()
			for i := range 20 {
				if i < c.future {
					w.edit(fmt.Sprint("f", i), leaving(w, "secrets"))
				}
			}
			for i := range c.current {
				w.edit(fmt.Sprint(i+1), leaving(w, "secrets"))
			}
			w.sync()
			without := 0
			for _, p := range w.roster.People {
				if p.PIN.IsZero() {
					without++
				}
			}
			if c.held == "" {
				if w.last.Held != "" || without != c.current+c.future {
					t.Errorf("held %q, %d people are without a PIN, want %d", w.last.Held, without, c.current+c.future)
				}
				return
			}
			if !strings.HasPrefix(w.last.Held, c.held) || without != 0 {
				t.Errorf("held %q, and %d people are without a PIN; want %q", w.last.Held, without, c.held)
			}
			w.wantConflict("held", "elm", "would lose their PIN")
			w.src.Release = true
			if w.sync(); w.last.Held != "" || !w.person("f0").PIN.IsZero() && c.future > 0 {
				t.Errorf("released, and held %q", w.last.Held)
			}
		})
	}
}

func TestG3_AHeldRunChangesNoCredentialOfPeopleToCome(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(10)
	w.resident("f", "900", pms.Future, func(p *pms.Person, l *pms.Lease) {
		l.MoveIn, p.PIN = w.date("2027-01-01"), pms.Held{Secret: access.NewSecret("48213")}
	})
	w.resident("gone", "901", pms.Past, nil)
	w.sync()
	w.past("1", "2", "3", "4")
	w.edit("f", func(p *pms.Person, _ *pms.Lease) { p.PIN, p.First = pms.Held{Secret: access.NewSecret("11111")}, "Eve" })
	w.sync()
	if p := w.person("f"); w.last.Held == "" || p.PIN.Reveal() != "48213" || p.First != "Eve" {
		t.Errorf("held %q: %s has another PIN", w.last.Held, p.First)
	}
	w.wantConflict("held", "elm", "4 of 10 current residents")
}

func TestG3_TheRestOfAHeldExportIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(40)
	w.sync()
	w.past("1", "2", "3", "4", "5")
	w.edit("6", func(p *pms.Person, _ *pms.Lease) { p.First = "Eve" })
	w.resident("41", "900", pms.Future, nil)
	w.sync()
	if w.last.Held == "" || w.person("6").First != "Eve" || w.lease("L41").Status != "future" {
		t.Errorf("held %q; a change and a move-in wait behind other people's move-outs", w.last.Held)
	}
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Status = pms.Current })
	w.sync()
	if w.last.Held != "" || w.lease("L2").Status != "past" || w.lease("L1").Status != "current" {
		t.Errorf("four of forty are held: %q", w.last.Held)
	}
}

func TestG3_HeldAbsenceKeepsFutureResidentsToo(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(10)
	w.resident("f", "900", pms.Future, func(_ *pms.Person, l *pms.Lease) { l.MoveIn = w.date("2027-01-01") })
	w.sync()
	w.leave("1", "2", "3", "4", "f")
	w.sync()
	w.sync()
	if w.last.Held == "" || w.lease("Lf").Status != "future" {
		t.Errorf("held %q, the future resident is %s", w.last.Held, w.lease("Lf").Status)
	}
	w.wantConflict("missing", string(w.lease("L1").ID), "was not in 2 complete exports in a row; their access goes on because the run is held")
}

func TestG3_AbsenceSaysNothingAboutHandMadePeople(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(5)
	w.roster.People = []model.Person{{Person: access.Person{ID: "x", Kind: access.Resident, First: "Hand", Last: "Made"}, Origin: model.ByHand}}
	w.roster.Leases = []model.Lease{{ID: "rx", Person: "x", Unit: "u", Status: "current"}, {ID: "ry", Person: "unknown", Ref: "LY", Status: "current"}}
	for range 3 {
		w.sync()
	}
	for _, l := range w.roster.Leases[:2] {
		if l.Status != "current" || l.Missing != 0 {
			t.Errorf("lease %+v", l)
		}
	}
}

func TestG3_WhereStatusEndsNothingPastIsNoLeaving(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.roster.Property.Settings.EndStatus = false
	w.residents(10)
	w.sync()
	w.past("1", "2", "3", "4", "5")
	if r := w.sync(); r.Held != "" || r.Counts.Leaving != 0 {
		t.Errorf("held %q: this property ends access by date alone", r.Held)
	}
}

func TestG3_APublishedEndCountsAlsoWithAnotherLeaseToCome(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(10)
	for i := range 10 {
		w.edit(fmt.Sprint(i+1), func(p *pms.Person, l *pms.Lease) {
			l.MoveOut = w.date("2026-11-22")
			later := *l
			later.Ref, later.Status, later.MoveIn, later.MoveOut = l.Ref+"b", pms.Future, w.date("2027-08-01"), pms.Date{}
			w.snap.Leases = append(w.snap.Leases, later)
			again := *p
			again.Lease = later.Ref
			w.snap.People = append(w.snap.People, again)
		})
	}
	w.sync()
	for i := range 10 {
		w.past(fmt.Sprint(i + 1))
	}
	if r := w.sync(); r.Held != "" || w.lease("L1").Status != "past" || w.lease("L1b").Status != "future" {
		t.Errorf("held %q: all of it was published", r.Held)
	}
}

func TestG3_ResidentsCountsWhoLivesHereToday(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(3)
	w.resident("tomorrow", "900", pms.Future, func(_ *pms.Person, l *pms.Lease) { l.MoveIn = w.date("2026-11-23") })
	w.resident("today", "901", pms.Future, func(_ *pms.Person, l *pms.Lease) { l.MoveIn = w.date("2026-11-22") })
	w.resident("undated", "902", pms.Future, func(_ *pms.Person, l *pms.Lease) { l.MoveIn = pms.Date{} })
	w.resident("left", "903", pms.Current, func(_ *pms.Person, l *pms.Lease) { l.MoveOut = w.date("2026-11-21") })
	w.resident("by lease", "904", pms.Current, func(_ *pms.Person, l *pms.Lease) { l.MoveIn, l.LeaseStart = pms.Date{}, w.date("2027-01-01") })
	w.resident("signed", "906", pms.Current, func(_ *pms.Person, l *pms.Lease) { l.LeaseStart = w.date("2027-01-01") })
	w.resident("always", "905", pms.Current, func(_ *pms.Person, l *pms.Lease) { l.MoveIn = pms.Date{} })
	w.sync()
	if r := w.sync(); r.Counts.Residents != 6 {
		t.Errorf("%d residents, want 1, 2, 3, today, signed and always", r.Counts.Residents)
	}
	w.roster.Property.Settings.Begin = model.BeginLeaseStart
	if r := w.sync(); r.Counts.Residents != 5 {
		t.Errorf("%d residents by lease start", r.Counts.Residents)
	}
	// In New York it is still the 22nd when in London the 23rd has come.
	w.now = w.now.AddDate(0, 0, 1).Truncate(24 * 3600e9).Add(2 * 3600e9)
	if r := w.again(); r.Counts.Residents != 5 {
		t.Errorf("%d residents: the day of another place counts", r.Counts.Residents)
	}
	if !slices.Contains(w.living(), "Ltomorrow") {
		t.Error("a future resident is lost")
	}
}
