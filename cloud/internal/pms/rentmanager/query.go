package rentmanager

import (
	"net/url"
	"strconv"
	"strings"
)

// query is one list of the vendor's (§1.2).
type query struct {
	what    string // in words, for evidence and errors
	path    string
	key     string // field with the id: every row has one, and the list is ordered by it
	filters []string
	embeds  []string
	fields  []string
	desc    bool
}

// Fields name the first level only; an embedded list comes whole when its name is among them. No
// client was seen to narrow what is inside (§1.2, [T]).
func propertiesQuery() query {
	return query{what: "properties", path: "Properties", key: "PropertyID",
		filters: []string{"IsActive,eq,true"}, fields: []string{"PropertyID", "Name", "ShortName", "IsActive"}}
}

func unitsQuery(property string) query {
	return query{what: "units of property " + property, path: "Units", key: "UnitID",
		filters: []string{"PropertyID,eq," + property}, fields: []string{"UnitID", "PropertyID", "Name"}}
}

// tenantsQuery has no filter by status: whoever filters Past out makes people vanish (§7.2), and
// the labels are not published (§1.4).
func tenantsQuery(property string) query {
	return query{what: "tenants of property " + property, path: "Tenants", key: "TenantID",
		filters: []string{"PropertyID,eq," + property},
		embeds: []string{"Contacts", "Contacts.PhoneNumbers", "Contacts.PhoneNumbers.PhoneNumberType", "Contacts.UserDefinedValues",
			"Leases", "Leases.LeaseRenewals", "UserDefinedValues"},
		fields: []string{"TenantID", "Name", "IsCompany", "PropertyID", "Status", "TransferGroupID", "Contacts", "Leases", "UserDefinedValues"}}
}

func definitionsQuery(parent string) query {
	return query{what: "user-defined fields of a " + strings.ToLower(parent), path: "UserDefinedFields", key: "UserDefinedFieldID",
		filters: []string{"ParentType,eq," + parent}, fields: []string{"UserDefinedFieldID", "Name", "ParentType"}}
}

func locationsQuery() query {
	return query{what: "locations", path: "Locations", key: "LocationID", fields: []string{"LocationID", "Name"}}
}

// ids is the same list with nothing but the ids, from the other end.
func (q query) ids() query {
	q.embeds, q.fields, q.desc = nil, []string{q.key}, true
	return q
}

func (q query) values(page, size int) url.Values {
	order := q.key
	if q.desc {
		order += " DESC"
	}
	v := url.Values{"pagenumber": {strconv.Itoa(page)}, "pagesize": {strconv.Itoa(size)}, "orderby": {order}, "fields": {strings.Join(q.fields, ",")}}
	if len(q.filters) > 0 {
		v.Set("filters", strings.Join(q.filters, ";"))
	}
	if len(q.embeds) > 0 {
		v.Set("embeds", strings.Join(q.embeds, ","))
	}
	return v
}
