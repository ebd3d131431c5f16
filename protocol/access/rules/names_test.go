package rules

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// A property's own form, for everybody: with and without a name, a unit, a building, and on a panel that shows little
// (row C2).
func TestTowardsC2_NamesByThePropertysForm(t *testing.T) {
	t.Parallel()
	tom, cher, acme, nobody := access.Person{First: "Tom", Last: "Jones"}, access.Person{First: "Cher"}, access.Person{Company: "Acme LLC"}, access.Person{}
	both := access.Person{First: "Tom", Last: "Jones", Company: "Acme LLC"}
	for _, c := range []struct {
		form           string
		p              access.Person
		unit, building string
		max            int
		want           string
	}{
		{"", tom, "101", "North", 0, "T. Jones - Unit 101"},
		{"{last}, {first} ({building} {unit})", tom, "101", "North", 0, "Jones, Tom (North 101)"},
		{"{last}, {first} ({building} {unit})", tom, "101", "", 0, "Jones, Tom (101)"},
		{"{last}, {first} ({building} {unit})", tom, "101", "North", 14, "Jo (North 101)"},
		{"{last}, {first} ({building} {unit})", tom, "101", "North", 17, "Jones (North 101)"},
		{"{last}, {first} ({building} {unit})", cher, "101", "North", 0, "Cher (North 101)"},
		{"{last}, {first} ({building} {unit})", nobody, "101", "North", 0, "North 101"},
		{"{last}, {first} ({building} {unit})", tom, "", "North", 0, "Jones, Tom"},
		{"{last} Unit {unit} ({building})", tom, "101", "", 0, "Jones Unit 101"},
		{"{last} Unit {unit} ({building})", tom, "101", "North", 0, "Jones Unit 101 (North)"},
		{"{unit}: {last}", tom, "101", "", 0, "101: Jones"},
		{"{unit}: {last}", tom, "101", "", 7, "101: Jo"},
		{"{unit}: {last}", nobody, "101", "", 0, "101"},
		{"{unit} {building}: {last}", tom, "101", "", 0, "101: Jones"},
		{"{building} {unit}: {last}", tom, "101", "", 0, "101: Jones"},
		{"{initial}.{last}", tom, "101", "", 0, "T.Jones"},
		{"{initial}.{last}", nobody, "101", "", 0, "Unit 101"},
		{"{initial}.{last}", tom, "101", "", 4, "T.Jo"},
		{"{company} {last} / {unit}", both, "101", "", 0, "Acme LLC Jones / 101"},
		{"{company} {last} / {unit}", tom, "101", "", 0, "Jones / 101"},
		{"{company} {last} / {unit}", acme, "101", "", 0, "Acme LLC / 101"},
		{"{last}, {company} / {unit}", tom, "101", "", 0, "Jones / 101"},
		{"{company} / {unit}", tom, "101", "", 0, "T. Jones / 101"},
		{"{last} ({building})", nobody, "101", "North", 0, "Unit 101"},
		{"{last} - {unit}", tom, "#3)", "", 0, "Jones - #3)"},
		{"{nonsense} {last}", tom, "101", "", 0, "T. Jones - Unit 101"}, // a gateway goes by the default
		{"Unit {unit}", tom, "101", "", 0, "T. Jones - Unit 101"},
		{"{last} - {unit}", access.Person{Last: `O"Hara` + "\x01"}, "1\"0", "", 0, "O'Hara - 1'0"},
		{"{last} - {unit}", access.Person{First: "花子", Last: "山田"}, "一〇一", "", 0, "山田 - 一〇一"},
		{"{initial}. {last} - {unit}", access.Person{First: "Мария", Last: "Иванова"}, "7", "", 0, "М. Иванова - 7"},
	} {
		if got := (Naming{c.form, c.max}).Of(c.p, c.unit, c.building); got != c.want {
			t.Errorf("%q for %+v in %q of %q, %d characters: %q, want %q", c.form, c.p, c.unit, c.building, c.max, got, c.want)
		}
	}
}

// The longer forms keep to the property's form, too.
func TestTowardsC2_LongerNamesByTheForm(t *testing.T) {
	t.Parallel()
	tom := access.Person{First: "Tom", Last: "Jones"}
	for form, want := range map[string][]string{
		"{unit} {initial} {last}": {"101 T Jones", "101 To Jones", "101 Tom Jones", "101 T Jones 2"},
		"{last} - {unit}":         {"Jones - 101", "Tom Jones - 101", "Jones 2 - 101", "Jones 3 - 101"},
	} {
		if got := (Naming{form, 24}).All(tom, "101", ""); len(got) < 4 || !slices.Equal(got[:4], want) {
			t.Errorf("%q gives %q, want first %q", form, got, want)
		}
	}
}

func TestTowardsC2_AFormThatCannotBeIsRefusedInWords(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"", DefaultNameForm, "{last}", "{unit} {company}", "Apt. {unit}, {first} {last}", "{last} [{building}/{unit}]"} {
		if err := CheckNameForm(form); err != nil {
			t.Errorf("%q: %v", form, err)
		}
	}
	for form, words := range map[string]string{
		"{surname} {unit}":                  "unknown placeholder {surname}",
		"Unit {unit}":                       "names nobody",
		"hello":                             "names nobody",
		"{last":                             "bracket without its other half",
		"last}":                             "bracket without its other half",
		"{first} {unit} {last}":             "{unit} amid the person's name",
		"{last} ({company}) {unit}":         "brackets amid",
		`{last} "{unit}"`:                   "quotes, control characters",
		"{last}\t{unit}":                    "quotes, control characters",
		"{last}" + strings.Repeat("x", 100): "more than 100 characters",
	} {
		err := CheckNameForm(form)
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), words) || !strings.Contains(fault.RemedyOf(err), "{building}") {
			t.Errorf("%q: %v, remedy %q; want %q", form, err, fault.RemedyOf(err), words)
		}
	}
}

// Whatever form and names come: nothing a field must not get, within the bound, and the unit whole where it fits.
func TestTowardsC2_AnyFormHoldsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := Naming{rapid.StringMatching(`(\{unit\}|\{building\}|\{last\}|\{first\}|\{initial\}|\{company\}|[ .()-]|\{x\}){0,7}`).Draw(t, "form"), rapid.IntRange(0, 40).Draw(t, "max")}
		p := access.Person{First: rapid.String().Draw(t, "first"), Last: rapid.String().Draw(t, "last"), Company: rapid.String().Draw(t, "company")}
		unit, building := rapid.StringMatching(`[0-9A-Z]{0,6}`).Draw(t, "unit"), rapid.StringMatching(`[A-Z]{0,6}`).Draw(t, "building")
		all := n.All(p, unit, building)
		if all[0] != n.Of(p, unit, building) {
			t.Fatalf("first %q, alone %q", all[0], n.Of(p, unit, building))
		}
		for _, got := range all {
			switch {
			case !utf8.ValidString(got), strings.ContainsFunc(got, unicode.IsControl), strings.Contains(got, `"`), strings.TrimSpace(got) != got:
				t.Fatalf("%q is not fit for a panel", got)
			case n.Max > 0 && utf8.RuneCountInString(got) > n.Max:
				t.Fatalf("%q has more than %d characters", got, n.Max)
			case strings.Contains(n.Form, "{unit}") && CheckNameForm(n.Form) == nil && (n.Max == 0 || n.Max >= len(unit)) && !strings.Contains(got, unit):
				t.Fatalf("%q lost its unit %q by %q", got, unit, n.Form)
			}
		}
	})
}
