package comelitsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Slots per unit: 0 is the wall monitor, 1 to 15 are for users (§3).
const slotsPerUnit = 16

// Fields of a slot in users.cfg that have a known meaning (§3).
const (
	fieldEnabled = 4 // 1 enabled, 2 disabled
	fieldKind    = 5
	fieldName    = 6
	fieldToken   = 9
	fieldEmail   = 11
	fieldPhone   = 12
	fieldCode    = 18
	firstField   = 4
	lastField    = 22
)

// Kinds of a slot, field 5 (§3).
const (
	kindNone     = "0"
	kindInternal = "1"
	kindApp      = "2"
	kindPhone    = "3"
)

const (
	enabled  = "1"
	disabled = "2"
	maxText  = 64 // longest text a field takes; the real bound is unknown
	nullHex  = "00000000000000000000000000000000"
)

// record is the fields of one slot; below firstField nothing is used.
type record [lastField + 1]string

// integerField says whether a field has type 2; the others are quoted text, type 4 (§3, the empty slot).
func integerField(n int) bool {
	return slices.Contains([]int{4, 5, 7, 8, 13, 15, 16, 19, 21}, n)
}

// emptyRecord is a free slot exactly as a monitor shows it (§3).
func emptyRecord() record {
	var r record
	r[4], r[5], r[7], r[8], r[13], r[15], r[16], r[19], r[21] = disabled, kindNone, "2", "0", "0", "0", "0", "2", "0"
	return r
}

// free is what every client takes for free: no name, no token, no kind.
func (r *record) free() bool {
	return r[fieldName] == "" && r[fieldToken] == "" && r[fieldKind] == kindNone
}

// body is the slot's part of its line in users.cfg.
func (r *record) body() string {
	var b strings.Builder
	for n := firstField; n <= lastField; n++ {
		if integerField(n) {
			fmt.Fprintf(&b, "%d:2:%s ", n, r[n])
		} else {
			fmt.Fprintf(&b, "%d:4:\"%s\" ", n, r[n]) // no escaping rule is known (§3)
		}
	}
	return b.String()
}

// plainText says whether a field can hold s: valid UTF-8 without quotes and control characters, not too long.
func plainText(s string) bool {
	bad := func(r rune) bool { return r < ' ' || r == '"' || r == 0x7f }
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxText && !strings.ContainsFunc(s, bad)
}

// takes says whether the device would store v in field n (assumptions.md: no source lists what it refuses).
func (r *record) takes(n int, v string) bool {
	switch n {
	case fieldEnabled:
		return v == disabled || v == enabled && r[fieldKind] != kindNone
	case fieldKind:
		return slices.Contains([]string{kindNone, kindInternal, kindApp, kindPhone}, v)
	case fieldName, fieldEmail, fieldPhone:
		return plainText(v)
	}
	return false
}

// place is a slot's address in the table: `<map>.<slot>`.
type place struct{ unit, slot int }

func (a place) String() string { return strconv.Itoa(a.unit) + "." + strconv.Itoa(a.slot) }

// parsePlace reads `<map>.<slot>` in its one spelling.
func parsePlace(s string) (place, bool) {
	u, n, ok := strings.Cut(s, ".")
	unit, err1 := strconv.Atoi(u)
	slot, err2 := strconv.Atoi(n)
	a := place{unit, slot}
	return a, ok && err1 == nil && err2 == nil && a.String() == s && unit >= 0 && slot >= 0
}

// Slot is one slot as the control side shows and edits it, secrets in clear: this is a simulator.
type Slot struct {
	Unit int `json:"unit"` // the map index, from 0
	Slot int `json:"slot"`
	// UnitName is what the installer called the apartment. It cannot be edited.
	UnitName string `json:"unit_name,omitempty"`
	Enabled  bool   `json:"enabled"`
	// Kind is none, internal, app or phone.
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
	Token string `json:"token,omitempty"`
	Code  string `json:"code,omitempty"` // a pending activation code
	// OS is what the app told with push-info, empty before; Registered says the slot holds a session on the LAN.
	OS         string `json:"os,omitempty"`
	Registered bool   `json:"registered,omitempty"`
}

func kindNames() []string { return []string{"none", "internal", "app", "phone"} }

// record makes the fields of a hand edit; they are stored as they are.
func (s Slot) record() (record, error) {
	r := emptyRecord()
	kind := slices.Index(kindNames(), s.Kind)
	if s.Kind == "" {
		kind = 0
	}
	if kind < 0 {
		return r, fmt.Errorf("kind is %q; it must be one of %s", s.Kind, strings.Join(kindNames(), ", "))
	}
	for what, v := range map[string]string{"name": s.Name, "email": s.Email, "phone": s.Phone, "code": s.Code} {
		if !plainText(v) {
			return r, fmt.Errorf("%s cannot be stored: no quotes, no control characters, at most %d characters", what, maxText)
		}
	}
	if s.Token != "" && !isToken(s.Token) {
		return r, fmt.Errorf("a token is 32 hexadecimal digits and not all zeros")
	}
	if s.Enabled {
		r[fieldEnabled] = enabled
	}
	r[fieldKind], r[fieldName], r[fieldEmail], r[fieldPhone] = strconv.Itoa(kind), s.Name, s.Email, s.Phone
	r[fieldToken], r[fieldCode] = s.Token, s.Code
	return r, nil
}

// isToken says whether s can log in: 32 hexadecimal digits that are not all zeros (§3, field 9).
func isToken(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdefABCDEF") == "" && s != nullHex
}
