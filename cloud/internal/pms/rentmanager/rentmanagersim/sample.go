package rentmanagersim

import (
	"fmt"
	"strconv"
)

// Sample is the books of an invented company: two properties, 240 units, about 420 contacts, with the awkward
// cases of reference pms.md §7 and §8. It is the same on every call and every machine; dates are relative, so
// that it is alive on any day. testdata/pms/sample holds it as a file.
func Sample() *Data {
	m := &maker{seed: 20261201, account: 4400, person: 9000, lease: 5100, pins: map[string]bool{}, mails: map[string]bool{}}
	d := &Data{
		About: "Invented people of two invented properties. Numbers are days from the base day. " +
			"Written by gatehouse-pmssim sample; do not edit by hand.",
		Company: "Larkfield Residential",
	}
	d.Properties = []*Property{m.harborRow(), m.kilnLofts()}
	for _, trade := range []string{"Plumbing", "Elevator Service", "Locksmith"} {
		v := m.member("", trade)
		v.Type, v.First, v.Email = "", "Tidewater", "office@"+asciiOf(trade)+".example.com"
		d.Vendors = append(d.Vendors, v)
	}
	return d
}

// maker hands out ids, names and numbers.
type maker struct {
	seed                   uint64
	unit                   int
	account, person, lease int
	named                  int
	pins, mails            map[string]bool
	unitPIN                bool // this property keeps PIN and card with the account
}

// roll is a number below n, by a fixed sequence (splitmix64): the sample must not change with a library.
func (m *maker) roll(n int) int {
	m.seed += 0x9E3779B97F4A7C15
	z := m.seed
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return int((z ^ z>>31) % uint64(n))
}

func (m *maker) chance(percent int) bool { return m.roll(100) < percent }

func (m *maker) harborRow() *Property {
	p := &Property{
		ID: 12, Name: "Harbor Row", Short: "HBR", Zone: "America/New_York", Email: "harborrow@example.com",
		Street: "18 Harbor Row", City: "Port Ellery", State: "MA", Postal: "01999",
	}
	m.unit = 300
	for _, name := range []string{"01", "02", "0101"} {
		m.addUnit(p, name, "A", "Studio")
	}
	m.floors(p, "A", "", 4, 12)
	m.floors(p, "B", "B-", 4, 11)
	m.floors(p, "C", "C-", 3, 14)
	for _, name := range []string{"WAIT", "MODEL", "OFFICE"} {
		m.addUnit(p, name, "", "Other")
	}
	m.settle(p, harborCases())
	return p
}

func (m *maker) kilnLofts() *Property {
	p := &Property{
		ID: 27, Name: "Kiln Lofts", Short: "KLN", Zone: "America/Chicago", Email: "kilnlofts@example.com",
		Street: "400 Kiln Street", City: "Bramley", State: "IL", Postal: "60999",
	}
	m.unit, m.unitPIN = 600, true
	m.floors(p, "", "", 4, 23)
	for _, bed := range []string{"302-A", "302-B", "305-A", "305-B", "305-C", "PH1", "MODEL", "NONRESID"} {
		m.addUnit(p, bed, "", "Loft")
	}
	m.settle(p, kilnCases())
	return p
}

func (m *maker) addUnit(p *Property, name, building, plan string) {
	m.unit++
	p.Units = append(p.Units, &Unit{ID: m.unit, Name: name, Building: building, Kind: plan})
}

func (m *maker) floors(p *Property, building, prefix string, floors, doors int) {
	plans := []string{"1 Bed", "2 Bed", "1 Bed", "2 Bed", "3 Bed"}
	for f := 1; f <= floors; f++ {
		for d := 1; d <= doors; d++ {
			m.addUnit(p, fmt.Sprintf("%s%d%02d", prefix, f, d), building, plans[(f+d)%len(plans)])
		}
	}
}

// settle fills a property: the awkward cases into their units, ordinary people into most of the rest.
func (m *maker) settle(p *Property, cases []oddCase) {
	units, taken := map[string]*Unit{}, map[string]bool{}
	for _, u := range p.Units {
		units[u.Name] = u
		switch u.Name {
		case "WAIT", "MODEL", "OFFICE", "NONRESID":
			taken[u.Name] = true // bookkeeping: nobody ordinary lives there
		}
	}
	for _, c := range cases {
		taken[c.unit] = true
		h := m.ordinary(units[c.unit].ID, 1+m.roll(2))
		h.Case = c.about
		c.bend(m, p, units, h)
		p.Households = append(p.Households, h)
	}
	for id := range leased(p) {
		for _, u := range p.Units {
			taken[u.Name] = taken[u.Name] || u.ID == id
		}
	}
	for _, u := range p.Units {
		if !taken[u.Name] && m.chance(92) {
			h := m.ordinary(u.ID, m.size())
			p.Households = append(p.Households, h)
			if m.chance(16) {
				p.Households = append(p.Households, m.before(h))
			}
		}
	}
	m.workOrders(p)
}

// leased is the units that anybody has or had.
func leased(p *Property) map[int]bool {
	out := map[int]bool{}
	for _, h := range p.Households {
		for _, l := range h.Leases {
			out[l.Unit] = true
		}
	}
	return out
}

// size is how many live together.
func (m *maker) size() int {
	switch n := m.roll(100); {
	case n < 32:
		return 1
	case n < 82:
		return 2
	}
	return 3
}

// ordinary is a household that gives nobody trouble.
func (m *maker) ordinary(unit, size int) *Household {
	m.account++
	h := &Household{ID: m.account, Updated: In(-1 - m.roll(60))}
	last := ""
	for i := range size {
		if last == "" || m.chance(45) {
			last = m.pick(lastNames())
		}
		who := m.member(m.pick(firstNames()), last)
		if who.Primary = i == 0; !who.Primary {
			who.Type = "Occupant"
		}
		m.secrets(h, who)
		h.Members = append(h.Members, who)
	}
	h.Leases = []*Lease{m.leaseSince(unit, -20-m.roll(1500))}
	return h
}

// before is who lived in a household's unit until it came.
func (m *maker) before(h *Household) *Household {
	came := h.Leases[0].MoveIn.relative
	old := m.ordinary(h.Leases[0].Unit, 1+m.roll(2))
	old.Case = "lived there before"
	stay(old.Leases[0], In(came-370), In(came-2), came-2)
	old.Leases[0].Confirmed = true
	return old
}

// leaseSince began so many days ago and was renewed each year.
func (m *maker) leaseSince(unit, from int) *Lease {
	m.lease++
	l := &Lease{ID: m.lease, Unit: unit, MoveIn: In(from)}
	for start := from; ; start += 365 {
		l.Terms = append(l.Terms, Term{In(start), In(start + 364)})
		if start+364 > 0 {
			return l
		}
	}
}

func (m *maker) pick(from []string) string {
	m.named++
	return from[(m.roll(len(from))+m.named)%len(from)]
}

func (m *maker) member(first, last string) *Member {
	m.person++
	return &Member{
		ID: m.person, First: first, Last: last, Email: m.mail(first, last), Type: "Primary",
		Phones: []Phone{{"Cell", m.phone()}},
	}
}

// mail is an address nobody else in the sample has.
func (m *maker) mail(first, last string) string {
	domain := []string{"example.com", "example.org", "example.net"}[m.roll(3)]
	name := asciiOf(first) + "." + asciiOf(last)
	for n := 2; m.mails[name]; n++ {
		name = asciiOf(first) + "." + asciiOf(last) + strconv.Itoa(n)
	}
	m.mails[name] = true
	return name + "@" + domain
}

// phone is in the range that is kept for fiction (555-0100 to 0199).
func (m *maker) phone() string {
	area := []int{201, 312, 415, 503, 617, 718, 773, 847, 978}[m.roll(9)]
	line := 100 + m.roll(100)
	return fmt.Sprintf([]string{"(%d) 555-0%d", "%d-555-0%d", "%d5550%d", "+1 %d5550%d", "1-%d-555-0%d"}[m.roll(5)], area, line)
}

// secrets gives some a PIN and some a card: the person's own, or with the account where a property keeps it so.
func (m *maker) secrets(h *Household, who *Member) {
	pin, card := "", ""
	if m.chance(60) {
		pin = m.newPIN()
	}
	if m.chance(35) {
		card = fmt.Sprintf("%08X", m.roll(1<<32))
	}
	switch {
	case !m.unitPIN:
		who.PIN, who.Card = pin, card
	case who.Primary:
		h.PIN, h.Card = pin, card
	}
}

// newPIN has 4 to 6 digits, begins with neither 0 nor 9, and nobody else has it.
func (m *maker) newPIN() string {
	for {
		pin := strconv.Itoa(1 + m.roll(8))
		for range 3 + m.roll(3) {
			pin += strconv.Itoa(m.roll(10))
		}
		if !m.pins[pin] {
			m.pins[pin] = true
			return pin
		}
	}
}

func (m *maker) workOrders(p *Property) {
	for i, title := range []string{"Kitchen tap drips", "Front door does not latch", "No heat in bedroom", "Lost fob", "Window lock broken"} {
		p.WorkOrders = append(p.WorkOrders, &WorkOrder{
			ID: p.ID*1000 + i, Title: title, Status: []string{"Open", "In Progress", "Closed"}[i%3],
			Category: []string{"Plumbing", "Access", "Heating", "Access", "General"}[i], Priority: []string{"Normal", "High"}[i%2],
			Household: p.Households[(i*17)%len(p.Households)].ID, Opened: In(-1 - 5*i),
		})
	}
}
