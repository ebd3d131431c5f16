package people

import (
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestTowardsS1_FirstSnapshotFillsTheProperty(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.resident("1", "101", pms.Current, func(p *pms.Person, l *pms.Lease) {
		p.Phones, p.Primary, p.PIN = []string{"+15550100"}, true, pms.Held{Secret: access.NewSecret("4821")}
		p.Card = pms.Held{Secret: access.NewSecret("04A3B2C1")}
		l.MoveOut, l.LeaseStart, l.LeaseEnd, l.Notice = w.date("2026-12-01"), w.date("2025-01-01"), w.date("2026-12-31"), w.date("2026-11-01")
		l.MoveInTime, l.MoveOutTime = pms.TimeOfDay{Hour: 9, Set: true}, pms.TimeOfDay{Hour: 12, Minute: 30, Set: true}
	})
	w.resident("2", "0102", pms.Future, func(p *pms.Person, l *pms.Lease) {
		p.Type, p.RawType = pms.TypeOccupant, "Roommate"
		l.MonthToMonth = true
	})
	w.snap.Units[0].Building = "North"
	r := w.sync()
	want := model.Roster{
		Property: model.Property{Property: access.Property{ID: "elm", Name: "Elm Court", Zone: "America/New_York"}, Origin: "CS", Ref: "ELM", Settings: model.DefaultSettings()},
		Units: []model.Unit{
			{Unit: access.Unit{ID: "u1", Name: "0102"}, Ref: "0102"},
			{Unit: access.Unit{ID: "u3", Name: "101", Building: "b2"}, Ref: "101"},
		},
		Buildings: []access.Building{{ID: "b2", Name: "North"}},
		People: []model.Person{
			{Person: access.Person{ID: "p4", Kind: access.Resident, First: "Ada", Last: "No1", Email: "1@example.com", Phones: []string{"+15550100"}},
				Origin: "CS", Ref: "1", Type: pms.TypeResident, RawType: "Resident", EmailClass: "ok", Primary: true, PIN: access.NewSecret("4821"), Card: access.NewSecret("04A3B2C1")},
			{Person: access.Person{ID: "p5", Kind: access.Occupant, First: "Ada", Last: "No2", Email: "2@example.com"},
				Origin: "CS", Ref: "2", Type: pms.TypeOccupant, RawType: "Roommate", EmailClass: "ok"},
		},
		Leases: []model.Lease{
			{ID: "r6", Person: "p4", Unit: "u3", Ref: "L1", Status: "current", RawStatus: "current", MoveIn: w.date("2025-01-01"), MoveOut: w.date("2026-12-01"),
				LeaseStart: w.date("2025-01-01"), LeaseEnd: w.date("2026-12-31"), Notice: w.date("2026-11-01"), MoveInTime: "09:00", MoveOutTime: "12:30"},
			{ID: "r7", Person: "p5", Unit: "u1", Ref: "L2", Status: "future", RawStatus: "future", MoveIn: w.date("2025-01-01"), MonthToMonth: true},
		},
	}
	if d := sameRoster(want, r.Roster); d != "" {
		t.Errorf("roster (-want +got):\n%s", d)
	}
	if r.Counts.People != 2 || r.Counts.Leases != 2 || r.Counts.Changes != len(r.Changes) || r.Held != "" {
		t.Errorf("counts %+v, held %q", r.Counts, r.Held)
	}
	w.wantKinds()
	w.wantChange(Added, "Ada No1, unit 101: current, moves in Jan 1, 2025")
}

func TestL5_NamesNumbersAndDatesFollowThePMS(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(2)
	w.sync()
	id := w.person("1").ID
	w.edit("1", func(p *pms.Person, l *pms.Lease) {
		p.First, p.Email, p.Phones, p.Type, p.RawType, p.Primary = "Adele", "adele@example.org", []string{"+15550111"}, pms.TypeOccupant, "Other", true
		p.PIN, p.Card = pms.Held{Secret: access.NewSecret("4821")}, pms.Held{Secret: access.NewSecret("AA")}
		l.RawStatus, l.MoveIn, l.MoveOut, l.LeaseStart, l.LeaseEnd, l.Notice = "Notice", w.date("2025-02-01"), w.date("2027-01-01"), w.date("2025-02-02"), w.date("2027-01-02"), w.date("2026-11-20")
		l.MonthToMonth, l.MoveInTime, l.MoveOutTime = true, pms.TimeOfDay{Set: true}, pms.TimeOfDay{Hour: 8, Set: true}
	})
	r := w.sync()
	p, l := w.person("1"), w.lease("L1")
	if p.ID != id || p.First != "Adele" || p.Email != "adele@example.org" || p.Phones[0] != "+15550111" || p.Kind != access.Occupant || !p.PIN.Equal(access.NewSecret("4821")) {
		t.Errorf("person %+v", p)
	}
	if l.MoveOut != w.date("2027-01-01") || l.RawStatus != "Notice" || !l.MonthToMonth || l.MoveInTime != "00:00" || l.Status != "current" {
		t.Errorf("lease %+v", l)
	}
	if len(r.Changes) != 2 {
		t.Errorf("changes %+v, want one person and one lease", r.Changes)
	}
	w.wantChange(Changed, `Adele No1: name was Ada No1, e-mail, phone, type was "Resident", is "Other", head of the household: true, PIN, card`)
	w.wantChange(Changed, `PMS status "Notice", move-in Feb 1, 2025, move-out Jan 1, 2027, move-in time "00:00", move-out time "08:00", lease start Feb 2, 2025, lease end Jan 2, 2027, notice Nov 20, 2026, month to month: true`)
}

func TestS14_UnknownStatusKeepsTheLastKnown(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(1)
	w.sync()
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Status, l.RawStatus = "", "Zorp" })
	w.resident("2", "200", "", func(_ *pms.Person, l *pms.Lease) { l.RawStatus = "" })
	w.sync()
	if l := w.lease("L1"); l.Status != "current" || l.RawStatus != "Zorp" {
		t.Errorf("lease %+v", l)
	}
	w.wantConflict("unknown_status", string(w.lease("L1").ID), `Ada No1 in unit 100 has status "Zorp" in the PMS, which is not known here; the last known one, current, stays.`)
	w.wantConflict("unknown_status", string(w.lease("L2").ID), "Ada No2 in unit 200 has no status in the PMS; until it is, there is no access.")
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Status, l.RawStatus = pms.Current, "Current" })
	w.leave("2")
	before := w.last
	r := w.sync()
	for _, c := range before.Conflicts {
		if !r.Closes(c) {
			t.Errorf("%+v stays open although the complete export has no such status", c)
		}
	}
}

func TestS14_OnlyWhatWasSeenClosesAConflict(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(2)
	for _, ref := range []string{"1", "2"} {
		w.edit(ref, func(_ *pms.Person, l *pms.Lease) { l.Status, l.RawStatus = "", "Zorp" })
	}
	open := w.sync().Conflicts
	w.snap.Complete = false
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Status = pms.Current })
	w.leave("2")
	r := w.sync()
	if len(open) != 2 || !r.Closes(open[0]) || r.Closes(open[1]) {
		t.Errorf("an incomplete export closes %v and %v, want the seen one only", r.Closes(open[0]), r.Closes(open[1]))
	}
	if r.Closes(model.Conflict{Kind: "bad_pin", Subject: string(w.person("1").ID), FoundBy: model.FoundByPolicy}) {
		t.Error("people closes what policy found")
	}
	w.snap = pms.Snapshot{Evidence: []string{"connection refused"}}
	if r := w.sync(); r.Closes(open[0]) {
		t.Error("an export that could not be read closes conflicts")
	}
}

func TestL2_PeopleWithoutAHomeAreListedNotKept(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.resident("1", "101", pms.Past, func(_ *pms.Person, l *pms.Lease) { l.RawStatus = "Past" })
	w.resident("2", "101", pms.None, func(_ *pms.Person, l *pms.Lease) { l.RawStatus = "Applicant" })
	w.resident("3", "101", pms.Current, nil)
	w.snap.Skip(7, "line", "7", "cannot be read")
	r := w.sync()
	if len(r.Roster.People) != 1 || len(r.Roster.Leases) != 1 {
		t.Errorf("people %+v", r.Roster.People)
	}
	var reasons []string
	for _, s := range r.Skipped {
		reasons = append(reasons, s.What+" "+s.Ref+": "+s.Reason)
	}
	want := "line 7: cannot be read\nperson 1: Ada No1 has no current or future lease (status Past)\nperson 2: Ada No2 has no current or future lease (status Applicant)"
	if got := strings.Join(reasons, "\n"); got != want {
		t.Errorf("skipped:\n%s\nwant:\n%s", got, want)
	}
	w.edit("2", func(_ *pms.Person, l *pms.Lease) { l.Status, l.RawStatus = pms.Future, "Future" })
	w.sync()
	if w.person("2").ID == "" || w.lease("L2").Status != "future" {
		t.Error("an applicant who signed is not taken in")
	}
}

func TestA4_BadPINIsExplainedAndTheOldOneStays(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.resident("1", "12", pms.Current, func(p *pms.Person, _ *pms.Lease) { p.PIN = pms.Held{Secret: access.NewSecret("4821")} })
	w.resident("2", "12", pms.Current, func(p *pms.Person, _ *pms.Lease) {
		p.PIN = pms.Held{Hold: "starts with 9, which panels keep for themselves. Give the resident another PIN: 2 to 8 digits, not starting with 9."}
		p.Card = pms.Held{Hold: "the PMS wrote it as a power of ten: digits are lost."}
	})
	w.sync()
	id := string(w.person("2").ID)
	w.wantConflict("bad_pin", id, "The PIN of Ada No2 in unit 12 starts with 9, which panels keep for themselves.")
	w.wantConflict("bad_card", id, "The card of Ada No2 in unit 12 cannot be used: the PMS wrote it as a power of ten: digits are lost.")
	if p := w.person("2"); !p.PIN.IsZero() || len(p.Held) != 2 || p.Held[0] != "the PIN in the PMS is not used: starts with 9, which panels keep for themselves" {
		t.Errorf("held %q", p.Held)
	}
	w.edit("1", func(p *pms.Person, _ *pms.Lease) { p.PIN = pms.Held{Hold: "it went through a number format"} })
	w.sync()
	w.wantConflict("bad_pin", string(w.person("1").ID), "The PIN of Ada No1 in unit 12 went through a number format. The PIN used until now stays.")
	if !w.person("1").PIN.Equal(access.NewSecret("4821")) {
		t.Error("an unreadable PIN took the working one")
	}
	w.edit("1", func(p *pms.Person, _ *pms.Lease) { p.PIN = pms.Held{} })
	w.edit("2", func(p *pms.Person, _ *pms.Lease) { p.PIN, p.Card = pms.Held{}, pms.Held{} })
	w.sync()
	if p := w.person("1"); !p.PIN.IsZero() || len(p.Held) != 0 {
		t.Errorf("a PIN taken out of the PMS stays: held %q", p.Held)
	}
	w.wantKinds()
}

func TestS14_FlagsOfTheSourceAreShown(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.resident("1", "12", pms.Current, func(p *pms.Person, _ *pms.Lease) {
		p.Flags = []pms.Flag{pms.FlagTwoPeople, pms.FlagNameDigits, pms.FlagBadPhone, pms.FlagNoName, "odd"}
	})
	w.sync()
	w.wantKinds("digits_in_name", "no_name", "odd", "phone_not_usable", "two_people_in_one_name")
	w.wantConflict("two_people_in_one_name", string(w.person("1").ID), "Ada No1 in unit 12 looks like two people in one record")
}

func TestMerge_RefusesAnExportOfAnotherProperty(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*town)
		kind  fault.Kind
	}{
		"no origin":          {func(w *town) { w.src.Origin = "" }, fault.Invalid},
		"origin by hand":     {func(w *town) { w.src.Origin = model.ByHand }, fault.Invalid},
		"another PMS":        {func(w *town) { w.roster.Property.Origin = model.Yardi }, fault.Conflict},
		"another property":   {func(w *town) { w.roster.Property.Ref, w.src.Property = "OAK", "ELM" }, fault.Conflict},
		"several properties": {func(w *town) { w.snap.Properties = append(w.snap.Properties, pms.Property{Ref: "OAK"}) }, fault.Invalid},
	} {
		w := newTown(t)
		w.residents(1)
		c.spoil(w)
		_, err := Merge(w.roster, w.snap, w.src, w.now, w.newID)
		if fault.KindOf(err) != c.kind || fault.RemedyOf(err) == "" {
			t.Errorf("%s: %v, remedy %q", name, err, fault.RemedyOf(err))
		}
	}
}

func TestMerge_RefusesIdsThatWereUsed(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"used": "p1", "no id": "", "not an id": "a/b"} {
		w := newTown(t)
		w.residents(2)
		_, err := Merge(w.roster, w.snap, w.src, w.now, func(string) string { return id })
		if fault.KindOf(err) != fault.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMerge_OtherPropertiesOfTheExportAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(1)
	w.src.Property = "ELM"
	w.snap.Properties = append(w.snap.Properties, pms.Property{Ref: "OAK"})
	w.snap.Units = append(w.snap.Units, pms.Unit{Ref: "900", Property: "OAK", Name: "900"})
	w.snap.People = append(w.snap.People, pms.Person{Ref: "9", Lease: "L9", Property: "OAK", First: "Eve"}, pms.Person{Property: "ELM", First: "No", Last: "Id"})
	w.snap.Leases = append(w.snap.Leases, pms.Lease{Ref: "L9", Property: "OAK", Unit: "900", Stay: pms.Stay{Status: pms.Current}})
	r := w.sync()
	if len(r.Roster.People) != 1 || len(r.Roster.Units) != 1 {
		t.Errorf("people %+v, units %+v", r.Roster.People, r.Roster.Units)
	}
	if len(r.Skipped) != 1 || r.Skipped[0].Reason != "No Id has no id in the PMS" {
		t.Errorf("skipped %+v", r.Skipped)
	}
}

func TestTowardsL1_PropertyIsKeptInStep(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.roster.Property.Zone = ""
	w.snap.Properties[0] = pms.Property{Ref: "ELM", Name: "Elm Court Apartments", Zone: "America/Chicago"}
	w.sync()
	if p := w.roster.Property; p.Name != "Elm Court Apartments" || p.Zone != "America/Chicago" || p.Ref != "ELM" || p.Origin != model.OtherCSV {
		t.Errorf("property %+v", p)
	}
	w.wantChange(Changed, "property Elm Court Apartments")
	w.snap.Properties[0].Zone = "America/Denver"
	w.sync()
	if w.roster.Property.Zone != "America/Chicago" {
		t.Error("the PMS moved every move-in by an hour")
	}
	w.wantConflict("zone", "elm", "The PMS says time zone America/Denver, the property's settings say America/Chicago")
}

func TestTowardsL1_UnitsAreKeptInStepAndNeverDeleted(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.roster.Units = []model.Unit{{Unit: access.Unit{ID: "hand", Name: "101", Slots: 9}}, {Unit: access.Unit{ID: "pool", Name: "Pool house"}}}
	w.residents(3)
	w.snap.Units = append(w.snap.Units, pms.Unit{Property: "ELM", Ref: "x"})
	w.sync()
	if u := w.roster.Units[0]; u.Ref != "101" || u.Slots != 9 || len(w.roster.Units) != 4 {
		t.Errorf("units %+v: want the hand-made 101 joined, 100 and 102 added", w.roster.Units)
	}
	w.snap.Units[1].Name, w.snap.Units[1].Building = "101-A", "North"
	w.snap.Units = w.snap.Units[:2]
	w.sync()
	if u := w.roster.Units[0]; u.Name != "101-A" || u.Building == "" || len(w.roster.Units) != 4 {
		t.Errorf("units %+v", w.roster.Units)
	}
	w.wantChange(Changed, "unit 101-A (was 101)")
	w.wantChange(Added, "building North")
}

func TestMerge_LeaseInAUnitNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(1)
	w.resident("2", "200", pms.Current, nil)
	w.snap.Units = w.snap.Units[:1]
	w.sync()
	w.wantConflict("unknown_unit", string(w.person("2").ID), `has a lease in unit "200", which the export does not list`)
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Unit = "300" })
	w.sync()
	if w.lease("L1").Unit != w.roster.Units[0].ID {
		t.Error("a unit that nobody knows takes somebody's home")
	}
	w.wantConflict("unknown_unit", string(w.person("1").ID), "unit 100 stays")
}

func TestMerge_LeaseRowMissing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(2)
	w.sync()
	w.snap.Leases = w.snap.Leases[:1]
	own := pms.Stay{Status: pms.Current, RawStatus: "Current", MoveIn: w.date("2025-01-01"), MoveOut: w.date("2027-05-01")}
	w.resident("3", "101", pms.Current, func(p *pms.Person, l *pms.Lease) { p.Own = &own })
	r := w.sync()
	if l := w.lease("L2"); l.Missing != 0 || l.Status != "current" {
		t.Errorf("a person who is there counts as missing: %+v", l)
	}
	if len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0].Reason, "the lease of Ada No2 is not in the export") {
		t.Errorf("skipped %+v", r.Skipped)
	}
	if l := w.lease("L3"); l.MoveOut != own.MoveOut {
		t.Errorf("the person's own dates do not count: %+v", l)
	}
}

func TestMerge_HaveIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(5)
	w.sync()
	before, seen := clone(w.roster), w.roster
	w.past("1")
	w.edit("2", func(p *pms.Person, _ *pms.Lease) { p.First = "Eve" })
	w.sync()
	if d := sameRoster(before, seen); d != "" {
		t.Errorf("Merge wrote into its argument:\n%s", d)
	}
}

func TestTowardsT2_PastIsDatedOnceAndComesBack(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(5)
	w.sync()
	w.past("1")
	w.sync()
	seen := w.now
	if l := w.lease("L1"); l.Status != "past" || !l.PastSeen.Equal(seen) {
		t.Errorf("lease %+v, want past since %v", l, seen)
	}
	w.wantChange(Ended, "Ada No1, unit 100: the PMS says Past")
	if r := w.sync(); len(r.Changes) != 0 || !w.lease("L1").PastSeen.Equal(seen) {
		t.Errorf("status past is dated anew: %+v", r.Changes)
	}
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Status = pms.Current })
	w.sync()
	if l := w.lease("L1"); l.Status != "current" || !l.PastSeen.Equal(time.Time{}) {
		t.Errorf("who came back is %+v", l)
	}
}

func TestT3_Transfer(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(2)
	w.sync()
	id, old := w.person("1").ID, w.lease("L1").ID
	w.past("1")
	w.snap.Units = append(w.snap.Units, pms.Unit{Ref: "300", Property: "ELM", Name: "300"})
	p := w.snap.People[0]
	p.Lease = "L1b"
	w.snap.People = append(w.snap.People, p)
	w.snap.Leases = append(w.snap.Leases, pms.Lease{Ref: "L1b", Property: "ELM", Unit: "300", Stay: pms.Stay{Status: pms.Current, MoveIn: w.date("2026-11-22")}})
	r := w.sync()
	if n := w.lease("L1b"); n.Person != id || n.ID == old || n.Status != "current" || w.lease("L1").Status != "past" || len(w.roster.People) != 2 {
		t.Errorf("leases %+v", w.roster.Leases)
	}
	if r.Counts.Leaving != 0 {
		t.Error("a transfer counts as leaving")
	}
}

func TestT3_UnitChangeOnTheSamePaper(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.residents(2)
	w.sync()
	id := w.lease("L1").ID
	w.edit("1", func(_ *pms.Person, l *pms.Lease) { l.Unit = "101" })
	w.sync()
	if l := w.lease("L1"); l.ID != id || l.Unit != w.lease("L2").Unit || len(w.roster.Leases) != 2 {
		t.Errorf("leases %+v", w.roster.Leases)
	}
	w.wantChange(Changed, "moves from unit 100")
}

func TestTowardsA9_RoommatesShareALease(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.resident("1", "101", pms.Current, nil)
	own := pms.Stay{Status: pms.Past, RawStatus: "Past"}
	w.snap.People = append(w.snap.People, pms.Person{Ref: "2", Lease: "L1", Property: "ELM", First: "Bo"})
	w.sync()
	if len(w.roster.Leases) != 2 || w.roster.Leases[0].ID == w.roster.Leases[1].ID {
		t.Fatalf("leases %+v: want one residency each", w.roster.Leases)
	}
	w.snap.People[1].Own = &own
	w.sync()
	if w.roster.Leases[0].Status != "current" || w.roster.Leases[1].Status != "past" {
		t.Errorf("one roommate left: %+v", w.roster.Leases)
	}
}
