package akuvoxsim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// weekly is a full weekly schedule; more pairs overwrite as in person.
func weekly(name string, more ...string) map[string]string {
	return with(map[string]string{
		"Name": name, "Type": "1", "Mode": "1", "Week": "135", "TimeStart": "08:00", "TimeEnd": "17:59",
	}, more...)
}

func TestBuiltInSchedulesAreThereToStay(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		rows := r.get("/api/schedule/get").items(t)
		if len(rows) != 2 || rows[0]["ID"] != "1001" || rows[1]["ID"] != "1002" {
			t.Fatalf("schedules %v", rows)
		}
		for _, id := range []string{"1001", "1002"} {
			if a := r.write("schedule", "del", map[string]string{"ID": id}); a.Retcode != -1 {
				t.Errorf("del %s answered %s", id, a.raw)
			}
			if a := r.write("schedule", "set", weekly("Mine", "ID", id)); a.Retcode != -1 {
				t.Errorf("set %s answered %s", id, a.raw)
			}
		}
		if n := len(r.panel.Schedules()); n != 2 {
			t.Errorf("%d schedules left", n)
		}
	})
}

func TestScheduleAddSetDel(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		if a := r.write("schedule", "add", weekly("Office")); a.Retcode != r.panel.Model().Success {
			t.Fatalf("add answered %s", a.raw)
		}
		want := map[string]any{
			"ID": "1003", "DisplayID": "1003", "Name": "Office", "Type": "1", "Mode": "1", "Week": "135", "Daily": "",
			"DateStart": "", "DateEnd": "", "TimeStart": "08:00", "TimeEnd": "17:59", "SourceType": "1",
			"Sun": "0", "Mon": "1", "Tue": "0", "Wed": "1", "Thur": "0", "Fri": "1", "Sat": "0",
		}
		if d := cmp.Diff(want, r.get("/api/schedule/get").items(t)[2]); d != "" {
			t.Fatal(d)
		}
		r.must("schedule", "set", weekly("Office", "ID", "1003", "TimeEnd", "20:00"))
		if got := r.panel.Schedules()[2]; got.TimeEnd != "20:00" || got.ID != "1003" {
			t.Errorf("after set: %+v", got)
		}
		a := r.do("POST", "/api/schedule/del", envelope("schedule", "del", map[string]string{"ID": "1003"}))
		if a.Retcode != r.panel.Model().Success || len(r.panel.Schedules()) != 2 {
			t.Errorf("del answered %s", a.raw)
		}
	})
}

// What a panel shows can be written back as it is: read-modify-write is how clients work.
func TestScheduleRowsCanBeWrittenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("schedule", "add", weekly("Office"))
	r.must("schedule", "add", map[string]string{"Name": "Day", "Type": "2", "Daily": "09:00-18:00"})
	r.must("schedule", "add", map[string]string{"Name": "Stay", "Type": "0", "DateStart": "20260601", "DateEnd": "20260630"})
	before := r.panel.Schedules()
	for _, row := range r.get("/api/schedule/get").items(t)[2:] {
		item := map[string]string{}
		for k, v := range row {
			item[k] = v.(string)
		}
		r.must("schedule", "set", item)
	}
	if d := cmp.Diff(before, r.panel.Schedules()); d != "" {
		t.Fatal(d)
	}
}

func TestScheduleRules(t *testing.T) {
	t.Parallel()
	stay := func(more ...string) map[string]string {
		return with(map[string]string{"Name": "Stay", "Type": "0", "DateStart": "20260601", "DateEnd": "20260630"}, more...)
	}
	for _, tc := range []struct {
		name string
		item map[string]string
		ok   bool
	}{
		{"weekly by digits", weekly("W"), true},
		{"weekly by flags", weekly("W", "Week", "-", "Mon", "1", "Thur", "1"), true},
		{"weekly by both, agreeing", weekly("W", "Week", "14", "Mon", "1", "Thur", "1"), true},
		{"weekly by both, at odds", weekly("W", "Week", "1", "Mon", "1", "Thur", "1"), false},
		{"weekly without day", weekly("W", "Week", ""), false},
		{"weekly with day 7", weekly("W", "Week", "7"), false},
		{"weekly with a day twice", weekly("W", "Week", "11"), false},
		{"flag that is none", weekly("W", "Sun", "yes"), false},
		{"weekly without hours", weekly("W", "TimeStart", "-"), false},
		{"24:00", weekly("W", "TimeEnd", "24:00"), false},
		{"8:00", weekly("W", "TimeStart", "8:00"), false},
		{"over midnight", weekly("W", "TimeStart", "22:00", "TimeEnd", "06:00"), false},
		{"no name", weekly(""), false},
		{"no type", weekly("W", "Type", "-"), false},
		{"type 3", weekly("W", "Type", "3"), false},
		{"date range", stay(), true},
		{"date range with hours", stay("TimeStart", "15:00", "TimeEnd", "16:00"), true},
		{"date range of one day", stay("DateEnd", "20260601"), true},
		{"date range backwards", stay("DateEnd", "20260531"), false},
		{"date that is none", stay("DateStart", "20260230"), false},
		{"date with hyphens", stay("DateStart", "2026-06-01"), false},
		{"date range without end", stay("DateEnd", "-"), false},
		{"daily", map[string]string{"Name": "D", "Type": "2", "Daily": "09:00-18:00"}, true},
		{"daily by two times", map[string]string{"Name": "D", "Type": "2", "TimeStart": "09:00", "TimeEnd": "18:00"}, true},
		{"daily without", map[string]string{"Name": "D", "Type": "2"}, false},
		{"daily by half", map[string]string{"Name": "D", "Type": "2", "Daily": "09:00"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, akuvoxsim.Options{})
			a := r.write("schedule", "add", tc.item)
			if got := a.Retcode >= 0; got != tc.ok || got != (len(r.panel.Schedules()) == 3) {
				t.Errorf("accepted %v, want %v: %s", got, tc.ok, a.raw)
			}
		})
	}
}

func TestScheduleSetNeedsTheFullRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("schedule", "add", weekly("Office"))
	for _, item := range []map[string]string{
		{"ID": "1003", "TimeEnd": "20:00"}, weekly("Office", "ID", "1004"), weekly("Office"),
	} {
		if a := r.write("schedule", "set", item); a.Retcode >= 0 {
			t.Errorf("%v accepted", item)
		}
	}
	if a := r.write("schedule", "clear", weekly("Office")); a.Message != "unsupport action" {
		t.Errorf("clear answered %s", a.raw)
	}
}

func TestSchedulesHaveALimitAndPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for i := range 252 {
		r.must("schedule", "add", weekly("S"+digits(i)))
	}
	if a := r.write("schedule", "add", weekly("One more")); a.Retcode != -1 {
		t.Errorf("schedule 255 answered %s", a.raw)
	}
	if a := r.get("/api/schedule/get?page=26"); len(a.items(t)) != 4 || a.Data["num"] != 254.0 {
		t.Errorf("the last page: num %v", a.Data["num"])
	}
}
