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
)

// Hold keeps one person's access as it was until somebody at the cloud agrees to a revision that is
// not older (State.Meant), or revokes them by name.
type Hold struct {
	Person PersonID  `json:"person"`
	Cause  HoldCause `json:"cause"`
	At     Position  `json:"at"` // the revision that would take access away
	Since  time.Time `json:"since"`
}

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
}
