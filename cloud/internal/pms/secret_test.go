package pms_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access/rules"
)

func TestA3_ANumberFormatIsNoticedAndHeld(t *testing.T) {
	t.Parallel()
	free, five := pms.Column{}, pms.Column{Digits: 5}
	for _, c := range []struct {
		name   string
		column pms.Column
		raw    string
		want   string // "" is held
		why    string
	}{
		{"as text", free, "0482", "0482", ""},
		{"blanks around", free, " 48213\u00a0", "48213", ""},
		{"a spreadsheet's apostrophe", free, "'0482", "0482", ""},
		{"a spreadsheet's formula", free, `="0482"`, "0482", ""},
		{"decimals", free, "48213.00", "", "number format"},
		{"separators", free, "48,213", "", "number format"},
		{"both", free, "48,213.00", "", "number format"},
		{"a power of ten", free, "4.8213E+04", "", "power of ten"},
		{"decimals, and the length proves that nothing is missing", five, "48213.00", "48213", ""},
		{"separators, likewise", five, "48,213", "48213", ""},
		{"decimals and a digit missing", five, "482.00", "", "number format"},
		{"a zero lost", five, "4821", "", "leading zeros"},
		{"not a format", free, "4,82,13", "", "other than digits"},
		{"real decimals", free, "48.5", "", "other than digits"},
		{"a blank inside", free, "48 213", "", "other than digits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, c.column.PIN(c.raw), c.want, c.why, c.raw)
		})
	}
}

func TestA4_PINRule(t *testing.T) {
	t.Parallel()
	for raw, why := range map[string]string{"9123": "starts with 9", "1": "1 digits", "123456789": "9 digits", "12a4": "other than digits"} {
		check(t, pms.Column{}.PIN(raw), "", why, raw)
	}
	for _, raw := range []string{"12", "12345678", "0000"} {
		check(t, pms.Column{}.PIN(raw), raw, "", raw)
	}
	if h := (pms.Column{}).PIN("  "); h.Has() || h.Hold != "" {
		t.Errorf("a blank is %v, want absent", h)
	}
	check(t, pms.Column{Rule: rules.PINRule{Min: 4, Max: 4}}.PIN("9123"), "9123", "", "9123")
}

func TestA5_CardsAreNormalised(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"04a1b2c3": "04A1B2C3", "04:A1:b2:C3": "04A1B2C3", " 04 A1 B2 C3 ": "04A1B2C3",
		"04-a1-b2-c3": "04A1B2C3", "4E5": "4E5", "48E10": "48E10", "'0012": "0012", "F": "F"} {
		check(t, pms.Column{}.Card(raw), want, "", raw)
	}
	for raw, why := range map[string]string{"4.1E+05": "number format", "48213.00": "number format", "4,821": "number format",
		"04A1B2C3D4E5F60718": "18 characters", "ZZ": "other than", "5E+5": "number format"} {
		check(t, pms.Column{}.Card(raw), "", why, raw)
	}
	if h := (pms.Column{}).Card(""); h.Has() || h.Hold != "" {
		t.Errorf("a blank is %v, want absent", h)
	}
	check(t, pms.Column{Usual: 8}.Card("4123456"), "", "leading zeros", "4123456")
	check(t, pms.Column{Usual: 8}.Card("4A1B2C3"), "4A1B2C3", "", "4A1B2C3")
}

// check also wants that neither a reason nor any print shows the value.
func check(t *testing.T, h pms.Held, want, why, raw string) {
	t.Helper()
	if h.Secret.Reveal() != want || h.Has() != (want != "") {
		t.Errorf("%q: has %v, hold %q; want %q", raw, h.Has(), h.Hold, want)
	}
	if (h.Hold == "") != (want != "") || !strings.Contains(h.Hold, why) {
		t.Errorf("%q: hold %q; want it to speak of %q", raw, h.Hold, why)
	}
	if len(raw) > 3 && strings.Contains(fmt.Sprintf("%v %+v %#v %s", h, h, h, h), raw) {
		t.Errorf("%q is printed", raw)
	}
	if b, err := json.Marshal(h); err != nil || string(b) != fmt.Sprint(want != "") {
		t.Errorf("%q marshals to %s, %v", raw, b, err)
	}
}

func TestA3_UsualLength(t *testing.T) {
	t.Parallel()
	pins := func(n, from int, format string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf(format, from+i)
		}
		return out
	}
	for name, c := range map[string]struct {
		values []string
		want   int
	}{
		"four digits, a few short":    {append(pins(30, 1000, "%d"), "482", "17", "", "48,2"), 4},
		"a zero in front is kept":     {append(pins(30, 1000, "%d"), "0482"), 0},
		"too few to tell":             {pins(19, 1000, "%d"), 0},
		"mixed lengths on purpose":    {append(pins(15, 1000, "%d"), pins(15, 100000, "%d")...), 0},
		"cards with letters no proof": {pins(30, 10, "%dAB"), 0},
		"nothing":                     {nil, 0},
	} {
		if got := pms.UsualLength(c.values); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	check(t, pms.Column{Usual: 4}.PIN("482"), "", "leading zeros", "482")
	check(t, pms.Column{Usual: 4}.PIN("48213"), "48213", "", "48213")
}
