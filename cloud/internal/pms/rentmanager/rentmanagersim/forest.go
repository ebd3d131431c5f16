package rentmanagersim

import (
	"slices"
	"time"
)

// forest is every row of every collection, as one moment sees the books.
type forest map[string][]*node

// builder turns the books into rows.
type builder struct {
	schema schema
	data   *Data
	clock  func(p *Property) (base, today time.Time)
	start  time.Time // when what nobody changed was last changed
	churn  int       // added to the ids of accounts, people and leases
	noPast bool
	labels bool // Notice and Eviction are statuses
	gone   int  // a property that is not shown

	out   forest
	types map[string]*node
}

// build makes the forest. Rows are ordered by key.
func (b *builder) build() forest {
	b.out, b.types = forest{}, map[string]*node{}
	b.keep("Locations", b.schema.row("Locations", map[string]any{"LocationID": 1, "Name": b.data.Company}))
	for _, v := range b.data.Vendors {
		b.keep("Contacts", b.contact(v, "Vendor", v.ID, b.start))
	}
	for _, p := range b.data.Properties {
		if p.ID != b.gone {
			b.property(p)
		}
	}
	b.fixed()
	for _, rows := range b.out {
		slices.SortStableFunc(rows, func(x, y *node) int { return x.id() - y.id() })
	}
	return b.out
}

func (b *builder) keep(collection string, rows ...*node) {
	b.out[collection] = append(b.out[collection], rows...)
}

// site is what the builder knows while it is at one property.
type site struct {
	*builder
	p           *Property
	base, today time.Time
	row         *node
	units       map[int]*node
}

func (b *builder) property(p *Property) {
	base, today := b.clock(p)
	st := &site{builder: b, p: p, base: base, today: today, units: map[int]*node{}}
	st.row = b.schema.row("Properties", map[string]any{
		"PropertyID": p.ID, "Name": p.Name, "ShortName": p.Short, "IsActive": !p.Closed, "Email": p.Email,
		"UnitCount": len(p.Units), "UpdateDate": b.start,
	})
	st.row.add("Addresses", "", st.address(p.ID, ""))
	b.keep("Properties", st.row)
	for _, u := range p.Units {
		st.unit(u)
	}
	for _, h := range p.Households {
		st.household(h)
	}
	for _, u := range st.units {
		st.occupancy(u)
	}
	for _, w := range p.WorkOrders {
		st.issue(w)
	}
}

func (st *site) address(id int, building string) *node {
	street := st.p.Street
	if building != "" {
		street += ", Building " + building
	}
	return st.schema.row("Addresses", map[string]any{
		"AddressID": id, "Street": street, "City": st.p.City, "State": st.p.State, "PostalCode": st.p.Postal,
		"IsPrimary": true,
	})
}

func (st *site) unit(u *Unit) {
	plan := st.word("UnitTypes", "UnitTypeID", u.Kind)
	n := st.schema.row("Units", map[string]any{
		"UnitID": u.ID, "PropertyID": st.p.ID, "Name": u.Name, "UnitTypeID": plan.id(), "IsVacant": true,
		"UpdateDate": st.builder.start,
	})
	n.one["UnitType"], n.one["Property"] = plan, st.row
	n.add("Addresses", "", st.address(10000+u.ID, u.Building))
	st.row.add("Units", "", n)
	st.units[u.ID] = n
	st.keep("Units", n)
}

// word is the row of a lookup table that stands for a word; it is made on first use.
func (b *builder) word(table, key, name string) *node {
	n := b.types[table+"/"+name]
	if n == nil {
		n = b.schema.row(table, map[string]any{key: len(b.out[table]) + 1, "Name": name})
		b.types[table+"/"+name] = n
		b.keep(table, n)
	}
	return n
}

// occupancy says who lives in a unit: the first current lease, else nobody.
func (st *site) occupancy(unit *node) {
	v := map[string]any{
		"UnitID": unit.id(), "OccupancyType": "Vacant", "StartDate": nil, "EndDate": nil,
		"ExpectedMoveOutDate": nil, "NoticeDate": nil, "TenantID": nil,
	}
	for _, l := range unit.many["Leases"] {
		tenant := l.one["Tenant"]
		if st.leaseStatus(l) != statusCurrent {
			continue
		}
		if unit.values["IsVacant"].(bool) {
			v["OccupancyType"], v["TenantID"] = "Occupied", tenant.id()
			v["StartDate"], v["EndDate"] = l.values["MoveInDate"], l.values["MoveOutDate"]
			v["ExpectedMoveOutDate"], v["NoticeDate"] = l.values["ExpectedMoveOutDate"], l.values["NoticeDate"]
			unit.values["IsVacant"] = false
		}
		unit.add("CurrentOccupants", "", tenant)
	}
	unit.one["CurrentOccupancyStatus"] = st.schema.row("OccupancyStatus", v)
}

func (st *site) issue(w *WorkOrder) {
	opened := st.day(w.Opened)
	n := st.schema.row("ServiceManagerIssues", map[string]any{
		"ServiceManagerIssueID": w.ID, "Title": w.Title, "Description": w.Text,
		"StatusID":         st.word("ServiceManagerStatuses", "ServiceManagerStatusID", w.Status).id(),
		"CategoryID":       st.word("ServiceManagerCategories", "ServiceManagerCategoryID", w.Category).id(),
		"PriorityID":       st.word("ServiceManagerPriorities", "ServiceManagerPriorityID", w.Priority).id(),
		"AssignedToUserID": nil, "TenantID": nil, "PropertyID": st.p.ID, "VendorID": nil,
		"AssignedOpenDate": opened, "CreateDate": opened, "UpdateDate": opened,
	})
	n.one["Property"] = st.row
	for _, t := range st.out["Tenants"] {
		if w.Household != 0 && t.id() == w.Household+st.churn {
			n.values["TenantID"], n.one["Tenant"] = t.id(), t
		}
	}
	st.keep("ServiceManagerIssues", n)
}

// day is a date of the books as a value; nil for none.
func (st *site) day(d Day) any {
	if t, ok := d.On(st.base); ok {
		return t
	}
	return nil
}
