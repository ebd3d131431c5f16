package rentmanager

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/pms"
)

// keepPast is how long a lease that has ended stays in the snapshot: long enough for the end to be
// seen (§7.2), not so long that everybody who ever lived there is carried along.
const keepPast = 365 * 24 * time.Hour

// builder turns the rows of one property into the snapshot.
type builder struct {
	*pull
	prop                 pms.Property
	set                  Settings
	unit                 string // the one unit asked for; "" all
	today                pms.Date
	oldest               pms.Date // a lease that ended before is left out
	units                map[string]bool
	leases               map[string]bool
	rows                 []tenantRow
	refs                 map[contactKey]string // people who were followed through a transfer
	pin                  field
	card                 field
	old                  int // leases left out for their age
	followed             int
	undated              bool // no lease has a start or an end
	anyLease, anyContact bool // some tenant has one
	doubtful             int  // rows that might hide somebody
}

// contactKey is a contact under a tenant.
type contactKey struct{ tenant, contact string }

func (p *pull) newBuilder(prop pms.Property, unit string) *builder {
	b := &builder{pull: p, prop: prop, set: p.cfg.settings(prop.Ref), unit: unit, undated: true,
		units: map[string]bool{}, leases: map[string]bool{}, refs: map[contactKey]string{}}
	now := p.deps.Now().In(zoneOf(b.set.Zone))
	b.today, b.oldest = dayOf(now), dayOf(now.Add(-keepPast))
	return b
}

// zoneOf is the property's zone. Without one it is the last place where a day begins: there nobody
// gets in before their day, and nobody is out before it is over.
func zoneOf(name string) *time.Location {
	if z, err := time.LoadLocation(name); err == nil && name != "" {
		return z
	}
	return time.FixedZone("last on Earth", -12*60*60)
}

func dayOf(t time.Time) pms.Date { return pms.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()} }

// addUnits takes the property's units. Rent Manager's units have no building that a client reads.
func (b *builder) addUnits(rows []unitRow) {
	for _, r := range rows {
		id := r.UnitID.id()
		if id == "" || b.units[id] || !b.ours(r.PropertyID) {
			continue
		}
		b.units[id] = true
		if b.unit == "" || b.unit == id {
			name := strings.TrimSpace(r.Name.s)
			b.snap.Units = append(b.snap.Units, pms.Unit{Ref: id, Property: b.prop.Ref, Name: name, Pseudo: pms.PseudoUnit(name)})
		}
	}
}

// ours says whether a row is of this property; one that does not say so is.
func (b *builder) ours(property text) bool { return property.id() == "" || property.id() == b.prop.Ref }

// read keeps the tenants of this property, each once, in the order of their ids.
func (b *builder) read(rows []tenantRow) {
	seen, elsewhere := map[string]bool{}, 0
	for _, r := range rows {
		switch id := r.TenantID.id(); {
		case id == "" || seen[id]: // a doubt of the list already
		case !b.ours(r.PropertyID):
			elsewhere++
		default:
			seen[id] = true
			b.rows = append(b.rows, r)
		}
	}
	if elsewhere > 0 {
		b.snap.Because(fmt.Sprintf("tenants of other properties in the list of property %s, left out: %d", b.prop.Ref, elsewhere))
	}
	slices.SortStableFunc(b.rows, func(x, y tenantRow) int { return byNumber(x.TenantID.id(), y.TenantID.id()) })
}

// byNumber orders ids as the vendor counts them.
func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// add makes leases and people of the tenants.
func (b *builder) add() {
	b.follow()
	for _, t := range b.rows {
		b.anyLease = b.anyLease || len(t.Leases.rows) > 0
		b.anyContact = b.anyContact || len(t.Contacts.rows) > 0
	}
	for _, t := range b.rows {
		b.addTenant(t)
	}
	if b.undated && len(b.leases) > 0 {
		b.snap.Because(fmt.Sprintf("no lease of property %s came with a start or an end (embed LeaseRenewals)", b.prop.Ref))
	}
	if b.old > 0 {
		b.snap.Because(fmt.Sprintf("leases of property %s that ended before %s, left out: %d", b.prop.Ref, b.oldest, b.old))
	}
	if b.followed > 0 {
		b.snap.Because(fmt.Sprintf("people of property %s followed through a transfer by group and name: %d", b.prop.Ref, b.followed))
	}
	if len(b.units) == 0 || !slices.ContainsFunc(b.snap.People, func(p pms.Person) bool { return p.Property == b.prop.Ref }) {
		b.snap.Incomplete("property " + b.prop.Ref + ": no unit or no resident of it was read; that never proves that all are gone")
	}
	if b.doubtful > 0 {
		b.snap.Incomplete(fmt.Sprintf("records of property %s that could not be read as a household: %d (see skipped); somebody in them may look gone, so nobody is taken for gone",
			b.prop.Ref, b.doubtful))
	}
}

// skip lists something that was not taken over.
func (b *builder) skip(what, ref, format string, args ...any) {
	b.snap.Skip(0, what, ref, fmt.Sprintf(format, args...))
}

// doubt is skip for what may hide somebody who lives here.
func (b *builder) doubt(what, ref, format string, args ...any) {
	b.skip(what, ref, format, args...)
	b.doubtful++
}

// served says whether an embedded list is what the server has: there, and not null or empty with
// every tenant, as it would be if embeds were dropped.
func (b *builder) served(set bool, n int, others bool) bool { return set && (n > 0 || others) }

// addTenant makes the leases of an account, and its contacts under each of them (row A9). A tenant
// may rent several units at once (§1.4).
func (b *builder) addTenant(t tenantRow) {
	id := t.TenantID.id()
	label, _ := b.labels.Status(t.Status.s, false)
	gone := label == pms.Past || label == pms.None
	switch {
	case !gone && !(b.served(t.Leases.set, len(t.Leases.rows), b.anyLease) && b.served(t.Contacts.set, len(t.Contacts.rows), b.anyContact)):
		b.doubt("tenant", id, "the server left out its leases or its contacts")
	case b.unit != "": // others' households were not asked for
	case len(t.Leases.rows) == 0 && label != pms.Past:
		b.skip("tenant", id, "it has no lease (status %.40q)", t.Status.s)
	case len(t.Contacts.rows) == 0 && !gone:
		b.skip("tenant", id, "it has no contact, so nobody to let in")
	}
	people := b.household(t)
	for _, row := range t.Leases.rows {
		if l, ok := b.lease(t, row); ok {
			b.undated = b.undated && l.LeaseStart.IsZero() && l.LeaseEnd.IsZero()
			b.leases[l.Ref] = true
			b.snap.Leases = append(b.snap.Leases, l)
			b.addPeople(people, l)
		}
	}
}

// lease reads one lease; false leaves it out.
func (b *builder) lease(t tenantRow, row leaseRow) (pms.Lease, bool) {
	l := pms.Lease{Ref: row.LeaseID.id(), Property: b.prop.Ref, Unit: row.UnitID.id()}
	if l.Ref == "" {
		b.doubt("lease", "", "a lease of tenant %s has no id", t.TenantID.id())
		return l, false
	}
	if err := row.dates(&l); err != nil {
		b.doubt("lease", l.Ref, "%v", err)
		return l, false
	}
	var why string
	l.Stay, why = b.stay(t, l)
	switch {
	case b.unit != "" && l.Unit != b.unit:
		return l, false
	case b.leases[l.Ref]:
		b.doubt("lease", l.Ref, "it stands under two tenants, %s is the second", t.TenantID.id())
		return l, false
	case !b.ours(row.PropertyID):
		b.skip("lease", l.Ref, "it is of property %.40s, its tenant %s of property %s; it is not taken over", row.PropertyID.id(), t.TenantID.id(), b.prop.Ref)
		return l, false
	case l.Status == pms.Past && l.MoveOut.Before(b.oldest):
		b.old++
		return l, false
	case l.Unit == "" && (l.Status == pms.Current || l.Status == ""):
		b.doubt("lease", l.Ref, "it has no unit")
		return l, false
	case l.Unit == "":
		b.skip("lease", l.Ref, "it has no unit (status %s)", l.Status)
		return l, false
	}
	b.report(l, why)
	return l, true
}

// report lists what is odd about a lease that was taken over.
func (b *builder) report(l pms.Lease, why string) {
	if why != "" {
		b.skip("status", l.Ref, "%s", why)
	}
	if l.MoveOut.Before(l.MoveIn) {
		b.skip("date", l.Ref, "move-out %s lies before move-in %s; both are taken as written", l.MoveOut, l.MoveIn)
	}
	if !b.units[l.Unit] {
		b.skip("unit", l.Unit, "lease %s is of a unit that the list of units does not have", l.Ref)
	}
}

func (r leaseRow) dates(l *pms.Lease) error {
	for _, f := range []struct {
		name string
		from text
		to   *pms.Date
	}{
		{"MoveInDate", r.MoveInDate, &l.MoveIn}, {"MoveOutDate", r.MoveOutDate, &l.MoveOut}, {"NoticeDate", r.NoticeDate, &l.Notice},
		{"StartDate", r.StartDate, &l.LeaseStart}, {"EndDate", r.EndDate, &l.LeaseEnd},
	} {
		d, err := f.from.date()
		if err != nil {
			return fmt.Errorf("%s %.40q %w", f.name, f.from.s, err)
		}
		*f.to = d
	}
	return nil
}
