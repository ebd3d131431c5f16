package rentmanager_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
)

func TestA3_PINComesFromValue(t *testing.T) {
	t.Parallel()
	numeric := func(value any, n int) row {
		return row{"Name": "Door PIN", "FieldType": "Numeric", "Value": value, "NumericValue": n}
	}
	for name, c := range map[string]struct {
		field  row
		digits int
		pin    string
		hold   string
	}{
		"text":                               {numeric("0482", 482), 0, "0482", ""},
		"blank":                              {numeric(" ", 0), 0, "", ""},
		"null":                               {numeric(nil, 0), 0, "", ""},
		"left out":                           {row{"Name": "Door PIN"}, 0, "", ""},
		"name in other letters":              {row{"Name": " door pin", "Value": "7777"}, 0, "7777", ""},
		"decimals":                           {numeric("48213.00", 48213), 0, "", "number format"},
		"decimals, length known":             {numeric("48213.00", 48213), 5, "48213", ""},
		"came as a number":                   {numeric(482, 482), 0, "", "number format"},
		"came as a number, too short":        {numeric(482, 482), 4, "", "number format"},
		"came as a number, length known":     {numeric(48213, 48213), 5, "48213", ""},
		"came as a power of ten":             {numeric(json.RawMessage("4.8213E+04"), 48213), 5, "", "power of ten"},
		"shorter than the property's length": {numeric("482", 482), 4, "", "leading zeros were probably lost"},
		"starts with 9 (A4)":                 {numeric("9123", 9123), 0, "", "9"},
		"too long (A4)":                      {numeric("123456789", 123456789), 0, "", "8"},
		"no value at all":                    {numeric(row{"a": 1}, 0), 0, "", "does not send it as a value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["Tenants"] = []row{tenant(1, row{"UserDefinedValues": []row{c.field}})}
			r := pull(t, s, func(cfg *rentmanager.Config) { cfg.Defaults.PINDigits = c.digits; cfg.Defaults.CardField = "" }, pms.Request{})
			p := r.person(t, "10")
			if p.PIN.Secret.Reveal() != c.pin || (p.PIN.Hold != "") != (c.hold != "") || !strings.Contains(p.PIN.Hold, c.hold) {
				t.Errorf("PIN present %v, held %q; want present %v, held %q", p.PIN.Has(), p.PIN.Hold, c.pin != "", c.hold)
			}
			if r.skipped("pin", "10", "the PIN is held") != (c.hold != "") || p.Card != (pms.Held{}) {
				t.Errorf("skipped %+v, card %+v", r.Skipped, p.Card)
			}
		})
	}
}

// TestA3_LostZerosShowInTheColumn: 24 PINs of four digits and one of three.
func TestA3_LostZerosShowInTheColumn(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = nil
	for i := range 24 {
		s.tables["Tenants"] = append(s.tables["Tenants"], tenant(1000+i, row{"UserDefinedValues": []row{udf("Door PIN", fmt.Sprint(4000+i)), udf("RF Card", fmt.Sprint(10000000+i))}}))
	}
	s.tables["Tenants"] = append(s.tables["Tenants"], tenant(2000, row{"UserDefinedValues": []row{udf("Door PIN", "482"), udf("RF Card", "1234")}}))
	r := pull(t, s, nil, pms.Request{})
	p := r.person(t, "20000")
	if !strings.Contains(p.PIN.Hold, "leading zeros were probably lost") || !strings.Contains(p.Card.Hold, "leading zeros were probably lost") {
		t.Errorf("PIN held %q, card held %q", p.PIN.Hold, p.Card.Hold)
	}
	if !r.person(t, "10000").PIN.Has() || !r.skipped("card", "20000", "the card is held") {
		t.Error("the others' PINs are gone too, or the held card is not listed")
	}
}

func TestA5_CardIsNormalised(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"04a1b2c3": "04A1B2C3", "04:A1 B2-C3": "04A1B2C3", "XYZ": "", "": "", "48E5": "48E5"} {
		s := newServer()
		s.tables["Tenants"] = []row{tenant(1, row{"UserDefinedValues": []row{udf("RF Card", raw), udf("Door PIN", "")}})}
		p := pull(t, s, nil, pms.Request{}).person(t, "10")
		if p.Card.Secret.Reveal() != want || (p.Card.Hold != "") != (raw == "XYZ") {
			t.Errorf("%q: present %v, held %q", raw, p.Card.Has(), p.Card.Hold)
		}
	}
}

func TestA3_AContactsOwnValueComesBeforeTheTenants(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = []row{tenant(1, row{"UserDefinedValues": []row{udf("Door PIN", "1111")}, "Contacts": []row{
		contact(5, row{"IsPrimary": true}),
		contact(6, row{"UserDefinedValues": []row{udf("Door PIN", "2222")}}),
		contact(7, row{"UserDefinedValues": nil}),
		contact(8, row{"UserDefinedValues": []row{udf("Door PIN", "3333"), udf("Door PIN", "4444")}}),
		contact(9, row{"UserDefinedValues": []row{udf("Door PIN", "5555"), udf("Door PIN", "5555"), udf("Door PIN", "")}}),
	}}), tenant(2, row{"UserDefinedValues": []row{udf("Door PIN", "1212")}, "Contacts": []row{
		contact(15, row{"IsPrimary": true, "UserDefinedValues": []row{udf("Door PIN", "3434")}})}})}
	r := pull(t, s, nil, pms.Request{})
	for ref, want := range map[string]string{"5": "1111", "6": "2222", "7": "", "8": "", "9": "5555", "15": "3434"} {
		if got := r.person(t, ref).PIN; got.Secret.Reveal() != want || (got.Hold != "") != (ref == "8") {
			t.Errorf("contact %s: present %v, want %v; held %q", ref, got.Has(), want != "", got.Hold)
		}
	}
}

// TestA3_AFieldThatIsNotThereIsNoBlank: a renamed field must not take everybody's PIN.
func TestA3_AFieldThatIsNotThereIsNoBlank(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		definitions []row
		hook        int // HTTP status of the definitions; 0 serves them
		hold        bool
		err         bool
	}{
		"renamed":               {[]row{{"UserDefinedFieldID": 60, "Name": "Gate PIN", "ParentType": "Tenant"}}, 0, true, false},
		"nobody has one":        {[]row{{"UserDefinedFieldID": 60, "Name": "door pin", "ParentType": "Tenant"}}, 0, false, false},
		"a contact's":           {[]row{{"UserDefinedFieldID": 61, "Name": "Door PIN", "ParentType": "Contact"}}, 0, false, false},
		"none at all":           {nil, 0, true, false},
		"no right to read them": {nil, http.StatusForbidden, true, false},
		"the server fails":      {nil, http.StatusBadGateway, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["UserDefinedFields"] = c.definitions
			s.tables["Tenants"] = []row{tenant(1, row{"UserDefinedValues": []row{}})}
			s.hook = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if c.hook != 0 && r.URL.Path == "/UserDefinedFields" {
					w.WriteHeader(c.hook)
					return true
				}
				return false
			}
			r := pull(t, s, func(cfg *rentmanager.Config) { cfg.Defaults.CardField = "" }, pms.Request{})
			if (r.err != nil) != c.err {
				t.Fatal(r.err)
			}
			if c.err {
				return
			}
			if held := r.person(t, "10").PIN.Hold; (held != "") != c.hold || !r.complete || strings.Contains(r.why(), "no user-defined field named") != c.hold {
				t.Errorf("held %q, complete %v, evidence:\n%s", held, r.complete, r.why())
			}
		})
	}
}

func TestA3_ValuesThatWereNotServedAreHeld(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = append(s.tables["Tenants"], tenant(2, row{"UserDefinedValues": absent{}, "Contacts": []row{
		contact(5, row{"IsPrimary": true, "UserDefinedValues": nil}), contact(6, row{"UserDefinedValues": absent{}}), contact(7, row{"UserDefinedValues": nil})}}))
	r := pull(t, s, nil, pms.Request{})
	if p := r.person(t, "5"); !strings.Contains(p.PIN.Hold, "left the user-defined values") || p.Card.Hold == "" {
		t.Errorf("PIN %+v, card %+v", p.PIN.Hold, p.Card.Hold)
	}
	if six, seven := r.person(t, "6").PIN, r.person(t, "7").PIN; six.Hold == "" || seven != (pms.Held{}) {
		t.Errorf("left out: %+v; null, which is empty: %+v", six, seven)
	}
	none := pull(t, s, func(cfg *rentmanager.Config) { cfg.Defaults.PINField, cfg.Defaults.CardField = "", "" }, pms.Request{})
	if p := none.person(t, "5"); p.PIN != (pms.Held{}) || none.Calls != 4 {
		t.Errorf("without a mapped field: %+v, %d calls", p.PIN.Hold, none.Calls)
	}
}
