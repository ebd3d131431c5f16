package rentmanagersim

import (
	"strings"
	"time"
)

// The statuses seen on the wire (reference pms.md §1.4); the last two only while the fault labels is on.
const (
	statusPast     = "Past"
	statusCurrent  = "Current"
	statusFuture   = "Future"
	statusNotice   = "Notice"
	statusEviction = "Eviction"
)

func (st *site) household(h *Household) {
	n := st.schema.row("Tenants", map[string]any{
		"TenantID": h.ID + st.churn, "TenantDisplayID": h.ID - 3000, "IsCompany": h.Company != "",
		"PropertyID": st.p.ID, "EvictionID": nil, "TransferGroupID": optional(h.Transfer), "SourceCustomerID": nil,
		"TransferDate": st.day(h.Moved), "AccountGroupID": h.ID, "CreateDate": st.builder.start.AddDate(-1, 0, 0),
		"UpdateDate": st.updated(h.touched, h.Updated),
	})
	if h.From != 0 {
		n.values["SourceCustomerID"] = h.From + st.churn
	}
	n.one["Property"] = st.row
	tenantName(n, h)
	for i, l := range h.Leases {
		n.add("Leases", "Tenant", st.lease(l, n.id(), i))
	}
	st.posting(n)
	st.status(n, h)
	if st.noPast && n.values["Status"] == statusPast {
		return
	}
	st.attach(n, h)
}

// attach adds what hangs on an account, and keeps all of it.
func (st *site) attach(n *node, h *Household) {
	if on := st.day(h.Eviction); on != nil {
		ev := st.schema.row("Evictions", map[string]any{"EvictionID": 70000 + h.ID, "TenantID": n.id(), "StartDate": on})
		n.add("Evictions", "", ev)
		n.values["EvictionID"] = ev.id()
	}
	n.add("UserDefinedValues", "Tenant", st.tenantValues(h, n.id())...)
	for _, m := range h.Members {
		c := st.contact(m, "Tenant", n.id(), st.updated(m.touched, h.Updated))
		n.add("Contacts", "Tenant", c)
		st.keep("ContactValues", c.many["UserDefinedValues"]...)
	}
	for _, l := range n.many["Leases"] {
		unit := l.one["Unit"]
		unit.add("Leases", "", l)
		st.keep("LeaseRenewals", l.many["LeaseRenewals"]...)
	}
	st.keep("Leases", n.many["Leases"]...)
	st.keep("Contacts", n.many["Contacts"]...)
	st.keep("TenantValues", n.many["UserDefinedValues"]...)
	st.keep("Tenants", n)
}

func tenantName(n *node, h *Household) {
	m := h.primary()
	n.values["FirstName"], n.values["LastName"] = m.First, m.Last
	n.values["LastNameFirstName"] = strings.Trim(m.Last+", "+m.First, ", ")
	n.values["Name"] = strings.TrimSpace(m.First + " " + m.Last)
	if h.Company != "" {
		n.values["Name"], n.values["LastNameFirstName"] = h.Company, h.Company
	}
}

func (st *site) lease(l *Lease, tenant, position int) *node {
	at := st.updated(l.touched, Day{})
	n := st.schema.row("Leases", map[string]any{
		"LeaseID": l.ID + st.churn, "TenantID": tenant, "UnitID": l.Unit, "PropertyID": st.p.ID,
		"MoveInDate": st.day(l.MoveIn), "MoveOutDate": st.day(l.MoveOut), "ExpectedMoveOutDate": st.day(l.Expected),
		"NoticeDate": st.day(l.Notice), "IsMoveOutConfirmed": l.Confirmed, "ArrivalDate": nil, "DepartureDate": nil,
		"SortOrder": position + 1, "StartDate": nil, "EndDate": nil, "UpdateDate": at,
	})
	n.one["Unit"], n.one["Property"] = st.units[l.Unit], st.row
	for i, t := range l.Terms {
		r := st.schema.row("LeaseRenewals", map[string]any{
			"LeaseRenewalID": (l.ID+st.churn)*10 + i, "LeaseID": n.id(),
			"StartDate": st.day(t.Start), "EndDate": st.day(t.End), "UpdateDate": at,
		})
		n.add("LeaseRenewals", "Lease", r)
		begun := r.values["StartDate"] != nil && !r.values["StartDate"].(time.Time).After(st.today)
		if i == 0 || begun { // the paper in force, not a renewal that is still to come
			n.values["StartDate"], n.values["EndDate"] = r.values["StartDate"], r.values["EndDate"]
		}
	}
	return n
}

// span is a lease's move-in and move-out as far as they mean something.
func span(l *node) (in, out *time.Time) {
	real := func(v any) *time.Time {
		if t, ok := v.(time.Time); ok && !sentinel(t) {
			return &t
		}
		return nil
	}
	if in = real(l.values["MoveInDate"]); in == nil {
		in = real(l.values["StartDate"])
	}
	return in, real(l.values["MoveOutDate"])
}

// leaseStatus is the vendor-side definition of reference pms.md §1.4.
func (st *site) leaseStatus(l *node) string {
	in, out := span(l)
	return st.standing(in, out)
}

func (st *site) standing(in, out *time.Time) string {
	switch {
	case out != nil && out.Before(st.today):
		return statusPast
	case in != nil && !in.After(st.today):
		return statusCurrent
	}
	return statusFuture
}

// posting derives an account's dates from its leases: first in, and last out once every lease has one.
func (st *site) posting(n *node) {
	var first, last *time.Time
	open := len(n.many["Leases"]) == 0
	for _, l := range n.many["Leases"] {
		in, out := span(l)
		if in != nil && (first == nil || in.Before(*first)) {
			first = in
		}
		if out == nil {
			open = true
		} else if last == nil || out.After(*last) {
			last = out
		}
	}
	n.values["PostingStartDate"], n.values["PostingEndDate"] = nil, nil
	if first != nil {
		n.values["PostingStartDate"] = *first
	}
	if !open {
		n.values["PostingEndDate"] = *last
	}
}

func (st *site) status(n *node, h *Household) {
	var in, out *time.Time
	if t, ok := n.values["PostingStartDate"].(time.Time); ok {
		in = &t
	}
	if t, ok := n.values["PostingEndDate"].(time.Time); ok {
		out = &t
	}
	s := st.standing(in, out)
	switch {
	case h.Label != "":
		s = h.Label
	case st.labels && s == statusCurrent && !h.Eviction.IsZero():
		s = statusEviction
	case st.labels && s == statusCurrent && onNotice(h):
		s = statusNotice
	}
	n.values["Status"] = s
}

func onNotice(h *Household) bool {
	l := h.lastLease()
	return l != nil && !l.Notice.IsZero()
}

// updated is the later of what the books say and what was changed here.
func (st *site) updated(touched time.Time, books Day) time.Time {
	if !touched.IsZero() {
		return touched
	}
	if t, ok := books.On(st.base); ok {
		return t
	}
	return st.builder.start
}

func optional(n int) any {
	if n == 0 {
		return nil
	}
	return n
}
