// Package rules holds the pure rules that cloud and gateway must judge alike: what a PIN or card
// may look like, when overlapping windows are open, what a wall time means on a night when the
// clocks change, how a name stands in a panel's directory. The cloud uses them to explain before
// the day, the gateway to refuse before the wire.
//
// It imports only access and access/fault, reads no clock and does no I/O.
package rules

import (
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Open reports whether any window contains t. Overlapping windows union.
func Open(ws []access.Window, t time.Time) bool {
	return slices.ContainsFunc(ws, func(w access.Window) bool { return w.Contains(t) })
}

// NextChange is the first instant after t at which Open changes, or zero when it never does.
// Windows that touch or overlap give no change where they meet: a resident who renews must not
// be locked out for an instant.
func NextChange(ws []access.Window, t time.Time) time.Time {
	now := Open(ws, t)
	for _, e := range edgesAfter(ws, t) {
		if Open(ws, e) != now {
			return e
		}
	}
	return time.Time{}
}

// edgesAfter are the beginnings and ends that lie after t, in order.
func edgesAfter(ws []access.Window, t time.Time) (out []time.Time) {
	for _, w := range ws {
		for _, e := range []time.Time{w.From, w.Until} {
			if e.After(t) {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// Side says whether a wall time begins or ends something; it decides on the one night a year
// when a wall time comes twice.
type Side int

// The sides.
const (
	Begin Side = iota
	End
)

// Wall is the instant at which clocks in loc show the given date and time. A wall time that is
// skipped in spring means the first instant after the gap. One that comes twice in autumn means
// the first for a beginning and the second for an end: in doubt the resident gets the hour.
func Wall(year int, month time.Month, day, hour, minute int, loc *time.Location, side Side) time.Time {
	want := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	var fits []time.Time
	for _, off := range offsetsAround(want, loc) {
		if t := want.Add(-off); offsetAt(t, loc) == off {
			fits = append(fits, t)
		}
	}
	switch {
	case len(fits) == 0:
		return afterGap(want, loc)
	case side == End:
		return slices.MaxFunc(fits, time.Time.Compare).In(loc)
	default:
		return slices.MinFunc(fits, time.Time.Compare).In(loc)
	}
}

func offsetAt(t time.Time, loc *time.Location) time.Duration {
	_, s := t.In(loc).Zone()
	return time.Duration(s) * time.Second
}

// offsetsAround lists the distinct offsets in force a day before and a day after the wall time;
// no zone changes twice within two days.
func offsetsAround(wall time.Time, loc *time.Location) []time.Duration {
	a, b := offsetAt(wall.Add(-24*time.Hour), loc), offsetAt(wall.Add(24*time.Hour), loc)
	if a == b {
		return []time.Duration{a}
	}
	return []time.Duration{a, b}
}

// afterGap is the instant at which the clocks sprang over the wall time.
func afterGap(wall time.Time, loc *time.Location) time.Time {
	before := wall.Add(-offsetAt(wall.Add(-24*time.Hour), loc)).In(loc)
	start, _ := before.ZoneBounds()
	return start
}

// PINRule is what a property or panel asks of a PIN.
type PINRule struct {
	Min, Max int    // digits; 0 means the default 2 and 8
	NotFirst string // digits it may not start with
}

// DefaultPIN is row A4: 2 to 8 digits, not starting with 9.
var DefaultPIN = PINRule{Min: 2, Max: 8, NotFirst: "9"}

// CheckPIN says in words what is wrong with a PIN, never repeating it.
func CheckPIN(pin access.Secret, r PINRule) error {
	s, lo, hi := pin.Reveal(), r.Min, r.Max
	if lo == 0 {
		lo = DefaultPIN.Min
	}
	if hi == 0 {
		hi = DefaultPIN.Max
	}
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "check", "PIN", format, args...).
			WithRemedy("Give the resident another PIN: %d to %d digits%s.", lo, hi, notStarting(r.NotFirst))
	}
	switch {
	case s == "":
		return bad("is empty")
	case strings.Trim(s, "0123456789") != "":
		return bad("has characters other than digits")
	case len(s) < lo || len(s) > hi:
		return bad("has %d digits, this panel takes %d to %d", len(s), lo, hi)
	case r.NotFirst != "" && strings.ContainsAny(s[:1], r.NotFirst):
		return bad("starts with %s, which panels keep for themselves", s[:1])
	}
	return nil
}

func notStarting(digits string) string {
	if digits == "" {
		return ""
	}
	return ", not starting with " + strings.Join(strings.Split(digits, ""), " or ")
}

// MaxCard is how many hex characters a card number may have (row A5).
const MaxCard = 16

// NormalizeCard makes a card number as panels compare it: upper-case hex without blanks, colons or
// hyphens, 1 to 16 characters (row A5). The error says what is wrong without repeating the number.
func NormalizeCard(s string) (access.Secret, error) {
	c := strings.ToUpper(strings.NewReplacer(" ", "", ":", "", "-", "", "\t", "").Replace(s))
	bad := func(format string, args ...any) (access.Secret, error) {
		return access.Secret{}, fault.New(fault.Invalid, "check", "card", format, args...).
			WithRemedy("Read the card again and enter its number: 1 to %d characters 0-9 A-F.", MaxCard)
	}
	switch {
	case c == "":
		return bad("is empty")
	case strings.Trim(c, "0123456789ABCDEF") != "":
		return bad("has characters other than 0-9 and A-F")
	case len(c) > MaxCard:
		return bad("has %d characters, at most %d are possible", len(c), MaxCard)
	}
	return access.NewSecret(c), nil
}
