package pms

import (
	"slices"
	"strings"
	"unicode"
)

// Flag marks what a person should look at; nothing is refused because of one.
type Flag string

// The flags.
const (
	FlagTwoPeople  Flag = "two_people_in_one_name" // "A and B": one record, perhaps two people
	FlagNameDigits Flag = "digits_in_name"
	FlagNoName     Flag = "no_name"
	FlagBadPhone   Flag = "phone_not_usable"
)

// Name is a cleaned name.
type Name struct {
	First, Last, Company string
	Flags                []Flag
}

// ReadName trims and collapses blanks, parts a "Last, First" that fills one field, moves a company
// out of the person's fields and flags what looks like two people. Upper case stays as it is: who
// is MCDONALD cannot be known from MCDONALD.
func ReadName(first, last, company string) Name {
	n := Name{First: clean(first), Last: clean(last), Company: clean(company)}
	n.part()
	if n.Company == "" && (n.First == "" || n.Last == "") && isCompany(n.First+n.Last) {
		n.Company, n.First, n.Last = n.First+n.Last, "", ""
	}
	n.flag()
	return n
}

// clean drops control and format characters, trims, and makes every run of blanks one.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// part handles "Last, First" in whichever field it stands alone. "Smith, Jr." is one last name.
func (n *Name) part() {
	one := n.First + n.Last
	if n.First != "" && n.Last != "" || strings.Count(one, ",") != 1 || isCompany(one) {
		return
	}
	last, first, _ := strings.Cut(one, ",")
	last, first = strings.TrimSpace(last), strings.TrimSpace(first)
	if last == "" || first == "" || isSuffix(first) {
		return
	}
	n.First, n.Last = first, last
}

func isSuffix(s string) bool {
	return slices.Contains([]string{"jr", "sr", "ii", "iii", "iv", "md", "phd", "esq"}, letters(s))
}

func isCompany(s string) bool {
	for _, w := range strings.Fields(strings.ToLower(s)) {
		switch strings.Trim(w, ".,") {
		case "llc", "inc", "corp", "corporation", "ltd", "lp", "llp", "company", "gmbh":
			return true
		}
	}
	return false
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == ',' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func (n *Name) flag() {
	both := n.First + " | " + n.Last
	lower := strings.ToLower(both)
	if n.Company == "" && (strings.Contains(lower, " and ") || strings.ContainsAny(both, "&+/")) {
		n.Flags = append(n.Flags, FlagTwoPeople)
	}
	if strings.IndexFunc(both, unicode.IsDigit) >= 0 {
		n.Flags = append(n.Flags, FlagNameDigits)
	}
	if n.First == "" && n.Last == "" && n.Company == "" {
		n.Flags = append(n.Flags, FlagNoName)
	}
}

// PseudoUnit says whether a unit's name looks like bookkeeping and not like a home (reference
// pms.md §4.2, §8): waiting lists, non-residents, models, offices. A hint for the list of excluded
// units, never a decision.
func PseudoUnit(name string) bool {
	u := strings.ToUpper(strings.TrimSpace(name))
	for _, p := range []string{"WAIT", "XWAIT", "NONRES", "MODEL", "OFFICE", "RETAIL", "DOWN"} {
		if strings.HasPrefix(u, p) {
			return true
		}
	}
	return false
}
