package rentmanagersim

// kind is the type of a column on the wire.
type kind int

const (
	number kind = iota
	decimal
	text
	flag
	date // ISO without zone, midnight for civil dates
)

// column is one field of a model. needs names the embed without which the vendor leaves it out.
type column struct {
	name  string
	kind  kind
	needs string
}

// relation is what an embed brings.
type relation struct {
	name string
	to   string
	many bool
}

// table is one model of the API: its fields and embeds (reference pms.md §1.4).
type table struct {
	name      string
	key       string
	columns   []column
	relations []relation
}

func (t *table) column(name string) (column, bool) {
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

func (t *table) relation(name string) (relation, bool) {
	for _, r := range t.relations {
		if r.name == name {
			return r, true
		}
	}
	return relation{}, false
}

// schema is every table by name.
type schema map[string]*table

func cols(k kind, names ...string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i] = column{name: n, kind: k}
	}
	return out
}

func (s schema) add(name string, columns [][]column, relations ...relation) {
	t := &table{name: name, relations: relations}
	for _, c := range columns {
		t.columns = append(t.columns, c...)
	}
	t.key = t.columns[0].name
	s[name] = t
}

func newSchema() schema {
	s := schema{}
	s.places()
	s.tenants()
	s.contacts()
	s.userDefined()
	s.issues()
	return s
}

func (s schema) places() {
	s.add("Locations", [][]column{cols(number, "LocationID"), cols(text, "Name")})
	s.add("Properties", [][]column{
		cols(number, "PropertyID"), cols(text, "Name", "ShortName"), cols(flag, "IsActive"),
		cols(text, "Email"), cols(number, "UnitCount"), cols(date, "UpdateDate"),
	}, relation{"Addresses", "Addresses", true}, relation{"Units", "Units", true})
	s.add("Addresses", [][]column{
		cols(number, "AddressID"), cols(text, "Street", "City", "State", "PostalCode"), cols(flag, "IsPrimary"),
	})
	s.add("UnitTypes", [][]column{cols(number, "UnitTypeID"), cols(text, "Name")})
	s.add("Units", [][]column{
		cols(number, "UnitID", "PropertyID"), cols(text, "Name"), cols(number, "UnitTypeID"),
		{{"IsVacant", flag, "CurrentOccupancyStatus"}}, cols(date, "UpdateDate"),
	}, relation{"Addresses", "Addresses", true}, relation{"Property", "Properties", false},
		relation{"UnitType", "UnitTypes", false}, relation{"CurrentOccupancyStatus", "OccupancyStatus", false},
		relation{"CurrentOccupants", "Tenants", true}, relation{"Leases", "Leases", true})
	s.add("OccupancyStatus", [][]column{
		cols(number, "UnitID"), cols(text, "OccupancyType"),
		cols(date, "StartDate", "EndDate", "ExpectedMoveOutDate", "NoticeDate"), cols(number, "TenantID"),
	})
}

func (s schema) tenants() {
	s.add("Tenants", [][]column{
		cols(number, "TenantID", "TenantDisplayID"), cols(text, "Name", "FirstName", "LastName", "LastNameFirstName"),
		cols(flag, "IsCompany"), cols(number, "PropertyID"), cols(text, "Status"),
		cols(date, "PostingStartDate", "PostingEndDate"),
		cols(number, "EvictionID", "TransferGroupID", "SourceCustomerID"), cols(date, "TransferDate"),
		cols(number, "AccountGroupID"), cols(date, "CreateDate", "UpdateDate"),
	}, relation{"Contacts", "Contacts", true}, relation{"Leases", "Leases", true},
		relation{"UserDefinedValues", "TenantValues", true}, relation{"Evictions", "Evictions", true},
		relation{"Property", "Properties", false})
	s.add("Leases", [][]column{
		cols(number, "LeaseID", "TenantID", "UnitID", "PropertyID"),
		cols(date, "MoveInDate", "MoveOutDate", "ExpectedMoveOutDate", "NoticeDate"), cols(flag, "IsMoveOutConfirmed"),
		cols(date, "ArrivalDate", "DepartureDate"), cols(number, "SortOrder"),
		{{"StartDate", date, "LeaseRenewals"}, {"EndDate", date, "LeaseRenewals"}}, cols(date, "UpdateDate"),
	}, relation{"LeaseRenewals", "LeaseRenewals", true}, relation{"Tenant", "Tenants", false},
		relation{"Unit", "Units", false}, relation{"Property", "Properties", false})
	s.add("LeaseRenewals", [][]column{
		cols(number, "LeaseRenewalID", "LeaseID"), cols(date, "StartDate", "EndDate", "UpdateDate"),
	}, relation{"Lease", "Leases", false})
	s.add("Evictions", [][]column{cols(number, "EvictionID", "TenantID"), cols(date, "StartDate")})
}

func (s schema) contacts() {
	s.add("Contacts", [][]column{
		cols(number, "ContactID"), cols(text, "FirstName", "MiddleName", "LastName"), cols(flag, "IsActive", "IsPrimary"),
		cols(number, "ContactTypeID"), cols(text, "Email", "ApplicantType"), cols(number, "ParentID"),
		cols(text, "ParentType"), cols(date, "UpdateDate"),
	}, relation{"PhoneNumbers", "PhoneNumbers", true}, relation{"UserDefinedValues", "ContactValues", true},
		relation{"Tenant", "Tenants", false})
	s.add("PhoneNumbers", [][]column{
		cols(number, "PhoneNumberID", "PhoneNumberTypeID"), cols(text, "PhoneNumber", "StrippedPhoneNumber", "Extension"),
		cols(flag, "IsPrimary", "IsTextReady", "IsInvalidForTexting", "IsOptOut"),
	}, relation{"PhoneNumberType", "PhoneNumberTypes", false})
	s.add("PhoneNumberTypes", [][]column{cols(number, "PhoneNumberTypeID"), cols(text, "Name")})
}

func (s schema) userDefined() {
	s.add("UserDefinedFields", [][]column{
		cols(number, "UserDefinedFieldID"), cols(text, "Name", "FieldType", "ParentType"), cols(flag, "IsRequired"),
		cols(text, "ComboList", "DefaultValue"),
	})
	for name, parent := range map[string]relation{
		"TenantValues": {"Tenant", "Tenants", false}, "ContactValues": {"Contact", "Contacts", false},
	} {
		s.add(name, [][]column{
			cols(number, "UserDefinedValueID", "UserDefinedFieldID", "ParentID"), cols(text, "ParentType", "Name", "Value"),
			cols(decimal, "NumericValue"), cols(date, "DateValue"), cols(text, "FieldType"), cols(date, "UpdateDate"),
		}, parent)
	}
}

func (s schema) issues() {
	s.add("ServiceManagerIssues", [][]column{
		cols(number, "ServiceManagerIssueID"), cols(text, "Title", "Description"),
		cols(number, "StatusID", "CategoryID", "PriorityID", "AssignedToUserID", "TenantID", "PropertyID", "VendorID"),
		cols(date, "AssignedOpenDate", "CreateDate", "UpdateDate"),
	}, relation{"Tenant", "Tenants", false}, relation{"Property", "Properties", false})
	s.add("ServiceManagerStatuses", [][]column{cols(number, "ServiceManagerStatusID"), cols(text, "Name")})
	s.add("ServiceManagerCategories", [][]column{cols(number, "ServiceManagerCategoryID"), cols(text, "Name")})
	s.add("ServiceManagerPriorities", [][]column{cols(number, "ServiceManagerPriorityID"), cols(text, "Name")})
}

// collections maps a path to the table it lists. User-defined values are no top-level resource.
func collections() map[string]string {
	out := map[string]string{"Tenants/UserDefinedValues": "TenantValues", "Contacts/UserDefinedValues": "ContactValues"}
	for _, name := range []string{
		"Locations", "Properties", "UnitTypes", "Units", "Tenants", "Leases", "LeaseRenewals", "Contacts",
		"UserDefinedFields", "ServiceManagerIssues", "ServiceManagerStatuses", "ServiceManagerCategories",
		"ServiceManagerPriorities",
	} {
		out[name] = name
	}
	return out
}
