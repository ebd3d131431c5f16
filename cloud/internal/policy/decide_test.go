package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

func TestDecide_UnusableSettingsPublishNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*model.Property){
		"no zone":      func(p *model.Property) { p.Zone = "" },
		"unknown zone": func(p *model.Property) { p.Zone = "Mars/Olympus" },
		"Local":        func(p *model.Property) { p.Zone = "Local" },
		"no hour":      func(p *model.Property) { p.Settings.MoveInTime = "" },
		"bad hour":     func(p *model.Property) { p.Settings.MoveOutTime = "25:00" },
		"no trigger":   func(p *model.Property) { p.Settings.Begin = "" },
		"unset":        func(p *model.Property) { p.Settings = model.Settings{} },
	} {
		p := newPlace(t)
		p.lives("1", "u1", "current", "2025-01-01", "", pin("4821"))
		spoil(&p.Property)
		d, err := Decide(p.Roster, noon())
		if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" || d.Items != nil {
			t.Errorf("%s: %v, remedy %q, %d items", name, err, fault.RemedyOf(err), len(d.Items))
		}
	}
}

func TestDecide_OneBadRecordCostsNobodyElse(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", pin("4821"))
	p.Units = append(p.Units, model.Unit{Unit: access.Unit{ID: "u9"}})
	p.Leases = append(p.Leases, model.Lease{ID: "r9", Person: "nobody", Unit: "u1", Status: "current"})
	d := p.decide()
	if len(held(d)) != 1 || len(of[access.Unit](d)) != 2 {
		t.Errorf("credentials %d, units %d", len(held(d)), len(of[access.Unit](d)))
	}
	var subjects []string
	for _, c := range d.Refusals {
		subjects = append(subjects, c.Kind+" "+c.Subject)
	}
	if want := []string{"invalid_record r9", "invalid_record unit u9"}; !slices.Equal(subjects, want) {
		t.Errorf("refusals %v, want %v", subjects, want)
	}
}

func TestDecide_LongIdsStayValidAndApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("g", 40)
	p := newPlace(t)
	p.Groups = []access.Group{{ID: access.GroupID(long[:39] + "a"), Common: true}, {ID: access.GroupID(long[:39] + "b"), Common: true}}
	p.lives("1", "u1", "current", "2025-01-01", "", nil)
	all := of[access.Grant](p.decide())
	if len(all) != 2 || all[0].ID == all[1].ID {
		t.Fatalf("grants %+v", all)
	}
	for _, g := range all {
		if err := g.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// drawPlace is a property of any shape: leases of every status, dates close together, few units
// and fewer secrets, so that stays touch and values clash.
func drawPlace(t *rapid.T) model.Roster {
	r := model.Roster{
		Property: model.Property{
			Property: access.Property{ID: "elm", Name: "Elm", Zone: rapid.SampledFrom([]string{"America/New_York", "Australia/Lord_Howe", "UTC"}).Draw(t, "zone")},
			Settings: model.DefaultSettings(),
		},
		Doors:  []access.Door{{ID: "lobby"}, {ID: "d1", Unit: "u1"}},
		Groups: []access.Group{{ID: "entrance", Doors: []access.DoorID{"lobby", "d1"}, Common: true}, {ID: "amenities", Common: true}},
	}
	s := &r.Property.Settings
	s.EndLeaseEnd, s.EndStatus, s.EndMoveOut = rapid.Bool().Draw(t, "lease end"), rapid.Bool().Draw(t, "status"), rapid.Bool().Draw(t, "move-out")
	s.Begin = rapid.SampledFrom([]model.Trigger{model.BeginMoveIn, model.BeginLeaseStart}).Draw(t, "begin")
	for i := range 3 {
		r.Units = append(r.Units, model.Unit{Unit: access.Unit{ID: access.UnitID(fmt.Sprintf("u%d", i)), Name: fmt.Sprintf("10%d", i)}})
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "people") {
		p := model.Person{Person: access.Person{ID: access.PersonID(fmt.Sprintf("p%d", i)), Kind: access.Resident, First: "Ada", Last: "No"}}
		p.PIN = access.NewSecret(rapid.SampledFrom([]string{"", "1111", "2222", "9999"}).Draw(t, "pin"))
		p.Card = access.NewSecret(rapid.SampledFrom([]string{"", "aa:bb", "AABB", "zz"}).Draw(t, "card"))
		p.Primary = rapid.Bool().Draw(t, "primary")
		r.People = append(r.People, p)
		for j := range rapid.IntRange(0, 3).Draw(t, "leases") {
			r.Leases = append(r.Leases, drawLease(t, p.ID, fmt.Sprintf("r%d%d", i, j)))
		}
	}
	return r
}

func drawLease(t *rapid.T, p access.PersonID, id string) model.Lease {
	day := func(name string) model.Date {
		n := rapid.IntRange(-20, 20).Draw(t, name)
		if n == -20 {
			return model.Date{}
		}
		d := noon().AddDate(0, 0, n)
		return model.Date{Year: d.Year(), Month: d.Month(), Day: d.Day()}
	}
	l := model.Lease{
		ID: access.ResidencyID(id), Person: p, Unit: access.UnitID(fmt.Sprintf("u%d", rapid.IntRange(0, 2).Draw(t, "unit"))),
		Status: rapid.SampledFrom([]string{"future", "current", "past", "none", ""}).Draw(t, "status"),
		MoveIn: day("in"), MoveOut: day("out"), LeaseStart: day("start"), LeaseEnd: day("end"), MonthToMonth: rapid.Bool().Draw(t, "mtm"),
	}
	if l.Status == "past" {
		l.PastSeen = noon().Add(time.Duration(rapid.IntRange(-500, 500).Draw(t, "seen")) * time.Hour)
	}
	return l
}

func TestDecide_OrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawPlace(t)
		one, err := Decide(r, noon())
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		shuffled := model.Roster{
			Property: r.Property, Units: shuffle(rng, r.Units), Doors: shuffle(rng, r.Doors),
			Groups: shuffle(rng, r.Groups), People: shuffle(rng, r.People), Leases: shuffle(rng, r.Leases),
		}
		for i := range shuffled.Groups {
			shuffled.Groups[i].Doors = shuffle(rng, shuffled.Groups[i].Doors)
		}
		other, err := Decide(shuffled, noon())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := encode(t, one), encode(t, other); a != b {
			t.Fatalf("the order of the roster changes what is published:\n%s\n%s", a, b)
		}
		if a, b := fmt.Sprint(one.Refusals, one.Explain), fmt.Sprint(other.Refusals, other.Explain); a != b {
			t.Fatalf("the order of the roster changes what is said:\n%s\n%s", a, b)
		}
	})
}

func shuffle[T any](rng *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func encode(t *rapid.T, d Decision) string {
	var b strings.Builder
	for _, n := range d.Items {
		it, err := access.Encode(n)
		if err != nil {
			t.Fatalf("an item cannot be encoded: %v", err)
		}
		fmt.Fprintf(&b, "%s %s %s\n", it.Kind, it.ID, it.Value)
	}
	return b.String()
}

// TestDecide_HoldsItsPromises for any roster: ids are unique, every end has a reason, nobody is
// sent whom nothing concerns, nothing opens outside the explanation, no clear secret in any words.
func TestDecide_HoldsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawPlace(t)
		d, err := Decide(r, noon())
		if err != nil {
			t.Fatal(err)
		}
		encode(t, d)
		sent, windows := checkItems(t, r, d)
		if len(sent) > len(windows) {
			t.Fatalf("%d people are sent, only %d have grants", len(sent), len(windows))
		}
		checkNoSharedSecret(t, d, windows)
		words := fmt.Sprint(d.Refusals, d.Explain)
		for _, s := range []string{"1111", "2222", "9999", "AABB", "aa:bb"} {
			if strings.Contains(words, s) {
				t.Fatalf("a secret stands in %s", words)
			}
		}
		for _, p := range r.People {
			if len(d.Explain[p.ID]) == 0 {
				t.Fatalf("%s is not explained", p.ID)
			}
		}
	})
}

func checkItems(t *rapid.T, r model.Roster, d Decision) (map[access.PersonID]bool, map[access.PersonID][]access.Window) {
	lives := map[access.ResidencyID]string{}
	for _, l := range r.Leases {
		lives[l.ID] = l.Status
	}
	seen, sent, windows := map[string]bool{}, map[access.PersonID]bool{}, map[access.PersonID][]access.Window{}
	for _, n := range d.Items {
		it, _ := access.Encode(n)
		if k := string(it.Kind) + it.ID; seen[k] {
			t.Fatalf("%s stands twice", k)
		} else {
			seen[k] = true
		}
		switch n := n.(type) {
		case access.Person:
			sent[n.ID] = true
		case access.Residency:
			if s := lives[n.ID]; s == "none" || s == "" {
				t.Fatalf("status %q gives %s a home", s, n.Person)
			}
		case access.Grant:
			windows[n.Person] = append(windows[n.Person], n.Window)
			if !sent[n.Person] || n.Reason == "" || !slices.Contains(d.Explain[n.Person], n.Reason) && n.Unit == "" {
				t.Fatalf("grant %+v: explained as %q", n, d.Explain[n.Person])
			}
		}
	}
	return sent, windows
}

func checkNoSharedSecret(t *rapid.T, d Decision, windows map[access.PersonID][]access.Window) {
	all := of[access.Credential](d)
	for i, a := range all {
		for _, b := range all[:i] {
			if a.Kind != b.Kind || !a.Secret.Equal(b.Secret) {
				continue
			}
			for h := -1000; h < 1000; h++ {
				if at := noon().Add(time.Duration(h) * time.Hour); rules.Open(windows[a.Person], at) && rules.Open(windows[b.Person], at) {
					t.Fatalf("%s and %s are open at %v with one secret", a.ID, b.ID, at)
				}
			}
		}
	}
}

// TestG6_ADecisionStaysRight: as long as nobody falls out of Keep, deciding later changes nothing.
func TestG6_ADecisionStaysRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawPlace(t)
		r.Property.Settings.EndStatus = false // the only end that is an instant in the past of both
		now, _ := Decide(r, noon())
		later, _ := Decide(r, noon().Add(5*24*time.Hour))
		if a, b := encode(t, now), encode(t, later); a != b {
			t.Fatalf("five days later another state is published:\n%s\n%s", a, b)
		}
	})
}

// TestDecide_OneChangeIsOneChange: somebody's new PIN touches that credential alone.
func TestDecide_OneChangeIsOneChange(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for i := range 50 {
		p.lives(fmt.Sprint(i), "u1", "current", "2025-01-01", "", pin(fmt.Sprintf("1%03d", i)))
	}
	before := strings.Split(bytesOf(t, p.decide()), "\n")
	p.People[7].PIN = access.NewSecret("77777")
	after := strings.Split(bytesOf(t, p.decide()), "\n")
	changed := slices.DeleteFunc(after, func(line string) bool { return slices.Contains(before, line) })
	if len(changed) != 1 || !strings.Contains(changed[0], `"id":"p7-pin"`) {
		t.Errorf("changed: %q", changed)
	}
}

// TestDecide_LeavesItsInputAlone: the roster is the store's.
func TestDecide_LeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.Groups[0].Doors = []access.DoorID{"pool", "lobby"}
	p.lives("2", "u1", "current", "2025-01-01", "", pin("4821"))
	p.lives("1", "u1", "current", "2025-01-01", "", pin("4822"))
	p.decide()
	if p.Groups[0].Doors[0] != "pool" || p.People[0].ID != "p2" {
		t.Error("Decide sorted its caller's lists")
	}
}
