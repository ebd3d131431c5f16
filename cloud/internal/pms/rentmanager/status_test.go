package rentmanager_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
)

func day(y int, m time.Month, d int) pms.Date { return pms.Date{Year: y, Month: m, Day: d} }

// TestA7_StatusByDatesAndLabel is §1.4's definition and §6.3's labels, on 2026-11-20.
func TestA7_StatusByDatesAndLabel(t *testing.T) {
	t.Parallel()
	const yesterday, today, tomorrow = "2026-11-19T00:00:00", "2026-11-20T00:00:00", "2026-11-21T00:00:00"
	for _, c := range []struct {
		label   any
		in, out any
		want    pms.Status
		odd     bool // listed for staff
	}{
		{"Current", yesterday, nil, pms.Current, false},
		{"Current", today, nil, pms.Current, false},
		{"Current", yesterday, today, pms.Current, false}, // the last day is a day
		{"Current", yesterday, tomorrow, pms.Current, false},
		{"Past", yesterday, yesterday, pms.Past, false},
		{"Future", tomorrow, nil, pms.Future, false},
		{nil, yesterday, nil, pms.Current, false}, // no label: the dates alone
		{nil, tomorrow, nil, pms.Future, false},
		{"", nil, nil, "", true}, // neither speaks
		{"Current", nil, nil, pms.Current, false},
		{"Future", nil, tomorrow, pms.Future, false},
		{"Past", nil, nil, pms.Past, false},

		{"Notice", yesterday, tomorrow, pms.Current, false}, // notice and eviction still live there
		{"Eviction", yesterday, nil, pms.Current, false},
		{"Month to Month", yesterday, nil, pms.Current, false},
		{"Prospect", tomorrow, nil, pms.None, false},
		{"Applicant", nil, nil, pms.None, false},

		{"Current", yesterday, yesterday, pms.Past, true}, // a date that has passed is explicit
		{"Quondam", yesterday, yesterday, pms.Past, true},
		{"Current", tomorrow, nil, pms.Future, true},
		{"Future", yesterday, nil, pms.Current, true},
		{"Past", yesterday, nil, pms.Past, true},
		{"Past", tomorrow, nil, "", true}, // perhaps they come back
		{"Applicant", yesterday, nil, "", true},
		{"Quondam", yesterday, nil, "", true},
		{"Quondam", nil, nil, "", true},

		{"Current", "0001-01-01T00:00:00", "9999-12-31T00:00:00", pms.Current, false}, // sentinels are blanks
		{"Current", yesterday, tomorrow + ".0000000-05:00", pms.Current, false},
	} {
		t.Run(fmt.Sprint(c.label, " ", c.in, " ", c.out), func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["Tenants"] = []row{tenant(1, row{"Status": c.label, "Leases": []row{lease(7, row{"MoveInDate": c.in, "MoveOutDate": c.out})}})}
			r := pull(t, s, nil, pms.Request{})
			l := r.lease(t, "7")
			if l.Status != c.want || r.skipped("status", "7", "") != c.odd || !r.complete {
				t.Errorf("status %q, want %q; skipped %+v; complete %v", l.Status, c.want, r.Skipped, r.complete)
			}
			if want := fmt.Sprint(c.label); c.label != nil && l.RawStatus != want {
				t.Errorf("raw status %q, want it verbatim", l.RawStatus)
			}
		})
	}
}

func TestA7_SeveralLeasesOfOneTenantEachStandByTheirDates(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = []row{tenant(1, row{"Leases": []row{
		lease(7, row{"MoveOutDate": "2026-06-30T00:00:00", "UnitID": 302}),
		lease(8, row{"MoveInDate": "2026-07-01T00:00:00", "NoticeDate": "2026-11-01T00:00:00"}),
		lease(9, row{"MoveInDate": "2026-12-01T00:00:00", "UnitID": 302}),
	}})}
	r := pull(t, s, nil, pms.Request{})
	got := [3]pms.Status{r.lease(t, "7").Status, r.lease(t, "8").Status, r.lease(t, "9").Status}
	if got != [3]pms.Status{pms.Past, pms.Current, pms.Future} || len(r.Skipped) != 0 || len(r.People) != 3 {
		t.Errorf("statuses %v, skipped %+v, %d rows of people", got, r.Skipped, len(r.People))
	}
	if n := r.lease(t, "8").Notice; n != day(2026, 11, 1) {
		t.Errorf("notice %s", n)
	}
}

// TestA7_TodayIsThePropertysDay: at this instant it is the 20th in Chicago and the 21st in Tokyo.
// Without a zone nobody gets in before the day has begun everywhere, nor is out before it is over.
func TestA7_TodayIsThePropertysDay(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string][2]pms.Status{
		"America/Chicago": {pms.Current, pms.Future},
		"Asia/Tokyo":      {pms.Past, pms.Current},
		"":                {pms.Current, pms.Future},
	} {
		s := newServer()
		s.tables["Tenants"] = []row{tenant(1, row{"Status": nil, "Leases": []row{
			lease(7, row{"MoveOutDate": "2026-11-20T00:00:00"}), lease(8, row{"MoveInDate": "2026-11-21T00:00:00", "UnitID": 302})}})}
		r := pull(t, s, func(c *rentmanager.Config) { c.Defaults.Zone = zone }, pms.Request{})
		if got := [2]pms.Status{r.lease(t, "7").Status, r.lease(t, "8").Status}; got != want || r.Properties[0].Zone != zone {
			t.Errorf("zone %q: %v, want %v; the property's zone is %q", zone, got, want, r.Properties[0].Zone)
		}
	}
}

// TestTowardsS8_ThePastIsReadButNotForEver: an end must be seen, long after it is noise.
func TestTowardsS8_ThePastIsReadButNotForEver(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.tables["Tenants"] = append(s.tables["Tenants"],
		tenant(1, row{"Status": "Past", "Leases": []row{lease(7, row{"MoveOutDate": "2026-09-01T00:00:00"})}}),
		tenant(2, row{"Status": "Past", "Leases": []row{lease(8, row{"MoveOutDate": "2019-09-01T00:00:00", "MoveInDate": "2018-09-01T00:00:00"})}}))
	r := pull(t, s, nil, pms.Request{})
	if l := r.lease(t, "7"); l.Status != pms.Past || l.MoveOut != day(2026, 9, 1) {
		t.Errorf("%+v", l)
	}
	if !r.complete || len(r.Leases) != 2 || len(r.People) != 2 {
		t.Errorf("complete %v, %d leases, %d people; evidence:\n%s", r.complete, len(r.Leases), len(r.People), r.why())
	}
}

// TestG3_ALeaseThatCannotBeReadHidesNobody: it is listed, and absence from the snapshot means nothing.
func TestG3_ALeaseThatCannotBeReadHidesNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lease      row
		complete   bool
		what, says string
	}{
		"a date in words":             {lease(7, row{"MoveOutDate": "next May"}), false, "lease", `MoveOutDate "next May" is not a date`},
		"a date with the month first": {lease(7, row{"MoveInDate": "3/4/2026"}), false, "lease", "MoveInDate"},
		"a date as a number":          {lease(7, row{"EndDate": 20261120}), false, "lease", "EndDate"},
		"a day that is none":          {lease(7, row{"StartDate": "2026-02-30T00:00:00"}), false, "lease", "StartDate"},
		"no id":                       {lease(0, nil), false, "lease", "has no id"},
		"current, no unit":            {lease(7, row{"UnitID": 0}), false, "lease", "no unit"},
		"future, no unit yet":         {lease(7, row{"UnitID": nil, "MoveInDate": "2027-01-01T00:00:00"}), true, "lease", "no unit (status future)"},
		"another property's":          {lease(7, row{"PropertyID": 13}), true, "lease", "it is of property 13"},
		"the same lease again":        {lease(441700, nil), false, "lease", "stands under two tenants"},
		"a unit not in the list":      {lease(7, row{"UnitID": 999}), true, "unit", "the list of units does not have"},
		"out before in":               {lease(7, row{"MoveOutDate": "2026-02-01T00:00:00"}), true, "date", "move-out 2026-02-01 lies before move-in 2026-03-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.tables["Tenants"] = append(s.tables["Tenants"], tenant(9999, row{"Leases": []row{c.lease}}))
			r := pull(t, s, nil, pms.Request{})
			if r.err != nil || r.complete != c.complete || !r.skipped(c.what, "", c.says) {
				t.Errorf("error %v, complete %v, skipped %+v\n%s", r.err, r.complete, r.Skipped, r.why())
			}
			r.lease(t, "441700") // the others are read all the same
		})
	}
}
