package people

import (
	"slices"
	"strings"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// kindNearMatch is the conflict of two records that may be one person. Every run finds it from the
// roster alone.
const kindNearMatch = "near_match"

// traits are what two records of one person have in common (row S3).
type traits struct {
	email string // "" when it proves nothing
	name  string
	units []access.UnitID
}

// agreement counts the traits that match, of three.
func (t traits) agreement(o traits) int {
	n := 0
	if t.email != "" && t.email == o.email {
		n++
	}
	if t.name != "" && t.name == o.name {
		n++
	}
	if slices.ContainsFunc(t.units, func(u access.UnitID) bool { return slices.Contains(o.units, u) }) {
		n++
	}
	return n
}

func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func foldName(p access.Person) string { return fold(p.First + " " + p.Last + " " + p.Company) }

// proof is an address as evidence: a placeholder that half the house has is none.
func proof(email string) string {
	s, class := pms.ReadEmail(email)
	if class != pms.EmailOK {
		return ""
	}
	return strings.ToLower(s)
}

func (m *merger) traitsOf(p model.Person, homes map[access.PersonID][]access.UnitID) traits {
	return traits{proof(p.Email), foldName(p.Person), homes[p.ID]}
}

// homes are the units people live in or will.
func homes(r model.Roster) map[access.PersonID][]access.UnitID {
	out := map[access.PersonID][]access.UnitID{}
	for _, l := range r.Leases {
		if l.Status != past {
			out[l.Person] = append(out[l.Person], l.Unit)
		}
	}
	return out
}

// byHand are the people entered by hand who may turn out to be somebody of the PMS; staff never are.
func (m *merger) byHand() []model.Person {
	return slices.DeleteFunc(slices.Clone(m.now.People), func(p model.Person) bool { return p.Origin != model.ByHand || p.OnStaff() })
}

// handMade finds who among the people entered by hand is whom among the PMS's new ones: all three
// traits match, and nobody else's do.
func (m *merger) handMade() map[string]access.PersonID {
	hand, where := m.byHand(), homes(m.now)
	link, taken := map[string]access.PersonID{}, map[access.PersonID][]string{}
	for ref, t := range m.newcomers() {
		var same []access.PersonID
		for _, p := range hand {
			if t.agreement(m.traitsOf(p, where)) == 3 {
				same = append(same, p.ID)
				taken[p.ID] = append(taken[p.ID], ref)
			}
		}
		if len(same) == 1 {
			link[ref] = same[0]
		}
	}
	for ref, id := range link {
		if len(taken[id]) > 1 {
			delete(link, ref)
		}
	}
	return link
}

// newcomers are the traits of everybody in the snapshot whose PMS id is new here.
func (m *merger) newcomers() map[string]traits {
	out := map[string]traits{}
	for _, row := range m.rows {
		if _, known := m.person[row.Ref]; known || !m.livesHere(row) {
			continue
		}
		t, again := out[row.Ref]
		if !again {
			t = traits{proof(row.Email), foldName(access.Person{First: row.First, Last: row.Last, Company: row.Company}), nil}
		}
		if u := m.unit[m.unitRef(row)]; u != "" {
			t.units = append(t.units, u)
		}
		out[row.Ref] = t
	}
	return out
}

// link makes a hand-made person the PMS's; what they were given by hand stays theirs.
func (m *merger) link(id access.PersonID) access.PersonID {
	p := m.one(id)
	p.OwnPIN, p.OwnCard = !p.PIN.IsZero(), !p.Card.IsZero()
	return id
}

// offerNearMatches lists pairs that may be one person: two traits of three, or all three where
// both records exist already. Nothing is joined silently.
func (m *merger) offerNearMatches() {
	hand, where := m.byHand(), homes(m.now)
	if len(hand) == 0 {
		return
	}
	for _, p := range m.now.People {
		if p.Origin != m.src.Origin || len(where[p.ID]) == 0 {
			continue
		}
		t := m.traitsOf(p, where)
		for _, h := range hand {
			what := map[int]string{2: "two of", 3: "all of"}[t.agreement(m.traitsOf(h, where))]
			if what == "" {
				continue
			}
			m.conflict(kindNearMatch, string(h.ID)+" "+string(p.ID), "If they are one person, remove the record made by hand; the PMS's stays. If not, nothing is to do.",
				"%s, entered by hand, may be %s of the PMS: %s e-mail, name and unit are the same.", m.who(h.ID), m.who(p.ID), what)
		}
	}
}
