package drivertest

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// writer is the subject as a keeper of weekly hours; nil when it says that it keeps none.
func writer(t *testing.T, s Subject) driver.ScheduleWriter {
	t.Helper()
	_, limits, err := s.Panel.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, ok := s.Panel.(driver.ScheduleWriter)
	if !ok && limits.Schedules > 0 {
		t.Error("it says that it keeps schedules, and takes none")
	}
	if !ok || limits.Schedules == 0 {
		t.Log("the device keeps no weekly hours")
		return nil
	}
	return w
}

// keep calls as often as the driver asks for, and says how many changes it made.
func keep(t *testing.T, w driver.ScheduleWriter, want ...access.Schedule) int {
	t.Helper()
	for n := range 50 {
		more, err := w.KeepSchedules(t.Context(), want)
		if err != nil {
			t.Fatalf("schedules: %v", err)
		}
		if !more {
			return n
		}
	}
	t.Fatal("the driver always wants to be called again")
	return 0
}

// allWeek is open at all times, in two windows a day so that there is something to put together.
func allWeek() access.Schedule {
	days := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	return access.Schedule{ID: "day", Name: "Day", Weekly: []access.Weekly{
		{Days: days, Start: "00:00", End: "12:00"}, {Days: days, Start: "12:00", End: "24:00"},
	}}
}

func weekly(t *testing.T, s Subject) {
	w := writer(t, s)
	if w == nil {
		return
	}
	shut := access.Schedule{ID: "shut", Name: "Never"}
	if keep(t, w, allWeek(), shut) == 0 {
		t.Error("nothing was written")
	}
	r := Jones()
	r.Schedules = []access.ScheduleID{"day"}
	row := mustAdd(t, s.Panel, r)
	same(t, list(t, s.Panel), r)
	opens(t, s, "4821", "A")
	r.Schedules = []access.ScheduleID{"shut"}
	if err := s.Panel.Apply(t.Context(), model.Step{Op: access.OpChange, Person: "p7", Ref: r.Ref, Native: row.Native, Record: r}); err != nil {
		t.Fatal(err)
	}
	same(t, read(t, s.Panel, r.Ref), r)
	opens(t, s, "4821")
	if n := keep(t, w, allWeek(), shut); n != 0 {
		t.Errorf("%d changes although nothing is new", n)
	}
	keep(t, w) // neither is wanted; one is carried still
	opens(t, s, "4821")
	if err := s.Panel.Apply(t.Context(), removeStep(read(t, s.Panel, r.Ref)[0])); err != nil {
		t.Fatal(err)
	}
	same(t, list(t, s.Panel))
	keep(t, w)
	if n := keep(t, w, allWeek()); n == 0 {
		t.Error("a schedule that nobody carried was left on the device")
	}
}

func weeklyUnknown(t *testing.T, s Subject) {
	if writer(t, s) == nil {
		return
	}
	r := Jones()
	r.Schedules = []access.ScheduleID{"day"}
	err := s.Panel.Apply(t.Context(), model.Step{Op: access.OpAdd, Person: "p7", Ref: r.Ref, Record: r})
	wantKind(t, err, fault.Conflict)
	same(t, read(t, s.Panel, r.Ref))
	opens(t, s, "4821")
}
