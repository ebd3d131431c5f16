package industrystd

import (
	"fmt"
	"time"
)

// Wall is a date and time as the clocks at the property show it: the protocol has no zone, no seconds and two
// digits of the year (§1.3) [I]. The zero value means "none". As text it is 2026-07-01T15:30.
type Wall struct {
	Year  int // 2000 to 2099, all that two digits can say [I]
	Month time.Month
	Day   int
	Hour  int
	Min   int
}

const wallText = "2006-01-02T15:04"

// Side says whether a time begins or ends a key's validity: rounding, and the repeated hour, go opposite ways.
type Side int

// The sides.
const (
	Begin Side = iota
	End
)

// At is what the clocks in zone show at t. Seconds are cut off a beginning and fill up the minute of an end.
func At(t time.Time, zone *time.Location, side Side) Wall {
	if side == End {
		t = t.Add(time.Minute - 1)
	}
	return wallOf(t.In(zone))
}

func wallOf(t time.Time) Wall {
	return Wall{t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute()}
}

// IsZero says that there is no time.
func (w Wall) IsZero() bool { return w == Wall{} }

// Before says that w stands earlier in the calendar than u.
func (w Wall) Before(u Wall) bool { return w.utc().Before(u.utc()) }

// utc is w on a clock that never changes, for arithmetic.
func (w Wall) utc() time.Time {
	return time.Date(w.Year, w.Month, w.Day, w.Hour, w.Min, 0, 0, time.UTC)
}

// exists says that the calendar has such a date and time, and the protocol its year.
func (w Wall) exists() bool { return wallOf(w.utc()) == w && w.Year >= 2000 && w.Year <= 2099 }

func (w Wall) String() string {
	if w.IsZero() {
		return ""
	}
	return w.utc().Format(wallText)
}

// MarshalText gives 2026-07-01T15:30, or nothing for no time.
func (w Wall) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (w *Wall) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*w = Wall{}
		return nil
	}
	t, err := time.Parse(wallText, string(text))
	if err != nil {
		return fmt.Errorf("time %q: want the property's local time as 2026-07-01T15:30", text)
	}
	*w = wallOf(t)
	return nil
}

// layout is how the dialect writes a time: hhmmDDMMYY (SALTO) or hhDDMMYY (Onity) (§1.3) [T].
func (d Dialect) layout() string {
	if d.hourly() {
		return "15020106"
	}
	return "1504020106"
}

// time writes a field; no time is an empty one.
func (d Dialect) time(w Wall) string {
	if w.IsZero() {
		return ""
	}
	return w.utc().Format(d.layout())
}

// readTime reads a field; an empty one is no time: such a card does not expire (§1.4) [T].
func (d Dialect) readTime(field string) (Wall, error) {
	if field == "" {
		return Wall{}, nil
	}
	if len(field) != len(d.layout()) {
		return Wall{}, fmt.Errorf("time %q has %d characters, %s writes %d", field, len(field), d, len(d.layout()))
	}
	t, err := time.Parse(d.layout(), field)
	if err != nil {
		return Wall{}, fmt.Errorf("time %q is none that %s could write", field, d)
	}
	if t.Year() < 2000 { // the library takes 69 to 99 for the last century; these systems are younger [I]
		t = t.AddDate(100, 0, 0)
	}
	return wallOf(t), nil
}
