package unitmap

import (
	"fmt"
	"testing"
)

func TestNamesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]mark{
		"101": {"", "101"}, "Unit 101": {"", "101"}, " unit  101 ": {"", "101"}, "Apt. 101": {"", "101"}, "APT101": {"", "101"},
		"#101": {"", "101"}, "No. 0101": {"", "101"}, "000": {"", "0"}, "0": {"", "0"}, "Suite 12B": {"", "12b"}, "12 B": {"", "12b"}, "12-b": {"", "12b"},
		"1-101": {"1", "101"}, "Building 1, Unit 101": {"1", "101"}, "01-0101": {"1", "101"},
		"Bldg A 101": {"a", "101"}, "A101": {"a", "101"}, "A-101": {"a", "101"}, "Tower North #7": {"north", "7"},
		"Penthouse": {"", "penthouse"}, "Building B": {"", "b"}, "PH 2": {"ph", "2"}, "Maple Court 3": {"maple court", "3"},
		"": {}, "Unit": {}, "--": {}, "Łódź 4": {"łódź", "4"},
	} {
		if got := parse(name); got != want {
			t.Errorf("%q says %+v, want %+v", name, got, want)
		}
	}
}

func TestBareNamesKeepTheirZeros(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"101", "unit 101", " UNIT   101", "Unit 101"} {
		if bare(s) != "101" {
			t.Errorf("%q is bare %q", s, bare(s))
		}
	}
	for _, s := range []string{"0101", "Unit 0101", "Apt 101", "unit101", "unit", ""} {
		if bare(s) == "101" {
			t.Errorf("%q passes for 101", s)
		}
	}
}

// Names come from a property-management system and from a device: nothing in them may stop the gateway.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"Bldg A 101", "0 0-00a", "\x00\xff", "１０１", "#", "1-2-3-4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := parse(s)
		if m.number == "" && m.building != "" {
			t.Errorf("%q has a building and no number: %+v", s, m)
		}
		if again := parse(fmt.Sprint("Unit ", s)); again != m {
			t.Errorf("%q says %+v, with the word before it %+v", s, m, again)
		}
	})
}
