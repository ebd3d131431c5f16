package rentmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"gatehouse/cloud/internal/pms"
)

// text is a scalar of a reply: the vendor's ids are numbers, samples show strings, and anything not
// asked for is left out (§1.4). The zero text is absent or null.
type text struct {
	s      string
	set    bool
	number bool // it came as a number, so what it looked like before is lost
}

// UnmarshalJSON takes a string, a number or a truth value. Its error does not quote what it found:
// it may be somebody's PIN.
func (t *text) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null":
		*t = text{}
	case b[0] == '"':
		t.set, t.number = true, false
		return json.Unmarshal(b, &t.s)
	case b[0] == '{' || b[0] == '[':
		return errors.New("want one value, not a list or an object")
	default:
		*t = text{s: string(b), set: true, number: b[0] != 't' && b[0] != 'f'}
	}
	return nil
}

// id is the text as an id: "" when absent or 0, which the vendor's database writes for none.
func (t text) id() string {
	s := strings.TrimSpace(t.s)
	if t.number {
		s = strings.TrimSuffix(s, ".0")
	}
	if s == "0" {
		return ""
	}
	return s
}

// yes reads a truth value; absent is what is given.
func (t text) yes(absent bool) bool {
	v, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(t.s)))
	if !t.set || err != nil {
		return absent
	}
	return v
}

// date reads a civil date; offsets and times of day are not part of it (§1.4). A date in another
// form than ISO is an error: the vendor never writes one, so it cannot be known what comes first.
func (t text) date() (pms.Date, error) {
	d, form, err := pms.ReadDate(t.s)
	if err != nil || form == pms.USDate || t.number {
		return pms.Date{}, errors.New("is not a date as the vendor writes them")
	}
	return d, nil
}

// many is an embedded list. set says that the reply has it, be it as null; a list of one may come
// without its brackets (§9).
type many[T any] struct {
	rows []T
	set  bool
}

// UnmarshalJSON takes a list, null, or one object.
func (m *many[T]) UnmarshalJSON(b []byte) error {
	m.rows, m.set = nil, true
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		b = slices.Concat([]byte("["), b, []byte("]"))
	}
	return json.Unmarshal(b, &m.rows)
}

// phoneKind is the name of a phone's type. The type's own fields are not documented, so whatever is
// not an object with a Name, or a name, is no kind; it only orders numbers.
type phoneKind string

// UnmarshalJSON never fails.
func (k *phoneKind) UnmarshalJSON(b []byte) error {
	var named struct{ Name text }
	var name text
	if json.Unmarshal(b, &named) == nil {
		*k = phoneKind(named.Name.s)
	} else if json.Unmarshal(b, &name) == nil && !name.number {
		*k = phoneKind(name.s)
	}
	return nil
}

// The rows, as far as they are wanted (§1.4). A list that the
// reply does not have is not the same as an empty one. What is not named here (tax numbers, birth dates, ledgers) is
// never decoded.
type (
	propertyRow struct {
		PropertyID text
		Name       text
		ShortName  text
		IsActive   text
	}
	unitRow struct {
		UnitID     text
		PropertyID text
		Name       text
	}
	tenantRow struct {
		TenantID          text
		Name              text
		IsCompany         text
		PropertyID        text
		Status            text
		TransferGroupID   text
		UserDefinedValues many[udfRow]
		Contacts          many[contactRow]
		Leases            many[leaseRow]
	}
	contactRow struct {
		ContactID         text
		FirstName         text
		LastName          text
		IsActive          text
		IsPrimary         text
		ApplicantType     text
		Email             text
		PhoneNumbers      many[phoneRow]
		UserDefinedValues many[udfRow]
	}
	phoneRow struct {
		PhoneNumber         text
		StrippedPhoneNumber text
		IsPrimary           text
		PhoneNumberType     phoneKind
	}
	leaseRow struct {
		LeaseID    text
		UnitID     text
		PropertyID text
		MoveInDate text
		MoveOutDate,
		NoticeDate,
		StartDate, // these two only with the embed LeaseRenewals
		EndDate text
	}
	// udfRow is a user-defined value. Value stays undecoded until its name is known to be wanted:
	// the fields are the user's own and may hold anything.
	udfRow struct {
		Name  text
		Value json.RawMessage
	}
	udfDefinitionRow struct {
		Name       text
		ParentType text
	}
	locationRow struct {
		LocationID text
		Name       text
	}
)
