package console

import (
	"context"
	"time"

	"gatehouse/protocol/access"
)

// Reader is where the pages' data come from. What one call returns is one consistent picture.
type Reader interface {
	// Properties lists every property at a glance, in the order in which they are shown.
	Properties(ctx context.Context) ([]Overview, error)
	// Property is everything about one property. One that does not exist is fault.Invalid.
	Property(ctx context.Context, id access.PropertyID) (Property, error)
	// Happened is what happened at its doors, the newest first.
	Happened(ctx context.Context, id access.PropertyID, ask HappeningsAsk) (Happenings, error)
}

// Operator does what the pages let people do.
type Operator interface {
	// SyncNow asks for the property's live source to be read and returns when that begins. One
	// without such a source is fault.Unsupported, one that does not exist fault.Invalid.
	SyncNow(ctx context.Context, id access.PropertyID) (time.Time, error)
}

// Overview is one property at a glance.
type Overview struct {
	access.Property
	Units, People, Gateways int
	Conflicts               int     // open ones
	Last                    *Run    // the newest; nil: never imported
	Applied                 *Run    // the newest that was complete and not held: how old the data is; nil: none yet
	Source                  *Source // nil: only files are imported
}

// Source is the live source of a property.
type Source struct {
	Kind    string        // "rentmanager"
	Every   time.Duration // how often it is read
	Next    time.Time     // when it is read next; zero or past: now
	Running bool          // it is being read
}

// Broker is how the cloud stands to the broker through which it reaches gateways.
type Broker struct {
	Connected       bool // it hears what is said to it
	Embedded        bool
	Address         string
	Since           time.Time // of Connected
	Problem, Remedy string    // in words; "": none, or the first attempt is under way
	CertificateEnds time.Time // zero: not known
}

// Run is one import of a property from its source.
type Run struct {
	Source            string // "csv residents.csv"
	Started, Finished time.Time
	Complete          bool     // nothing was missing, so that absence counts
	Evidence          []string // why complete, or why not
	Held              string   // why nothing of it was applied, in words; "": it was applied
	People, Units     int      // read from the source
	Skipped           int      // records that were not taken
	Added             int      // people
	Changed           int
	Removed           int
}

// Property is everything the page shows of one property.
type Property struct {
	Overview  Overview
	Runs      []Run      // the newest first, as many as are worth showing
	Conflicts []Conflict // open ones
	Gateways  []Gateway
	Revoking  []Revocation // open ones, the oldest first
	Happened  []Happening  // at the doors, the newest few; the page asks for them by itself
	People    []Person     // everybody, in the order in which they are shown
}

// Conflict is something in the data that a person must look at.
type Conflict struct {
	Kind      string // "bad_pin"
	Subject   string // what it is about, an id
	Text      string // in words, without secrets
	Remedy    string // what to do
	FirstSeen time.Time
}

// Gateway is one box with what it told last.
type Gateway struct {
	ID                access.GatewayID
	Software          string
	Added             time.Time       // when it was enrolled
	Contact           time.Time       // the last message of it that was verified; zero: never
	Online            bool            // what the broker says; a hint
	Stored, Published access.Position // what it keeps, and the newest there is; revision 0: nothing
	StoredAt          time.Time       // when it said so
	ClockTrusted      bool
	ClockSource       string        // "ntp", "cloud", "held", "none"
	ClockOff          time.Duration // its clock minus ours when it last said hello
	Hello             time.Time     // when that was; zero: never
	Waiting           uint64        // events in its outbox then
	Held              int           // people whose loss of access waits for somebody's word
	Ahead             bool          // its state is newer than ours: the database was restored
	Devices           []Device
	Settings          Settings
	Found             []Found   // open ones first
	Waits             []Waiting // the oldest first
	Replies           []Reply   // the newest first
	CertificateEnds   time.Time // of its client certificate; zero: not known
	Succeeding        time.Time // since when it may take up next keys; zero: there are none
	Revoked           time.Time // zero: it is not
	Acts              []Act     // what was done about it, the newest first
}

// Act is something that was done about a gateway, by people or by keys.
type Act struct {
	At    time.Time // the last time
	What  string    // "revoked"
	Words string    // why, where somebody said so
	Times int       // in a row
}

// Settings is what became of the settings that the property has for its gateways.
type Settings struct {
	Wanted  uint64 // the revision in which they were last changed; 0: there are none
	Known   bool   // the gateway said what holds
	InForce uint64 // the revision whose settings hold there
	Refused uint64 // a later one that it refused; 0: none
	Message string // why, naming the field
}

// Revocation is somebody who may still be on a panel although their access is over.
type Revocation struct {
	Gateway  access.GatewayID
	Device   access.DeviceID
	Person   access.PersonID
	Name     string // "": gone from the roster
	State    State
	Asked    time.Time // when access ended; zero: not known
	Stored   time.Time // when the gateway knew; zero: it has not said
	Written  time.Time // when the panel accepted the removal; zero: not yet
	Attempts int
}

// Device is a panel of the gateway's last inventory.
type Device struct {
	access.Device
	Reachable bool
	Since     time.Time // of Reachable; zero: the gateway has not said
	Message   string
}

// Person is one person, and how far each panel is with them. It has no field for a secret.
type Person struct {
	ID     access.PersonID
	Name   string // "": gone from the roster, only the proof is left
	Kind   access.PersonKind
	Listed string         // as panels' directories show them, "T. Jones - Unit 101"; "" not known
	Units  []string       // names; one that is there twice is shown once
	Grants []access.Grant // as published, by start
	Why    string         // why there is no grant, when there is none; may be ""
	Bare   bool           // they have no PIN and no card that can be used, so nothing opens to them
	Panels []OnPanel      // those that serve a door of a grant, or that said something about them
}

// State is how far somebody's record has come on one panel (row G5).
type State string

// The states.
const (
	Planned   State = "planned"   // in a published revision that the gateway has not stored yet
	Stored    State = "stored"    // the gateway has it and acts on it by itself, not done yet
	Written   State = "written"   // the panel accepted it
	Confirmed State = "confirmed" // and it was read back, see Grade
	Failed    State = "failed"    // the last attempt failed; Fault, Message, NextTry
	Refused   State = "refused"   // it cannot work as it is; Fault, Message
	Held      State = "held"      // kept back until a person agrees
	Removed   State = "removed"   // read back: it is gone
)

// OnPanel is how far one panel is with one person.
type OnPanel struct {
	Gateway   access.GatewayID
	Device    access.DeviceID
	State     State
	Op        access.Op    // what was done last; "": nothing yet
	Grade     access.Grade // of Confirmed
	Written   time.Time    // when the panel accepted the last change; zero: not yet
	Confirmed time.Time    // when that was read back; zero: not yet
	Fault     string       // kind of the last failure
	Message   string       // in words, without names or secrets
	NextTry   time.Time
	Attempts  int
}
