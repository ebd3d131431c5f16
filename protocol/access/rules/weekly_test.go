package rules

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

var everyDay = []time.Weekday{0, 1, 2, 3, 4, 5, 6}

func weekly(days []time.Weekday, start, end string, holidays ...string) access.Schedule {
	return access.Schedule{ID: "s", Weekly: []access.Weekly{{Days: days, Start: start, End: end}}, Holidays: holidays}
}

// TestTowardsG6_WeeklyHoursOnBothNightsOfTheYear pins instants by hand, in UTC: when a schedule opens and
// shuts, one after the other from a given moment on.
func TestTowardsG6_WeeklyHoursOnBothNightsOfTheYear(t *testing.T) {
	t.Parallel()
	sunday := []time.Weekday{time.Sunday}
	for _, c := range []struct {
		name, zone string
		s          access.Schedule
		from       string
		open       bool
		edges      []string
	}{
		{"office hours", "America/New_York", weekly([]time.Weekday{1, 2}, "09:00", "17:00"), "2026-06-01T00:00:00Z", false,
			[]string{"2026-06-01T13:00:00Z", "2026-06-01T21:00:00Z", "2026-06-02T13:00:00Z", "2026-06-02T21:00:00Z", "2026-06-08T13:00:00Z"}},
		{"spring: begins in the gap", "America/New_York", weekly(sunday, "02:30", "04:00"), "2026-03-08T00:00:00Z", false,
			[]string{"2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"}},
		{"spring: ends in the gap", "America/New_York", weekly(sunday, "01:00", "02:30"), "2026-03-08T00:00:00Z", false,
			[]string{"2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"}},
		{"spring: swallowed whole, next week's comes", "America/New_York", weekly(sunday, "02:15", "02:45"), "2026-03-08T00:00:00Z", false,
			[]string{"2026-03-15T06:15:00Z", "2026-03-15T06:45:00Z"}},
		{"autumn: the earlier start, the later end", "America/New_York", weekly(sunday, "01:15", "01:45"), "2026-11-01T00:00:00Z", false,
			[]string{"2026-11-01T05:15:00Z", "2026-11-01T06:45:00Z"}},
		{"autumn: past midnight through it", "America/New_York", weekly([]time.Weekday{time.Saturday}, "22:00", "06:00"), "2026-10-31T12:00:00Z", false,
			[]string{"2026-11-01T02:00:00Z", "2026-11-01T11:00:00Z"}},
		{"half an hour", "Australia/Lord_Howe", weekly(sunday, "01:45", "03:00"), "2026-04-04T12:00:00Z", false,
			[]string{"2026-04-04T14:45:00Z", "2026-04-04T16:30:00Z"}},
		{"a gap at midnight", "America/Havana", weekly(everyDay, "00:00", "24:00"), "2026-03-08T04:00:00Z", true, []string{""}},
		{"the day's end is midnight", "UTC", weekly([]time.Weekday{time.Monday}, "20:00", "24:00"), "2026-06-01T12:00:00Z", false,
			[]string{"2026-06-01T20:00:00Z", "2026-06-02T00:00:00Z"}},
		{"a day that never was", "Pacific/Apia", weekly(everyDay, "08:00", "10:00"), "2011-12-29T22:00:00Z", false,
			[]string{"2011-12-30T18:00:00Z"}},
		{"holiday: shut", "UTC", weekly(everyDay, "08:00", "10:00", "2026-12-25"), "2026-12-25T00:00:00Z", false,
			[]string{"2026-12-26T08:00:00Z"}},
		{"holiday: nothing runs into it, nor out of it", "UTC", weekly(everyDay, "22:00", "02:00", "2026-12-25"), "2026-12-24T12:00:00Z", false,
			[]string{"2026-12-24T22:00:00Z", "2026-12-25T00:00:00Z", "2026-12-26T22:00:00Z"}},
		{"always but on a holiday a year away", "America/New_York", weekly(everyDay, "00:00", "24:00", "2027-07-04"), "2026-06-01T00:00:00Z", true,
			[]string{"2027-07-04T04:00:00Z", "2027-07-05T04:00:00Z", ""}},
		{"months of holidays", "UTC", weekly(sunday, "08:00", "10:00", "2026-06-07", "2026-06-14", "2026-06-21", "2026-06-28", "2026-07-05"), "2026-06-01T00:00:00Z", false,
			[]string{"2026-07-12T08:00:00Z"}},
		{"start and end alike: never", "UTC", weekly(everyDay, "08:00", "08:00"), "2026-06-01T00:00:00Z", false, []string{""}},
		{"no windows: never", "UTC", access.Schedule{ID: "s"}, "2026-06-01T00:00:00Z", false, []string{""}},
		{"nonsense: never", "UTC", weekly(everyDay, "8", "9"), "2026-06-01T08:30:00Z", false, []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			loc, at := zone(t, c.zone), instant(t, c.from)
			open := c.open
			for _, want := range c.edges {
				if got := WeeklyOpen(c.s, loc, at); got != open {
					t.Errorf("open %v at %s, want %v", got, at.UTC(), open)
				}
				next := NextWeekly(c.s, loc, at)
				if want == "" {
					if !next.IsZero() {
						t.Errorf("changes at %s, want never", next.UTC())
					}
					return
				}
				if !next.Equal(instant(t, want)) {
					t.Fatalf("after %s changes at %s, want %s", at.UTC(), next.UTC(), want)
				}
				if WeeklyOpen(c.s, loc, next.Add(-1)) != open || WeeklyOpen(c.s, loc, next) == open {
					t.Errorf("no change at %s", want)
				}
				at, open = next, !open
			}
		})
	}
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNextWeeklyIsTheFirstChange walks from edge to edge by NextWeekly and asks at every quarter of
// an hour between: nothing changes there.
func TestNextWeeklyIsTheFirstChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		loc := zone(t, rapid.SampledFrom([]string{"America/New_York", "America/Havana", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Kolkata"}).Draw(rt, "zone"))
		at := time.Date(2026, rapid.SampledFrom([]time.Month{3, 4, 10, 11}).Draw(rt, "month"), rapid.IntRange(1, 28).Draw(rt, "day"), rapid.IntRange(0, 23).Draw(rt, "hour"), 0, 0, 0, time.UTC)
		s := access.Schedule{ID: "s"}
		clock := rapid.Custom(func(rt *rapid.T) string {
			return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(rt, "h"), 15*rapid.IntRange(0, 3).Draw(rt, "q"))
		})
		for range rapid.IntRange(0, 3).Draw(rt, "windows") {
			s.Weekly = append(s.Weekly, access.Weekly{Days: rapid.SliceOfN(rapid.SampledFrom(everyDay), 1, 4).Draw(rt, "days"), Start: clock.Draw(rt, "start"), End: clock.Draw(rt, "end")})
		}
		for _, d := range rapid.SliceOfN(rapid.IntRange(-3, 12), 0, 4).Draw(rt, "holidays") {
			s.Holidays = append(s.Holidays, at.AddDate(0, 0, d).Format(time.DateOnly))
		}
		end := at.Add(10 * 24 * time.Hour)
		for at.Before(end) {
			open, next := WeeklyOpen(s, loc, at), NextWeekly(s, loc, at)
			if !next.IsZero() && (!next.After(at) || WeeklyOpen(s, loc, next) == open) {
				rt.Fatalf("after %s it is said to change at %s and does not", at, next)
			}
			for q := at; q.Before(end) && (next.IsZero() || q.Before(next)); q = q.Add(15 * time.Minute) {
				if WeeklyOpen(s, loc, q) != open {
					rt.Fatalf("changes at or before %s, said to change at %s", q.In(loc), next)
				}
			}
			if at = next; next.IsZero() {
				return
			}
		}
	})
}
