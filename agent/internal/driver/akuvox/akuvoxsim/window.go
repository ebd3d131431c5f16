package akuvoxsim

import (
	"strings"
	"time"
)

// readSchedule checks an item of add or set: a full record of its type (reference §2.4).
func readSchedule(it map[string]string) (Schedule, *apiError) {
	s := Schedule{
		Name: it[keyName], Type: it["Type"], DateStart: it["DateStart"], DateEnd: it["DateEnd"],
		TimeStart: it["TimeStart"], TimeEnd: it["TimeEnd"],
	}
	if !plainText(s.Name) {
		return s, failed()
	}
	days, named, ok := readDays(it)
	if !ok {
		return s, badParam()
	}
	s.Days = days
	switch s.Type {
	case typeDates:
		ok = dateOK(s.DateStart) && dateOK(s.DateEnd) && s.DateStart <= s.DateEnd
		if s.TimeStart == "" && s.TimeEnd == "" {
			s.TimeStart, s.TimeEnd = "00:00", "23:59"
		}
	case typeWeekly:
		ok = named
		s.DateStart, s.DateEnd = "", ""
	case typeDaily:
		s.Days = [7]bool{true, true, true, true, true, true, true}
		s.DateStart, s.DateEnd = "", ""
		if d := it["Daily"]; d != "" {
			s.TimeStart, s.TimeEnd, _ = strings.Cut(d, "-")
		}
	default:
		ok = false
	}
	if !ok || !clockOK(s.TimeStart) || !clockOK(s.TimeEnd) || s.TimeStart > s.TimeEnd {
		return s, badParam()
	}
	return s, nil
}

// readDays takes `Week` digits or day flags; where both are given they must agree. Without any day named the
// schedule is meant for every day. ok is false when they cannot be read.
func readDays(it map[string]string) (days [7]bool, named, ok bool) {
	var flags [7]bool
	flagged := false
	for i, key := range dayKeys() {
		switch it[key] {
		case "1":
			flags[i], flagged = true, true
		case "", "0":
		default:
			return days, false, false
		}
	}
	for _, d := range it["Week"] {
		if d < '0' || d > '6' || days[d-'0'] {
			return days, false, false
		}
		days[d-'0'], named = true, true
	}
	if named && flagged && days != flags {
		return days, false, false
	}
	if flagged {
		return flags, true, true
	}
	if !named {
		for i := range days {
			days[i] = true
		}
	}
	return days, named, true
}

func dateOK(s string) bool {
	_, err := time.Parse("20060102", s)
	return err == nil
}

func clockOK(s string) bool {
	_, err := time.Parse("15:04", s)
	return err == nil && len(s) == len("15:04")
}

// open says whether the schedule permits at t, in the zone of t. The end minute counts whole; a date range
// applies its hours on each of its days.
func (s *Schedule) open(t time.Time) bool {
	if s.ID == scheduleNever {
		return false
	}
	if s.Type == typeDates {
		if day := t.Format("20060102"); day < s.DateStart || day > s.DateEnd {
			return false
		}
	}
	clock := t.Format("15:04")
	return s.Days[t.Weekday()] && s.TimeStart <= clock && clock <= s.TimeEnd
}
