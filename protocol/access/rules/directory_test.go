package rules

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

func TestTowardsC2_DirectoryName(t *testing.T) {
	t.Parallel()
	tom := access.Person{First: "Tom", Last: "Jones"}
	for _, c := range []struct {
		name, unit string
		p          access.Person
		max        int
		want       string
	}{
		{"as the row says", "101", tom, 0, "T. Jones - Unit 101"},
		{"leading zeros stay", "0101", tom, 0, "T. Jones - Unit 0101"},
		{"no first name", "101", access.Person{Last: "Jones"}, 0, "Jones - Unit 101"},
		{"no last name", "101", access.Person{First: "Cher"}, 0, "Cher - Unit 101"},
		{"company", "101", access.Person{Company: "Acme Housing LLC"}, 0, "Acme Housing LLC - Unit 101"},
		{"a person goes before the company", "101", access.Person{First: "Tom", Last: "Jones", Company: "Acme"}, 0, "T. Jones - Unit 101"},
		{"no unit", "", tom, 0, "T. Jones"},
		{"no name", "101", access.Person{}, 0, "Unit 101"},
		{"nothing at all", "", access.Person{}, 0, ""},
		{"fits exactly", "101", tom, 19, "T. Jones - Unit 101"},
		{"one short cuts the name", "101", tom, 18, "T. Jone - Unit 101"},
		{"no blank before the dash", "101", tom, 14, "T. - Unit 101"},
		{"one letter of a name", "101", tom, 12, "T - Unit 101"},
		{"no room for a name", "101", tom, 11, "Unit 101"},
		{"no room for the word", "101", tom, 7, "101"},
		{"no room for the number", "10101", tom, 3, "101"},
		{"name alone is cut", "", tom, 4, "T. J"},
		{"cut by runes", "7", access.Person{First: "Éva", Last: "Żółć-Łęcka"}, 13, "É. Ż - Unit 7"}, // in bytes it would be cut inside a letter
		{"accents", "7", access.Person{First: "Øyvind", Last: "Åse"}, 0, "Ø. Åse - Unit 7"},
		{"blank first name", "7", access.Person{First: "  ", Last: "Jones"}, 0, "Jones - Unit 7"},
		{"blank before a first name", "7", access.Person{First: " tom", Last: " van  der\tBerg "}, 0, "t. van der Berg - Unit 7"},
		{"control characters", "1\n0", access.Person{First: "\x00Tom", Last: "Jo\x7fnes\u0085"}, 0, "T. Jones - Unit 1 0"},
		{"right-to-left mark", "7", access.Person{First: "\u202eTom", Last: "Jones\u200f"}, 0, "T. Jones - Unit 7"},
		{"broken bytes", "7", access.Person{First: "\xffTom", Last: "Jon\xc3es"}, 0, "T. Jones - Unit 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := (Naming{Max: c.max}).Of(c.p, c.unit, ""); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestTowardsC2_DirectoryNameHoldsItsPromises for any names: length, whole letters, unit kept.
func TestTowardsC2_DirectoryNameHoldsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := access.Person{
			First:   rapid.String().Draw(t, "first"),
			Last:    rapid.String().Draw(t, "last"),
			Company: rapid.String().Draw(t, "company"),
		}
		unit := rapid.StringMatching(`[0-9A-Z]{0,6}`).Draw(t, "unit")
		max := rapid.IntRange(0, 40).Draw(t, "max")
		got := Naming{Max: max}.Of(p, unit, "")
		switch {
		case !utf8.ValidString(got):
			t.Fatalf("%q is cut inside a letter", got)
		case max > 0 && utf8.RuneCountInString(got) > max:
			t.Fatalf("%q has more than %d runes", got, max)
		case strings.IndexFunc(got, unicode.IsControl) >= 0:
			t.Fatalf("%q has control characters", got)
		case strings.TrimSpace(got) != got:
			t.Fatalf("%q has blanks around it", got)
		case unit != "" && (max == 0 || max >= len(unit)) && !strings.HasSuffix(got, unit):
			t.Fatalf("%q lost its unit %q", got, unit)
		}
	})
}

// The second form of a name is the one residents know from their panel, and every form fits.
func TestDirectoryNames(t *testing.T) {
	t.Parallel()
	tom := access.Person{First: "Tom", Last: "Jones"}
	got := Naming{Max: 32}.All(tom, "101", "")
	want := []string{"T. Jones - Unit 101", "To. Jones - Unit 101", "Tom Jones - Unit 101", "T. Jones 2 - Unit 101"}
	if len(got) < 5 || !slices.Equal(got[:4], want) {
		t.Errorf("forms %q, want first %q", got, want)
	}
	for _, max := range []int{0, 1, 8, 12, 14, 19, 20, 32} {
		for _, p := range []access.Person{tom, {First: "Li"}, {Company: "Acme Flowers"}, {First: "T", Last: "A very long last name indeed"}, {}} {
			for _, unit := range []string{"", "101", "Penthouse West"} {
				all := Naming{Max: max}.All(p, unit, "")
				seen := map[string]bool{}
				for _, s := range all {
					if seen[s] || max > 0 && len([]rune(s)) > max || len(all) > maxNames {
						t.Errorf("%+v in %q with %d: %q", p, unit, max, all)
					}
					seen[s] = true
				}
				if len(all) == 0 || all[0] != (Naming{Max: max}).Of(p, unit, "") {
					t.Errorf("%+v in %q with %d begins with %q", p, unit, max, all)
				}
			}
		}
	}
}
