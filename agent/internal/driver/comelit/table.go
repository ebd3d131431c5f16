package comelit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Numbers of fields with a known meaning (§3, R).
const (
	fieldEnabled = 4 // 1 enabled, 2 disabled
	fieldKind    = 5
	fieldName    = 6
	fieldToken   = 9
	fieldEmail   = 11
	fieldPhone   = 12
	fieldCode    = 18
)

const (
	usersPrefix      = "mspUsersMap."
	apartmentsPrefix = "mspApartmentsMap."
	maxSlots         = 64_000 // 4,000 units; more than any gateway is said to hold
	maxFields        = 64
	nullToken        = "00000000000000000000000000000000" // stands for none (§3)
)

// emptyValue is what a field of an empty slot holds (§3, the empty slot, R).
func emptyValue(n int) string {
	switch n {
	case 4, 7, 19:
		return "2"
	case 5, 8, 13, 15, 16, 21:
		return "0"
	}
	return ""
}

// parseUsers reads users.cfg. Lines with other names are passed over: a newer firmware may have more. A line of ours
// that cannot be read is an error, because a slot that is missed looks free.
func parseUsers(text []byte) ([]Slot, error) {
	var out []Slot
	seen := map[Place]bool{}
	for line := range bytes.Lines(text) {
		name, rest, ok := cutLine(line)
		at, is := strings.CutPrefix(name, usersPrefix)
		p, isPlace := parsePlace(at)
		if !is || !ok || !isPlace {
			if is && !strings.HasSuffix(name, ".size") {
				return nil, fmt.Errorf("users.cfg: the line of %q is no slot's", tidy(name))
			}
			continue
		}
		s, err := parseSlot(p, rest)
		switch {
		case err != nil:
			return nil, fmt.Errorf("users.cfg: slot %s: %w", p, err)
		case seen[p]:
			return nil, fmt.Errorf("users.cfg: slot %s stands there twice", p)
		case len(out) >= maxSlots:
			return nil, fmt.Errorf("users.cfg: more than %d slots", maxSlots)
		}
		seen[p] = true
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, errors.New("users.cfg holds no slot")
	}
	return out, nil
}

// cutLine parts a line at its equals sign.
func cutLine(line []byte) (name, rest string, ok bool) {
	n, r, ok := strings.Cut(string(line), "=")
	return strings.TrimSpace(n), strings.TrimSpace(r), ok
}

func parseSlot(p Place, rest string) (Slot, error) {
	fields, err := parseFields(rest)
	if err != nil {
		return Slot{}, err
	}
	s := Slot{Place: p}
	seenKind := false
	for _, f := range fields {
		switch f.Number {
		case fieldEnabled:
			s.Enabled = f.Text == "1"
		case fieldKind:
			k, err := strconv.Atoi(f.Text)
			if err != nil {
				return s, errors.New("its kind is no number")
			}
			s.Kind, seenKind = Kind(k), true
		case fieldName:
			s.Name = f.Text
		case fieldToken:
			s.Token = f.Text != "" && f.Text != nullToken
		case fieldEmail:
			s.Email = f.Text
		case fieldPhone:
			s.Phone = f.Text
		case fieldCode:
			s.Code = f.Text != ""
		default:
			if f.Text != emptyValue(f.Number) {
				s.Unknown = append(s.Unknown, f)
			}
		}
	}
	if !seenKind {
		return s, errors.New("it has no kind")
	}
	return s, nil
}

// parseFields reads `<field>:<type>:<value> …`; type 2 is an integer, 4 a quoted text (§3, R). No escaping is known: a
// text ends at the next quote that a blank or the end of the line follows. Bytes that are not UTF-8 and control
// characters are kept as they are in texts: what is compared must be what is there.
func parseFields(s string) ([]Field, error) {
	var out []Field
	for s != "" {
		if len(out) == maxFields {
			return nil, fmt.Errorf("more than %d fields", maxFields)
		}
		number, rest, ok1 := strings.Cut(s, ":")
		kind, rest, ok2 := strings.Cut(rest, ":")
		n, err := strconv.Atoi(number)
		if !ok1 || !ok2 || err != nil || n < 0 {
			return nil, fmt.Errorf("field %d is not of the form number:type:value", len(out)+1)
		}
		value, rest, ok := cutValue(kind, rest)
		if !ok {
			return nil, fmt.Errorf("the value of field %d does not end", n)
		}
		out, s = append(out, Field{n, value}), strings.TrimLeft(rest, " \t\r")
	}
	return out, nil
}

func cutValue(kind, s string) (value, rest string, ok bool) {
	if kind != "4" || !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, " ")
		return value, rest, true
	}
	s = s[1:]
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '"')
		if i < 0 {
			return "", "", false
		}
		if i += from; i+1 == len(s) || s[i+1] == ' ' {
			return s[:i], s[i+1:], true
		}
		from = i + 1
	}
}

// parseApartments reads apartments.cfg: the ViP address of each map index (§3, synthetic fixture). What cannot be read
// is left out: an address is only one of the names by which a unit is found.
func parseApartments(text []byte) map[int]string {
	out := map[int]string{}
	for line := range bytes.Lines(text) {
		name, rest, ok := cutLine(line)
		at, is := strings.CutPrefix(name, apartmentsPrefix)
		n, err := strconv.Atoi(at)
		if !ok || !is || err != nil || n < 0 || len(out) >= maxSlots {
			continue
		}
		fields, err := parseFields(rest)
		for _, f := range fields {
			if err == nil && f.Number == 2 && f.Text != "" {
				out[n] = f.Text
			}
		}
	}
	return out
}

// tidy makes a device's text fit for a message.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:60]) + "…"
	}
	return s
}
