package rentmanager

import (
	"slices"
	"strings"

	"gatehouse/cloud/internal/pms"
)

// member is one contact of a household, ready to stand under each of its leases.
type member struct {
	person   pms.Person
	inactive string // the vendor's word for a contact that is no longer one; "" active
}

// household makes people of a tenant's contacts, with one main account (row A9). The tenant's own
// PIN and card are the main account's; a contact's own come first.
func (b *builder) household(t tenantRow) []member {
	var out []member
	main := mainContact(t.Contacts.rows)
	seen := map[string]bool{}
	for i, c := range t.Contacts.rows {
		id := c.ContactID.id()
		if id == "" {
			b.doubt("person", "", "a contact of tenant %s has no id", t.TenantID.id())
			continue
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		m := member{person: b.person(t, c)}
		m.person.Primary = i == main
		if !c.IsActive.yes(true) {
			m.inactive = "IsActive false"
		}
		b.secrets(&m.person, t, c)
		out = append(out, m)
	}
	return out
}

// secrets reads PIN and card: the contact's own before, for the main account, the tenant's.
func (b *builder) secrets(p *pms.Person, t tenantRow, c contactRow) {
	lists := []many[udfRow]{c.UserDefinedValues}
	if p.Primary {
		lists = append(lists, t.UserDefinedValues)
	}
	p.PIN, p.Card = b.pin.secret(lists), b.card.secret(lists)
}

// mainContact is the place of the household's main account: the contact marked primary, else the
// first of type Primary; inactive ones only if there is no other. -1 without contacts.
func mainContact(all []contactRow) int {
	best, most := -1, -1
	for i, c := range all {
		n := 0
		if c.IsActive.yes(true) {
			n += 4
		}
		if c.IsPrimary.yes(false) {
			n += 2
		}
		if strings.EqualFold(strings.TrimSpace(c.ApplicantType.s), "Primary") {
			n++
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// person reads a contact, without lease and secrets.
func (b *builder) person(t tenantRow, c contactRow) pms.Person {
	company := ""
	if t.IsCompany.yes(false) {
		company = t.Name.s
	}
	n := pms.ReadName(c.FirstName.s, c.LastName.s, company)
	p := pms.Person{Ref: b.refOf(t, c), Property: b.prop.Ref, First: n.First, Last: n.Last, Company: n.Company,
		Flags: n.Flags, RawType: c.ApplicantType.s, Type: b.typeOf(c.ApplicantType.s)}
	p.Email, p.EmailClass = pms.ReadEmail(c.Email.s)
	b.phones(c, &p)
	return p
}

// typeOf maps an applicant type. Primary and Occupant are the two that are known to be residents
// (row A2, §1.4); the vendor's other words are not published, so whatever else would mean a
// resident or an occupant elsewhere is unknown here.
func (b *builder) typeOf(raw string) pms.Type {
	kind, _ := b.labels.Type(raw)
	word := strings.ToLower(strings.TrimSpace(raw))
	if (kind == pms.TypeResident || kind == pms.TypeOccupant) && word != "primary" && word != "occupant" {
		return ""
	}
	return kind
}

func (b *builder) phones(c contactRow, p *pms.Person) {
	rows := slices.Clone(c.PhoneNumbers.rows)
	slices.SortStableFunc(rows, func(x, y phoneRow) int { return last(x) - last(y) })
	var numbers []pms.Phone
	for _, r := range rows {
		raw := r.PhoneNumber.s
		if n, _ := pms.ReadPhone(raw); n == "" && r.StrippedPhoneNumber.s != "" {
			raw = r.StrippedPhoneNumber.s
		}
		numbers = append(numbers, pms.Phone{Kind: string(r.PhoneNumberType), Raw: raw})
	}
	var problems []string
	p.Phones, problems = pms.ReadPhones(numbers)
	if len(problems) > 0 {
		p.Flags = append(p.Flags, pms.FlagBadPhone)
		b.skip("phone", p.Ref, "%s", strings.Join(problems, "; "))
	}
}

func last(r phoneRow) int {
	if r.IsPrimary.yes(false) {
		return 0
	}
	return 1
}

// addPeople puts the household under a lease. An inactive contact has left it, whatever the lease
// does. What is held back or unknown is listed once, not for every lease of the past.
func (b *builder) addPeople(household []member, l pms.Lease) {
	for _, m := range household {
		p := m.person
		p.Lease, p.Unit = l.Ref, l.Unit
		if m.inactive != "" {
			own := l.Stay
			own.Status, own.RawStatus = pms.Past, m.inactive
			p.Own = &own
		}
		b.snap.People = append(b.snap.People, p)
		if s := l.StayOf(p).Status; s == pms.Past || s == pms.None {
			continue
		}
		if p.Type == "" {
			b.skip("type", p.Ref, "applicant type %.40q is neither Primary nor Occupant: no access by it", p.RawType)
		}
		if p.PIN.Hold != "" {
			b.skip("pin", p.Ref, "the PIN is held: %s", p.PIN.Hold)
		}
		if p.Card.Hold != "" {
			b.skip("card", p.Ref, "the card is held: %s", p.Card.Hold)
		}
	}
}
