package pms

import (
	"encoding/json"
	"time"
)

// Snapshot is what one pull or one file said, as the contract of the command line prints it.
// Only a complete one can show that somebody is gone; an explicit "past" or a date acts from any
// record that could be read (DESIGN §1.4). Refs are the PMS's own ids, unique within a property.
type Snapshot struct {
	OK         bool        `json:"ok"`       // the source could be read at all
	Complete   bool        `json:"complete"` // nothing is missing, and the evidence proves it
	Evidence   []string    `json:"evidence"` // in words, why complete or why not; never a secret
	Properties []Property  `json:"properties"`
	Units      []Unit      `json:"units"`
	People     []Person    `json:"people"`
	Leases     []Lease     `json:"leases"`
	WorkOrders []WorkOrder `json:"work_orders"`
	Skipped    []Skipped   `json:"skipped"` // what was not taken, and why
	Calls      int         `json:"calls"`   // requests spent on the PMS; 0 for a file
}

// Property is one site of the PMS.
type Property struct {
	Ref  string `json:"ref"`
	Name string `json:"name"`
	Zone string `json:"zone"` // IANA name; "" when the source does not know
}

// Unit is an apartment or space. Leading zeros of a name count: 01, 0101 and 101 are three units.
type Unit struct {
	Ref      string `json:"ref"`
	Property string `json:"property"`
	Building string `json:"building"` // "" when the source has none
	Name     string `json:"name"`
	Pseudo   bool   `json:"pseudo,omitempty"` // looks like bookkeeping (WAIT, MODEL), not a home
}

// Person is one person in one lease: somebody with two leases appears twice with the same Ref.
// The secrets are for policy alone; in JSON they are booleans.
type Person struct {
	Ref        string     `json:"ref"`
	Lease      string     `json:"lease"`
	Property   string     `json:"property"`
	Unit       string     `json:"unit"`
	First      string     `json:"first"`
	Last       string     `json:"last"`
	Company    string     `json:"company"`
	Email      string     `json:"email"` // as given, trimmed, domain in lower case
	EmailClass EmailClass `json:"email_class"`
	Phones     []string   `json:"phones"`   // E.164, best first
	Type       Type       `json:"type"`     // "" for a label we do not know
	RawType    string     `json:"raw_type"` // verbatim
	Primary    bool       `json:"primary"`
	PIN        Held       `json:"pin"`
	Card       Held       `json:"card"`
	Flags      []Flag     `json:"flags,omitempty"` // what somebody should look at
	Own        *Stay      `json:"own,omitempty"`   // replaces the lease's Stay when it differs for this person
}

// MarshalJSON adds why a PIN or card is held (pin_hold, card_hold) and keeps phones a list.
func (p Person) MarshalJSON() ([]byte, error) {
	type plain Person
	p.Phones = list(p.Phones)
	return json.Marshal(struct {
		plain
		PINHold  string `json:"pin_hold,omitempty"`
		CardHold string `json:"card_hold,omitempty"`
	}{plain(p), p.PIN.Hold, p.Card.Hold})
}

// Stay is what bounds a person's time in a unit. Dates are civil, absent when zero; the times are
// hours agreed for this lease, absent where the property's own hours count.
type Stay struct {
	Status      Status    `json:"status"`     // "" for a label we do not know: keep the last known state
	RawStatus   string    `json:"raw_status"` // verbatim
	MoveIn      Date      `json:"move_in,omitzero"`
	MoveOut     Date      `json:"move_out,omitzero"`
	MoveInTime  TimeOfDay `json:"move_in_time,omitzero"`
	MoveOutTime TimeOfDay `json:"move_out_time,omitzero"`
}

// Lease is a household's claim on a unit.
type Lease struct {
	Ref      string `json:"ref"`
	Property string `json:"property"`
	Unit     string `json:"unit"`
	Stay
	LeaseStart   Date `json:"lease_start,omitzero"`
	LeaseEnd     Date `json:"lease_end,omitzero"`
	Notice       Date `json:"notice,omitzero"` // the day notice was given; they still live there
	MonthToMonth bool `json:"month_to_month"`
}

// StayOf is what bounds p's time under l: p's own words where they differ from the lease's.
func (l Lease) StayOf(p Person) Stay {
	if p.Own != nil {
		return *p.Own
	}
	return l.Stay
}

// WorkOrder is a maintenance request. Status and priority are the PMS's words.
type WorkOrder struct {
	Ref         string    `json:"ref"`
	Number      string    `json:"number"`
	Property    string    `json:"property"`
	Unit        string    `json:"unit"`
	Person      string    `json:"person"`
	ManagedBy   string    `json:"managed_by"`
	Status      string    `json:"status"`
	Priority    string    `json:"priority"`
	Category    string    `json:"category"`
	Description string    `json:"description"`
	Created     time.Time `json:"created,omitzero"`
	Modified    time.Time `json:"modified,omitzero"`
	Completed   time.Time `json:"completed,omitzero"`
}

// Skipped is one thing that was not taken, or taken only in part. Reason never holds a secret.
type Skipped struct {
	What   string `json:"what"` // "line", "person", "status", "pin", "card", "date", …
	Ref    string `json:"ref"`
	Reason string `json:"reason"`
	Line   int    `json:"line,omitempty"` // of a file, from 1; 0 elsewhere
}

// SkippedProperty is what Skipped calls a property that the account may see and nobody chose: an
// offer (row A1).
const SkippedProperty = "property"

// SkippedField is what Skipped calls a property (Ref) whose PINs or cards cannot be read as it is set up: no field of the
// PMS is named for them, or one that is not there.
const SkippedField = "field"

// SkippedFile is what Skipped calls a vendor's file that changed and cannot be used.
const SkippedFile = "file"

// Skip adds to the report of things not taken.
func (s *Snapshot) Skip(line int, what, ref, reason string) {
	s.Skipped = append(s.Skipped, Skipped{What: what, Ref: ref, Reason: reason, Line: line})
}

// Because adds a line of evidence.
func (s *Snapshot) Because(words string) { s.Evidence = append(s.Evidence, words) }

// Incomplete says why absence must not be read from this snapshot. It cannot be taken back.
func (s *Snapshot) Incomplete(words string) {
	s.Complete = false
	s.Because(words)
}

// MarshalJSON keeps the contract's lists lists: an empty one is [], never null.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	type plain Snapshot
	p := plain(s)
	p.Evidence, p.Skipped = list(p.Evidence), list(p.Skipped)
	p.Properties, p.Units = list(p.Properties), list(p.Units)
	p.Leases, p.WorkOrders, p.People = list(p.Leases), list(p.WorkOrders), list(p.People)
	return json.Marshal(p)
}

func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
