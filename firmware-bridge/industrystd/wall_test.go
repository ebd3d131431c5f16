package industrystd_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/firmware-bridge/industrystd"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestTowardsE3_NightsWhenClocksChange states the rule: what the lock reads must be certain, and in doubt the key is longer.
func TestTowardsE3_NightsWhenClocksChange(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		zone, asked                          string
		saltoStart, saltoEnd, onityB, onityE string
	}{
		// Spring in Chicago: 02:00 to 03:00 on 8 March 2026 does not happen.
		{"America/Chicago", "2026-03-08T01:59", "2026-03-08T01:59", "2026-03-08T01:59", "2026-03-08T01:00", "2026-03-08T03:00"},
		{"America/Chicago", "2026-03-08T02:00", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00"},
		{"America/Chicago", "2026-03-08T02:30", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00"},
		{"America/Chicago", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00", "2026-03-08T03:00"},
		// Autumn in Chicago: 01:00 to 02:00 on 1 November 2026 happens twice.
		{"America/Chicago", "2026-11-01T00:59", "2026-11-01T00:59", "2026-11-01T00:59", "2026-11-01T00:00", "2026-11-01T02:00"},
		{"America/Chicago", "2026-11-01T01:00", "2026-11-01T00:59", "2026-11-01T02:00", "2026-11-01T00:00", "2026-11-01T02:00"},
		{"America/Chicago", "2026-11-01T01:30", "2026-11-01T00:59", "2026-11-01T02:00", "2026-11-01T00:00", "2026-11-01T02:00"},
		{"America/Chicago", "2026-11-01T01:59", "2026-11-01T00:59", "2026-11-01T02:00", "2026-11-01T00:00", "2026-11-01T02:00"},
		{"America/Chicago", "2026-11-01T02:00", "2026-11-01T02:00", "2026-11-01T02:00", "2026-11-01T02:00", "2026-11-01T02:00"},
		// Half an hour only, on Lord Howe: 01:30 to 02:00 on 5 April 2026 happens twice.
		{"Australia/Lord_Howe", "2026-04-05T01:29", "2026-04-05T01:29", "2026-04-05T01:29", "2026-04-05T01:00", "2026-04-05T02:00"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-05T01:29", "2026-04-05T02:00", "2026-04-05T01:00", "2026-04-05T02:00"},
		// Around midnight, in Havana: 00:00 to 01:00 on 1 November 2026 happens twice, and an end rounded up falls into it.
		{"America/Havana", "2026-10-31T23:30", "2026-10-31T23:30", "2026-10-31T23:30", "2026-10-31T23:00", "2026-11-01T01:00"},
		{"America/Havana", "2026-11-01T00:30", "2026-10-31T23:59", "2026-11-01T01:00", "2026-10-31T23:00", "2026-11-01T01:00"},
		// Other days, and no zone.
		{"America/Phoenix", "2026-11-01T01:30", "2026-11-01T01:30", "2026-11-01T01:30", "2026-11-01T01:00", "2026-11-01T02:00"},
		{"", "2026-11-01T01:30", "2026-11-01T01:30", "2026-11-01T01:30", "2026-11-01T01:00", "2026-11-01T02:00"},
		{"", "2026-12-31T23:01", "2026-12-31T23:01", "2026-12-31T23:01", "2026-12-31T23:00", "2027-01-01T00:00"},
	} {
		var loc *time.Location
		if v.zone != "" {
			loc = zone(t, v.zone)
		}
		asked := wall(t, v.asked)
		got := [4]industrystd.Wall{
			industrystd.Salto.Written(asked, loc, industrystd.Begin), industrystd.Salto.Written(asked, loc, industrystd.End),
			industrystd.Onity.Written(asked, loc, industrystd.Begin), industrystd.Onity.Written(asked, loc, industrystd.End),
		}
		if want := [4]industrystd.Wall{wall(t, v.saltoStart), wall(t, v.saltoEnd), wall(t, v.onityB), wall(t, v.onityE)}; got != want {
			t.Errorf("%s %s: %v, want %v", v.zone, v.asked, got, want)
		}
	}
}

// TestWritten_NeverShorterAndAlwaysCertain walks random days of zones with odd changes.
func TestWritten_NeverShorterAndAlwaysCertain(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{zone(t, "America/Chicago"), zone(t, "Australia/Lord_Howe"), zone(t, "America/Havana"), zone(t, "Europe/Dublin"), zone(t, "Africa/Casablanca")}
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		day := time.Date(rapid.IntRange(2001, 2098).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
		asked := industrystd.At(day.Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "minute"))*time.Minute), time.UTC, industrystd.Begin)
		for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
			start, end := d.Written(asked, loc, industrystd.Begin), d.Written(asked, loc, industrystd.End)
			if end.Before(asked) {
				t.Fatalf("%s %v: end %v is earlier", d, asked, end)
			}
			// A beginning is later only where the asked one does not exist.
			if asked.Before(start) && shownAt(asked, loc) != 0 {
				t.Fatalf("%s %v: start %v is later", d, asked, start)
			}
			if n := shownAt(end, loc); n != 1 {
				t.Fatalf("%s %v: end %v is shown %d times", d, asked, end, n)
			}
			if n := shownAt(start, loc); n != 1 {
				t.Fatalf("%s %v: start %v is shown %d times", d, asked, start, n)
			}
		}
	})
}

// shownAt counts how often clocks in loc show w, by looking at every minute of three days.
func shownAt(w industrystd.Wall, loc *time.Location) int {
	n := 0
	at := time.Date(w.Year, w.Month, w.Day, w.Hour, w.Min, 0, 0, time.UTC)
	for m := -26 * 60; m <= 26*60; m++ {
		if industrystd.At(at.Add(time.Duration(m)*time.Minute), loc, industrystd.Begin) == w {
			n++
		}
	}
	return n
}

func TestAt_SecondsNeverShortenAKey(t *testing.T) {
	t.Parallel()
	chicago := zone(t, "America/Chicago")
	at := time.Date(2026, 7, 1, 20, 30, 1, 0, time.UTC)
	if got := industrystd.At(at, chicago, industrystd.Begin); got != wall(t, "2026-07-01T15:30") {
		t.Errorf("a beginning at %v is written %v", at, got)
	}
	if got := industrystd.At(at, chicago, industrystd.End); got != wall(t, "2026-07-01T15:31") {
		t.Errorf("an end at %v is written %v", at, got)
	}
	if got := industrystd.At(at.Add(-time.Second), chicago, industrystd.End); got != wall(t, "2026-07-01T15:30") {
		t.Errorf("an end on the minute is written %v", got)
	}
}

func TestWall_Text(t *testing.T) {
	t.Parallel()
	var job industrystd.Job
	if err := json.Unmarshal([]byte(`{"start":"","end":"2027-07-31T11:00"}`), &job); err != nil || !job.Start.IsZero() || job.End.String() != "2027-07-31T11:00" {
		t.Errorf("%+v, %v", job, err)
	}
	if raw, err := json.Marshal(job.Start); err != nil || string(raw) != `""` {
		t.Errorf("no time is %s, %v", raw, err)
	}
	for _, bad := range []string{"2027-02-29T11:00", "2027-07-31 11:00", "2027-07-31T11:00:00", "2027-07-31T24:00", "31.07.2027"} {
		if err := job.End.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, job.End)
		}
	}
}

// TestWall_YearsOfTwoDigits reads back what was written, for a century.
func TestWall_YearsOfTwoDigits(t *testing.T) {
	t.Parallel()
	for year := 2000; year <= 2099; year++ {
		end := industrystd.Wall{Year: year, Month: 12, Day: 31, Hour: 11}
		for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
			m, err := industrystd.Build(d, industrystd.Job{Command: industrystd.NewKey, Encoder: "1", Rooms: []string{"101"}, End: end})
			if err != nil {
				t.Fatal(err)
			}
			read := industrystd.Job{Command: industrystd.Read, Encoder: "1"}
			a, err := industrystd.ParseAnswer(d, read, industrystd.Message{"LT", "1", "101", "", "", "", "CI", "0", "", "", m.Field(10), ""})
			if err != nil || a.Card.End != end {
				t.Errorf("%s %v: read back %+v, %v", d, end, a.Card, err)
			}
		}
	}
}
