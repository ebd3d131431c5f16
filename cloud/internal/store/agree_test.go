package store

import (
	"context"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// stateAs sets a state by terms and returns the gateway after it.
func stateAs(t testing.TB, s *Store, items []access.Item, agreed bool, now time.Time) Gateway {
	t.Helper()
	s.update(t, func(ctx context.Context, tx *Tx) error {
		_, _, err := tx.SetState(ctx, "gw1", items, Terms{Now: now, Agreed: agreed})
		return err
	})
	return must(s.Gateway(t.Context(), "gw1"))(t)
}

func posOf(epoch, revision uint64) access.Position {
	return access.Position{Epoch: epoch, Revision: revision}
}

// ending is a grant of person n that ends.
func ending(n string, until string) access.Item {
	return item(access.KindGrant, "gp"+n, `{"id":"gp`+n+`","person":"p`+n+`","group":"common","until":"`+until+`","ends":"move_out","reason":"moved out"}`)
}

// TestTowardsG3_OnlyWhatSomebodyMeantIsMeant: who takes access away needs a reason, and nothing is meant past something that is not.
func TestTowardsG3_OnlyWhatSomebodyMeantIsMeant(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		for _, c := range []struct {
			what   string
			items  []access.Item
			agreed bool
			want   uint64 // the revision up to which it is meant
		}{
			{"the first state takes from nobody", manyItems(5), false, 1},
			{"more people", manyItems(6), false, 2},
			{"a sync that passed the brake takes two", manyItems(4), true, 3},
			{"the same again", manyItems(4), true, 3},
			{"unexplained, but it takes from nobody", append(manyItems(4), item(access.KindDoor, "lobby", `{"id":"lobby"}`)), false, 4},
			{"unexplained, it takes one", manyItems(3), false, 4},
			{"explained, on top of what nobody agreed with", manyItems(2), true, 4},
			{"it gives again", manyItems(9), true, 4},
		} {
			if g := stateAs(t, s, c.items, c.agreed, noon()); g.Meant != posOf(1, c.want) {
				t.Errorf("%s: meant up to %v of %v, want %d", c.what, g.Meant, g.Published, c.want)
			}
		}
		u := must(s.Snapshot(t.Context(), "gw1"))(t)
		if u.Meant != posOf(1, 4) {
			t.Errorf("a snapshot says %v", u.Meant)
		}
		agree := func(through uint64) (pos access.Position, err error) {
			err = s.Update(t.Context(), func(tx *Tx) error { pos, err = tx.Agree(t.Context(), "gw1", through); return err })
			return pos, err
		}
		_, err := agree(99)
		wantKind(t, err, fault.Invalid, "no revision 99")
		before := must(s.Changes(t.Context()))(t)
		for _, c := range []struct{ through, want uint64 }{{5, 5}, {3, 5}, {0, 7}, {0, 7}} {
			if pos := must(agree(c.through))(t); pos != posOf(1, c.want) {
				t.Errorf("agreed through %d gives %v, want %d", c.through, pos, c.want)
			}
		}
		if n := must(s.Changes(t.Context()))(t) - before; n != 2 {
			t.Errorf("publishers are told %d times, want twice", n)
		}
		if g := stateAs(t, s, manyItems(8), true, noon()); g.Meant != g.Published {
			t.Errorf("after the agreement: meant up to %v of %v", g.Meant, g.Published)
		}
	})
}

// TestTowardsG3_WhatGrantsRestOnIsNotMeantByItself: a door, a group, hours or the last PIN that goes may cost somebody
// their access though every grant stays; the gateway judges that, so nobody's word is put behind it.
func TestTowardsG3_WhatGrantsRestOnIsNotMeantByItself(t *testing.T) {
	lobby := item(access.KindDoor, "lobby", `{"id":"lobby","name":"Lobby","unit":"u1"}`)
	group := item(access.KindGroup, "common", `{"id":"common","name":"Common","doors":["lobby","yard"]}`)
	hours := item(access.KindSchedule, "day", `{"id":"day","name":"Day","weekly":[{"days":[1],"start":"08:00","end":"20:00"}]}`)
	card := item(access.KindCredential, "kp0", `{"id":"kp0","person":"p0","kind":"card","secret":"04A1B2C3"}`)
	was := append(manyItems(3), lobby, group, hours, card)
	swap := func(key string, by ...access.Item) (out []access.Item) {
		for _, it := range was {
			if it.ID != key {
				out = append(out, it)
			}
		}
		return append(out, by...)
	}
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		for what, c := range map[string]struct {
			is     []access.Item
			agreed bool
			meant  bool
		}{
			"a door goes":                      {swap("lobby"), false, false},
			"a door goes, and that is agreed":  {swap("lobby"), true, true},
			"a door is another unit's":         {swap("lobby", item(access.KindDoor, "lobby", `{"id":"lobby","name":"Lobby"}`)), false, false},
			"a door has a new name":            {swap("lobby", item(access.KindDoor, "lobby", `{"id":"lobby","name":"Front","unit":"u1"}`)), false, true},
			"a group goes":                     {swap("common"), false, false},
			"a group is emptied":               {swap("common", item(access.KindGroup, "common", `{"id":"common","name":"Common"}`)), false, false},
			"a group opens by hours":           {swap("common", item(access.KindGroup, "common", `{"id":"common","name":"Common","doors":["lobby","yard"],"schedule":"day"}`)), false, false},
			"a group grows":                    {swap("common", item(access.KindGroup, "common", `{"id":"common","name":"All","doors":["lobby","yard","pool"]}`)), false, true},
			"hours go":                         {swap("day"), false, false},
			"hours are emptied":                {swap("day", item(access.KindSchedule, "day", `{"id":"day","name":"Day","weekly":[]}`)), false, false},
			"other hours":                      {swap("day", item(access.KindSchedule, "day", `{"id":"day","name":"Day","weekly":[{"days":[2],"start":"08:00","end":"20:00"}]}`)), false, true},
			"the only PIN goes":                {swap("cp1"), false, false},
			"the PIN goes, the card stays":     {swap("cp0"), false, true},
			"what makes no sense takes a door": {swap("common", item(access.KindGroup, "common", `{"id":"common","doors":3}`)), false, false},
		} {
			stateAs(t, s, was, true, noon())
			s.update(t, func(ctx context.Context, tx *Tx) error {
				_, err := tx.Agree(ctx, "gw1", 0)
				return err
			})
			if g := stateAs(t, s, c.is, c.agreed, noon()); (g.Meant == g.Published) != c.meant {
				t.Errorf("%s: meant up to %v of %v", what, g.Meant, g.Published)
			}
		}
	})
}

// TestTowardsG3_EndsThatWerePublishedTakeNothing: a date that passes is no new loss, an end moved into the past is.
func TestTowardsG3_EndsThatWerePublishedTakeNothing(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		stateAs(t, s, append(manyItems(0), ending("0", "2027-03-02T00:00:00Z"), ending("1", "2027-06-01T00:00:00Z")), false, noon())
		later := noon().AddDate(0, 0, 2)
		if g := stateAs(t, s, append(manyItems(0), ending("1", "2027-06-01T00:00:00Z")), false, later); g.Meant != g.Published {
			t.Errorf("who had ended already is gone: meant up to %v of %v", g.Meant, g.Published)
		}
		if g := stateAs(t, s, append(manyItems(0), ending("1", "2027-03-01T00:00:00Z")), false, later); g.Meant != posOf(1, 2) {
			t.Errorf("an end moved into the past: meant up to %v of %v", g.Meant, g.Published)
		}
	})
}

func TestHelloWithNobodyHeldSettlesAnAgreement(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		stateAs(t, s, manyItems(3), false, noon())
		stateAs(t, s, manyItems(1), false, noon())
		hello := func(pos access.Position, held int) Gateway {
			if err := s.SaveHello(t.Context(), Fence{}, "gw1", Hello{Position: pos, Held: held, At: noon()}); err != nil {
				t.Fatal(err)
			}
			return must(s.Gateway(t.Context(), "gw1"))(t)
		}
		if g := hello(posOf(1, 2), 2); g.Meant != posOf(1, 1) || g.Told.Held != 2 {
			t.Errorf("with two held: meant up to %v, %d held", g.Meant, g.Told.Held)
		}
		if g := hello(posOf(1, 2), 0); g.Meant != posOf(1, 2) {
			t.Errorf("it took all of it: meant up to %v", g.Meant)
		}
	})
}

// TestTowardsG7_ARestoredDatabasePublishesNothingUntilAnEpochIsOpened, and what the new epoch takes needs a person's word.
func TestTowardsG7_ARestoredDatabasePublishesNothingUntilAnEpochIsOpened(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		stateAs(t, s, manyItems(3), false, noon())
		if err := s.SaveAck(t.Context(), Fence{}, "gw1", posOf(1, 9), access.Digest{}, noon()); err != nil {
			t.Fatal(err)
		}
		for range 12 { // its own revisions overtake the gateway's: the evidence stays
			stateAs(t, s, manyItems(3), false, noon())
			stateAs(t, s, manyItems(4), false, noon())
		}
		g := must(s.Gateway(t.Context(), "gw1"))(t)
		if g.Ahead != posOf(1, 9) || g.Published.Revision < 9 {
			t.Errorf("ahead by %v, published %v", g.Ahead, g.Published)
		}
		err := s.Update(t.Context(), func(tx *Tx) error { _, err := tx.Agree(t.Context(), "gw1", 0); return err })
		wantKind(t, err, fault.Conflict, "gatehouse-cloud restored")
		st := must(s.PeopleStatus(t.Context(), "maples"))(t)
		if n := len(st.Conflicts); n != 1 || st.Conflicts[0].Kind != "restored_database" || st.Conflicts[0].Remedy == "" {
			t.Errorf("open questions: %+v", st.Conflicts)
		}
		if o := must(s.Overview(t.Context()))(t); o[0].Conflicts != 1 {
			t.Errorf("the overview counts %d questions", o[0].Conflicts)
		}
		s.update(t, func(ctx context.Context, tx *Tx) error { _, err := tx.NewEpoch(ctx, "gw1"); return err })
		g = must(s.Gateway(t.Context(), "gw1"))(t)
		if g.Ahead.Revision != 0 || g.Published.Epoch != 2 || g.Meant.Epoch != 1 {
			t.Errorf("after the new epoch: %+v", g)
		}
		if _, ok, err := s.Since(t.Context(), "gw1", posOf(2, g.Published.Revision-1)); ok || err != nil {
			t.Errorf("a delta leads into the new epoch: %v", err)
		}
		if g = stateAs(t, s, manyItems(5), true, noon()); g.Meant.Epoch != 1 {
			t.Errorf("meant without a word: %v", g.Meant)
		}
		if err := s.SaveHello(t.Context(), Fence{}, "gw1", Hello{Position: g.Published, At: noon()}); err != nil {
			t.Fatal(err)
		}
		if g = must(s.Gateway(t.Context(), "gw1"))(t); g.Meant.Epoch != 1 {
			t.Errorf("a hello is taken for somebody's word: %v", g.Meant)
		}
		s.update(t, func(ctx context.Context, tx *Tx) error { _, err := tx.Agree(ctx, "gw1", 0); return err })
		if g = must(s.Gateway(t.Context(), "gw1"))(t); g.Meant != g.Published {
			t.Errorf("agreed: %v of %v", g.Meant, g.Published)
		}
	})
}

// TestTowardsG10_AfterARestoreEventsGoOnAndTheHoleIsKept: the gateway no longer has what the database lost.
func TestTowardsG10_AfterARestoreEventsGoOnAndTheHoleIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		raw, _ := chain(1, access.Link{}, started(9)...)
		links := []access.Link{{}}
		for _, r := range raw {
			links = append(links, access.Chain(links[len(links)-1], r))
		}
		send := func(what string, from, to int, want uint64) {
			t.Helper()
			if n := must(tell(t, s, uint64(from), links[from-1], raw[from-1:to]))(t); n != want {
				t.Errorf("%s: through %d, want %d", what, n, want)
			}
		}
		send("the first", 1, 2, 2)
		send("without a restore", 6, 7, 2)
		s.update(t, func(ctx context.Context, tx *Tx) error { _, err := tx.NewEpoch(ctx, "gw1"); return err })
		send("after a restore", 6, 7, 7)
		send("a second hole", 9, 9, 7)
		send("the next", 8, 9, 9)
	})
}
