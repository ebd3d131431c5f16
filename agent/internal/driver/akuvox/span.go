package akuvox

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

const dayMinutes = 24 * 60

// span is one weekly window as units keep it (§2.4): days, and the first and last minute of the day.
// Whether a unit is open during the minute it names last is unknown. We name the minute before the
// end: where it is not, a window ends one minute early, and never late.
type span struct {
	days        [7]bool // Sunday first
	first, last int     // minutes since midnight
	shut        bool    // instead: never open
}

// spansOf is a schedule as the fewest windows within a day: those past midnight are cut there, those
// that overlap or touch are one, and days with the same hours share one. A schedule without any
// window is one that is shut, because a row must carry something. Holidays are the caller's (see
// driver.ScheduleWriter). Nil when the schedule cannot be read.
func spansOf(s access.Schedule) []span {
	if s.Validate() != nil {
		return nil
	}
	var week [7][][2]int
	put := func(day, from, until int) {
		if from < until {
			week[day%7] = append(week[day%7], [2]int{from, until})
		}
	}
	for _, w := range s.Weekly {
		from, until := minuteOf(w.Start), minuteOf(w.End)
		for _, d := range w.Days {
			switch {
			case from < until:
				put(int(d), from, until)
			case from > until:
				put(int(d), from, dayMinutes)
				put(int(d)+1, 0, until)
			}
		}
	}
	days := map[[2]int][7]bool{}
	for d, windows := range week {
		for _, w := range merged(windows) {
			on := days[w]
			on[d] = true
			days[w] = on
		}
	}
	if len(days) == 0 {
		return []span{{shut: true}}
	}
	var out []span
	for w, on := range days {
		out = append(out, span{days: on, first: w[0], last: w[1] - 1})
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].first < out[j].first || out[i].first == out[j].first && out[i].last < out[j].last
	})
	return out
}

// merged joins windows that overlap or touch.
func merged(windows [][2]int) (out [][2]int) {
	sort.Slice(windows, func(i, j int) bool { return windows[i][0] < windows[j][0] }) // joined ones have no order
	for _, w := range windows {
		if n := len(out); n > 0 && w[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], w[1])
			continue
		}
		out = append(out, w)
	}
	return out
}

// minuteOf reads "HH:MM", -1 when it is none; "24:00" is the end of the day.
func minuteOf(hm string) int {
	if hm == "24:00" {
		return dayMinutes
	}
	t, err := time.Parse("15:04", hm)
	if err != nil {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// Fields and values of a schedule (§2.4).
const (
	fieldDisplay  = "DisplayID"
	fieldType     = "Type"
	fieldMode     = "Mode"
	fieldWeek     = "Week"
	fieldTimeFrom = "TimeStart"
	fieldTimeTo   = "TimeEnd"
	fieldDateFrom = "DateStart"
	fieldDateTo   = "DateEnd"

	typeDates  = "0"
	typeWeekly = "1"
	longGone   = "20000101" // a range of dates that is over is never open
)

// dayKeys are the flags of the days, Sunday first, with the units' own Thursday.
func dayKeys() [7]string { return [7]string{"Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat"} }

// item is the span as a write carries it, days in both of the known ways.
func (s span) item() map[string]string {
	it := map[string]string{fieldType: typeWeekly, fieldTimeFrom: clockOf(s.first), fieldTimeTo: clockOf(s.last), fieldWeek: ""}
	if s.shut {
		it[fieldType], it[fieldDateFrom], it[fieldDateTo] = typeDates, longGone, longGone
	}
	for d, key := range dayKeys() {
		it[key] = "0"
		if s.days[d] {
			it[key] = "1"
			it[fieldWeek] += strconv.Itoa(d)
		}
	}
	return it
}

func clockOf(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// span reads what a unit shows of a schedule; ok is false for what is none of ours in form.
func (r row) span() (s span, ok bool) {
	s.first, s.last = minuteOf(r.get(fieldTimeFrom)), minuteOf(r.get(fieldTimeTo))
	week := r.get(fieldWeek)
	flagged := false
	for d, key := range dayKeys() {
		s.days[d] = strings.Contains(week, strconv.Itoa(d))
		if v := r.get(key); v != "" {
			flagged = true
			if on := v == "1"; week != "" && on != s.days[d] {
				return s, false
			}
			s.days[d] = s.days[d] || v == "1"
		}
	}
	switch r.get(fieldType, fieldMode) {
	case typeWeekly:
		return s, s.first >= 0 && s.last >= s.first && s.last < dayMinutes && (week != "" || flagged)
	case typeDates:
		return span{shut: true}, r.get(fieldDateFrom) == longGone && r.get(fieldDateTo) == longGone
	}
	return s, false
}
