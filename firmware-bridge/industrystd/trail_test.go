package industrystd_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/firmware-bridge/industrystd"
)

func entry(cmd string, n int) string {
	return fmt.Sprintf("%s|Entrance|01/10|14:%02d|0|I|101|#0", cmd, n)
}

// walkTrail plays a script against Trail.
func walkTrail(t *testing.T, script func(*peer)) (events []industrystd.Event, r industrystd.Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := salto()
		r = against(t, script, func(link industrystd.Link) industrystd.Result {
			events, r = s.Trail(t.Context(), link, "Entrance")
			return r
		})
	})
	return events, r
}

func TestTowardsE3_Trail(t *testing.T) {
	t.Parallel()
	wrong := framed(entry("WN", 2))
	wrong[len(wrong)-1] ^= 1
	events, r := walkTrail(t, func(p *peer) {
		for i, answer := range [][]byte{framed(entry("WF", 0)), framed(entry("WN", 1)), wrong, framed(entry("WR", 2)), framed("WO|Entrance")} {
			p.accept(framed([]string{"WF", "WN", "WN", "WR", "WN"}[i] + "|Entrance"))
			p.say(answer...)
		}
	})
	ended(t, r, industrystd.Done, industrystd.NoCause)
	if len(events) != 3 || events[0].Time != "14:00" || events[2].Time != "14:02" {
		t.Errorf("%+v, want three in order, the garbled one asked for again", events)
	}
}

func TestTowardsE3_TrailBreaksOff(t *testing.T) {
	t.Parallel()
	events, r := walkTrail(t, func(p *peer) {
		p.accept(framed("WF|Entrance"))
		p.say(framed(entry("WF", 0))...)
		p.accept(framed("WN|Entrance"))
		p.hangUp()
	})
	ended(t, r, industrystd.Unknown, industrystd.HungUp, `door "Entrance"`)
	if len(events) != 1 {
		t.Errorf("%+v, want what came before", events)
	}
	events, r = walkTrail(t, func(p *peer) {
		p.accept(framed("WF|Entrance"))
		p.say(framed("WE")...)
	})
	ended(t, r, industrystd.Refused, industrystd.Code, "WE", `door "Entrance"`)
	if len(events) != 0 {
		t.Errorf("%+v", events)
	}
	events, r = walkTrail(t, func(p *peer) { p.want(0x05) })
	ended(t, r, industrystd.Refused, industrystd.Silent)
	if len(events) != 0 {
		t.Errorf("%+v", events)
	}
}

// TestTrail_Bounded: a lock system that never comes to the end does not keep us for ever.
func TestTrail_Bounded(t *testing.T) {
	t.Parallel()
	events, r := walkTrail(t, func(p *peer) {
		p.accept(framed("WF|Entrance"))
		p.say(framed(entry("WF", 0))...)
		for range industrystd.MaxTrail - 1 {
			p.accept(framed("WN|Entrance"))
			p.say(framed(entry("WN", 1))...)
		}
	})
	ended(t, r, industrystd.Refused, industrystd.Limit, "10000")
	if len(events) != industrystd.MaxTrail {
		t.Errorf("%d entries", len(events))
	}
}

func TestTowardsE3_TrailYear(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		now, date, time string
		order           industrystd.DateOrder
		want            string
	}{
		{"2026-07-15T10:00", "15/07", "09:59", industrystd.DayFirst, "2026-07-15T09:59"},
		{"2026-07-15T10:00", "16/07", "09:59", industrystd.DayFirst, "2026-07-16T09:59"}, // a clock that runs ahead
		{"2026-07-15T10:00", "16/07", "10:01", industrystd.DayFirst, "2025-07-16T10:01"},
		{"2026-01-01T00:10", "31/12", "23:59", industrystd.DayFirst, "2025-12-31T23:59"},
		{"2025-12-31T23:50", "01/01", "00:05", industrystd.DayFirst, "2026-01-01T00:05"},
		{"2026-07-15T10:00", "07/08", "10:00", industrystd.DayFirst, "2025-08-07T10:00"},
		{"2026-07-15T10:00", "07/08", "10:00", industrystd.MonthFirst, "2026-07-08T10:00"},
		{"2026-07-15T10:00", "29/02", "10:00", industrystd.DayFirst, "2024-02-29T10:00"},
		{"2026-07-15T10:00", "02/29", "10:00", industrystd.MonthFirst, "2024-02-29T10:00"},
	} {
		e := industrystd.Event{Door: "Entrance", Date: v.date, Time: v.time}
		if got, err := e.At(wall(t, v.now), v.order); err != nil || got != wall(t, v.want) {
			t.Errorf("%s %s at %s: %v, %v; want %s", v.date, v.time, v.now, got, err, v.want)
		}
	}
	for _, bad := range []industrystd.Event{{Date: "30/02", Time: "10:00"}, {Date: "13/13", Time: "10:00"}, {Date: "", Time: ""}, {Date: "01/10", Time: "24:00"}, {Date: "01/10", Time: "10:00:00"}} {
		if got, err := bad.At(wall(t, "2026-07-15T10:00"), industrystd.DayFirst); err == nil || !strings.Contains(err.Error(), "door") {
			t.Errorf("%+v: %v, %v", bad, got, err)
		}
	}
}
