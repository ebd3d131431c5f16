package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
)

// lease is a grant of p0 to the common doors with an end, or without.
func lease(id string, from, until time.Time, why access.EndReason) access.Grant {
	return access.Grant{ID: access.GrantID(id), Person: "p0", Group: "common", Window: access.Window{From: from, Until: until}, Ends: why, Reason: "lives here"}
}

// only is a court in which p0 has exactly these grants, and nine others theirs.
func only(grants ...access.Grant) model {
	m := court(10)
	delete(m, access.Key{Kind: access.KindGrant, ID: "g0"})
	delete(m, access.Key{Kind: access.KindGrant, ID: "h0"})
	for _, g := range grants {
		m.put(g)
	}
	return m
}

func TestTowardsG3_LossIsWhatNobodyAnnouncedAndNobodyRevoked(t *testing.T) {
	t.Parallel()
	never := time.Time{}
	ago, ahead := noon.Add(-time.Hour), noon.Add(time.Hour)
	without := func(m model, kinds ...access.Kind) model {
		for k := range m {
			if slices.Contains(kinds, k.Kind) && owner(m[k]) == "p0" {
				delete(m, k)
			}
		}
		return m
	}
	bad := func(m model) model {
		k := access.Key{Kind: access.KindGrant, ID: "g0"}
		m[k] = access.Item{Key: k, Value: []byte(`{"id":"g0","person":"p0"}`)}
		return m
	}
	for name, c := range map[string]struct {
		was, is model
		lost    bool
		had     bool // p0 counts among those who had access
	}{
		"a grant is gone":                       {only(lease("g0", never, never, "")), only(), true, true},
		"a move-out date in the past":           {only(lease("g0", never, never, "")), only(lease("g0", never, ago, access.EndMoveOut)), true, true},
		"an end this minute":                    {only(lease("g0", never, never, "")), only(lease("g0", never, noon, access.EndLeaseEnd)), true, true},
		"an end by a faster clock":              {only(lease("g0", never, never, "")), only(lease("g0", never, noon.Add(time.Minute), access.EndLeaseEnd)), true, true},
		"a begin moved ahead":                   {only(lease("g0", never, never, "")), only(lease("g0", ahead, never, "")), true, true},
		"an end ahead":                          {only(lease("g0", never, never, "")), only(lease("g0", never, ahead, access.EndMoveOut)), false, true},
		"an end that was published":             {only(lease("g0", never, ago, access.EndMoveOut)), only(), false, false},
		"an end published for this minute":      {only(lease("g0", never, noon.Add(time.Minute), access.EndVisit)), only(), false, true},
		"a published end drawn in":              {only(lease("g0", never, ahead, access.EndVisit)), only(lease("g0", never, ago, access.EndVisit)), true, true},
		"not begun and gone":                    {only(lease("g0", ahead, never, "")), only(), false, false},
		"revoked by name":                       {only(lease("g0", never, never, "")), only(lease("g0", never, ago, access.EndRevoked)), false, true},
		"ended by staff":                        {only(lease("g0", never, never, "")), only(lease("g0", never, noon, access.EndByStaff)), false, true},
		"one revoked, one gone":                 {only(lease("g0", never, never, ""), lease("h0", never, never, "")), only(lease("g0", never, ago, access.EndRevoked)), true, true},
		"one revoked, one at its published end": {only(lease("g0", never, never, ""), lease("h0", ago, ago, access.EndVisit)), only(lease("g0", never, ago, access.EndRevoked)), false, true},
		"one of two gone":                       {only(lease("g0", never, never, ""), lease("h0", never, never, "")), only(lease("h0", never, never, "")), false, true},
		"replaced by another":                   {only(lease("g0", never, never, "")), only(lease("n0", ago, never, "")), false, true},
		"replaced by one that is over":          {only(lease("g0", never, never, "")), only(lease("n0", never, ago, access.EndMoveOut)), true, true},
		"replaced by one that begins later":     {only(lease("g0", never, never, "")), only(lease("n0", ahead, never, "")), true, true},
		"the person's items are gone":           {only(lease("g0", never, never, "")), without(only(), access.KindPerson, access.KindResidency, access.KindCredential), true, true},
		"the person item alone is gone":         {only(lease("g0", never, never, "")), without(only(lease("g0", never, never, "")), access.KindPerson), true, true},
		"the person item comes back":            {without(only(lease("g0", never, never, "")), access.KindPerson), only(lease("g0", never, never, "")), false, false},
		"a grant that makes no sense comes":     {only(lease("g0", never, never, "")), bad(only()), false, true},
		"a grant that makes no sense goes":      {bad(only()), only(), true, true},
		"the grant goes to somebody else": {only(lease("g0", never, never, "")), func() model {
			m := only()
			m.put(access.Grant{ID: "g0", Person: "p1", Group: "common", Reason: "moved"})
			return m
		}(), true, true},
		"a PIN changes": {only(lease("g0", never, never, "")), func() model { m := only(lease("g0", never, never, "")); m.put(resident(0, "9999")[2]); return m }(), false, true},
	} {
		for _, snapshot := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := openWanted(t, t.TempDir())
				apply(t, w, c.was.snapshot(3, 1))
				var told []Loss
				o := today
				o.Hold = func(l Loss) error { told = append(told, l); return nil }
				a, err := w.Apply(between(c.was, c.is, 2, snapshot), o)
				if err != nil {
					t.Fatal(err)
				}
				want := Loss{At: access.Position{Epoch: 3, Revision: 2}, Open: 9}
				if c.had {
					want.Open = 10
				}
				if !c.lost {
					if len(a.Lost)+len(told) != 0 {
						t.Fatalf("snapshot %v: lost %v, told %+v", snapshot, a.Lost, told)
					}
					return
				}
				want.Lost = []access.PersonID{"p0"}
				if !slices.Equal(a.Lost, want.Lost) || !cmp.Equal(told, []Loss{want}) {
					t.Errorf("snapshot %v: lost %v, told %s", snapshot, a.Lost, cmp.Diff([]Loss{want}, told))
				}
			})
		}
	}
}

func TestTowardsG3_AHoldThatFailsLeavesTheStateAsItWas(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(4)
	apply(t, w, m.snapshot(1, 1))
	full := errors.New("the disk is full")
	o := today
	o.Hold = func(Loss) error { return full }
	chunks := split(court(1).snapshot(1, 2), 2)
	if a, err := w.Apply(chunks[0], o); a.Done || err != nil {
		t.Fatal(a, err)
	}
	if _, err := w.Apply(chunks[1], o); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	same(t, w, m)
	for name, agreed := range map[string]access.Position{"not yet": {Epoch: 1, Revision: 1}, "never": {}} {
		u := court(1).snapshot(1, 2)
		u.Meant = agreed
		if _, err := w.Apply(u, o); !errors.Is(err, full) {
			t.Errorf("agreed %s: %v", name, err)
		}
	}
	u := court(1).snapshot(1, 2)
	u.Meant = u.Position
	a, err := w.Apply(u, o)
	if err != nil || !slices.Equal(a.Lost, []access.PersonID{"p1", "p2", "p3"}) {
		t.Errorf("what was agreed to: %+v, %v", a, err)
	}
}

func TestTowardsG3_WhatCannotBeReadCountsAsAccess(t *testing.T) {
	t.Parallel()
	for name, path := range map[string][]string{"p1": {bucketPeople}, "g1": {bucketItems, "grant"}} {
		w := openWanted(t, t.TempDir())
		m := only()
		delete(m, access.Key{Kind: access.KindGrant, ID: "h1"})
		apply(t, w, m.snapshot(1, 1))
		flip(t, w.file, name, path...)
		next := only()
		delete(next, access.Key{Kind: access.KindGrant, ID: "h1"})
		delete(next, access.Key{Kind: access.KindGrant, ID: "g1"})
		if a := apply(t, w, next.snapshot(1, 2)); !slices.Equal(a.Lost, []access.PersonID{"p1"}) {
			t.Errorf("%s: lost %v", name, a.Lost)
		}
	}
	// A delta that leaves a damaged grant alone takes nothing away by it.
	w := openWanted(t, t.TempDir())
	m := court(2)
	apply(t, w, m.snapshot(1, 1))
	flip(t, w.file, "g1", bucketItems, "grant")
	h1 := access.Key{Kind: access.KindGrant, ID: "h1"}
	delete(m, h1)
	if a := apply(t, w, m.delta(1, 2, nil, h1)); len(a.Lost) != 0 || !w.Damaged() {
		t.Errorf("lost %v, damaged %v", a.Lost, w.Damaged())
	}
}

func TestG7_AnEarlierEpochOrAStateBelowTheFloorIsAReplay(t *testing.T) {
	t.Parallel()
	m := court(2)
	floor := ApplyOptions{Now: noon, Floor: access.Position{Epoch: 2, Revision: 7}}
	for name, c := range map[string]struct {
		stored *access.Position
		u      access.Update
		reason string
	}{
		"empty, below":          {nil, m.snapshot(2, 6), Replay},
		"empty, earlier epoch":  {nil, m.snapshot(1, 99), Replay},
		"empty, at the floor":   {nil, m.snapshot(2, 7), ""},
		"empty, above":          {nil, m.snapshot(2, 8), ""},
		"empty, later epoch":    {nil, m.snapshot(3, 1), ""},
		"behind it, still so":   {&access.Position{Epoch: 2, Revision: 5}, m.snapshot(2, 6), Replay},
		"behind it, at it":      {&access.Position{Epoch: 2, Revision: 5}, m.snapshot(2, 7), ""},
		"above, earlier epoch":  {&access.Position{Epoch: 2, Revision: 9}, m.snapshot(1, 99), Replay},
		"above, below the same": {&access.Position{Epoch: 2, Revision: 9}, m.snapshot(2, 8), Replay},
	} {
		w := openWanted(t, t.TempDir())
		if c.stored != nil {
			apply(t, w, m.snapshot(c.stored.Epoch, c.stored.Revision))
		}
		if _, err := w.Apply(c.u, floor); reasonOf(err) != c.reason || (err == nil) != (c.reason == "") {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
}

func TestTowardsG7_ALaterEpochIsTakenAsASnapshotAndTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stored, floor access.Position
		at            uint64 // the epoch that comes
		told          bool
	}{
		"later than what is stored":          {access.Position{Epoch: 1, Revision: 50}, access.Position{}, 2, true},
		"nothing stored, later than known":   {access.Position{}, access.Position{Epoch: 1, Revision: 50}, 2, true},
		"the first ever":                     {access.Position{}, access.Position{}, 2, false},
		"the same":                           {access.Position{Epoch: 2, Revision: 5}, access.Position{}, 2, false},
		"nothing stored, the same as known":  {access.Position{}, access.Position{Epoch: 2, Revision: 5}, 2, false},
		"later than stored, not than known ": {access.Position{Epoch: 1, Revision: 5}, access.Position{Epoch: 2, Revision: 5}, 2, false},
	} {
		w := openWanted(t, t.TempDir())
		m := court(3)
		if c.stored.Epoch > 0 {
			apply(t, w, m.snapshot(c.stored.Epoch, c.stored.Revision))
		}
		var told *Loss
		chunks := split(m.snapshot(c.at, 9), 2)
		o := ApplyOptions{Now: noon, Floor: c.floor, Hold: func(l Loss) error { told = &l; return nil }}
		for i, u := range chunks {
			u.Meant = u.Position // agreed or not
			a, err := w.Apply(u, o)
			if err != nil || a.Done != (i == 1) {
				t.Fatalf("%s: %+v, %v", name, a, err)
			}
		}
		if (told != nil) != c.told || told != nil && (!told.Epoch || told.Meant != told.At) {
			t.Errorf("%s: told %+v", name, told)
		}
		same(t, w, m)
		if _, err := w.Apply(m.snapshot(c.at-1, 99), today); reasonOf(err) != Replay {
			t.Errorf("%s: the earlier epoch afterwards: %v", name, err)
		}
	}
}

// TestTowardsG3_ASlowClockHidesNoLoss: the box's clock stands an hour behind, so what the cloud ended
// "now" looks to the box as if it were announced for later.
func TestTowardsG3_ASlowClockHidesNoLoss(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	was, is := only(lease("g0", time.Time{}, time.Time{}, "")), only(lease("g0", time.Time{}, noon.Add(time.Hour), access.EndMoveOut))
	apply(t, w, was.snapshot(3, 1))
	u := between(was, is, 2, false)
	u.Issued = noon.Add(time.Hour)
	if a := apply(t, w, u); !slices.Equal(a.Lost, []access.PersonID{"p0"}) {
		t.Errorf("lost %v", a.Lost)
	}
}
