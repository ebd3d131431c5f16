package pms

import (
	"slices"
	"strings"
)

// Phone is a number as a PMS has it.
type Phone struct {
	Kind string // the PMS's word: cell, home, office, fax …; may be empty
	Raw  string
}

// ReadPhones turns numbers into E.164, best first: cell before unnamed before home before the
// rest; fax is left out, repeats are dropped. problems says what was left out and why; it quotes
// the number, which is personal but no secret.
func ReadPhones(in []Phone) (e164, problems []string) {
	sorted := slices.Clone(in)
	slices.SortStableFunc(sorted, func(a, b Phone) int { return rank(a) - rank(b) })
	for _, p := range sorted {
		if rank(p) == rankFax {
			continue
		}
		n, why := ReadPhone(p.Raw)
		switch {
		case why != "":
			problems = append(problems, why)
		case n != "" && !slices.Contains(e164, n):
			e164 = append(e164, n)
		}
	}
	return e164, problems
}

const rankFax = 9

func rank(p Phone) int {
	words := strings.ToLower(p.Kind + " " + p.Raw)
	for i, set := range [][]string{{"cell", "mobile"}, {"home"}, {"work", "office", "business"}} {
		for _, w := range set {
			if strings.Contains(words, w) {
				return []int{0, 2, 3}[i]
			}
		}
	}
	if strings.Contains(words, "fax") {
		return rankFax
	}
	return 1
}

// SplitPhones parts a field that may hold several numbers ("a / b", "a; b", "a or b").
func SplitPhones(field string) []Phone {
	var out []Phone
	field = strings.NewReplacer(" or ", ";", "/", ";", ",", ";", "\n", ";", "|", ";").Replace(field)
	for s := range strings.SplitSeq(field, ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, Phone{Raw: s})
		}
	}
	return out
}

// ReadPhone normalises one number by reference pms.md §8: digits only, the leading 1 of eleven
// dropped, the North American plan required, "+1NXXNXXXXXX" returned. A number that starts with
// "+" and another country's code is taken as written. A blank or a bare mask gives "" and no
// problem.
func ReadPhone(raw string) (e164, problem string) {
	s := strings.TrimSpace(raw)
	body := beforeExtension(strings.ToLower(s))
	d := digits(body)
	switch {
	case d == "":
		return "", ""
	case strings.HasPrefix(body, "+") && d[0] != '1':
		return international(s, d)
	case len(d) == 11 && d[0] == '1':
		d = d[1:]
	}
	switch {
	case len(d) == 7:
		return "", "phone " + quote(s) + ": no area code"
	case len(d) != 10:
		return "", "phone " + quote(s) + ": not ten digits"
	case dummy(d):
		return "", "phone " + quote(s) + ": a filler, not a number"
	case !northAmerican(d):
		return "", "phone " + quote(s) + ": no such area code or exchange"
	}
	return "+1" + d, ""
}

func international(s, d string) (e164, problem string) {
	if len(d) < 8 || len(d) > 15 || d[0] == '0' {
		return "", "phone " + quote(s) + ": not an international number"
	}
	return "+" + d, ""
}

// beforeExtension cuts "x12", "ext 12" and the like: a text message cannot dial them.
func beforeExtension(s string) string {
	for _, mark := range []string{"ext", "x", "#"} {
		if i := strings.Index(s, mark); i > 0 {
			s = s[:i]
		}
	}
	return s
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func dummy(d string) bool {
	return strings.Count(d, d[:1]) == len(d) || d == "1234567890" || d == "0123456789"
}

// northAmerican wants NXX-NXX. Area code 555 belongs to nobody; its numbers 555-01x are what
// samples and documents use, so they pass whole.
func northAmerican(d string) bool {
	if strings.HasPrefix(d, "55501") {
		return true
	}
	return d[0] >= '2' && d[3] >= '2'
}

// quote shows a value of a file in a message, shortened.
func quote(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return `"` + s + `"`
}
