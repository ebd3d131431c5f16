// Package model is what the cloud knows about people beyond what a gateway needs: who owns a
// record, what the PMS calls it, the leases that put somebody into a unit, and the settings of a
// property that turn leases into access.
//
// It is plain data between package people (which derives it from a PMS), package policy (which
// decides by it) and the store. It imports access and pms only; agent code never sees it.
package model

import (
	"strings"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// Date is a civil day of the property, under a name that policy may use: it does not see pms.
type Date = pms.Date

// Type is what somebody is to a lease, as pms reads it.
type Type = pms.Type

// Origin says who owns a record (row S10): "X" is entered by hand, else the PMS's two letters.
type Origin string

// The origins.
const (
	ByHand       Origin = "X"
	Entrata      Origin = "EN"
	Yardi        Origin = "YA"
	RentManager  Origin = "RM"
	Propertyware Origin = "PW"
	RealPage     Origin = "RP"
	OtherCSV     Origin = "CS"
)

// Property is a property with its settings.
type Property struct {
	access.Property
	Origin   Origin
	Ref      string // the PMS's own id or name for it
	Settings Settings
}

// Trigger is when access begins.
type Trigger string

// The triggers; exactly one a property (row A7).
const (
	BeginMoveIn     Trigger = "move_in"
	BeginLeaseStart Trigger = "lease_start"
)

// Settings is a property's policy. Start from DefaultSettings.
type Settings struct {
	Begin       Trigger  // what access begins with
	EndMoveOut  bool     // a move-out date ends access
	EndLeaseEnd bool     // a lease end ends access (never of a month-to-month lease)
	EndStatus   bool     // status past ends access when it is seen
	MoveInTime  string   // "HH:MM" in the property's zone, when a begin date begins
	MoveOutTime string   // "HH:MM", when an end date ends
	Types       []string // raw or mapped types that get access, lower case; empty: every type
	Mobile      bool     // who gets access gets mobile access with it, where an app or a telephone reaches them (row S18)
	Names       string   // form of names in panels' directories (rules.Naming); "" the default
}

// Allows says whether somebody's type may have access (row A2). A type stands in the list as the
// PMS writes it, as we read it ("occupant"), or as "primary" for the head of a household. Unknown
// and blank types are not in any list. Who was entered by hand was let in by staff.
func (s Settings) Allows(p Person) bool {
	if len(s.Types) == 0 || p.Origin == ByHand {
		return true
	}
	for _, t := range s.Types {
		t = strings.ToLower(strings.TrimSpace(t))
		if t != "" && (t == strings.ToLower(strings.TrimSpace(p.RawType)) || t == string(p.Type) || t == "primary" && p.Primary) {
			return true
		}
	}
	return false
}

// DefaultSettings is what a new property starts with: in at 15:00 on the move-in date, out at
// 11:00 on the move-out date or when the PMS says past, whichever is first; residents and
// occupants get access, guarantors and unknown types do not (row A2).
func DefaultSettings() Settings {
	return Settings{
		Begin: BeginMoveIn, EndMoveOut: true, EndStatus: true, MoveInTime: "15:00", MoveOutTime: "11:00",
		Types: []string{string(pms.TypeResident), string(pms.TypeOccupant)},
	}
}

// Unit is a unit with the PMS's name for it.
type Unit struct {
	access.Unit
	Ref string
}

// Person is somebody with origin, and with what the PMS says about them verbatim.
type Person struct {
	access.Person
	Origin     Origin
	Ref        string // the PMS's id; "" for X
	Type       Type   // RawType as we read it; "" for a label we do not know
	RawType    string
	EmailClass string
	Primary    bool
	PIN        access.Secret // as the PMS gave it, checked by policy; zero: none
	Card       access.Secret
	OwnPIN     bool     // PIN was given here, not by the PMS: a blank there does not clear it
	OwnCard    bool     // the same of Card
	Held       []string // credentials that cannot be used as given, in words without the secret
}

// OnStaff says whether somebody was entered here as a member of staff: no PMS knows of them, they live nowhere, and what
// they may do at a gateway is in May.
func (p Person) OnStaff() bool { return p.Origin == ByHand && p.Kind == access.Staff }

// Name is what staff call somebody: "Anna Lopez", a company, or "somebody without a name".
func (p Person) Name() string {
	switch n := strings.TrimSpace(p.First + " " + p.Last); {
	case n != "":
		return n
	case p.Company != "":
		return p.Company
	default:
		return "somebody without a name"
	}
}

// Lease is why somebody lives in a unit: one residency of one person, as the PMS has it. Dates are
// civil days of the property; absent ones are zero.
type Lease struct {
	ID           access.ResidencyID
	Person       access.PersonID
	Unit         access.UnitID
	Ref          string
	Status       string // "future", "current", "past", "none"; "" unknown: the last known holds
	RawStatus    string
	MoveIn       Date
	MoveOut      Date
	LeaseStart   Date
	LeaseEnd     Date
	MoveInTime   string // "HH:MM" agreed for this lease; "": the property's
	MoveOutTime  string
	Notice       Date
	MonthToMonth bool
	Missing      int       // complete snapshots in a row that did not have it
	MissingIn    string    // the last pull that counted for Missing: the same one counts once
	PastSeen     time.Time // when status past was first seen; zero: not past
}

// Roster is everybody of one property: what people derives and policy decides on.
type Roster struct {
	Property  Property
	Buildings []access.Building
	Units     []Unit
	Doors     []access.Door
	Groups    []access.Group
	People    []Person
	Leases    []Lease
}

// The steps that find conflicts.
const (
	FoundByPeople = "people"
	FoundByPolicy = "policy"

	FoundByGateway = "gateway" // follows from what a gateway told
)

// Conflict is something that a person must look at (row S14). It is identified by Property, Kind
// and Subject. It closes itself when the next run of the step that found it does not find it
// again; a run of the other step says nothing about it.
type Conflict struct {
	Property access.PropertyID
	Kind     string // "bad_pin", "duplicate_pin", "bad_card", "unknown_status", "missing", …
	Subject  string // what it is about: a person id, a residency id, a unit id, a line
	Text     string // in words, without secrets
	Remedy   string // what to do
	FoundBy  string // FoundByPeople, FoundByPolicy or FoundByGateway
}
