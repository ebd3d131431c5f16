package pms_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms"
)

// TestS7_EveryDayOfAYearHasItsMinute walks zones with clock changes at odd hours: a beginning is
// never after the end at the same time of day, the clock shows the time asked for wherever it
// exists, and a later time of day is never an earlier instant.
func TestS7_EveryDayOfAYearHasItsMinute(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"America/New_York", "America/Los_Angeles", "America/Phoenix", "Pacific/Honolulu",
		"America/St_Johns", "America/Santiago", "America/Havana", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo",
		"Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Auckland"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			var last time.Time
			for day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == 2026; day = day.AddDate(0, 0, 1) {
				last = walkDay(t, pms.Date{Year: 2026, Month: day.Month(), Day: day.Day()}, loc, last)
			}
		})
	}
}

func walkDay(t *testing.T, d pms.Date, loc *time.Location, last time.Time) time.Time {
	t.Helper()
	for minute := 0; minute < 24*60; minute += 15 {
		begin, end := d.At(loc, minute/60, minute%60), d.AtEnd(loc, minute/60, minute%60)
		if end.Before(begin) {
			t.Fatalf("%s %02d:%02d ends at %v before it begins at %v", d, minute/60, minute%60, end, begin)
		}
		want := fmt.Sprintf("%s %02d:%02d", d, minute/60, minute%60)
		for _, at := range []time.Time{begin, end} {
			if got := at.In(loc).Format("2006-01-02 15:04"); got < want {
				t.Fatalf("asked for %s, the clock shows %s", want, got)
			}
		}
		if end.Before(last) {
			t.Fatalf("%s ends at %v, before the quarter of an hour before it (%v)", want, end, last)
		}
		last = end
	}
	return last
}

func TestReadDate_EveryDayInBothForms(t *testing.T) {
	t.Parallel()
	for day := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
		want := day.Format("2006-01-02")
		for form, layouts := range map[pms.DateForm][]string{
			pms.ISODate: {"2006-01-02", "2006-01-02T00:00:00", "2006-01-02T00:00:00Z"},
			pms.USDate:  {"1/2/2006", "01/02/2006", "01/02/2006 00:00:00"},
		} {
			for _, layout := range layouts {
				got, gotForm, err := pms.ReadDate(day.Format(layout))
				if err != nil || got.String() != want || gotForm != form {
					t.Fatalf("%s reads as %q, %v, %v", day.Format(layout), got, gotForm, err)
				}
			}
		}
	}
	if got := fmt.Sprint(pms.NoDate, pms.ISODate, pms.USDate); got != "blank YYYY-MM-DD M/D/YYYY" {
		t.Errorf("the forms are called %q", got)
	}
}

func TestNewDate_OnlyDaysThatExist(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		year, month, day int
		ok               bool
	}{{2024, 2, 29, true}, {2026, 2, 29, false}, {2100, 2, 29, false}, {2000, 2, 29, true}, {2026, 4, 31, false},
		{2026, 0, 1, false}, {2026, 13, 1, false}, {2026, 1, 0, false}, {0, 1, 1, false}, {10000, 1, 1, false}} {
		d, err := pms.NewDate(c.year, time.Month(c.month), c.day)
		if (err == nil) != c.ok || d.IsZero() == c.ok {
			t.Errorf("%v: %v, %v", c, d, err)
		}
	}
}
