package rules

import (
	"slices"
	"strconv"
	"time"

	"gatehouse/protocol/access"
)

// WeeklyOpen reports whether a schedule is open at t, in the property's zone. The rules:
//
//   - A window belongs to the day on which it starts. An end before the start runs past midnight; one
//     equal to it gives no window at all. "24:00" is the next day's midnight.
//   - Starts and ends are wall times as Wall reads them: what the spring night skips begins or ends
//     after the gap, and on the autumn night the earlier start and the later end count.
//   - A holiday is shut: a window that starts on one never holds, and one that runs into it ends at
//     its midnight.
//   - What Schedule.Validate refuses never opens anything.
func WeeklyOpen(s access.Schedule, loc *time.Location, t time.Time) bool {
	return Open(spans(s, loc, around(t.In(loc))), t)
}

// NextWeekly is the first instant after t at which WeeklyOpen changes, or zero when it never does.
func NextWeekly(s access.Schedule, loc *time.Location, t time.Time) time.Time {
	days := []civil{}
	first := civilOf(t.In(loc))
	for _, from := range append([]civil{first}, holidays(s)...) {
		if from.before(first.plus(-lookBack)) {
			continue
		}
		// After a whole ordinary week without a change only a holiday can bring one.
		for i := -lookBack; i <= lookAhead; i++ {
			days = append(days, from.plus(i))
		}
	}
	slices.SortFunc(days, civil.compare)
	open := WeeklyOpen(s, loc, t)
	for _, e := range edgesAfter(spans(s, loc, slices.Compact(days)), t) {
		if WeeklyOpen(s, loc, e) != open {
			return e
		}
	}
	return time.Time{}
}

const (
	lookBack  = 2  // days: a window may have begun the day before, and a zone may have skipped a day
	lookAhead = 15 // days: two weeks, because a clock change may cut one short
)

// civil is a date on the calendar, without a zone: noon UTC of it.
type civil struct{ noon time.Time }

func civilOf(t time.Time) civil {
	y, m, d := t.Date()
	return civil{time.Date(y, m, d, 12, 0, 0, 0, time.UTC)}
}

func (c civil) plus(days int) civil { return civil{c.noon.AddDate(0, 0, days)} }
func (c civil) compare(o civil) int { return c.noon.Compare(o.noon) }
func (c civil) before(o civil) bool { return c.noon.Before(o.noon) }

func around(t time.Time) (out []civil) {
	for i := -lookBack; i <= 1; i++ {
		out = append(out, civilOf(t).plus(i))
	}
	return out
}

// holidays are the dates on which a schedule is shut.
func holidays(s access.Schedule) (out []civil) {
	for _, h := range s.Holidays {
		if t, err := time.Parse(time.DateOnly, h); err == nil {
			out = append(out, civilOf(t))
		}
	}
	return out
}

// spans are the windows that start on the given days, as instants.
func spans(s access.Schedule, loc *time.Location, days []civil) (out []access.Window) {
	if s.Validate() != nil {
		return nil
	}
	shut := map[civil]bool{}
	for _, h := range holidays(s) {
		shut[h] = true
	}
	for _, day := range days {
		if shut[day] {
			continue
		}
		for _, w := range s.Weekly {
			if slices.Contains(w.Days, day.noon.Weekday()) {
				out = append(out, span(w, loc, day, shut)...)
			}
		}
	}
	return out
}

// span is one window on one day: none where it is empty.
func span(w access.Weekly, loc *time.Location, day civil, shut map[civil]bool) []access.Window {
	from, until := minutes(w.Start), minutes(w.End)
	if from == until {
		return nil
	}
	last := day
	switch tomorrow := day.plus(1); {
	case until > from:
	case shut[tomorrow]:
		until = 24 * 60
	default:
		last = tomorrow
	}
	win := access.Window{From: wallOf(day, from, loc, Begin), Until: wallOf(last, until, loc, End)}
	if !win.From.Before(win.Until) {
		return nil // the spring night swallowed it
	}
	return []access.Window{win}
}

// minutes since midnight of "HH:MM", which Validate has seen.
func minutes(hm string) int {
	h, _ := strconv.Atoi(hm[:2])
	m, _ := strconv.Atoi(hm[3:])
	return h*60 + m
}

func wallOf(d civil, minute int, loc *time.Location, side Side) time.Time {
	y, m, day := d.plus(minute / (24 * 60)).noon.Date()
	minute %= 24 * 60
	return Wall(y, m, day, minute/60, minute%60, loc, side)
}
