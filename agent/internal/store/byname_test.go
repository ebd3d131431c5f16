package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
)

// asked applies u and gives what ByName was told.
func asked(t *testing.T, w *Wanted, u access.Update, o ApplyOptions) (told []ByName) {
	t.Helper()
	o.ByName = func(n ByName) error { told = append(told, n); return nil }
	if _, err := w.Apply(u, o); err != nil {
		t.Fatal(err)
	}
	return told
}

// TestTowardsE4_WhoIsRevokedByNameIsToldOnce: what ends by somebody's word, in this update, and nothing else.
func TestTowardsE4_WhoIsRevokedByNameIsToldOnce(t *testing.T) {
	t.Parallel()
	never, ago, ahead := time.Time{}, noon.Add(-time.Hour), noon.Add(time.Hour)
	for name, c := range map[string]struct {
		was, is model
		grants  []access.GrantID
		all     bool
	}{
		"revoked":                       {only(lease("g0", never, never, "")), only(lease("g0", never, ago, access.EndRevoked)), []access.GrantID{"g0"}, true},
		"by staff":                      {only(lease("g0", never, never, "")), only(lease("g0", never, noon, access.EndByStaff)), []access.GrantID{"g0"}, true},
		"one of two":                    {only(lease("g0", never, never, ""), lease("h0", never, never, "")), only(lease("g0", never, ago, access.EndRevoked), lease("h0", never, never, "")), []access.GrantID{"g0"}, false},
		"one of two, the other to come": {only(lease("g0", never, never, ""), lease("h0", ahead, never, "")), only(lease("g0", never, ago, access.EndRevoked), lease("h0", ahead, never, "")), []access.GrantID{"g0"}, false},
		"drawn in":                      {only(lease("g0", never, ahead, access.EndByStaff)), only(lease("g0", never, ago, access.EndByStaff)), []access.GrantID{"g0"}, true},
		"an end that was announced":     {only(lease("g0", never, ago, access.EndByStaff)), only(lease("g0", never, ago, access.EndByStaff), lease("n0", never, never, "")), nil, false},
		"an end to come":                {only(lease("g0", never, never, "")), only(lease("g0", never, ahead, access.EndByStaff)), nil, false},
		"a move-out":                    {only(lease("g0", never, never, "")), only(lease("g0", never, ago, access.EndMoveOut)), nil, false},
		"gone":                          {only(lease("g0", never, never, "")), only(), nil, false},
		"it was never known":            {only(), only(lease("g0", never, ago, access.EndRevoked)), []access.GrantID{"g0"}, true},
		"an hour by hand, over already": {only(), only(lease("g0", never, ago, access.EndByStaff)), nil, false},
	} {
		for _, snapshot := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := openWanted(t, t.TempDir())
				apply(t, w, c.was.snapshot(3, 1))
				told := asked(t, w, between(c.was, c.is, 2, snapshot), today)
				if c.grants == nil {
					if len(told) != 0 {
						t.Errorf("snapshot %v: told %+v", snapshot, told)
					}
					return
				}
				want := []ByName{{At: access.Position{Epoch: 3, Revision: 2}, Revoked: []Revoked{{Person: "p0", Grants: c.grants, All: c.all}}}}
				if d := cmp.Diff(want, told); d != "" {
					t.Errorf("snapshot %v: (-want +got)\n%s", snapshot, d)
				}
				if told := asked(t, w, c.is.snapshot(3, 3), today); len(told) != 0 {
					t.Errorf("snapshot %v: told again %+v", snapshot, told)
				}
			})
		}
	}
}

// TestTowardsE4_WhatComesBackIsTold of the people who are watched, be it open already or not yet.
func TestTowardsE4_WhatComesBackIsTold(t *testing.T) {
	t.Parallel()
	never, ago, ahead := time.Time{}, noon.Add(-time.Hour), noon.Add(time.Hour)
	over := lease("g0", never, ago, access.EndRevoked)
	nobody := only(lease("g0", never, never, "")).without(access.KindPerson, "p0")
	for name, c := range map[string]struct {
		was, is model
		want    []access.GrantID
	}{
		"the same grant":          {only(over), only(lease("g0", never, never, "")), []access.GrantID{"g0"}},
		"another":                 {only(over), only(over, lease("n0", never, never, "")), []access.GrantID{"n0"}},
		"one to come":             {only(over), only(over, lease("n0", ahead, never, "")), []access.GrantID{"n0"}},
		"the person":              {nobody, only(lease("g0", never, never, "")), []access.GrantID{"g0"}},
		"an end that is over":     {only(over), only(lease("g0", never, ago.Add(time.Minute), access.EndMoveOut)), nil},
		"grants without a person": {only(), nobody, nil},
		"what was there":          {only(lease("g0", never, never, "")), only(lease("g0", never, ahead, access.EndMoveOut)), nil},
	} {
		for _, snapshot := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := openWanted(t, t.TempDir())
				apply(t, w, c.was.snapshot(3, 1))
				o := today
				o.Watch = map[access.PersonID]bool{"p0": true}
				var got []access.GrantID
				for _, n := range asked(t, w, between(c.was, c.is, 2, snapshot), o) {
					got = append(got, n.Back["p0"]...)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("snapshot %v: back %v, want %v", snapshot, got, c.want)
				}
			})
		}
	}
	w := openWanted(t, t.TempDir())
	full := errors.New("the disk is full")
	o := today
	o.Watch, o.ByName = map[access.PersonID]bool{"p0": true}, func(ByName) error { return full }
	if _, err := w.Apply(only(lease("g0", never, never, "")).snapshot(3, 1), o); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if p, err := w.Position(); err != nil || p != (access.Position{}) {
		t.Errorf("the state stands at %v, %v", p, err)
	}
}

// TestTowardsG3_WhereNothingIsStoredPeopleOnDevicesAreJudged, unless the update is the state that was lost.
func TestTowardsG3_WhereNothingIsStoredPeopleOnDevicesAreJudged(t *testing.T) {
	t.Parallel()
	is := court(3)
	is.put(access.Grant{ID: "g2", Person: "p2", Group: "common", Window: access.Window{Until: noon.Add(-time.Hour)}, Ends: access.EndRevoked, Reason: "revoked"})
	delete(is, access.Key{Kind: access.KindGrant, ID: "h2"})
	u := is.snapshot(3, 7)
	for name, c := range map[string]struct {
		floor  access.Position
		digest access.Digest
		lost   []access.PersonID
	}{
		"a later state":             {access.Position{Epoch: 3, Revision: 6}, u.Digest, []access.PersonID{"p8", "p9"}},
		"the same number, not more": {u.Position, access.Digest{1}, []access.PersonID{"p8", "p9"}},
		"the state that was lost":   {u.Position, u.Digest, nil},
	} {
		w := openWanted(t, t.TempDir())
		var told []Loss
		a, err := w.Apply(u, ApplyOptions{Now: noon, Floor: c.floor, FloorDigest: c.digest, Hold: func(l Loss) error { told = append(told, l); return nil },
			Placed: func() ([]access.PersonID, error) { return []access.PersonID{"p0", "p2", "p8", "p9"}, nil }})
		if err != nil || !slices.Equal(a.Lost, c.lost) || len(told) != min(len(c.lost), 1) {
			t.Errorf("%s: lost %v, told %+v, %v", name, a.Lost, told, err)
		}
		if len(told) == 1 && told[0].Open != 4 {
			t.Errorf("%s: %d had access before", name, told[0].Open)
		}
		same(t, w, is)
	}
	w, broken := openWanted(t, t.TempDir()), errors.New("the ledger cannot be read")
	o := ApplyOptions{Now: noon, Placed: func() ([]access.PersonID, error) { return nil, broken }}
	if _, err := w.Apply(u, o); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestSiteRemembersRevocations, with what the disk damaged taken for the worse.
func TestSiteRemembersRevocations(t *testing.T) {
	t.Parallel()
	s, j := openSite(t, t.TempDir(), Options{})
	list := []Revoked{{Person: "p1", All: true, Since: noon}, {Person: "p2", Grants: []access.GrantID{"g2"}, Since: noon.Add(time.Hour)}, {Person: "p3", All: true, Since: noon.Add(2 * time.Hour)}, {Person: "p4", Since: noon.Add(-time.Hour)}}
	back := access.Hold{Person: "p4", Cause: access.HoldBack, Since: noon}
	for _, err := range []error{s.PutRevoked(list), s.PutRevoked(nil), s.DropRevoked(nil), s.PutBacks([]access.Hold{back}, access.Event{Kind: access.EventHeld})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	flip(t, s.file, "p2", bucketRevoked)
	got, err := s.Revoked([]access.PersonID{"p1", "p2", "nobody"})
	if want := (map[access.PersonID]Revoked{"p1": list[0], "p2": {Person: "p2", All: true}}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if n, err := s.ForgetRevoked(noon.Add(-time.Minute), 1); n != 2 || err != nil {
		t.Errorf("%d forgotten, %v", n, err)
	}
	if got, err := s.RevokedPeople(); err != nil || !cmp.Equal(got, map[access.PersonID]bool{"p3": true, "p4": true}) {
		t.Errorf("remembered are %v, %v", got, err)
	}
	if h, err := s.Backs(); err != nil || !cmp.Equal(h, map[access.PersonID]access.Hold{"p4": back}) {
		t.Errorf("backs %v, %v", h, err)
	}
	if err := s.DropBacks([]access.PersonID{"p4"}, access.Event{Kind: access.EventState}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.RevokedPeople(); err != nil || len(got) != 1 || len(j.all(t, s)) != 2 {
		t.Errorf("remembered are %v, %v", got, err)
	}
}

func TestSiteNotesWhoWasTaken(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	one, two := Taken{Person: "p1", At: access.Position{Epoch: 1, Revision: 2}, Since: noon}, Taken{Person: "p2", Since: noon}
	for _, err := range []error{s.PutTaken(nil), s.PutTaken([]Taken{one, two}), s.DropTaken(nil), s.DropTaken([]access.PersonID{"p2", "nobody"}), s.PutTaken([]Taken{{Person: "p3"}})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	flip(t, s.file, "p3", bucketTaken)
	var u *Unreadable
	if got, err := s.Taken(); !errors.As(err, &u) || !cmp.Equal(got, map[access.PersonID]Taken{"p1": one, "p3": {Person: "p3"}}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSitePlacedIsWhoeverStandsAnywhere(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	for _, c := range []struct {
		dev   access.DeviceID
		who   access.PersonID
		state access.LedgerState
	}{{"a", "p1", access.Settled}, {"b", "p1", access.Written}, {"b", "p2", access.Removing}, {"b", "p0", access.Intended}, {"b", "p4", access.Removing}} {
		if err := s.Record(c.dev, c.who, &access.LedgerEntry{Person: c.who, State: c.state}); err != nil {
			t.Fatal(err)
		}
	}
	flip(t, s.file, "p4", bucketLedger, "b")
	if got, err := s.Placed(); err != nil || !slices.Equal(got, []access.PersonID{"p0", "p1", "p4"}) {
		t.Errorf("%v, %v", got, err)
	}
}
