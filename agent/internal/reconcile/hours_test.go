package reconcile

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// withHours makes the entrance open by a schedule, on a panel that keeps hours.
func (s *site) withHours(start, end string) {
	s.panel.KeepHours(2)
	s.hours(access.Weekly{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Start: start, End: end})
}

func (s *site) hours(w ...access.Weekly) {
	s.places.Property = access.Property{ID: "p", Zone: "Etc/UTC"}
	s.places.Schedules = map[access.ScheduleID]access.Schedule{"day": {ID: "day", Name: "Day", Weekly: w}}
	g := s.places.Groups["entrance"]
	g.Schedule = "day"
	s.places.Groups["entrance"] = g
}

func (s *site) news() {
	s.loop.Changed(true)
	synctest.Wait()
}

func (s *site) what() (out []string) {
	for _, r := range s.panel.Log() {
		if r.Mutating {
			out = append(out, r.What)
		}
	}
	return out
}

// The bubble begins at midnight UTC, 2000-01-01.
func TestTowardsA8_HoursStandBeforeAnybodyHasThem(t *testing.T) {
	inBubble(t, func(s *site) {
		s.withHours("08:00", "17:00")
		s.move("p1", "4821", access.Window{})
		s.start()
		if got := strings.Join(s.what(), " "); got != "schedule add" {
			t.Errorf("written: %q", got)
		}
		day := time.Now()
		s.opens("4821", false)
		s.until(day.Add(9 * time.Hour))
		s.opens("4821", true)
		s.until(day.Add(17*time.Hour + time.Minute))
		s.opens("4821", false)

		s.hours(access.Weekly{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Start: "17:00", End: "20:00"})
		s.news()
		s.opens("4821", true)
		if got := strings.Join(s.what(), " "); got != "schedule add schedule" {
			t.Errorf("written: %q, want the hours changed and the person left alone", got)
		}

		g := s.places.Groups["entrance"]
		g.Schedule = ""
		s.places.Groups["entrance"] = g
		s.news()
		s.until(time.Now().Add(25 * time.Hour)) // after a read-back nobody carries it
		s.opens("4821", true)
		if got := s.panel.Hours(); len(got) > 0 {
			t.Errorf("%v is left on the panel", got)
		}
	})
}

// A removal that falls due goes before the hours.
func TestTowardsE3_ARemovalGoesBeforeTheHours(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.KeepHours(2)
		s.move("p1", "4821", access.Window{})
		s.start()
		s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "dial", "panel", "no route") })
		s.drop("p1")
		s.withHours("00:00", "24:00")
		s.move("p2", "5733", access.Window{})
		s.loop.Changed(true, "p1", "p2")
		synctest.Wait()
		before := len(s.what())
		s.panel.Fail(nil)
		s.until(time.Now().Add(time.Hour))
		if got := slices.DeleteFunc(s.what()[before:], func(w string) bool { return w == "" }); !slices.Equal(got[len(got)-3:], []string{"remove", "schedule", "add"}) {
			t.Errorf("written: %q", got)
		}
	})
}

// Hours that cannot be written keep those shut who need them, say why, and nobody else.
func TestHoursThatCannotBeWritten(t *testing.T) {
	inBubble(t, func(s *site) {
		s.withHours("00:00", "24:00")
		s.places.Groups["always"] = access.Group{ID: "always", Doors: []access.DoorID{"lobby"}}
		s.move("p1", "4821", access.Window{})
		s.move("p2", "5733", access.Window{})
		s.holders["p2"].Grants[0].Group = "always"
		var wrong atomic.Bool
		wrong.Store(true)
		s.panel.Fail(func(r memory.Request) error {
			if wrong.Load() && r.What == "schedule" {
				return fault.New(fault.Conflict, "write schedules to", "panel", "the clock is wrong")
			}
			return nil
		})
		s.start()
		s.opens("4821", false)
		s.opens("5733", true)
		if e, _, err := s.Entry("", "p1"); err != nil || !strings.Contains(e.Message, "the clock is wrong") {
			t.Errorf("entry %+v does not say why", e)
		}
		wrong.Store(false)
		s.until(time.Now().Add(24 * time.Hour))
		s.opens("4821", true)
	})
}

// A device that answers everything but its hours is not away for everybody.
func TestHoursThatTimeOut(t *testing.T) {
	inBubble(t, func(s *site) {
		s.withHours("00:00", "24:00")
		s.places.Groups["always"] = access.Group{ID: "always", Doors: []access.DoorID{"lobby"}}
		s.move("p2", "5733", access.Window{})
		s.holders["p2"].Grants[0].Group = "always"
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "schedule" {
				return fault.New(fault.Timeout, "write schedules to", "panel", "no answer")
			}
			return nil
		})
		s.start()
		s.until(time.Now().Add(10 * time.Minute))
		s.opens("5733", true)
	})
}

// What could not be read of the property removes nothing.
func TestHoursStayWhilePlacesArePartial(t *testing.T) {
	inBubble(t, func(s *site) {
		s.withHours("00:00", "24:00")
		s.start()
		if got := s.panel.Hours(); len(got) != 1 {
			t.Fatalf("hours %v", got)
		}
		s.places.Schedules, s.places.Partial = nil, true
		s.news()
		s.until(time.Now().Add(25 * time.Hour))
		if got := s.panel.Hours(); len(got) != 1 {
			t.Errorf("hours %v", got)
		}
	})
}

func TestHoursBeginWhenTheHolidayIsOver(t *testing.T) {
	inBubble(t, func(s *site) {
		s.withHours("00:00", "24:00")
		d := s.places.Schedules["day"]
		d.Holidays = []string{time.Now().UTC().Format(time.DateOnly)}
		s.places.Schedules["day"] = d
		s.move("p1", "4821", access.Window{})
		s.start()
		s.opens("4821", false)
		s.until(time.Now().Add(24*time.Hour + time.Minute))
		s.opens("4821", true)
	})
}
