package unitmap

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// site is a property by "id building name" lines, and a device by names; addresses are SB000001 upwards.
func site(units, names []string) (map[access.UnitID]access.Unit, map[access.BuildingID]access.Building, []Apartment) {
	us, bs := map[access.UnitID]access.Unit{}, map[access.BuildingID]access.Building{}
	for _, line := range units {
		f := strings.SplitN(line, "|", 3)
		u := access.Unit{ID: access.UnitID(f[0]), Building: access.BuildingID(f[1]), Name: f[2]}
		us[u.ID] = u
		if f[1] != "" {
			bs[u.Building] = access.Building{ID: u.Building, Name: "Building " + strings.ToUpper(f[1])}
		}
	}
	var all []Apartment
	for i, n := range names {
		all = append(all, Apartment{Index: i, Address: fmt.Sprintf("SB%06d", i+1), Name: n})
	}
	return us, bs, all
}

// told is a proposal as lines of "id state apartment sure".
func told(p Proposal) (out []string) {
	for _, l := range p.Lines {
		out = append(out, strings.TrimRight(fmt.Sprint(l.Unit, ": ", l.State, " ", l.Apartment, " ", l.Sure), " "))
	}
	return out
}

func TestTowardsG14_ProposedByName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		units, names []string
		want         []string
		words        string // of the first line that is in doubt
	}{
		"the same names": {
			[]string{"u1||101", "u2||0102", "u3||Penthouse"}, []string{"penthouse", "Unit 101", "UNIT  0102"},
			[]string{"u2: proposed SB000003 same name", "u1: proposed SB000002 same name", "u3: proposed SB000001 same name"}, "",
		},
		"as people write": {
			[]string{"u1||101", "u2||102", "u3||Unit 0103", "u4||A-104"}, []string{"Apt. 101", "#0102", "103", "Bldg A 104"},
			[]string{"u1: proposed SB000001 same number", "u2: proposed SB000002 same number", "u4: proposed SB000004 same number", "u3: proposed SB000003 same number"}, "",
		},
		"by building": {
			[]string{"u1|a|101", "u2|b|101", "u3|b|1-205"}, []string{"B 101", "A101", "B-1-205"},
			[]string{"u1: proposed SB000002 same number", "u3: proposed SB000003 same number", "u2: proposed SB000001 same number"}, "",
		},
		"never across buildings": {
			[]string{"u1|a|101", "u2|a|102"}, []string{"B 101", "A 102"},
			[]string{"u1: in doubt", "u2: proposed SB000002 same number"}, "it may be SB000001",
		},
		"two buildings, one bell": {
			[]string{"u1|a|101", "u2|b|101"}, []string{"101"},
			[]string{"u1: in doubt", "u2: in doubt"}, "it may be SB000001, and so may unit 101 (Building B)",
		},
		"one building's bell is no other's": {
			[]string{"u1|a|101", "u2|b|101"}, []string{"A 101", "Apt 101"},
			[]string{"u1: proposed SB000001 same number", "u2: in doubt"}, "it may be SB000002, and so may unit 101 (Building A)",
		},
		"two bells of one name": {
			[]string{"u1||101"}, []string{"101", "Unit 101"},
			[]string{"u1: in doubt"}, "it may be SB000001 or SB000002",
		},
		"only one left": {
			[]string{"u1||101", "u2||102"}, []string{"", "101"},
			[]string{"u1: proposed SB000002 same name", "u2: proposed SB000001 only one left"}, "",
		},
		"the one left says otherwise": {
			[]string{"u1||101", "u2||102"}, []string{"310", "101"},
			[]string{"u1: proposed SB000002 same name", "u2: no apartment"}, "no apartment of the device is called so",
		},
		"zeros are no doubt only where they are alone": {
			[]string{"u1||101", "u2||0101"}, []string{"101", "Apt 101"},
			[]string{"u2: in doubt", "u1: proposed SB000001 same name"}, "it may be SB000002, and so may unit 101",
		},
		"an index is no name": {
			[]string{"u1||#1", "u2||2"}, []string{"11", "12"},
			[]string{"u1: no apartment", "u2: no apartment"}, "no apartment of the device is called so",
		},
		"by its address": {
			[]string{"u1||sb000002"}, []string{"A", "B"}, []string{"u1: proposed SB000002 same name"}, "",
		},
	} {
		us, bs, all := site(tt.units, tt.names)
		p := Propose(us, bs, all, nil)
		if got := told(p); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		i := slices.IndexFunc(p.Lines, func(l Line) bool { return l.Why != "" })
		if i < 0 && tt.words != "" || i >= 0 && p.Lines[i].Why != tt.words {
			t.Errorf("%s: %+v, want the words %q", name, p.Lines, tt.words)
		}
	}
}

func TestWhatIsEnteredStands(t *testing.T) {
	t.Parallel()
	us, bs, all := site([]string{"u1||1-101", "u2||102", "u3||103", "u4||104", "u5||105"}, []string{"102", "101", "Unit 103", "105"})
	m := Map{
		"u1": {"SB000001", "101", true}, "u3": {"", "103", true}, "u4": {"SB000099", "104", true}, "u5": {"SB000001", "105", false},
	}
	p := Propose(us, bs, all, m)
	want := []string{"u1: confirmed SB000001", "u2: no apartment", "u3: left out", "u4: confirmed SB000099", "u5: in doubt"}
	if got := told(p); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for i, words := range []string{
		"it was called 101 when it was entered; the device calls that apartment 102", "SB000001 is unit 1-101's", "",
		"the device has no SB000099 now", "SB000001 is unit 1-101's",
	} {
		if p.Lines[i].Why != words {
			t.Errorf("%s: %q, want %q", p.Lines[i].Unit, p.Lines[i].Why, words)
		}
	}
	if got := fmt.Sprint(p.Spare); got != "[{SB000002 1 101} {SB000003 2 Unit 103} {SB000004 3 105}]" {
		t.Errorf("spare %s", got)
	}
	_, err := p.Confirm(m)
	refusal(t, err, fault.Conflict, "unit 102: SB000001 is unit 1-101's; unit 104: the device has no SB000099 now; unit 105: SB000001 is unit 1-101's")
}

func refusal(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if fault.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), words) || fault.RemedyOf(err) == "" {
		t.Errorf("%v (%v), want %v with %q and a remedy", err, fault.KindOf(err), kind, words)
	}
}

// A confirmed map is whole: every unit has an apartment of its own or is left out by name.
func TestTowardsG14_ConfirmingRefusesGapsAndDoubles(t *testing.T) {
	t.Parallel()
	us, bs, all := site([]string{"u1||101", "u2||102", "u3||103"}, []string{"101", "Apt 102"})
	p := Propose(us, bs, all, nil)
	_, err := p.Confirm(nil)
	refusal(t, err, fault.Conflict, "unit 103: no apartment of the device is called so")
	m := Map{"u3": {"", "103", true}}
	m, err = Propose(us, bs, all, m).Confirm(m)
	if err != nil || m.Validate(us, all) != nil {
		t.Fatalf("%v, %v", m, err)
	}
	want := Map{"u1": {"SB000001", "101", true}, "u2": {"SB000002", "102", true}, "u3": {"", "103", true}}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("%v, want %v", m, want)
	}
	for words, bad := range map[string]Map{
		"unit 103 has no apartment and is not left out": {"u1": want["u1"], "u2": want["u2"]},
		"units 101 and 102 both have SB000001":          {"u1": want["u1"], "u2": want["u1"], "u3": want["u3"]},
		"unit 102 has #9, which the device does not":    {"u1": want["u1"], "u2": {"#9", "102", true}, "u3": want["u3"]},
	} {
		refusal(t, bad.Validate(us, all), fault.Conflict, words)
	}
	if err := want.Validate(map[access.UnitID]access.Unit{}, nil); err != nil {
		t.Errorf("units that are gone count: %v", err)
	}
}

// A renamed unit keeps its apartment and is told; a new unit does not get it. A unit that is gone makes room.
func TestARenamedUnitKeepsItsApartment(t *testing.T) {
	t.Parallel()
	us, bs, all := site([]string{"u1||101"}, []string{"101"})
	m, news := Propose(us, bs, all, nil).Enter(nil)
	if want := (Map{"u1": {"SB000001", "101", false}}); !news || !reflect.DeepEqual(m, want) {
		t.Fatalf("entered %v, want %v", m, want)
	}
	us, _, _ = site([]string{"u1||A-101", "u2||101"}, nil)
	p := Propose(us, bs, all, m)
	if got := told(p); !slices.Equal(got, []string{"u2: no apartment", "u1: by name SB000001"}) {
		t.Errorf("%q", got)
	}
	if !strings.Contains(p.Lines[1].Why, "it was called 101") {
		t.Errorf("nobody is told: %+v", p.Lines[1])
	}
	delete(us, "u1")
	m, news = Propose(us, bs, all, m).Enter(m)
	if want := (Map{"u2": {"SB000001", "101", false}}); !news || !reflect.DeepEqual(m, want) {
		t.Errorf("entered %v, want %v", m, want)
	}
}

func TestApartmentsAreNamedByAddressWhereThatIsOne(t *testing.T) {
	t.Parallel()
	all := []Apartment{{0, "SB000001", "A"}, {1, "", "B"}, {2, "sb000001", "B"}, {3, "SB000003", ""}}
	if got := Refs(all); !slices.Equal(got, []string{"#0", "#1", "#2", "SB000003"}) {
		t.Errorf("%q", got)
	}
	for words, want := range map[string]string{"#3": "SB000003", "sb000003": "SB000003", "unit a": "#0"} {
		if got, err := Find(all, words); got != want || err != nil {
			t.Errorf("%s is %q, %v", words, got, err)
		}
	}
	for words, why := range map[string]string{"b": "2 apartments of that name", "3": "no such apartment", "#9": "no such apartment", "": "no such"} {
		_, err := Find(all, words)
		refusal(t, err, fault.Invalid, why)
	}
}

// scramble makes a property and a device with names that are near each other, and a map that may be wrong.
func scramble(r *rand.Rand) (map[access.UnitID]access.Unit, map[access.BuildingID]access.Building, []Apartment, Map) {
	forms := []string{"%d", "Unit %d", "Apt. %d", "#%d", "0%d", "1-%d", "Bldg A %d", "B%d", "%dA", "", "Penthouse"}
	name := func() string {
		f := forms[r.IntN(len(forms))]
		if strings.Contains(f, "%") {
			f = fmt.Sprintf(f, 101+r.IntN(6))
		}
		return f
	}
	var units, names []string
	for i := range r.IntN(9) {
		units = append(units, fmt.Sprintf("u%d|%s|%s", i, []string{"", "a", "b"}[r.IntN(3)], "x"+name()))
	}
	for range r.IntN(9) {
		names = append(names, name())
	}
	us, bs, all := site(units, names)
	m := Map{}
	for id, u := range us {
		u.Name = strings.TrimPrefix(u.Name, "x")
		us[id] = u
		if r.IntN(4) == 0 {
			m[id] = Entry{fmt.Sprintf("SB%06d", r.IntN(10)), u.Name, r.IntN(2) == 0}
		}
		if r.IntN(9) == 0 {
			m[id] = Entry{Name: u.Name, Confirmed: true}
		}
	}
	for i := range all {
		if r.IntN(5) == 0 {
			all[i].Address = ""
		}
	}
	return us, bs, all, m
}

// Whatever the names: nobody is paired twice, nothing depends on order, and doing it again changes nothing.
func TestPropertyOfEveryProposal(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(14, 5))
	pairs := 0
	for range 3000 {
		us, bs, all, m := scramble(r)
		p := Propose(us, bs, all, m)
		pairs += once(t, p, all)
		mixed := slices.Clone(all)
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if q := Propose(maps.Clone(us), bs, mixed, maps.Clone(m)); !reflect.DeepEqual(told(p), told(q)) {
			t.Fatalf("another order: %q and %q", told(p), told(q))
		}
		next, news := p.Enter(m)
		q := Propose(us, bs, all, next)
		for i, l := range q.Lines {
			if was := p.Lines[i]; was.Apartment != l.Apartment || was.State != l.State && (was.Sure != SameName || l.State != ByName) {
				t.Fatalf("%+v became %+v when entered (%v)", was, l, m)
			}
		}
		if _, again := q.Enter(next); again {
			t.Fatalf("there is always news of %v (%v)", next, news)
		}
		if whole, err := q.Confirm(next); err == nil && whole.Validate(us, all) != nil {
			t.Fatalf("confirmed and not valid: %v: %v", whole, whole.Validate(us, all))
		}
	}
	if pairs < 1500 {
		t.Errorf("only %d pairs: the names are too far from each other", pairs)
	}
}

// once counts the pairs of a proposal, none of which may share an apartment.
func once(t *testing.T, p Proposal, all []Apartment) (pairs int) {
	t.Helper()
	seen := map[string]bool{}
	for _, l := range p.Lines {
		if l.Apartment == "" || l.lost {
			continue
		}
		if seen[l.Apartment] {
			t.Fatalf("%s is given twice: %q", l.Apartment, told(p))
		}
		seen[l.Apartment] = true
		pairs++
	}
	if pairs+len(p.Spare) != len(all) {
		t.Fatalf("%d pairs and %d spare of %d", pairs, len(p.Spare), len(all))
	}
	return pairs
}
