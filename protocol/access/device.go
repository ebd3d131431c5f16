package access

import "time"

// Device is a panel or encoder as its gateway reports it up. Owned by the agent.
type Device struct {
	ID       DeviceID          `json:"id"`
	Kind     string            `json:"kind"` // driver kind, "akuvox"
	Name     string            `json:"name,omitempty"`
	Model    string            `json:"model,omitempty"`
	Firmware string            `json:"firmware,omitempty"`
	Doors    map[DoorID]string `json:"doors"` // the relay that opens each door, "A"
	Features []string          `json:"features,omitempty"`
	People   int               `json:"people,omitempty"` // how many people it can hold; 0 unknown

	// How it is reached, so that another box can take its place without pairing anew (row G15).
	// Never its password.
	URL    string `json:"url,omitempty"`
	Host   string `json:"host,omitempty"`
	User   string `json:"user,omitempty"`
	TLSPin string `json:"tls_pin,omitempty"`
	Pace   Span   `json:"pace,omitzero"`
	Report bool   `json:"report,omitempty"` // its gateway's file lets nothing be written
	// Units says where it calls each unit, by the address or "#3" by the index of the apartment; "": it is left
	// out. Units that are in doubt are not in it. It goes to a box that takes the place of this one (row G15).
	Units map[UnitID]string `json:"units,omitempty"`
}

// Grade says how well a write was confirmed by reading back.
type Grade string

// The grades of confirmation.
const (
	Exact      Grade = "exact"      // the device returned what we wrote, secret included
	Presence   Grade = "presence"   // it shows the record, not the secret
	Unprovable Grade = "unprovable" // it cannot show it; said so, never alarmed for ever
)

// LedgerState is how far a record of ours has come on one device.
type LedgerState string

// The states of a ledger entry. An absent entry means that we have nothing on the device.
const (
	Intended LedgerState = "intended" // about to be written: after a crash the row may be there
	Written  LedgerState = "written"  // accepted by the device
	Settled  LedgerState = "settled"  // read back
	Removing LedgerState = "removing" // about to be removed: after a crash the row may be gone
)

// LedgerEntry is what we wrote for one person on one device. It holds keyed fingerprints, never a
// secret.
type LedgerEntry struct {
	Person   PersonID    `json:"person"`
	Ref      string      `json:"ref"`              // our correlation key on the device
	Native   string      `json:"native,omitempty"` // the device's own row id, as last seen
	State    LedgerState `json:"state"`
	Grade    Grade       `json:"grade,omitempty"`
	Print    string      `json:"print,omitempty"`   // fingerprint of the whole record as written
	Secrets  []string    `json:"secrets,omitempty"` // fingerprints of PIN and cards, for collisions
	Name     uint32      `json:"name,omitempty"`    // fingerprint of the name, likewise; 0: not kept
	Revision uint64      `json:"revision,omitempty"`
	At       time.Time   `json:"at,omitzero"`
	// Seen is when the row was last read back as wanted; zero: never yet.
	Seen     time.Time `json:"seen,omitzero"`
	Attempts int       `json:"attempts,omitempty"` // failures since the last success
	NextTry  time.Time `json:"next_try,omitzero"`
	Fault    string    `json:"fault,omitempty"` // kind of the last failure, "" when none
	Message  string    `json:"message,omitempty"`
	Told     string    `json:"told,omitempty"` // fingerprint of the refusals last told
	Unit     string    `json:"unit,omitempty"` // of a device that calls units: the one it calls them for, by name
}

// OverlayKind is what was done at the gateway by hand.
type OverlayKind string

// The kinds of overlay.
const (
	OverlayRevoke OverlayKind = "revoke"
	OverlayGrant  OverlayKind = "grant"
)

// Overlay is an emergency revocation, or a grant for hours, made at the gateway while the cloud is
// away; the cloud reconciles it later. A revocation has no window: it holds until it is lifted or
// settled, whatever the clock says.
type Overlay struct {
	ID     string      `json:"id"`
	Kind   OverlayKind `json:"kind"`
	Person PersonID    `json:"person"`
	Door   DoorID      `json:"door,omitempty"` // for a grant
	Window
	By     string `json:"by"`
	Reason string `json:"reason"`
}
