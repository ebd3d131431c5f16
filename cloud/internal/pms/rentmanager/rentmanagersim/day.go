package rentmanagersim

import (
	"encoding/json"
	"fmt"
	"time"
)

const isoDay = "2006-01-02"

// Day is a civil date of the books: so many days from the base day, or a fixed date such as a sentinel. The
// zero Day is no date at all. In JSON a number or a string "2006-01-02".
type Day struct {
	set      bool
	relative int
	fixed    string
}

// In is the day so many days after the base day.
func In(days int) Day { return Day{set: true, relative: days} }

// Fixed is a date that does not move with the base day. It is checked when the books are loaded.
func Fixed(date string) Day { return Day{set: true, fixed: date} }

// IsZero says that there is no date.
func (d Day) IsZero() bool { return !d.set }

// On is the date as midnight UTC; ok is false when there is none.
func (d Day) On(base time.Time) (at time.Time, ok bool) {
	if d.fixed != "" {
		t, err := time.Parse(isoDay, d.fixed)
		return t, err == nil
	}
	return base.AddDate(0, 0, d.relative), d.set
}

// MarshalJSON writes a number for a relative day.
func (d Day) MarshalJSON() ([]byte, error) {
	switch {
	case !d.set:
		return []byte("null"), nil
	case d.fixed != "":
		return json.Marshal(d.fixed)
	}
	return json.Marshal(d.relative)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Day) UnmarshalJSON(b []byte) error {
	var n int
	var s string
	switch {
	case string(b) == "null":
		*d = Day{}
		return nil
	case json.Unmarshal(b, &n) == nil:
		*d = In(n)
		return nil
	case json.Unmarshal(b, &s) == nil:
		if _, err := time.Parse(isoDay, s); err == nil {
			*d = Fixed(s)
			return nil
		}
	}
	return fmt.Errorf("a day is a number of days from the base day or a date like 2026-12-31, not %s", b)
}

// civil is the date of an instant somewhere, as midnight UTC.
func civil(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// sentinel says whether a date stands for "none" in somebody's books (reference pms.md §8).
func sentinel(t time.Time) bool { return t.Year() <= 1900 || t.Year() >= 2099 }
