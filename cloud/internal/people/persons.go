package people

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// orderRows puts a person's rows together, the one that says most about them first: where they
// live now, then where they will.
func (m *merger) orderRows(a, b pms.Person) int {
	if c := cmp.Compare(a.Ref, b.Ref); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(m.presence(a), m.presence(b)), cmp.Compare(a.Lease, b.Lease))
}

func (m *merger) presence(p pms.Person) int {
	switch m.leases[p.Lease].StayOf(p).Status {
	case pms.Current:
		return 0
	case pms.Future:
		return 1
	case "":
		return 2
	default:
		return 3
	}
}

// takePeople finds, links or adds everybody with a row, and takes their fields over.
func (m *merger) takePeople() {
	for _, p := range m.now.People {
		if p.Ref != "" && p.Origin == m.src.Origin {
			m.person[p.Ref] = p.ID
		}
	}
	links := m.handMade()
	for i, row := range m.rows {
		if i > 0 && m.rows[i-1].Ref == row.Ref {
			continue
		}
		id, known := m.person[row.Ref]
		switch {
		case known:
		case !m.livesHere(row):
			m.skip("person", row.Ref, fmt.Sprintf("%s has no current or future lease (%s)", nameOf(row), m.rawStatus(row)))
			continue
		case links[row.Ref] != "":
			id = m.link(links[row.Ref])
		default:
			id = access.PersonID(m.newID("person"))
			m.at[id] = len(m.now.People)
			m.now.People = append(m.now.People, model.Person{Person: access.Person{ID: id}})
		}
		m.person[row.Ref] = id
		m.takePerson(m.one(id), row)
	}
}

// one is the record being built of one person; of somebody unknown an empty one that leads nowhere.
func (m *merger) one(id access.PersonID) *model.Person {
	if i, known := m.at[id]; known {
		return &m.now.People[i]
	}
	return &model.Person{}
}

// livesHere says whether any row of the person is worth a record: past and none are not, for
// somebody who was never here (row L2).
func (m *merger) livesHere(row pms.Person) bool { return m.presence(row) < 3 }

func (m *merger) rawStatus(row pms.Person) string {
	s := m.leases[row.Lease].StayOf(row)
	if s.RawStatus != "" {
		return "status " + s.RawStatus
	}
	return "no status"
}

// takePerson takes the PMS's fields over (row L5).
func (m *merger) takePerson(p *model.Person, row pms.Person) {
	p.Origin, p.Ref = m.src.Origin, row.Ref
	p.First, p.Last, p.Company = row.First, row.Last, row.Company
	p.Email, p.EmailClass = row.Email, string(row.EmailClass)
	if !slices.Equal(p.Phones, row.Phones) {
		p.Phones = slices.Clone(row.Phones)
	}
	p.Type, p.RawType, p.Primary = row.Type, row.RawType, row.Primary
	p.Kind = kindOf(row.Type)
	held := slices.Concat(
		m.takeSecret(p, &p.PIN, &p.OwnPIN, row.PIN, "PIN"),
		m.takeSecret(p, &p.Card, &p.OwnCard, row.Card, "card"))
	if !slices.Equal(p.Held, held) {
		p.Held = held
	}
	m.flag(p, row)
}

func kindOf(t pms.Type) access.PersonKind {
	switch t {
	case pms.TypeOccupant, pms.TypeMinor:
		return access.Occupant
	case pms.TypeVendor:
		return access.Vendor
	case pms.TypeStaff:
		return access.Staff
	case pms.TypeVisitor:
		return access.Visitor
	default:
		return access.Resident
	}
}

// takeSecret takes a PIN or card over. One that cannot be used leaves the one in use, because
// unreadable is not the same as gone; a blank clears only what the PMS gave.
func (m *merger) takeSecret(p *model.Person, have *access.Secret, own *bool, got pms.Held, word string) []string {
	switch {
	case got.Has():
		*have, *own = got.Secret, false
	case got.Hold == "" && !*own:
		*have = access.Secret{}
	}
	if got.Hold == "" {
		return nil
	}
	cause, remedy, _ := strings.Cut(got.Hold, ". ")
	text := "the " + word + " in the PMS is not used: " + strings.TrimSuffix(cause, ".")
	kept := ""
	if !have.IsZero() {
		kept = " The " + word + " used until now stays."
		text += "; the one used until now stays"
	}
	if remedy == "" {
		remedy = "Correct the " + word + " in the PMS; the next sync takes it."
	}
	m.conflict("bad_"+strings.ToLower(word), string(p.ID), remedy, "The %s of %s %s.%s", word, m.who(p.ID), predicate(cause), kept)
	return []string{text}
}

// predicate makes a held value's cause go on after its subject.
func predicate(cause string) string {
	cause = strings.TrimSuffix(cause, ".")
	if rest, ok := strings.CutPrefix(cause, "it "); ok {
		return rest
	}
	if strings.HasPrefix(cause, "the ") {
		return "cannot be used: " + cause
	}
	return cause
}

// flag passes on what the source found odd about a person's own fields.
func (m *merger) flag(p *model.Person, row pms.Person) {
	for _, f := range row.Flags {
		text := map[pms.Flag]string{
			pms.FlagTwoPeople:  "looks like two people in one record; each should have their own PIN.",
			pms.FlagNameDigits: "has digits in the name.",
			pms.FlagNoName:     "has no name, so cannot stand in a directory or get access.",
			pms.FlagBadPhone:   "has a phone number that cannot be used.",
		}[f]
		if text == "" {
			text = "is marked " + string(f) + " by the import."
		}
		m.conflict(string(f), string(p.ID), "Correct the record in the PMS; the next sync takes it.", "%s %s", m.who(p.ID), text)
	}
}

func nameOf(p pms.Person) string {
	return model.Person{Person: access.Person{First: p.First, Last: p.Last, Company: p.Company}}.Name()
}

// who names somebody for staff, with the unit where one is known.
func (m *merger) who(id access.PersonID) string {
	p := m.one(id)
	unit := m.named[m.unit[m.home[p.Ref]]]
	for i := 0; unit == "" && i < len(m.now.Leases); i++ {
		if l := m.now.Leases[i]; l.Person == id {
			unit = m.named[l.Unit]
		}
	}
	if unit == "" {
		return p.Name()
	}
	return p.Name() + " in unit " + unit
}

// unitRef is the unit of a row: its lease's, else its own.
func (m *merger) unitRef(row pms.Person) string {
	if l, ok := m.leases[row.Lease]; ok && l.Unit != "" {
		return l.Unit
	}
	return row.Unit
}
