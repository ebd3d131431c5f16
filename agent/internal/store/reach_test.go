package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

// home is a property in which p0 has what a case says and three others have a PIN and the common doors.
func home(nouns ...access.Noun) model {
	m := model{}
	m.put(access.Property{ID: "prop", Name: "Elm Court", Zone: "America/Chicago"},
		access.Unit{ID: "u1", Name: "0101"}, access.Door{ID: "d1", Name: "Lobby"}, access.Door{ID: "d2", Name: "Yard"}, access.Door{ID: "du", Name: "0101", Unit: "u1"},
		access.Schedule{ID: "s1", Name: "Day", Weekly: []access.Weekly{{Days: []time.Weekday{1}, Start: "08:00", End: "24:00"}}},
		access.Group{ID: "common", Name: "Common", Doors: []access.DoorID{"d1"}}, access.Group{ID: "day", Name: "Pool", Doors: []access.DoorID{"d1", "d2"}, Schedule: "s1"},
		access.Person{ID: "p0", Kind: access.Resident, First: "Ann"})
	for i := range 3 {
		m.put(access.Person{ID: person(i + 1), Kind: access.Resident, First: "Bo"}, access.Grant{ID: access.GrantID(fmt.Sprint("g", i+1)), Person: person(i + 1), Door: "d2", Reason: "lives here"},
			access.Credential{ID: access.CredentialID(fmt.Sprint("c", i+1)), Person: person(i + 1), Kind: access.PIN, Secret: access.NewSecret("1000")})
	}
	m.put(nouns...)
	return m
}

func (m model) without(kind access.Kind, ids ...string) model {
	out := model{}
	for k, it := range m {
		if k.Kind != kind || !slices.Contains(ids, k.ID) {
			out[k] = it
		}
	}
	return out
}

func (m model) with(nouns ...access.Noun) model {
	out := m.without("")
	out.put(nouns...)
	return out
}

// TestTowardsG3_LossIsAlsoTheLastDoorOrTheLastKey: whoever could open a door and can open none any more has lost access,
// whatever of it was taken away.
func TestTowardsG3_LossIsAlsoTheLastDoorOrTheLastKey(t *testing.T) {
	t.Parallel()
	to := func(g access.Grant) access.Grant {
		g.ID, g.Person, g.Reason = "g0", "p0", "lives here"
		return g
	}
	pin := access.Credential{ID: "c0", Person: "p0", Kind: access.PIN, Secret: access.NewSecret("4821")}
	card := access.Credential{ID: "k0", Person: "p0", Kind: access.Card, Secret: access.NewSecret("04A3B2C1")}
	app := access.Credential{ID: "m0", Person: "p0", Kind: access.Mobile}
	door, group, unit, day := to(access.Grant{Door: "d1"}), to(access.Grant{Group: "common"}), to(access.Grant{Unit: "u1"}), to(access.Grant{Group: "day"})
	bare := access.Group{ID: "common", Name: "Common"}
	for name, c := range map[string]struct {
		was, is model
		lost    bool
	}{
		"its door is gone":                       {home(pin, door), home(pin, door).without(access.KindDoor, "d1"), true},
		"its group is gone":                      {home(pin, group), home(pin, group).without(access.KindGroup, "common"), true},
		"its group is emptied":                   {home(pin, group), home(pin, group).with(bare), true},
		"its group leads to a door that is none": {home(pin, group), home(pin, group).with(access.Group{ID: "common", Doors: []access.DoorID{"dx"}}), true},
		"the only door of its group is gone":     {home(pin, group), home(pin, group).without(access.KindDoor, "d1"), true},
		"one of two doors of its group is gone":  {home(pin, day), home(pin, day).without(access.KindDoor, "d1"), false},
		"the hours of its group are gone":        {home(pin, day), home(pin, day).without(access.KindSchedule, "s1"), true},
		"the hours of its group are emptied":     {home(pin, day), home(pin, day).with(access.Schedule{ID: "s1", Name: "Day"}), true},
		"the hours of its group are of no day":   {home(pin, day), home(pin, day).with(access.Schedule{ID: "s1", Name: "Day", Weekly: []access.Weekly{{Start: "08:00", End: "24:00"}}}), true},
		"other hours":                            {home(pin, day), home(pin, day).with(access.Schedule{ID: "s1", Name: "Day", Weekly: []access.Weekly{{Days: []time.Weekday{2}, Start: "09:00", End: "10:00"}}}), false},
		"the unit's door is gone":                {home(pin, unit), home(pin, unit).without(access.KindDoor, "du"), true},
		"the unit's door is the yard's":          {home(pin, unit), home(pin, unit).with(access.Door{ID: "du", Name: "Shed"}), true},
		"the unit goes, its door stays":          {home(pin, unit), home(pin, unit).without(access.KindUnit, "u1"), false},
		"another door has a new name":            {home(pin, door), home(pin, door).with(access.Door{ID: "d1", Name: "Front"}), false},
		"another grant leads elsewhere":          {home(pin, door, access.Grant{ID: "h0", Person: "p0", Unit: "u1", Reason: "lives here"}), home(pin, door, access.Grant{ID: "h0", Person: "p0", Unit: "u1", Reason: "lives here"}).without(access.KindDoor, "d1"), false},
		"the grant goes to a door that is none":  {home(pin, door), home(pin, to(access.Grant{Door: "dx"})), true},
		"it led nowhere before":                  {home(pin, to(access.Grant{Door: "dx"})), home(pin).without(access.KindDoor, "d1"), false},
		"a door comes":                           {home(pin, door).without(access.KindDoor, "d1"), home(pin, door), false},
		"the PIN is gone":                        {home(pin, door), home(door), true},
		"the PIN is gone, a card stays":          {home(pin, card, door), home(card, door), false},
		"the PIN becomes a card":                 {home(pin, door), home(card, door), false},
		"the PIN is gone, the app stays":         {home(pin, app, door), home(app, door), true},
		"the PIN becomes an app":                 {home(pin, door), home(app, door), true},
		"the app is gone":                        {home(app, door), home(door), true},
		"the app becomes a PIN":                  {home(app, door), home(pin, door), false},
		"there never was a PIN":                  {home(door), home(), false},
		"a revocation by name, and the PIN goes": {home(pin, door), home(to(access.Grant{Door: "d1", Window: access.Window{Until: noon.Add(-time.Hour)}, Ends: access.EndRevoked})), false},
		"an end that was published, and the door goes": {home(pin, to(access.Grant{Door: "d1", Window: access.Window{Until: noon.Add(-time.Hour)}, Ends: access.EndVisit})),
			home(pin, to(access.Grant{Door: "d1", Window: access.Window{Until: noon.Add(-time.Hour)}, Ends: access.EndVisit})).without(access.KindDoor, "d1"), false},
		"all of it": {home(pin, door), home().without(access.KindDoor, "d1").without(access.KindPerson, "p0"), true},
	} {
		for _, snapshot := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := openWanted(t, t.TempDir())
				apply(t, w, c.was.snapshot(3, 1))
				asked := 0
				o := today
				o.Hold = func(Loss) error { asked++; return nil }
				a, err := w.Apply(between(c.was, c.is, 2, snapshot), o)
				if err != nil {
					t.Fatal(err)
				}
				if lost := slices.Contains(a.Lost, "p0"); lost != c.lost || len(a.Lost) > 1 || (asked > 0) != c.lost {
					t.Errorf("snapshot %v: lost %v, asked %d times", snapshot, a.Lost, asked)
				}
				able, err := w.Able([]access.PersonID{"p0", "p1", "nobody"}, noon)
				if err != nil || c.lost && slices.Contains(able, "p0") || !slices.Contains(able, "p1") || slices.Contains(able, "nobody") {
					t.Errorf("snapshot %v: able %v, %v", snapshot, able, err)
				}
			})
		}
	}
}

// TestTowardsG3_APlaceThatCannotBeReadTakesNothing, as it takes nothing on the panels either; one that could not be read
// and does not come again counts as a door.
func TestTowardsG3_APlaceThatCannotBeReadTakesNothing(t *testing.T) {
	t.Parallel()
	pin := access.Credential{ID: "c0", Person: "p0", Kind: access.PIN, Secret: access.NewSecret("4821")}
	was := home(pin, access.Grant{ID: "g0", Person: "p0", Group: "common", Reason: "lives here"})
	w := openWanted(t, t.TempDir())
	apply(t, w, was.snapshot(3, 1))
	flip(t, w.file, "common", bucketItems, "group")
	next := was.with(access.Door{ID: "d9", Name: "Shed"})
	if a := apply(t, w, between(was, next, 2, false)); len(a.Lost) != 0 {
		t.Errorf("lost %v by what cannot be read", a.Lost)
	}
	if a := apply(t, w, next.without(access.KindGroup, "common").snapshot(3, 3)); !slices.Equal(a.Lost, []access.PersonID{"p0"}) {
		t.Errorf("lost %v when the group that could not be read is gone", a.Lost)
	}
}

// TestTowardsG3_LossIsTheSameByDeltaAndBySnapshot, and is what a reader of both states would say.
func TestTowardsG3_LossIsTheSameByDeltaAndBySnapshot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		was, is := drawnTown(r), drawnTown(r)
		var want []access.PersonID
		for i := range 4 {
			if is.rank(person(i), noon) < was.rank(person(i), noon) {
				want = append(want, person(i))
			}
		}
		for _, snapshot := range []bool{false, true} {
			w, err := OpenWanted(t.TempDir(), testKey(1), Options{})
			if err != nil {
				r.Fatal(err)
			}
			_, err = w.Apply(was.snapshot(3, 1), today)
			if err != nil {
				r.Fatal(err)
			}
			a, err := w.Apply(between(was, is, 2, snapshot), today)
			if err != nil || !slices.Equal(a.Lost, want) {
				r.Fatalf("snapshot %v: lost %v, %v; want %v\nwas %s\nis %s", snapshot, a.Lost, err, want, was.items(), is.items())
			}
			_ = w.Close()
		}
	})
}

// drawnTown has few names for everything, so that much of it meets.
func drawnTown(r *rapid.T) model {
	m := model{}
	for _, d := range []access.DoorID{"d1", "d2", "d3"} {
		if rapid.Bool().Draw(r, "door") {
			m.put(access.Door{ID: d, Name: "Door", Unit: rapid.SampledFrom([]access.UnitID{"", "u1"}).Draw(r, "unit")})
		}
	}
	if rapid.Bool().Draw(r, "schedule") {
		m.put(access.Schedule{ID: "s1", Weekly: rapid.SampledFrom([][]access.Weekly{nil, {{Days: []time.Weekday{3}, Start: "08:00", End: "09:00"}}}).Draw(r, "hours")})
	}
	for _, g := range []access.GroupID{"e1", "e2"} {
		if rapid.Bool().Draw(r, "group") {
			m.put(access.Group{ID: g, Doors: rapid.SliceOfDistinct(rapid.SampledFrom([]access.DoorID{"d1", "d2", "d3"}), rapid.ID).Draw(r, "doors"),
				Schedule: rapid.SampledFrom([]access.ScheduleID{"", "s1"}).Draw(r, "by")})
		}
	}
	for i := range 4 {
		if rapid.IntRange(0, 9).Draw(r, "person") == 0 {
			continue
		}
		m.put(access.Person{ID: person(i), Kind: access.Resident, First: "Ann"})
		for _, k := range rapid.SliceOfDistinct(rapid.SampledFrom([]access.CredentialKind{access.PIN, access.Card, access.Mobile}), rapid.ID).Draw(r, "keys") {
			c := access.Credential{ID: access.CredentialID(fmt.Sprint("c", i, k)), Person: person(i), Kind: k}
			if k != access.Mobile {
				c.Secret = access.NewSecret("1234")
			}
			m.put(c)
		}
		for j := range rapid.IntRange(0, 2).Draw(r, "grants") {
			g := access.Grant{ID: access.GrantID(fmt.Sprint("g", i, "-", j)), Person: person(i), Reason: "lives here"}
			switch to := rapid.SampledFrom([]string{"d1", "d2", "e1", "e2", "u1"}).Draw(r, "to"); to[0] {
			case 'd':
				g.Door = access.DoorID(to)
			case 'e':
				g.Group = access.GroupID(to)
			default:
				g.Unit = access.UnitID(to)
			}
			m.put(g)
		}
	}
	return m
}

// rank is how well somebody gets in by a state, from reading all of it: 2 by a PIN or card, 1 by the app only, 0 not.
func (m model) rank(p access.PersonID, at time.Time) (best int) {
	leads := func(g access.Grant) bool {
		for _, it := range m {
			n, _ := access.Decode(it)
			switch n := n.(type) {
			case access.Door:
				if n.ID == g.Door || g.Unit != "" && n.Unit == g.Unit {
					return true
				}
			case access.Group:
				for _, d := range n.Doors {
					_, there := m[access.Key{Kind: access.KindDoor, ID: string(d)}]
					hours, _ := access.Decode(m[access.Key{Kind: access.KindSchedule, ID: "s1"}])
					s, known := hours.(access.Schedule)
					if n.ID == g.Group && there && (n.Schedule == "" || known && len(s.Weekly) > 0) {
						return true
					}
				}
			}
		}
		return false
	}
	open := false
	for _, it := range m {
		if owner(it) != p {
			continue
		}
		switch n, _ := access.Decode(it); n := n.(type) {
		case access.Credential:
			if n.Kind == access.Mobile {
				best = max(best, 1)
			} else {
				best = 2
			}
		case access.Grant:
			open = open || n.Contains(at) && leads(n)
		}
	}
	if _, named := m[access.Key{Kind: access.KindPerson, ID: string(p)}]; !named || !open {
		return 0
	}
	return best
}
