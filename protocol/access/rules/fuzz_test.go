package rules

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// FuzzWeekly: whatever schedule arrives, the question whether it is open has an answer, and its next change lies ahead
// and is one.
func FuzzWeekly(f *testing.F) {
	f.Add([]byte(`{"id":"s1","weekly":[{"days":[1,2],"start":"08:00","end":"24:00"}],"holidays":["2026-12-25"]}`), int64(1798000000))
	f.Add([]byte(`{"id":"s1","weekly":[{"days":[0,6],"start":"22:00","end":"02:30"}],"holidays":["9999-12-31","0001-01-01"]}`), int64(1772953200))
	f.Add([]byte(`{"weekly":[{"days":[7,-1],"start":"8","end":"99:99"}]}`), int64(-1))
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte, at int64) {
		var s access.Schedule
		if json.Unmarshal(raw, &s) != nil || len(s.Holidays) > 50 || len(s.Weekly) > 20 {
			return
		}
		now := time.Unix(at%(1<<36), 0)
		open := WeeklyOpen(s, loc, now)
		next := NextWeekly(s, loc, now)
		switch {
		case s.Validate() != nil && (open || !next.IsZero()):
			t.Errorf("what makes no sense opens: %s", raw)
		case !next.IsZero() && (!next.After(now) || WeeklyOpen(s, loc, next) == open):
			t.Errorf("%s at %s: open %v, next %s", raw, now, open, next)
		}
	})
}
