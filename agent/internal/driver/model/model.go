// Package model is what the planner and the drivers say to each other: a device's rows, its
// limits, and the steps that change it, without any vendor's words.
//
// It stands apart from package driver so that the pure planner need not import a package that
// talks to devices. It imports only access; no cloud package may import it.
package model

import (
	"cmp"
	"slices"
	"time"

	"gatehouse/protocol/access"
)

// RefPrefix begins every reference of ours on a device. A row whose reference begins otherwise is
// never ours, whatever its name says.
const RefPrefix = "GH"

// Ref is our correlation key on a device (Akuvox: UserID), derived from the person's id.
type Ref string

// RefOf is the reference under which a person stands on every device.
func RefOf(p access.PersonID) Ref { return Ref(RefPrefix + string(p)) }

// Ours says whether the reference has our form. It is necessary, not sufficient: the ledger knows
// what we really wrote.
func (r Ref) Ours() bool {
	return len(r) > len(RefPrefix) && r[:len(RefPrefix)] == RefPrefix
}

// Record is one person's row on a device, as wanted or as read.
type Record struct {
	Ref    Ref             // "" on a row that carries no reference at all
	Native string          // the device's own row id; "" on a wanted record
	Name   string          // as the directory shows it
	PIN    access.Secret   // zero: none
	Cards  []access.Secret // upper-case hex
	Relays []string        // relays it opens, "A", sorted
	// Schedules limits all of Relays to the hours of these weekly schedules, taken together; empty: at
	// any time. A driver finds their windows in access.Places and writes them to the device, whose own
	// clock then opens and shuts: nobody is added and removed all day.
	Schedules []access.ScheduleID // sorted

	// Of devices that call people (Limits.Slots): the unit by its name, and how its app and its telephone
	// are reached; "" where the person has none there.
	Unit  string
	Email string
	Phone string
	// Apartment is the unit's bell on the device, its address or "#3"; "": the device finds it by Unit's name.
	Apartment string
	// Slots is how many apps and telephones the unit may have there, everybody's together; 0: as many as the device has. It
	// is not compared.
	Slots int
	// Aliases are longer forms of Name, to be shown instead, the first that is free, where somebody else
	// of the unit has Name already. They are not compared: a driver reports Name for the one it took.
	Aliases []string

	// On records that were read:
	ReadOnly bool // the vendor's cloud owns the row: never touched
	Hidden   bool // the device did not show the secrets: only presence can be confirmed
	Unproven bool // the device accepted the row and has no way left to show it
}

// Same reports whether two rows give the same access under the same name. Native, ReadOnly, Hidden,
// Unproven and Aliases do not count, nor does the order of cards, relays and schedules.
func (r Record) Same(o Record) bool {
	return r.Ref == o.Ref && r.Name == o.Name && r.Unit == o.Unit && r.Apartment == o.Apartment && r.Email == o.Email && r.Phone == o.Phone && r.PIN.Equal(o.PIN) &&
		sameSet(cards(r.Cards), cards(o.Cards)) && sameSet(r.Relays, o.Relays) && sameSet(r.Schedules, o.Schedules)
}

func cards(cs []access.Secret) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.Reveal()
	}
	return out
}

func sameSet[T cmp.Ordered](a, b []T) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// Step is one mutating request to a device. It says why, because the same value is applied,
// printed by the dry run, shown to staff and stored with its outcome.
type Step struct {
	Op     access.Op
	Person access.PersonID
	Ref    Ref
	Native string // the row to change or remove, as just read
	Record Record // the whole record to write; zero for a removal
	Why    string

	// Of a removal: why and when access ended. Both are empty when the state just no longer has it, or
	// when only a double goes.
	Cause access.EndReason
	Asked time.Time
}

// Identity is what a device says it is.
type Identity struct {
	Model    string `json:"model"`
	Firmware string `json:"firmware"`
	MAC      string `json:"mac"`
}

// Limits is what a device can hold, so that a plan can refuse before the wire.
type Limits struct {
	People      int          `json:"people,omitempty"` // rows in all; 0 unknown
	PINDigitMin int          `json:"pin_digits_min,omitempty"`
	PINDigitMax int          `json:"pin_digits_max,omitempty"`
	PINNoFirst  string       `json:"pin_not_starting_with,omitempty"` // digits a PIN may not start with
	PINs        int          `json:"pins_per_person"`
	Cards       int          `json:"cards_per_person"`
	CardChars   int          `json:"card_characters,omitempty"` // hex characters at most; 0 unknown
	NameChars   int          `json:"name_characters,omitempty"` // 0 unknown
	Relays      []string     `json:"relays,omitempty"`          // "A", "B"; empty unknown
	Schedules   int          `json:"schedules,omitempty"`       // weekly schedules one row can name; 0: the device keeps none
	Holidays    bool         `json:"holidays,omitempty"`        // it keeps dates on which a schedule is shut
	Mobile      bool         `json:"mobile"`                    // can hold app slots
	Slots       int          `json:"slots_per_unit,omitempty"`  // apps and telephones it calls for one unit; 0: it calls nobody
	Buttons     int          `json:"buttons,omitempty"`         // named buttons, one for each person; 0: it has a directory that is searched
	Lookup      bool         `json:"lookup"`                    // Read costs the same for every size of panel
	Grade       access.Grade `json:"confirms"`                  // the best grade read-back can give
}
