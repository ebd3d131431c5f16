package policy

import (
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

func TestS6_FutureBecomesCurrentAtTheMinute(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "future", "2026-11-24", "", nil)
	d := p.decide()
	start := utc("2026-11-24T20:00:00Z") // 15:00 EST
	if enters(d, "p1", start.Add(-time.Second)) || !enters(d, "p1", start) {
		t.Errorf("opens %v, want exactly at %v", p.grant(d, "p1").Window, start)
	}
	if g := p.grant(d, "p1"); !g.Until.IsZero() || g.Ends != "" {
		t.Errorf("an end without a reason: %+v", g)
	}
}

func TestG6_TheFutureTravelsAhead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "future", "2027-03-01", "2028-02-28", nil)
	early := p.decideAt(utc("2026-11-22T17:00:00Z"))
	late := p.decideAt(utc("2027-09-01T17:00:00Z"))
	if len(grants(early, "p1")) != 1 || bytesOf(t, early) != bytesOf(t, late) {
		t.Error("the decision taken months ahead is not the one taken on the day")
	}
}

func TestS7_WhicheverEndIsFirst(t *testing.T) {
	t.Parallel()
	seen := utc("2026-11-20T16:30:00Z")
	for _, c := range []struct {
		name     string
		settings func(*model.Settings)
		lease    func(*model.Lease)
		until    string // "": no end
		ends     access.EndReason
	}{
		{"move-out date", nil, func(l *model.Lease) { l.MoveOut = date(t, "2026-12-01") }, "2026-12-01T16:00:00Z", access.EndMoveOut},
		{"status past before the date", nil, func(l *model.Lease) { l.MoveOut = date(t, "2026-12-01"); l.Status, l.PastSeen = "past", seen }, "2026-11-20T16:30:00Z", access.EndRevoked},
		{"status past after the date", nil, func(l *model.Lease) { l.MoveOut = date(t, "2026-11-15"); l.Status, l.PastSeen = "past", seen }, "2026-11-15T16:00:00Z", access.EndMoveOut},
		{"status past without a date", nil, func(l *model.Lease) { l.Status, l.PastSeen = "past", seen }, "2026-11-20T16:30:00Z", access.EndRevoked},
		{"agreed hour", nil, func(l *model.Lease) { l.MoveOut, l.MoveOutTime = date(t, "2026-12-01"), "09:15" }, "2026-12-01T14:15:00Z", access.EndMoveOut},
		{"lease end not chosen", nil, func(l *model.Lease) { l.LeaseEnd = date(t, "2026-12-31") }, "", ""},
		{"lease end chosen", leaseEnds, func(l *model.Lease) { l.LeaseEnd = date(t, "2026-12-31") }, "2026-12-31T16:00:00Z", access.EndLeaseEnd},
		{"lease end and earlier move-out", leaseEnds, func(l *model.Lease) { l.LeaseEnd, l.MoveOut = date(t, "2026-12-31"), date(t, "2026-12-05") }, "2026-12-05T16:00:00Z", access.EndMoveOut},
		{"lease end long past, still current", nil, func(l *model.Lease) { l.LeaseEnd = date(t, "2026-03-31") }, "", ""},
		{"lease end long past, chosen", leaseEnds, func(l *model.Lease) { l.LeaseEnd = date(t, "2026-11-10") }, "2026-11-10T16:00:00Z", access.EndLeaseEnd},
		{"lease end of a month-to-month", leaseEnds, func(l *model.Lease) { l.LeaseEnd, l.MonthToMonth = date(t, "2026-03-31"), true }, "", ""},
		{"lease end of a holdover", leaseEnds, func(l *model.Lease) { l.LeaseEnd, l.RawStatus = date(t, "2026-03-31"), "Holdover" }, "", ""},
		{"lease end, month-to-month by label", leaseEnds, func(l *model.Lease) { l.LeaseEnd, l.RawStatus = date(t, "2026-03-31"), "Month-to-Month" }, "", ""},
		{"month-to-month moves out", leaseEnds, func(l *model.Lease) { l.MonthToMonth, l.MoveOut = true, date(t, "2026-12-01") }, "2026-12-01T16:00:00Z", access.EndMoveOut},
		{"move-out not chosen", func(s *model.Settings) { s.EndMoveOut = false }, func(l *model.Lease) { l.MoveOut = date(t, "2026-12-01") }, "", ""},
		{"status not chosen", func(s *model.Settings) { s.EndStatus = false }, func(l *model.Lease) { l.MoveOut = date(t, "2026-12-01"); l.Status, l.PastSeen = "past", seen }, "2026-12-01T16:00:00Z", access.EndMoveOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			if c.settings != nil {
				c.settings(&p.Property.Settings)
			}
			p.lives("1", "u1", "current", "2025-01-01", "", func(_ *model.Person, l *model.Lease) { c.lease(l) })
			g := p.grant(p.decide(), "p1")
			if c.until == "" && (!g.Until.IsZero() || g.Ends != "") || c.until != "" && (!g.Until.Equal(utc(c.until)) || g.Ends != c.ends) {
				t.Errorf("ends %v because of %q, want %s because of %q", g.Until, g.Ends, c.until, c.ends)
			}
		})
	}
}

func leaseEnds(s *model.Settings) { s.EndLeaseEnd = true }

func TestA7_OneTriggerAndItsFallback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		begin         model.Trigger
		moveIn, start string
		status        string
		from          string // "": no beginning, "none": no grant
		reason        string
	}{
		{"move-in", model.BeginMoveIn, "2026-11-24", "2026-12-01", "future", "2026-11-24T20:00:00Z", "(move-in date)"},
		{"lease start", model.BeginLeaseStart, "2026-11-24", "2026-12-01", "future", "2026-12-01T20:00:00Z", "(lease start)"},
		{"no move-in date", model.BeginMoveIn, "", "2026-12-01", "future", "2026-12-01T20:00:00Z", "(lease start, as the PMS gives no move-in date)"},
		{"no lease start", model.BeginLeaseStart, "2026-11-24", "", "future", "2026-11-24T20:00:00Z", "(move-in date, as the PMS gives no lease start)"},
		{"current without dates", model.BeginMoveIn, "", "", "current", "", "(living there already; the PMS gives no move-in date)"},
		{"future without dates", model.BeginMoveIn, "", "", "future", "none", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.Property.Settings.Begin = c.begin
			p.lives("1", "u1", c.status, c.moveIn, "", func(_ *model.Person, l *model.Lease) { l.LeaseStart = date(t, c.start) })
			d := p.decide()
			if c.from == "none" {
				if len(of[access.Person](d)) != 0 {
					t.Error("somebody without a beginning is sent")
				}
				p.refused(d, "no_begin_date", "r1", "Ada No1 (unit 204) has no move-in date")
				return
			}
			g := p.grant(d, "p1")
			if c.from == "" && !g.From.IsZero() || c.from != "" && !g.From.Equal(utc(c.from)) {
				t.Errorf("from %v, want %q", g.From, c.from)
			}
			p.explained(d, "p1", c.reason)
		})
	}
}

func TestA7_TheReasonIsWhatAManagerReads(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2026-11-22", "2026-12-01", nil)
	p.lives("2", "u2", "current", "2026-11-22", "", func(_ *model.Person, l *model.Lease) { l.MonthToMonth = true })
	d := p.decide()
	want := "lives in unit 204 from Nov 22, 2026 3:00 PM (move-in date) until Dec 1, 2026 11:00 AM (move-out date)"
	if got := p.grant(d, "p1").Reason; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if all := d.Explain["p1"]; len(all) != 2 || all[0] != want || all[1] != "has no usable PIN or card, so opens no door yet" {
		t.Errorf("explained as %q", all)
	}
	want = "lives in unit 305 from Nov 22, 2026 3:00 PM (move-in date), month to month, with no end date"
	if got := p.grant(d, "p2").Reason; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestS6_MoveInOnBothNights: 15:00 on the days the clocks change, and hours inside the gap and
// inside the doubled hour, in several zones.
func TestS6_MoveInOnBothNights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, day, hour, from, until string }{
		{"America/New_York", "2026-03-08", "15:00", "2026-03-08T19:00:00Z", "2026-03-08T19:00:00Z"},
		{"America/New_York", "2026-11-01", "15:00", "2026-11-01T20:00:00Z", "2026-11-01T20:00:00Z"},
		{"America/Los_Angeles", "2026-03-08", "02:30", "2026-03-08T10:00:00Z", "2026-03-08T10:00:00Z"},
		{"America/Los_Angeles", "2026-11-01", "01:30", "2026-11-01T08:30:00Z", "2026-11-01T09:30:00Z"},
		{"America/Phoenix", "2026-03-08", "15:00", "2026-03-08T22:00:00Z", "2026-03-08T22:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"},
		{"Australia/Lord_Howe", "2026-10-04", "15:00", "2026-10-04T04:00:00Z", "2026-10-04T04:00:00Z"},
		{"Europe/Berlin", "2026-10-25", "15:00", "2026-10-25T14:00:00Z", "2026-10-25T14:00:00Z"},
	} {
		t.Run(c.zone+" "+c.day+" "+c.hour, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.Property.Zone = c.zone
			p.lives("in", "u1", "future", c.day, "", func(_ *model.Person, l *model.Lease) { l.MoveInTime = c.hour })
			p.lives("out", "u1", "current", "2026-01-01", c.day, func(_ *model.Person, l *model.Lease) { l.MoveOutTime = c.hour })
			d := p.decideAt(utc("2026-03-01T00:00:00Z"))
			if g := p.grant(d, "pin"); !g.From.Equal(utc(c.from)) {
				t.Errorf("begins %v, want %s", g.From, c.from)
			}
			if g := p.grant(d, "pout"); !g.Until.Equal(utc(c.until)) {
				t.Errorf("ends %v, want %s", g.Until, c.until)
			}
		})
	}
}

func TestT9_NoticeAndEvictionLiveOn(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"Notice", "Notice Unrented", "Eviction", "Under Eviction", "Holdover"} {
		p := newPlace(t)
		p.Property.Settings.EndLeaseEnd = label == "Holdover"
		p.lives("1", "u1", "current", "2025-01-01", "", func(_ *model.Person, l *model.Lease) {
			l.RawStatus, l.Notice, l.LeaseEnd = label, date(t, "2026-10-31"), date(t, "2026-06-30")
		})
		d := p.decide()
		if !enters(d, "p1", noon()) || !p.grant(d, "p1").Until.IsZero() {
			t.Errorf("%s: %+v", label, p.grant(d, "p1"))
		}
	}
}

func TestL2_WhoGetsNoGrantAndWhy(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("none", "u1", "none", "2026-11-01", "", func(_ *model.Person, l *model.Lease) { l.RawStatus = "Applicant" })
	p.lives("unknown", "u1", "", "2026-11-01", "", nil)
	p.lives("before", "u1", "past", "2025-11-01", "", nil)
	p.lives("lost", "u9", "current", "2025-11-01", "", nil)
	p.People = append(p.People, model.Person{Person: access.Person{ID: "pvendor", Kind: access.Vendor, Company: "Acme"}, Origin: model.ByHand})
	d := p.decide()
	if n := len(of[access.Person](d)) + len(of[access.Grant](d)) + len(of[access.Residency](d)); n != 0 {
		t.Fatalf("%d records of people without a home are sent", n)
	}
	p.explained(d, "pnone", "the PMS's status (Applicant) gives nobody a home")
	p.explained(d, "punknown", "the PMS's status is not known")
	p.explained(d, "pbefore", "was past before it was known here")
	p.explained(d, "pvendor", "lives in no unit")
	p.refused(d, "unknown_unit", "rlost", "names a unit that is not known here")
	if len(d.Refusals) != 1 {
		t.Errorf("refusals for what is in order: %+v", d.Refusals)
	}
}

func TestS7_MoveOutBeforeMoveInTheSameDay(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2026-11-22", "2026-11-22", nil)
	d := p.decide()
	if len(grants(d, "p1")) != 0 {
		t.Errorf("a grant that ends before it begins: %+v", grants(d, "p1"))
	}
	p.refused(d, "ends_before_begin", "r1", "begins Nov 22, 2026 3:00 PM (move-in date) and ends Nov 22, 2026 11:00 AM (move-out date)")
}

func TestS7_MoveOutOnTheMoveInsMinute(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2026-11-22", "2026-11-22", func(_ *model.Person, l *model.Lease) { l.MoveOutTime = "15:00" })
	if d := p.decide(); len(of[access.Person](d)) != 0 || len(grants(d, "p1")) != 0 {
		t.Errorf("an empty window is published: %+v", grants(d, "p1"))
	}
}

// TestDecide_InstantsTravelInUTC: the same instant is always the same bytes, wherever a date was
// loaded from.
func TestDecide_InstantsTravelInUTC(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	seen := utc("2026-11-20T16:30:00.25Z").In(time.FixedZone("", -5*3600))
	p.lives("1", "u1", "past", "2026-11-01", "", func(_ *model.Person, l *model.Lease) { l.PastSeen = seen })
	if got := bytesOf(t, p.decide()); !strings.Contains(got, `"from":"2026-11-01T20:00:00Z","until":"2026-11-20T16:30:00Z"`) {
		t.Errorf("published %s", got)
	}
}

func TestTowardsS5_CancelledBeforeItBegan(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "past", "2026-12-01", "", func(_ *model.Person, l *model.Lease) {
		l.RawStatus, l.PastSeen = "Cancelled", noon()
	})
	d := p.decide()
	if len(grants(d, "p1")) != 0 || len(d.Refusals) != 0 {
		t.Errorf("a cancelled lease leaves %+v, %+v", grants(d, "p1"), d.Refusals)
	}
	p.explained(d, "p1", "ends Nov 22, 2026 12:00 PM (the PMS says past)")
}

func TestS7_PastWithoutAnyEndIsShown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.Property.Settings.EndStatus = false
	p.lives("1", "u1", "past", "2025-12-01", "", func(_ *model.Person, l *model.Lease) { l.PastSeen = noon() })
	d := p.decide()
	if !enters(d, "p1", noon()) {
		t.Error("status past ended access although the property did not choose it")
	}
	p.refused(d, "past_without_end", "r1", "access goes on")
}

func TestDecide_BadHourOfALeaseIsTheProperty(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2026-11-20", "2026-12-01", func(_ *model.Person, l *model.Lease) { l.MoveInTime, l.MoveOutTime = "9am", "noon" })
	d := p.decide()
	if g := p.grant(d, "p1"); !g.From.Equal(utc("2026-11-20T20:00:00Z")) || !g.Until.Equal(utc("2026-12-01T16:00:00Z")) {
		t.Errorf("window %v", g.Window)
	}
	p.refused(d, "bad_time", "r1", "agreed move-in time that cannot be read")
}
