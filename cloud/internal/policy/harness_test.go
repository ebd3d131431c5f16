package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/rules"
)

// place is a property under test, on New York's clock unless a test says otherwise.
type place struct {
	testing.TB
	model.Roster
}

func newPlace(t testing.TB) *place {
	return &place{t, model.Roster{
		Property: model.Property{
			Property: access.Property{ID: "elm", Name: "Elm Court", Zone: "America/New_York"},
			Origin:   model.OtherCSV, Settings: model.DefaultSettings(),
		},
		Units: []model.Unit{{Unit: access.Unit{ID: "u1", Name: "204"}}, {Unit: access.Unit{ID: "u2", Name: "305"}}},
		Doors: []access.Door{{ID: "lobby", Name: "Lobby"}, {ID: "pool", Name: "Pool"}},
		Groups: []access.Group{
			{ID: "entrance", Name: "Residents Entrance", Doors: []access.DoorID{"lobby"}, Common: true},
			{ID: "staff", Name: "Staff", Doors: []access.DoorID{"pool"}},
		},
	}}
}

func date(t testing.TB, s string) model.Date {
	t.Helper()
	if s == "" {
		return model.Date{}
	}
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return model.Date{Year: d.Year(), Month: d.Month(), Day: d.Day()}
}

// lives adds a person with one lease; change may be nil.
func (p *place) lives(id, unit, status, moveIn, moveOut string, change func(*model.Person, *model.Lease)) {
	p.Helper()
	who := model.Person{
		Person: access.Person{ID: access.PersonID("p" + id), Kind: access.Resident, First: "Ada", Last: "No" + id},
		Origin: model.OtherCSV, Ref: id, Type: "resident", RawType: "Resident", EmailClass: "missing",
	}
	l := model.Lease{
		ID: access.ResidencyID("r" + id), Person: who.ID, Unit: access.UnitID(unit), Ref: "L" + id,
		Status: status, RawStatus: status, MoveIn: date(p, moveIn), MoveOut: date(p, moveOut),
	}
	if change != nil {
		change(&who, &l)
	}
	p.People = append(p.People, who)
	p.Leases = append(p.Leases, l)
}

// again adds a second lease for the same person.
func (p *place) again(person, lease, unit, status, moveIn, moveOut string, change func(*model.Lease)) {
	p.Helper()
	l := model.Lease{ID: access.ResidencyID(lease), Person: access.PersonID(person), Unit: access.UnitID(unit), Status: status, MoveIn: date(p, moveIn), MoveOut: date(p, moveOut)}
	if change != nil {
		change(&l)
	}
	p.Leases = append(p.Leases, l)
}

// noon is the moment of decision where it does not matter.
func noon() time.Time { return time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC) }

func (p *place) decide() Decision {
	p.Helper()
	return p.decideAt(noon())
}

func (p *place) decideAt(now time.Time) Decision {
	p.Helper()
	d, err := Decide(p.Roster, now)
	if err != nil {
		p.Fatal(err)
	}
	return d
}

func of[N access.Noun](d Decision) []N {
	var out []N
	for _, n := range d.Items {
		if n, ok := n.(N); ok {
			out = append(out, n)
		}
	}
	return out
}

// grant is the person's one grant.
func (p *place) grant(d Decision, person string) access.Grant {
	p.Helper()
	all := grants(d, person)
	if len(all) != 1 {
		p.Fatalf("%s has %d grants, want 1: %+v; explained: %q", person, len(all), all, d.Explain[access.PersonID(person)])
	}
	return all[0]
}

func grants(d Decision, person string) []access.Grant {
	return slices.DeleteFunc(of[access.Grant](d), func(g access.Grant) bool { return string(g.Person) != person })
}

// enters says whether the person's grants open a group's doors at t.
func enters(d Decision, person string, t time.Time) bool {
	var ws []access.Window
	for _, g := range grants(d, person) {
		if g.Group == "entrance" {
			ws = append(ws, g.Window)
		}
	}
	return rules.Open(ws, t)
}

func refusal(d Decision, kind string) (model.Conflict, bool) {
	i := slices.IndexFunc(d.Refusals, func(c model.Conflict) bool { return c.Kind == kind })
	if i < 0 {
		return model.Conflict{}, false
	}
	return d.Refusals[i], true
}

func (p *place) refused(d Decision, kind, subject, text string) {
	p.Helper()
	c, ok := refusal(d, kind)
	if !ok {
		p.Fatalf("no refusal %s: %+v", kind, d.Refusals)
	}
	if c.Subject != subject || !strings.Contains(c.Text, text) || c.Remedy == "" || c.Property != "elm" || c.FoundBy != model.FoundByPolicy {
		p.Errorf("refusal %+v: want subject %q, text with %q, a remedy", c, subject, text)
	}
}

func (p *place) explained(d Decision, person, text string) {
	p.Helper()
	if all := strings.Join(d.Explain[access.PersonID(person)], "\n"); !strings.Contains(all, text) {
		p.Errorf("%s is explained as %q, want %q in it", person, all, text)
	}
}

// bytesOf is what would be published.
func bytesOf(t testing.TB, d Decision) string {
	t.Helper()
	var b strings.Builder
	for _, n := range d.Items {
		it, err := access.Encode(n)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

func utc(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
