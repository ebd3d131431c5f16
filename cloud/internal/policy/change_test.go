package policy

import (
	"testing"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/rules"
)

func withUnitDoors(p *place) {
	p.Doors = append(p.Doors, access.Door{ID: "d204", Name: "204", Unit: "u1"}, access.Door{ID: "d305", Name: "305", Unit: "u2"})
}

func unitWindows(d Decision, person string, unit access.UnitID) []access.Window {
	var ws []access.Window
	for _, g := range grants(d, person) {
		if g.Unit == unit {
			ws = append(ws, g.Window)
		}
	}
	return ws
}

func TestT3_TransferKeepsTheEntranceOpen(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	withUnitDoors(p)
	p.lives("1", "u1", "current", "2025-01-01", "2026-11-22", nil)
	p.again("p1", "r2", "u2", "future", "2026-11-22", "", nil)
	d := p.decide()
	for h := -2; h < 8; h++ {
		if at := utc("2026-11-22T16:00:00Z").Add(time.Duration(h) * time.Hour); !enters(d, "p1", at) {
			t.Errorf("shut out of the entrance at %v, between two homes", at)
		}
	}
	old, home := unitWindows(d, "p1", "u1"), unitWindows(d, "p1", "u2")
	if rules.Open(old, utc("2026-11-22T16:00:00Z")) || !rules.Open(old, utc("2026-11-22T15:59:59Z")) {
		t.Errorf("the old unit's door ends %v, want at move-out", old)
	}
	if !rules.Open(home, utc("2026-11-22T20:00:00Z")) || rules.Open(home, utc("2026-11-22T19:59:59Z")) {
		t.Errorf("the new unit's door begins %v, want at move-in", home)
	}
	p.explained(d, "p1", "until Nov 22, 2026 3:00 PM (move-out date Nov 22, 2026 11:00 AM, then unit 305)")
}

func TestT3_PastInOneCurrentInTheOther(t *testing.T) {
	t.Parallel()
	seen := utc("2026-11-22T17:30:00Z")
	old := func(_ *model.Person, l *model.Lease) { l.PastSeen = seen }
	moving := newPlace(t)
	moving.lives("1", "u1", "past", "2025-01-01", "", old)
	moving.again("p1", "r2", "u2", "current", "2026-11-22", "", nil)
	if d := moving.decide(); !enters(d, "p1", seen.Add(time.Minute)) {
		t.Error("a transfer shuts the entrance between the old lease and the new")
	}
	gone := newPlace(t)
	gone.lives("1", "u1", "past", "2025-01-01", "", old)
	gone.again("p1", "r2", "u2", "future", "2026-11-23", "", nil)
	if d := gone.decide(); enters(d, "p1", seen) {
		t.Error("status past leaves the entrance open for a lease that is only signed")
	}
	late := newPlace(t)
	late.lives("1", "u1", "past", "2025-01-01", "", old)
	late.again("p1", "r2", "u2", "current", "2026-11-26", "", nil)
	if d := late.decide(); enters(d, "p1", seen) {
		t.Error("a pause of four days is bridged")
	}
}

func TestA7_RenewalUnionsWithoutFlicker(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	withUnitDoors(p)
	p.Property.Settings.EndLeaseEnd, p.Property.Settings.Begin = true, model.BeginLeaseStart
	p.lives("1", "u1", "current", "2025-12-01", "", func(_ *model.Person, l *model.Lease) {
		l.LeaseStart, l.LeaseEnd = date(t, "2025-12-01"), date(t, "2026-11-30")
	})
	p.again("p1", "r2", "u1", "future", "", "", func(l *model.Lease) {
		l.LeaseStart, l.LeaseEnd = date(t, "2026-12-01"), date(t, "2027-11-30")
	})
	d := p.decide()
	for _, ws := range [][]access.Window{unitWindows(d, "p1", "u1"), {grants(d, "p1")[0].Window, grants(d, "p1")[2].Window}} {
		if got, want := rules.NextChange(ws, noon()), utc("2027-11-30T16:00:00Z"); !got.Equal(want) {
			t.Errorf("the first change is at %v, want only at the renewed end %v (windows %v)", got, want, ws)
		}
	}
	for _, r := range of[access.Residency](d) {
		if r.ID == "r1" && !r.Until.Equal(utc("2026-12-01T20:00:00Z")) {
			t.Errorf("the residency ends %v, though the same unit goes on", r.Until)
		}
	}
	extended := newPlace(t)
	extended.Property.Settings.EndLeaseEnd = true
	extended.lives("1", "u1", "current", "2025-12-01", "", func(_ *model.Person, l *model.Lease) { l.LeaseEnd = date(t, "2027-11-30") })
	if g := extended.grant(extended.decide(), "p1"); !g.Until.Equal(utc("2027-11-30T16:00:00Z")) {
		t.Errorf("a lease extended in place ends %v", g.Until)
	}
}

func TestS7_RoommateLeavesAlone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", nil)
	p.lives("2", "u1", "current", "2025-01-01", "2026-11-20", nil)
	d := p.decide()
	if !enters(d, "p1", noon()) || enters(d, "p2", noon()) || !enters(d, "p2", utc("2026-11-20T15:59:59Z")) {
		t.Error("one roommate's move-out is not theirs alone")
	}
}

func TestDecide_GrantsReachCommonGroupsAndOwnDoors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.Groups = append(p.Groups, access.Group{ID: "amenities", Name: "Residents Amenities", Common: true})
	p.Doors = append(p.Doors, access.Door{ID: "d204", Name: "204", Unit: "u1"})
	p.lives("1", "u1", "current", "2025-01-01", "", nil)
	p.lives("2", "u2", "current", "2025-01-01", "", nil)
	d := p.decide()
	got := map[access.GrantID]string{}
	for _, g := range of[access.Grant](d) {
		got[g.ID] = string(g.Person) + " " + string(g.Group) + string(g.Unit) + string(g.Door)
	}
	want := map[access.GrantID]string{
		"r1-amenities": "p1 amenities", "r1-entrance": "p1 entrance", "r1.unit": "p1 u1",
		"r2-amenities": "p2 amenities", "r2-entrance": "p2 entrance",
	}
	if len(got) != len(want) {
		t.Errorf("grants %v, want %v", got, want)
	}
	for id, w := range want {
		if got[id] != w {
			t.Errorf("grant %s is %q, want %q", id, got[id], w)
		}
	}
}

func TestDecide_NoCommonGroupIsSaid(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.Groups = nil
	if d := p.decide(); len(d.Refusals) != 0 {
		t.Errorf("an empty property complains: %+v", d.Refusals)
	}
	p.lives("1", "u1", "current", "2025-01-01", "", nil)
	p.refused(p.decide(), "no_common_group", "elm", "no entrance door")
}

func TestDecide_LongGonePeopleAreNotSent(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "past", "2025-01-01", "2026-11-01", func(_ *model.Person, l *model.Lease) { l.PastSeen = utc("2026-11-02T00:00:00Z") })
	p.again("p1", "r0", "u2", "past", "2020-01-01", "2024-12-31", func(l *model.Lease) { l.PastSeen = utc("2025-01-01T00:00:00Z") })
	end := utc("2026-11-01T15:00:00Z") // 11:00 EDT, on the day the clocks fell back: EST
	end = end.Add(time.Hour)
	for at, people := range map[time.Time]int{end: 1, end.Add(Keep - time.Second): 1, end.Add(Keep): 0} {
		d := p.decideAt(at)
		if n := len(of[access.Person](d)); n != people {
			t.Errorf("at %v %d people are sent, want %d", at, n, people)
		}
		if n := len(of[access.Residency](d)); n != people {
			t.Errorf("at %v %d residencies are sent, want only the recent one", at, n)
		}
		p.explained(d, "p1", "until Nov 1, 2026 11:00 AM (move-out date)")
	}
}
