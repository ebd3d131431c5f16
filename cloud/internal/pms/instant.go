package pms

import (
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/protocol/access/rules"
)

// At is the instant of a wall-clock time on this day in zone, for a beginning, by the house's one
// rule for clock changes (rules.Wall): a time that the clocks skip means the first minute that
// exists after the gap; of a time that comes twice a beginning takes the first.
// The zero Date gives the zero Time; a nil zone is UTC.
func (d Date) At(zone *time.Location, hour, minute int) time.Time {
	return d.wall(zone, hour, minute, rules.Begin)
}

// AtEnd is At for an end: of a time that comes twice it takes the second, so that nobody is cut
// off an hour before the time their paper says.
func (d Date) AtEnd(zone *time.Location, hour, minute int) time.Time {
	return d.wall(zone, hour, minute, rules.End)
}

func (d Date) wall(zone *time.Location, hour, minute int, side rules.Side) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	if zone == nil {
		zone = time.UTC
	}
	return rules.Wall(d.Year, d.Month, d.Day, hour, minute, zone, side)
}

// TimeOfDay is an agreed hour on a property's clock, "HH:MM" in JSON. The zero TimeOfDay is
// absent: midnight is {Set: true}.
type TimeOfDay struct {
	Hour, Minute int
	Set          bool
}

// ReadTimeOfDay reads "HH:MM" or "H:MM" on a 24-hour clock; "" is absent.
func ReadTimeOfDay(s string) (TimeOfDay, error) {
	if s == "" {
		return TimeOfDay{}, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return TimeOfDay{}, fmt.Errorf("%q is not a time of day: want HH:MM, 00:00 to 23:59", s)
	}
	return TimeOfDay{Hour: t.Hour(), Minute: t.Minute(), Set: true}, nil
}

// IsZero reports whether no hour was agreed.
func (t TimeOfDay) IsZero() bool { return !t.Set }

// String is HH:MM, or "" when absent.
func (t TimeOfDay) String() string {
	if !t.Set {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", t.Hour, t.Minute)
}

// MarshalJSON writes "HH:MM", or "" when absent and not left out.
func (t TimeOfDay) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (t *TimeOfDay) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("time of day: %w", err)
	}
	got, err := ReadTimeOfDay(s)
	if err == nil {
		*t = got
	}
	return err
}
