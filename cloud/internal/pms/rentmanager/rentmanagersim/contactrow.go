package rentmanagersim

import (
	"strconv"
	"strings"
	"time"
)

// The user-defined fields of the account. What a management company calls them is its own choice.
const (
	fieldTenantPIN     = 61
	fieldTenantCard    = 62
	fieldTenantParking = 63
	fieldContactPIN    = 71
	fieldContactCard   = 72

	namePIN  = "Door PIN"
	nameCard = "RF Card"
)

func (b *builder) contact(m *Member, parentType string, parent int, at time.Time) *node {
	id := m.ID
	if parentType == "Tenant" {
		id += b.churn
	}
	n := b.schema.row("Contacts", map[string]any{
		"ContactID": id, "FirstName": m.First, "MiddleName": m.Middle, "LastName": m.Last, "IsActive": !m.Left,
		"IsPrimary": m.Primary, "ContactTypeID": 1, "Email": m.Email, "ApplicantType": m.Type,
		"ParentID": parent, "ParentType": parentType, "UpdateDate": at,
	})
	for i, p := range m.Phones {
		n.add("PhoneNumbers", "", b.phone(p, id*10+i, i == 0))
	}
	n.add("UserDefinedValues", "Contact", b.value(n, fieldContactPIN, namePIN, "Numeric", m.PIN))
	if m.Card != "" {
		n.add("UserDefinedValues", "Contact", b.value(n, fieldContactCard, nameCard, "Text", m.Card))
	}
	return n
}

func (b *builder) phone(p Phone, id int, first bool) *node {
	sort := b.word("PhoneNumberTypes", "PhoneNumberTypeID", p.Kind)
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, p.Number)
	n := b.schema.row("PhoneNumbers", map[string]any{
		"PhoneNumberID": id, "PhoneNumberTypeID": sort.id(), "PhoneNumber": p.Number, "StrippedPhoneNumber": digits,
		"Extension": "", "IsPrimary": first, "IsTextReady": strings.EqualFold(p.Kind, "cell"),
		"IsInvalidForTexting": false, "IsOptOut": false,
	})
	n.one["PhoneNumberType"] = sort
	return n
}

// value is one user-defined value of a tenant or contact. Value is always text; NumericValue is what is left of
// it as a number, so it has lost leading zeros and separators (reference pms.md §1.4).
func (b *builder) value(parent *node, field int, name, fieldType, v string) *node {
	table, parentType := "ContactValues", "Contact"
	if parent.table.name == "Tenants" {
		table, parentType = "TenantValues", "Tenant"
	}
	var numeric any
	if fieldType == "Numeric" {
		if f, err := strconv.ParseFloat(strings.ReplaceAll(v, ",", ""), 64); err == nil {
			numeric = f
		}
	}
	return b.schema.row(table, map[string]any{
		"UserDefinedValueID": parent.id()*10 + field%10, "UserDefinedFieldID": field, "ParentID": parent.id(),
		"ParentType": parentType, "Name": name, "Value": v, "NumericValue": numeric, "DateValue": nil,
		"FieldType": fieldType, "UpdateDate": parent.values["UpdateDate"],
	})
}

// tenantValues are the fields kept with the account. Every account has a parking space: a field that is
// neither PIN nor card.
func (st *site) tenantValues(h *Household, id int) []*node {
	parent := st.schema.row("Tenants", map[string]any{"TenantID": id, "UpdateDate": st.updated(h.touched, h.Updated)})
	out := []*node{st.value(parent, fieldTenantParking, "Parking Space", "Text", "P-"+strconv.Itoa(h.ID%400))}
	if h.PIN != "" {
		out = append(out, st.value(parent, fieldTenantPIN, namePIN, "Numeric", h.PIN))
	}
	if h.Card != "" {
		out = append(out, st.value(parent, fieldTenantCard, nameCard, "Text", h.Card))
	}
	return out
}

// fixed adds the definitions of user-defined fields.
func (b *builder) fixed() {
	for _, f := range []struct {
		id                 int
		name, kind, parent string
	}{
		{fieldTenantPIN, namePIN, "Numeric", "Tenant"},
		{fieldTenantCard, nameCard, "Text", "Tenant"},
		{fieldTenantParking, "Parking Space", "Text", "Tenant"},
		{fieldContactPIN, namePIN, "Numeric", "Contact"},
		{fieldContactCard, nameCard, "Text", "Contact"},
	} {
		b.keep("UserDefinedFields", b.schema.row("UserDefinedFields", map[string]any{
			"UserDefinedFieldID": f.id, "Name": f.name, "FieldType": f.kind, "ParentType": f.parent,
			"IsRequired": false, "ComboList": "", "DefaultValue": "",
		}))
	}
}
