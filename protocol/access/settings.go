package access

import (
	"fmt"
	"slices"
	"time"
)

// Span is a duration that travels as text: "5m0s".
type Span time.Duration

// MarshalText writes the duration as Go does.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads what Go can read as a duration.
func (s *Span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil {
		return invalid("read", "duration", "%q: want one such as 5m or 36h", b)
	}
	*s = Span(d)
	return nil
}

// DriftPolicy is what a gateway does about rows on a device that are not as it wrote them (rows C1,
// G4). Strangers' rows are never touched under any policy.
type DriftPolicy string

// The policies; the empty one leaves it to the gateway's own file.
const (
	DriftReport DriftPolicy = "report" // nothing is written at all: differences are told
	DriftRepair DriftPolicy = "repair" // our own rows are put right
	DriftAdopt  DriftPolicy = "adopt"  // and a row that is exactly a wanted person's becomes ours
)

// DriftPolicies lists them.
var DriftPolicies = []DriftPolicy{DriftReport, DriftRepair, DriftAdopt}

// Settings is how the cloud wants a gateway to run (row E6): one item a gateway, taken as a whole or
// not at all. A zero field leaves it to the gateway's own file or default.
type Settings struct {
	ID        string                   `json:"id"` // GatewayItem
	Hello     Span                     `json:"hello_every,omitzero"`
	Audit     Span                     `json:"audit_every,omitzero"`
	Reconnect Span                     `json:"reconnect_max,omitzero"`
	Log       string                   `json:"log_level,omitempty"` // debug, info, warn, error
	Drift     map[DeviceID]DriftPolicy `json:"drift,omitempty"`
	// Stale is how long after the last word of the cloud a lease end still acts by itself; StaleAt
	// has doors with another limit (DESIGN §1.6).
	Stale   Span            `json:"stale_after,omitzero"`
	StaleAt map[DoorID]Span `json:"stale_after_at,omitempty"`
	Brake   Brake           `json:"brake,omitzero"`
	Retain  Span            `json:"retain,omitzero"` // how long proofs and command replies are kept
}

// GatewayItem is the id of items about the gateway itself, of which there is one a kind.
const GatewayItem = "gateway"

// Brake is how many people may lose all access in one revision that nobody agreed to: the larger of
// Least and Share per cent of those who have access (row G3's other half, at the gateway).
type Brake struct {
	Least int `json:"least,omitempty"` // 0: DefaultBrake's
	Share int `json:"share,omitempty"` // per cent; 0: DefaultBrake's
}

// DefaultBrake holds where nothing else is set.
var DefaultBrake = Brake{Least: 3, Share: 10}

// Allows is how many of open people may lose access at once.
func (b Brake) Allows(open int) int {
	if b.Least == 0 {
		b.Least = DefaultBrake.Least
	}
	if b.Share == 0 {
		b.Share = DefaultBrake.Share
	}
	return max(b.Least, open*b.Share/100)
}

// Validate names every field that cannot be, with its bounds.
func (s Settings) Validate() error {
	if s.ID != GatewayItem {
		return invalid("check", "settings", "id %q: want %q", s.ID, GatewayItem)
	}
	for _, f := range []struct {
		name     string
		v        Span
		min, max time.Duration
	}{
		{"hello_every", s.Hello, time.Second, 24 * time.Hour}, {"audit_every", s.Audit, time.Minute, 30 * 24 * time.Hour},
		{"reconnect_max", s.Reconnect, time.Second, time.Hour}, {"stale_after", s.Stale, time.Hour, 366 * 24 * time.Hour},
		{"retain", s.Retain, 24 * time.Hour, 10 * 366 * 24 * time.Hour},
	} {
		if err := within(f.name, f.v, f.min, f.max); err != nil {
			return err
		}
	}
	for door, v := range s.StaleAt {
		if err := within(fmt.Sprintf("stale_after_at.%s", door), v, time.Hour, 366*24*time.Hour); err != nil {
			return err
		}
	}
	for device, p := range s.Drift {
		if p != "" && !slices.Contains(DriftPolicies, p) {
			return invalid("check", "settings", "drift.%s is %q: want report, repair or adopt", device, p)
		}
	}
	switch {
	case s.Brake.Least < 0 || s.Brake.Share < 0 || s.Brake.Share > 100:
		return invalid("check", "settings", "brake is %d people or %d per cent: want 0 or more, and at most 100 per cent", s.Brake.Least, s.Brake.Share)
	case s.Log != "" && !slices.Contains([]string{"debug", "info", "warn", "error"}, s.Log):
		return invalid("check", "settings", "log_level is %q: want debug, info, warn or error", s.Log)
	}
	return nil
}

func within(name string, v Span, least, most time.Duration) error {
	if d := time.Duration(v); d != 0 && (d < least || d > most) {
		return invalid("check", "settings", "%s is %s: want %s to %s", name, d, least, most)
	}
	return nil
}

// CloudKeys are the keys with which the cloud may sign: two while one replaces the other. One item a
// gateway; it cannot take away the last key that the gateway trusts.
type CloudKeys struct {
	ID   string   `json:"id"`   // GatewayItem
	Keys [][]byte `json:"keys"` // Ed25519 public keys
}

// Validate checks their form.
func (k CloudKeys) Validate() error {
	if k.ID != GatewayItem || len(k.Keys) == 0 || len(k.Keys) > 4 {
		return invalid("check", "cloud_keys", "id %q with %d keys: want %q and 1 to 4", k.ID, len(k.Keys), GatewayItem)
	}
	for _, b := range k.Keys {
		if len(b) != 32 {
			return invalid("check", "cloud_keys", "a key has %d bytes: want 32", len(b))
		}
	}
	return nil
}

// Certificate is the answer to a gateway that announced new keys (protocol.Hello.Next): from now on
// the cloud takes them beside the old ones, and when it has first heard the gateway by them it
// refuses the old ones.
type Certificate struct {
	ID      string `json:"id"`      // GatewayItem
	PEM     string `json:"pem"`     // for TLS; "" keeps the old one
	Signing []byte `json:"signing"` // the new Ed25519 public key that the cloud now accepts
	Sealing []byte `json:"sealing"` // the new X25519 public key that it seals to from then on, at the latest
}

// Validate checks their form.
func (c Certificate) Validate() error {
	if c.ID != GatewayItem || len(c.Signing) != 32 || len(c.Sealing) != 32 {
		return invalid("check", "certificate", "id %q, keys of %d and %d bytes: want %q, 32 and 32", c.ID, len(c.Signing), len(c.Sealing), GatewayItem)
	}
	return nil
}

// SettlementState is what the cloud made of an overlay.
type SettlementState string

// The states of a settlement. After any of them the gateway forgets its overlay: what is to hold
// stands in the state itself.
const (
	OverlayAdopted  SettlementState = "adopted"  // it now stands in the state
	OverlayRejected SettlementState = "rejected" // somebody at the cloud decided otherwise
	OverlayLifted   SettlementState = "lifted"   // it was right and is over
)

// Settlement is the cloud's answer to one Overlay.
type Settlement struct {
	ID     string          `json:"id"` // of the overlay
	Person PersonID        `json:"person"`
	State  SettlementState `json:"state"`
}

// Validate checks ids and state.
func (s Settlement) Validate() error {
	switch s.State {
	case OverlayAdopted, OverlayRejected, OverlayLifted:
	default:
		return invalid("check", "settlement "+s.ID, "state %q: want adopted, rejected or lifted", s.State)
	}
	if err := checkID("settlement "+s.ID+", person", string(s.Person)); err != nil {
		return err
	}
	return checkID("settlement", s.ID)
}
