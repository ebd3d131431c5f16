package console

import (
	"fmt"
	"time"
)

// clock tells times as somebody at the property would: in its zone, and how long ago.
type clock struct {
	now  time.Time
	zone *time.Location
}

// Stamp is an instant for the page; nil when there is none.
type Stamp struct {
	Machine  string // RFC 3339 with the zone's offset
	Absolute string // "Nov 1, 15:00 CST"; with the year when it is another one
	Relative string // "3 days ago"
}

func (c clock) stamp(t time.Time) *Stamp {
	if t.IsZero() {
		return nil
	}
	local, now := t.In(c.zone), c.now.In(c.zone)
	layout := "Jan 2, 15:04 MST"
	if local.Year() != now.Year() {
		layout = "Jan 2, 2006, 15:04 MST"
	}
	return &Stamp{local.Format(time.RFC3339), local.Format(layout), relative(now.Sub(t))}
}

// relative says how long ago something was; a negative duration lies ahead.
func relative(ago time.Duration) string {
	d := ago.Abs()
	if d < 45*time.Second {
		if ago < 0 {
			return "in a moment"
		}
		return "just now"
	}
	if ago < 0 {
		return "in " + lasting(d)
	}
	return lasting(d) + " ago"
}

// lasting is a duration in one unit: "5 minutes".
func lasting(d time.Duration) string {
	var (
		n    int
		unit string
	)
	const day = 24 * time.Hour
	switch {
	case d < 45*time.Second:
		n, unit = round(d, time.Second), "second"
	case d < 90*time.Minute:
		n, unit = round(d, time.Minute), "minute"
	case d < 36*time.Hour:
		n, unit = round(d, time.Hour), "hour"
	case d < 60*day:
		n, unit = round(d, day), "day"
	case d < 730*day:
		n, unit = round(d, 30*day), "month"
	default:
		n, unit = round(d, 365*day), "year"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

func round(d, unit time.Duration) int { return int((d + unit/2) / unit) }
