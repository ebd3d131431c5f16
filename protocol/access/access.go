// Package access holds the nouns of the house: who lives where, what they hold, which doors it
// opens and from when to when, and what happened. Both programs and the contract between them
// speak in these words and in no others.
//
// It is a leaf: it imports only access/fault, does no I/O, reads no clock. Everybody may import it.
// Values are plain data; Validate methods say in words what cannot be right.
package access

import (
	"strings"
	"time"

	"gatehouse/protocol/access/fault"
)

// Ids are short, scoped to the property, never reused. The zero value means "none".
type (
	PropertyID   string
	BuildingID   string
	UnitID       string
	PersonID     string
	ResidencyID  string
	CredentialID string
	DoorID       string
	GroupID      string
	ScheduleID   string
	GrantID      string
	DeviceID     string
	GatewayID    string
)

// maxID bounds ids: they travel in topics, bucket keys and rows of panels.
const maxID = 40

// ValidID says whether s can be an id: 1 to 40 of a-z, A-Z, 0-9, '-', '_' and '.', so that it is
// safe in an MQTT topic, a file name, a certificate's common name and a panel's field. Dots alone
// are none.
func ValidID(s string) bool {
	if len(s) > maxID || strings.Trim(s, ".") == "" { // "", and ".." as a file name
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return true
}

func invalid(op, subject, format string, args ...any) error {
	return fault.New(fault.Invalid, op, subject, format, args...)
}

func checkID(what, id string) error {
	if !ValidID(id) {
		return invalid("check", what, "id %q: want 1 to %d letters, digits, '-', '_' or '.'", id, maxID)
	}
	return nil
}

// Window is the span [From, Until) in which something holds. A zero From has always begun, a zero
// Until has no end.
type Window struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Contains reports whether t lies in the window; the end itself lies outside.
func (w Window) Contains(t time.Time) bool {
	return !t.Before(w.From) && (w.Until.IsZero() || t.Before(w.Until))
}

// Validate refuses a window that ends before it begins. An empty one (both equal) is allowed: a
// move-out on the move-in's minute gives no access.
func (w Window) Validate() error {
	if !w.Until.IsZero() && w.Until.Before(w.From) {
		return invalid("check", "window", "ends %s, before it begins %s", w.Until.Format(time.RFC3339), w.From.Format(time.RFC3339))
	}
	return nil
}
