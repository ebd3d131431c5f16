package pms_test

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms"
)

func date(t *testing.T, s string) pms.Date {
	t.Helper()
	d, _, err := pms.ReadDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReadDate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want string
		form     pms.DateForm
	}{
		{"", "", pms.NoDate},
		{"  ", "", pms.NoDate},
		{"2026-12-15", "2026-12-15", pms.ISODate},
		{"2024-02-29", "2024-02-29", pms.ISODate},
		{"2026-03-01T00:00:00", "2026-03-01", pms.ISODate},
		{"2026-03-01T00:00:00.0000000-04:00", "2026-03-01", pms.ISODate},
		{"2026-03-01 00:00:00", "2026-03-01", pms.ISODate},
		{"12/15/2026", "2026-12-15", pms.USDate},
		{"3/1/2026", "2026-03-01", pms.USDate},
		{"03/01/2026 00:00", "2026-03-01", pms.USDate},
	} {
		got, form, err := pms.ReadDate(c.in)
		if err != nil || got.String() != c.want || form != c.form {
			t.Errorf("ReadDate(%q) = %q, %v, %v; want %q, %v", c.in, got, form, err, c.want, c.form)
		}
	}
}

func TestReadDate_Refused(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"2026-02-30", "2026-13-01", "25/12/2026", "3/1/26", "2026/03/01", "2026-3-1",
		"tomorrow", "45992", "1/1/1/2026", "+026-01-01", "20261215", "T", "2026-12", "0/0/2026"} {
		if got, _, err := pms.ReadDate(in); err == nil {
			t.Errorf("ReadDate(%q) = %q; want an error", in, got)
		}
	}
}

func TestReadDate_SentinelsAreAbsent(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"0001-01-01", "0001-01-01T00:00:00", "1753-01-01", "1899-12-30", "1900-01-01",
		"01/01/1900", "1970-01-01", "2079-06-06", "2099-01-01", "2099-12-31", "12/31/2099", "9999-12-31"} {
		got, form, err := pms.ReadDate(in)
		if err != nil || !got.IsZero() || form == pms.NoDate {
			t.Errorf("ReadDate(%q) = %q, %v, %v; want absent, in a form, no error", in, got, form, err)
		}
	}
	for _, in := range []string{"1901-01-01", "1970-01-02", "2098-12-31"} {
		if date(t, in).IsZero() {
			t.Errorf("%s was dropped; it is a day like any other", in)
		}
	}
}

func TestDate_JSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		D pms.Date      `json:"d,omitzero"`
		T pms.TimeOfDay `json:"t,omitzero"`
	}
	in := holder{D: date(t, "2026-03-01"), T: pms.TimeOfDay{Set: true}}
	for want, v := range map[string]holder{`{"d":"2026-03-01","t":"00:00"}`: in, `{}`: {}} {
		b, err := json.Marshal(v)
		if err != nil || string(b) != want {
			t.Errorf("got %s, %v; want %s", b, err, want)
		}
		var back holder
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("%s came back as %+v, %v", b, back, err)
		}
	}
	var h holder
	for _, bad := range []string{`{"d":"2026-02-30"}`, `{"d":5}`, `{"t":"24:00"}`, `{"t":true}`} {
		if err := json.Unmarshal([]byte(bad), &h); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestDate_Before(t *testing.T) {
	t.Parallel()
	a, b := date(t, "2026-03-01"), date(t, "2026-10-01")
	if !a.Before(b) || b.Before(a) || a.Before(a) {
		t.Error("order of days is wrong")
	}
	if (pms.Date{}).Before(a) || a.Before(pms.Date{}) {
		t.Error("an absent date has no order")
	}
}

func TestS7_TheMinuteOfADayInThePropertysZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, day string
		hour, minute    int
		begin, end      string
	}{
		{"plain", "America/Chicago", "2026-12-15", 12, 0, "2026-12-15T18:00:00Z", "2026-12-15T18:00:00Z"},
		{"skipped hour moves to the first minute that exists", "America/Chicago", "2026-03-08", 2, 30,
			"2026-03-08T08:00:00Z", "2026-03-08T08:00:00Z"},
		{"doubled hour: begins at the first, ends at the second", "America/Chicago", "2026-11-01", 1, 30,
			"2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"},
		{"midnight that does not exist", "America/Santiago", "2026-09-06", 0, 0,
			"2026-09-06T04:00:00Z", "2026-09-06T04:00:00Z"},
		{"half an hour", "Australia/Lord_Howe", "2026-10-04", 2, 15, "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z"},
		{"no clock changes", "America/Phoenix", "2026-03-08", 2, 30, "2026-03-08T09:30:00Z", "2026-03-08T09:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			loc, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			d := date(t, c.day)
			if got := d.At(loc, c.hour, c.minute).UTC().Format(time.RFC3339); got != c.begin {
				t.Errorf("At = %s, want %s", got, c.begin)
			}
			if got := d.AtEnd(loc, c.hour, c.minute).UTC().Format(time.RFC3339); got != c.end {
				t.Errorf("AtEnd = %s, want %s", got, c.end)
			}
		})
	}
}

func TestDate_AtWithoutDateOrZone(t *testing.T) {
	t.Parallel()
	if !(pms.Date{}).At(time.UTC, 9, 0).IsZero() || !(pms.Date{}).AtEnd(nil, 9, 0).IsZero() {
		t.Error("an absent date has no instant")
	}
	if got := date(t, "2026-03-01").At(nil, 9, 0); !got.Equal(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("a nil zone gave %v, want UTC", got)
	}
}

func TestReadTimeOfDay(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "9:05": "09:05", "09:05": "09:05", "00:00": "00:00", "23:59": "23:59"} {
		got, err := pms.ReadTimeOfDay(in)
		if err != nil || got.String() != want || got.IsZero() != (in == "") {
			t.Errorf("ReadTimeOfDay(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"24:00", "9", "9am", "12:60", "12:00:00", "-1:00"} {
		if got, err := pms.ReadTimeOfDay(in); err == nil {
			t.Errorf("ReadTimeOfDay(%q) = %v; want an error", in, got)
		}
	}
}
