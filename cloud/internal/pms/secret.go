package pms

import (
	"encoding/json"
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/rules"
)

// Held is a PIN or a card as the PMS has it: usable, absent, or there but held back with a reason.
// A held value is not carried along, so nobody can use it by accident. In JSON it is a boolean:
// whether there is a usable one.
type Held struct {
	Secret access.Secret // none when absent or held
	Hold   string        // why the value is not used, for staff; never repeats it; "" otherwise
}

// Has reports whether there is a usable value.
func (h Held) Has() bool { return !h.Secret.IsZero() }

// MarshalJSON writes true or false, never the value.
func (h Held) MarshalJSON() ([]byte, error) { return json.Marshal(h.Has()) }

// Column is what is known about the PMS field that PINs or cards come from. Fields of numeric
// type lose leading zeros and gain separators and decimals (row A3, reference pms.md §8); what
// this package undoes is only what provably changed nothing.
type Column struct {
	Digits int // length the property gives every value, as a setting; 0 unknown
	Usual  int // length UsualLength found; 0 none
	// Rule is what the property asks of a PIN; the zero rule means rules.DefaultPIN (row A4).
	Rule rules.PINRule
}

// UsualLength looks at a whole column for signs that leading zeros were lost: at least twenty
// values of digits only, none of which starts with a zero, and four in five of one length. It
// returns that length, so that a shorter value is held and looked at; 0 means no suspicion.
func UsualLength(values []string) int {
	const enough, share = 20, 0.8
	n, byLen := 0, map[int]int{}
	for _, v := range values {
		v = unmark(v)
		if v == "" || digits(v) != v {
			continue
		}
		if v[0] == '0' {
			return 0 // this column keeps its zeros
		}
		n++
		byLen[len(v)]++
	}
	for length, count := range byLen {
		if n >= enough && float64(count) >= share*float64(n) {
			return length
		}
	}
	return 0
}

// PIN reads a PIN field. A blank is absent. Blanks around it and a spreadsheet's text mark ('0482,
// ="0482") are taken off; everything a number format did is held unless the stated length proves
// that no digit is missing. The rest is the rule's business (row A4).
func (c Column) PIN(raw string) Held {
	s := unmark(raw)
	if s == "" {
		return Held{}
	}
	d, formatted := unformat(s)
	switch {
	case powerOfTen(s):
		return held("the PMS wrote it as a power of ten: digits are lost. " + remedyText)
	case formatted && (c.Digits == 0 || len(d) != c.Digits):
		return held("it went through a number format (decimals or separators), so leading zeros may be lost. " + remedyText)
	case c.short(d):
		return held("it is shorter than this property's other values: leading zeros were probably lost. " + remedyText)
	}
	pin := access.NewSecret(d)
	if err := rules.CheckPIN(pin, c.rule()); err != nil {
		return held(words(err))
	}
	return Held{Secret: pin}
}

// Card reads a card field: hex of any case, with blanks, colons or hyphens (row A5).
func (c Column) Card(raw string) Held {
	s := unmark(raw)
	if s == "" {
		return Held{}
	}
	d, formatted := unformat(s)
	switch {
	case powerOfTen(s), formatted:
		return held("it went through a number format: its characters may have changed. " + remedyText)
	case digits(d) == d && c.short(d):
		return held("it is shorter than this property's other values: leading zeros were probably lost. " + remedyText)
	}
	card, err := rules.NormalizeCard(s)
	if err != nil {
		return held(words(err))
	}
	return Held{Secret: card}
}

func (c Column) rule() rules.PINRule {
	if c.Rule == (rules.PINRule{}) {
		return rules.DefaultPIN
	}
	return c.Rule
}

const remedyText = "Make the field a text field in the PMS and enter the value again."

func held(why string) Held { return Held{Hold: why} }

func (c Column) short(d string) bool {
	if c.Digits > 0 {
		return len(d) < c.Digits
	}
	return len(d) < c.Usual
}

// unmark takes off blanks and the two ways a spreadsheet is told that something is text.
func unmark(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\u00a0", " "))
	if in, ok := strings.CutPrefix(s, `="`); ok && strings.HasSuffix(in, `"`) {
		return strings.TrimSuffix(in, `"`)
	}
	return strings.TrimPrefix(s, "'")
}

// unformat undoes a number format: zero decimals, and separators that stand every three digits.
// formatted is false, and s returned whole, when s is not such a number.
func unformat(s string) (d string, formatted bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	groups := strings.Split(whole, ",")
	for i, g := range groups {
		if g == "" || digits(g) != g || i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return s, false
		}
	}
	if strings.Trim(decimals, "0") != "" {
		return s, false
	}
	d = strings.Join(groups, "")
	return d, d != s
}

// powerOfTen spots 4.8213E+04. A plain 48E5 is a fine card number and stays.
func powerOfTen(s string) bool {
	m, e, ok := strings.Cut(strings.ToUpper(s), "E")
	return ok && (strings.Contains(m, ".") || strings.HasPrefix(e, "+")) && digits(m) != "" && digits(e) != ""
}
