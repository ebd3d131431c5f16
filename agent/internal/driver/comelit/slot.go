package comelit

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SlotsPerUnit is how many slots a unit has for users, 1 to 15 (§3, mark R). Slot 0 is the wall monitor: it is read for
// the unit's name, never listed and never written.
const SlotsPerUnit = 15

// Kind is what a slot is for: field 5 (§3, R).
type Kind int

// The kinds of slot.
const (
	KindNone     Kind = 0
	KindInternal Kind = 1 // a monitor in the apartment
	KindApp      Kind = 2 // an app, by its e-mail
	KindPhone    Kind = 3 // a telephone, by its number
)

// String is the kind as the device's own page names it.
func (k Kind) String() string {
	switch k {
	case KindNone:
		return "none"
	case KindInternal:
		return "internal unit"
	case KindApp:
		return "app"
	case KindPhone:
		return "phone"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Place is where a slot stands: users.cfg's `<map>.<slot>`. That Map is the apartment's index is inferred (§3, I).
type Place struct{ Map, Slot int }

// String is the place as the device spells it.
func (p Place) String() string { return strconv.Itoa(p.Map) + "." + strconv.Itoa(p.Slot) }

// writable says whether the driver may ever write there.
func (p Place) writable() bool { return p.Map >= 0 && p.Slot >= 1 && p.Slot <= SlotsPerUnit }

// parsePlace reads a place in its one spelling.
func parsePlace(s string) (Place, bool) {
	m, n, ok := strings.Cut(s, ".")
	unit, err1 := strconv.Atoi(m)
	slot, err2 := strconv.Atoi(n)
	p := Place{unit, slot}
	return p, ok && err1 == nil && err2 == nil && unit >= 0 && slot >= 0 && p.String() == s
}

// Slot is one row of users.cfg.
type Slot struct {
	Place
	Enabled bool
	Kind    Kind
	Name    string
	Email   string
	Phone   string
	Token   bool // somebody's app can log in; the token itself is not kept
	Code    bool // an activation code waits to be redeemed
	// Unknown are the fields without a known meaning that differ from an empty slot's. No write touches them.
	Unknown []Field
}

// Field is one value of a row as the device wrote it.
type Field struct {
	Number int
	Text   string // without the quotes
}

// Free says whether nobody has the slot: no name, no token, no kind (§3: what two known clients agree on, and for a
// slot that has a contact or a code nobody can say so).
func (s Slot) Free() bool {
	return s.Kind == KindNone && s.Name == "" && s.Email == "" && s.Phone == "" && !s.Token && !s.Code
}

// maxText bounds a text that is written. The device's own bound is unknown (§8): this one is short on purpose.
const maxText = 32

// maxContact bounds an e-mail or a number that is written.
const maxContact = 64

// plain says whether a text may be written: no escaping is known, so no quote and no control character (§3).
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '"' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
}
