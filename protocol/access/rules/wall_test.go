package rules

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestS6_WallOnBothNightsOfTheYear pins instants by hand, in UTC: the night the clocks spring, the
// night they fall back, and an ordinary afternoon beside each.
func TestS6_WallOnBothNightsOfTheYear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone  string
		local       string // wall time asked for
		begin, end  string // UTC
		description string
	}{
		{"spring afternoon", "America/New_York", "2026-03-08 15:00", "2026-03-08T19:00:00Z", "2026-03-08T19:00:00Z", "EDT already"},
		{"spring gap", "America/New_York", "2026-03-08 02:30", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z", "03:00 EDT, the first instant after"},
		{"gap's first minute", "America/New_York", "2026-03-08 02:00", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z", ""},
		{"last before the gap", "America/New_York", "2026-03-08 01:59", "2026-03-08T06:59:00Z", "2026-03-08T06:59:00Z", ""},
		{"first after the gap", "America/New_York", "2026-03-08 03:00", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z", ""},
		{"autumn twice", "America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "begin EDT, end EST"},
		{"autumn after", "America/New_York", "2026-11-01 02:00", "2026-11-01T07:00:00Z", "2026-11-01T07:00:00Z", ""},
		{"autumn afternoon", "America/New_York", "2026-11-01 15:00", "2026-11-01T20:00:00Z", "2026-11-01T20:00:00Z", "EST already"},
		{"no clock changes", "America/Phoenix", "2026-03-08 02:30", "2026-03-08T09:30:00Z", "2026-03-08T09:30:00Z", ""},
		{"half an hour skipped", "Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z", "10:30 to 11:00"},
		{"half an hour twice", "Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "11:00 to 10:30"},
		{"half an hour, not twice", "Australia/Lord_Howe", "2026-04-05 02:00", "2026-04-04T15:30:00Z", "2026-04-04T15:30:00Z", ""},
		{"half-hour zone", "Asia/Kolkata", "2026-06-01 15:00", "2026-06-01T09:30:00Z", "2026-06-01T09:30:00Z", ""},
		{"quarter-hour zone", "Pacific/Chatham", "2026-04-05 03:00", "2026-04-04T13:15:00Z", "2026-04-04T14:15:00Z", "twice"},
		{"gap at midnight", "America/Havana", "2026-03-08 00:00", "2026-03-08T05:00:00Z", "2026-03-08T05:00:00Z", "01:00 CDT"},
		{"negative summer time", "Europe/Dublin", "2026-10-25 01:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", ""},
		{"a day that never was", "Pacific/Apia", "2011-12-30 15:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "the 31st, 00:00"},
		{"its last minute", "Pacific/Apia", "2011-12-30 23:59", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", ""},
		{"its first minute", "Pacific/Apia", "2011-12-30 00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", ""},
		{"the day before it", "Pacific/Apia", "2011-12-29 23:59", "2011-12-30T09:59:00Z", "2011-12-30T09:59:00Z", ""},
		{"the day after it", "Pacific/Apia", "2011-12-31 00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", ""},
		{"another one", "Pacific/Kwajalein", "1993-08-21 12:00", "1993-08-21T12:00:00Z", "1993-08-21T12:00:00Z", "-12 to +12"},
	} {
		t.Run(c.zone+" "+c.name, func(t *testing.T) {
			t.Parallel()
			w, err := time.Parse("2006-01-02 15:04", c.local)
			if err != nil {
				t.Fatal(err)
			}
			loc := zone(t, c.zone)
			for side, want := range map[Side]string{Begin: c.begin, End: c.end} {
				got := Wall(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), loc, side)
				if s := got.UTC().Format(time.RFC3339); s != want {
					t.Errorf("%s as side %d is %s, want %s %s", c.local, side, s, want, c.description)
				}
				if got.Location() != loc {
					t.Errorf("the answer is in zone %s", got.Location())
				}
			}
		})
	}
}

// TestWall_AgainstBruteForce looks at every minute of two days around the wall time and reads the
// clock there: no cleverness to share a mistake with.
func TestWall_AgainstBruteForce(t *testing.T) {
	t.Parallel()
	zones := []string{"America/New_York", "America/Denver", "America/Los_Angeles", "America/St_Johns", "Europe/Berlin", "Europe/Dublin",
		"Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca", "America/Havana", "Asia/Tehran", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		wall := drawWall(t, loc)
		first, last := readings(wall, loc)
		begin := Wall(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), loc, Begin)
		end := Wall(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), loc, End)
		if first.IsZero() { // skipped: the clock jumps from before it to after it, right there
			if !begin.Equal(end) || !shows(begin.Add(-time.Nanosecond), loc).Before(wall) || !shows(begin, loc).After(wall) {
				t.Fatalf("%v is skipped in %s; got %v and %v", wall, loc, begin, end)
			}
			return
		}
		if !begin.Equal(first) || !end.Equal(last) {
			t.Fatalf("%v in %s: begins %v, ends %v; clocks show it at %v and %v", wall, loc, begin, end, first, last)
		}
	})
}

// drawWall draws a wall time, half of them within hours of a clock change.
func drawWall(t *rapid.T, loc *time.Location) time.Time {
	at := time.Date(rapid.IntRange(2005, 2036).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC).
		Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "minute")) * time.Minute)
	if rapid.Bool().Draw(t, "near a change") {
		if _, change := at.In(loc).ZoneBounds(); !change.IsZero() {
			at = change.Add(time.Duration(rapid.IntRange(-150, 150).Draw(t, "off")) * time.Minute)
		}
	}
	return shows(at, loc).Truncate(time.Minute)
}

// shows is what the clock shows at t, written as if it were UTC.
func shows(t time.Time, loc *time.Location) time.Time {
	l := t.In(loc)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
}

func readings(wall time.Time, loc *time.Location) (first, last time.Time) {
	for at := wall.Add(-26 * time.Hour); at.Before(wall.Add(26 * time.Hour)); at = at.Add(time.Minute) {
		if shows(at, loc).Equal(wall) {
			if first.IsZero() {
				first = at
			}
			last = at
		}
	}
	return first, last
}

// TestWall_BeginNeverAfterEnd: a move-out on the move-in's wall minute is empty, never negative.
func TestWall_BeginNeverAfterEnd(t *testing.T) {
	t.Parallel()
	loc := zone(t, "America/Chicago")
	rapid.Check(t, func(t *rapid.T) {
		w := drawWall(t, loc)
		b := Wall(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), loc, Begin)
		e := Wall(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), loc, End)
		if e.Before(b) {
			t.Fatalf("%v begins %v and ends %v", w, b, e)
		}
	})
}
