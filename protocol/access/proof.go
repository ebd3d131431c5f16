package access

import "time"

// Proof is one removal of one person from one device, from the moment it was due to the moment it
// was seen to be done (row G1). It holds ids only.
type Proof struct {
	Device   DeviceID  `json:"device"`
	Person   PersonID  `json:"person"`
	Cause    EndReason `json:"cause,omitempty"` // "" when the state says no more than that it is over
	Why      string    `json:"why"`
	Revision uint64    `json:"revision,omitempty"` // the wanted state acted on
	Asked    time.Time `json:"asked"`              // when access ended, or when the cloud said so
	Stored   time.Time `json:"stored,omitzero"`    // when the box knew
	Written  time.Time `json:"written,omitzero"`   // when the device accepted the removal
	// Confirmed is when it was read back with Grade; zero while it is open.
	Confirmed time.Time `json:"confirmed,omitzero"`
	Grade     Grade     `json:"grade,omitempty"`
	Attempts  int       `json:"attempts,omitempty"`
	Fault     string    `json:"fault,omitempty"` // of the last attempt
	Message   string    `json:"message,omitempty"`
	Number    uint64    `json:"event,omitempty"` // of the event that confirmed it
}

// Open reports whether the device may still let the person in.
func (p Proof) Open() bool { return p.Confirmed.IsZero() }

// HoldCause is why a loss of access waits for a person.
type HoldCause string

// The causes.
const (
	HoldBrake HoldCause = "brake" // too many at once
	HoldEpoch HoldCause = "epoch" // the cloud was restored from a backup
	HoldBack  HoldCause = "back"  // likewise, and it gives access back to somebody who was revoked
)

// Hold keeps one person's access as it was until somebody at the cloud agrees to a revision that is
// not older (State.Meant), or revokes them by name.
type Hold struct {
	Person PersonID  `json:"person"`
	Cause  HoldCause `json:"cause"`
	At     Position  `json:"at"` // the revision that would take access away, or give it back
	Since  time.Time `json:"since"`
	Grants []GrantID `json:"grants,omitempty"` // of HoldBack: what waits; none: everything
}

// HoldNote is what an event tells of holds. One event names at most MostHeld people.
type HoldNote struct {
	People []PersonID `json:"people"`
	Cause  HoldCause  `json:"cause,omitempty"`
	At     Position   `json:"at,omitzero"`
	Gone   bool       `json:"gone,omitempty"` // they wait no longer
}

// MostHeld is how many people one HoldNote names, so that an event stays small.
const MostHeld = 500

// DriftKind says how a row on a device is not as it should be (row G4).
type DriftKind string

// The kinds of drift.
const (
	DriftGhost    DriftKind = "ghost"    // our reference, unknown to the ledger and wanted by nobody
	DriftStranger DriftKind = "stranger" // no reference of ours
	DriftEdit     DriftKind = "edit"     // a row of ours that somebody changed
	DriftMissing  DriftKind = "missing"  // a row of ours that somebody took away
)

// Drift is one such row as it was last seen. It never holds a secret.
type Drift struct {
	Device DeviceID  `json:"device"`
	Kind   DriftKind `json:"kind"`
	Person PersonID  `json:"person,omitempty"` // of whom it is, or claims to be
	Native string    `json:"native,omitempty"` // the device's own row id
	Name   string    `json:"name,omitempty"`   // as the device shows it; stays at the gateway
	What   string    `json:"what"`             // in words: "the name differs"
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Ignore string    `json:"ignore,omitempty"` // why a person let it be; "" it is open

	// Entry names the row to people: which one, a dash, and what it shows. Once the row shows something
	// else the same row has another name, so that nobody decides about what they did not see.
	Entry string `json:"entry,omitempty"`
	Told  bool   `json:"told,omitempty"` // the cloud has it, by this name
	// Act is what a person decided and is not done yet; "" nothing, also where Ignore is set.
	Act    DriftAct `json:"act,omitempty"`
	To     PersonID `json:"to,omitempty"`     // of an adoption: whose row it is to be
	Reason string   `json:"reason,omitempty"` // of Act, in words
}

// DriftAct is what a person wants done about one such row.
type DriftAct string

// The acts.
const (
	DriftTake   DriftAct = "adopt"  // it is taken to belong to a person whom somebody names
	DriftRemove DriftAct = "remove" // it is deleted from the device
	DriftKeep   DriftAct = "keep"   // it is left alone until it shows something else
)

// DriftNote is what a drift event tells of one row, enough for the cloud to list it. Without Entry it
// only counts the rows of the device that are not told one by one.
type DriftNote struct {
	Entry  string    `json:"entry,omitempty"`
	Native string    `json:"native,omitempty"`
	First  time.Time `json:"first,omitzero"`
	Act    DriftAct  `json:"act,omitempty"` // what is decided; of a row that is gone, how it went
	To     PersonID  `json:"to,omitempty"`
	Reason string    `json:"reason,omitempty"` // in the words of who decided, shown to staff
	Gone   bool      `json:"gone,omitempty"`   // it is not astray any more
	More   int       `json:"more,omitempty"`   // without Entry: how many
}
