package csv

import (
	"strings"

	"gatehouse/cloud/internal/pms"
)

// addLeases makes one lease of all lines with its id. The lease stands where its most present
// person stands: it is current while one of them is.
func (b *builder) addLeases() {
	at := map[[2]string]int{}
	from := map[[2]string]row{}
	for _, r := range b.rows {
		k := r.leaseKey()
		i, known := at[k]
		if !known {
			at[k], i = len(b.snap.Leases), len(b.snap.Leases)
			b.snap.Leases = append(b.snap.Leases, pms.Lease{Ref: r.get(colLease), Property: r.get(colProperty), Unit: r.unitRef()})
		}
		l := &b.snap.Leases[i]
		if best := from[k]; !known || best.silent() || !r.silent() && presence(r.stay.Status) > presence(best.stay.Status) {
			from[k] = r
			l.Stay = r.stay
		}
		fill(&l.LeaseStart, r.start)
		fill(&l.LeaseEnd, r.end)
		fill(&l.Notice, r.notice)
		l.MonthToMonth = l.MonthToMonth || r.mtm
	}
	b.reportSilent(from)
}

// reportSilent lists leases none of whose lines says where they stand.
func (b *builder) reportSilent(from map[[2]string]row) {
	for _, l := range b.snap.Leases {
		if r := from[[2]string{l.Property, l.Ref}]; r.silent() {
			b.snap.Skip(r.line, "status", l.Ref, "no line of this lease has a status or a date: the last known state stays")
		}
	}
}

// fill takes the first of the lines that knows the date.
func fill(into *pms.Date, d pms.Date) {
	if into.IsZero() {
		*into = d
	}
}

func presence(s pms.Status) int {
	switch s {
	case pms.Current:
		return 5
	case pms.Future:
		return 4
	case pms.Past:
		return 2
	case pms.None:
		return 1
	}
	return 3 // unknown: perhaps still there, so it hides an end but no beginning
}

// addPeople makes one person of every line. A stay of their own is kept only where it differs from
// the lease's.
func (b *builder) addPeople() {
	leases := map[[2]string]pms.Stay{}
	for _, l := range b.snap.Leases {
		leases[[2]string{l.Property, l.Ref}] = l.Stay
	}
	for _, r := range b.rows {
		p := b.person(r)
		if own := r.stay; !r.silent() && own != leases[r.leaseKey()] {
			p.Own = &own
		}
		b.snap.People = append(b.snap.People, p)
	}
	pms.MarkSharedEmails(b.snap.People)
}

func (b *builder) person(r row) pms.Person {
	n := pms.ReadName(r.get(colFirst), r.get(colLast), r.get(colCompany))
	p := pms.Person{Ref: r.get(colResident), Lease: r.get(colLease), Property: r.get(colProperty), Unit: r.unitRef(),
		First: n.First, Last: n.Last, Company: n.Company, Flags: n.Flags, RawType: r.get(colType)}
	p.Type, p.Primary = b.labels.Type(p.RawType)
	if r.get(colPrimary) != "" {
		p.Primary = b.yes(r, colPrimary)
	}
	p.Email, p.EmailClass = pms.ReadEmail(r.get(colEmail))
	b.phones(r, &p)
	p.PIN = b.held(r, colPIN, b.pin.PIN(r.get(colPIN)))
	p.Card = b.held(r, colCard, b.card.Card(r.get(colCard)))
	return p
}

func (b *builder) phones(r row, p *pms.Person) {
	var problems []string
	p.Phones, problems = pms.ReadPhones(pms.SplitPhones(r.get(colPhone)))
	if len(problems) == 0 {
		return
	}
	p.Flags = append(p.Flags, pms.FlagBadPhone)
	b.snap.Skip(r.line, "phone", p.Ref, strings.Join(problems, "; "))
}

// held reports a value that is there and not used.
func (b *builder) held(r row, c column, h pms.Held) pms.Held {
	if h.Hold != "" {
		b.snap.Skip(r.line, c.String(), r.get(colResident), "the "+c.String()+" is held: "+h.Hold)
	}
	return h
}
