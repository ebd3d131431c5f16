package people

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// drawSnapshot is any export of a small property.
func drawSnapshot(t *rapid.T) pms.Snapshot {
	s := pms.Snapshot{OK: rapid.IntRange(0, 9).Draw(t, "ok") > 0, Complete: rapid.Bool().Draw(t, "complete"), Properties: []pms.Property{{Ref: "ELM"}}}
	for u := range 4 {
		if rapid.IntRange(0, 5).Draw(t, "unit") > 0 {
			s.Units = append(s.Units, pms.Unit{Ref: fmt.Sprint(u), Property: "ELM", Name: fmt.Sprint(100 + u), Building: rapid.SampledFrom([]string{"", "North"}).Draw(t, "building")})
		}
	}
	for i := range 8 {
		ref := fmt.Sprint(i)
		if rapid.IntRange(0, 3).Draw(t, "there") == 0 {
			continue
		}
		day := rapid.IntRange(1, 28)
		l := pms.Lease{Ref: "L" + ref, Property: "ELM", Unit: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "in unit"))}
		l.Status = rapid.SampledFrom([]pms.Status{pms.Current, pms.Current, pms.Current, pms.Future, pms.Past, pms.None, ""}).Draw(t, "status")
		l.RawStatus = string(l.Status)
		l.MoveIn = pms.Date{Year: 2026, Month: time.Month(rapid.IntRange(1, 12).Draw(t, "month")), Day: day.Draw(t, "in")}
		if rapid.Bool().Draw(t, "ends") {
			l.MoveOut = pms.Date{Year: 2026, Month: time.Month(rapid.IntRange(10, 12).Draw(t, "month")), Day: day.Draw(t, "out")}
		}
		s.Leases = append(s.Leases, l)
		for j := range rapid.IntRange(1, 2).Draw(t, "household") {
			p := pms.Person{Ref: fmt.Sprint(i, "-", j), Lease: l.Ref, Property: "ELM", Unit: l.Unit, First: rapid.SampledFrom([]string{"Ada", "Bo"}).Draw(t, "name"), Last: "No", Email: ref + "@example.com", EmailClass: pms.EmailOK}
			switch rapid.IntRange(0, 3).Draw(t, "pin") {
			case 0:
				p.PIN = pms.Held{Secret: access.NewSecret("482" + ref)}
			case 1:
				p.PIN = pms.Held{Hold: "starts with 9. Give another."}
			}
			s.People = append(s.People, p)
		}
	}
	return s
}

// history merges several exports, one an hour.
type history struct {
	*rapid.T
	roster model.Roster
	now    time.Time
	made   int
}

func newHistory(t *rapid.T) *history {
	h := &history{T: t, now: time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC)}
	h.roster.Property = model.Property{Property: access.Property{ID: "elm", Zone: "America/New_York"}, Settings: model.DefaultSettings()}
	h.roster.Units = []model.Unit{{Unit: access.Unit{ID: "hu", Name: "101"}}}
	h.roster.People = []model.Person{{Person: access.Person{ID: "hp", First: "Ada", Last: "No", Email: "1@example.com"}, Origin: model.ByHand}}
	h.roster.Leases = []model.Lease{{ID: "hr", Person: "hp", Unit: "hu", Status: "current"}}
	return h
}

func (h *history) merge(s pms.Snapshot) Result {
	r, err := Merge(h.roster, s, Source{Origin: model.OtherCSV}, h.now, func(kind string) string {
		h.made++
		return fmt.Sprint(kind[:1], h.made)
	})
	if err != nil {
		h.Fatal(err)
	}
	return r
}

func (h *history) step(s pms.Snapshot) Result {
	h.now = h.now.Add(time.Hour)
	r := h.merge(s)
	h.roster = r.Roster
	return r
}

func TestMerge_TheSameSnapshotTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		for range rapid.IntRange(1, 4).Draw(t, "exports") {
			s := drawSnapshot(t)
			first := h.step(s)
			again := h.merge(s)
			if len(again.Changes) != 0 || sameRoster(first.Roster, again.Roster) != "" {
				t.Fatalf("merged again: %+v\n%s", again.Changes, sameRoster(first.Roster, again.Roster))
			}
		}
	})
}

func TestMerge_ChangesAreExactlyTheDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		for range rapid.IntRange(1, 4).Draw(t, "exports") {
			before := clone(h.roster)
			r := h.step(drawSnapshot(t))
			if same := sameRoster(before, r.Roster) == ""; same != (len(r.Changes) == 0) {
				t.Fatalf("changes %+v for\n%s", r.Changes, sameRoster(before, r.Roster))
			}
		}
	})
}

func TestMerge_TheOrderOfRowsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := newHistory(t), newHistory(t)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range rapid.IntRange(1, 3).Draw(t, "exports") {
			s := drawSnapshot(t)
			o := s
			o.Units, o.People, o.Leases = shuffle(rng, s.Units), shuffle(rng, s.People), shuffle(rng, s.Leases)
			one, other := a.step(s), b.step(o)
			if d := sameRoster(one.Roster, other.Roster); d != "" || fmt.Sprint(one.Conflicts, one.Held) != fmt.Sprint(other.Conflicts, other.Held) {
				t.Fatalf("the order of rows matters:\n%s%v\n%v", d, one.Conflicts, other.Conflicts)
			}
		}
	})
}

func shuffle[T any](rng *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestG3_WhatNeverHappens over any histories: no record is lost, no id changes hands, nobody goes
// by absence from an incomplete export, the brake's bound holds, hand-made people are left alone.
func TestG3_WhatNeverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		for range rapid.IntRange(1, 6).Draw(t, "exports") {
			before, s := h.roster, drawSnapshot(t)
			r := h.step(s)
			h.nothingLost(before, r.Roster)
			h.nobodyGoneBySilence(before, s, r)
			if n := r.Counts.Leaving; n > 3 && 10*n > r.Counts.Residents && r.Held == "" {
				t.Fatalf("%d of %d left at once", n, r.Counts.Residents)
			}
			if p := r.Roster.People[0]; p.Origin == model.ByHand && r.Roster.Leases[0].Status != "current" {
				t.Fatal("an export ended a hand-made residency")
			}
		}
	})
}

func (h *history) nothingLost(before, after model.Roster) {
	for i, p := range before.People {
		if after.People[i].ID != p.ID || p.Ref != "" && after.People[i].Ref != p.Ref {
			h.Fatalf("person %s became %+v", p.ID, after.People[i])
		}
	}
	for i, l := range before.Leases {
		if n := after.Leases[i]; n.ID != l.ID || n.Person != l.Person || l.Ref != "" && n.Ref != l.Ref {
			h.Fatalf("lease %s became %+v", l.ID, n)
		}
	}
	if len(after.Units) < len(before.Units) || len(after.Buildings) < len(before.Buildings) {
		h.Fatal("a unit or building is gone")
	}
}

func (h *history) nobodyGoneBySilence(before model.Roster, s pms.Snapshot, r Result) {
	spoken := map[string]bool{}
	for _, l := range s.Leases {
		spoken[l.Ref] = true
	}
	for i, l := range before.Leases {
		n := r.Roster.Leases[i]
		ended := l.Status != past && n.Status == past
		silent := ended && !spoken[l.Ref]
		if silent && (!s.Complete || !s.OK || l.Missing < 1 || r.Held != "") {
			h.Fatalf("lease %s ended by silence; complete %v, missing before %d, held %q", l.ID, s.Complete, l.Missing, r.Held)
		}
	}
}
