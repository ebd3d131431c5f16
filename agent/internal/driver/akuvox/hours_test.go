package akuvox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func workdays() []time.Weekday {
	return []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
}

// gym is open on work days, and over the night from Friday to Saturday.
func gym() access.Schedule {
	return access.Schedule{ID: "gym", Name: "Gym", Weekly: []access.Weekly{
		{Days: workdays(), Start: "08:00", End: "17:00"},
		{Days: []time.Weekday{time.Friday}, Start: "22:00", End: "02:00"},
	}}
}

// hoursBench is a panel whose clock, and the gateway's, stands where the test sets it.
type hoursBench struct {
	*bench
	at time.Time
}

func newHoursBench(t *testing.T, o akuvoxsim.Options) *hoursBench {
	t.Helper()
	h := &hoursBench{at: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} // a Wednesday
	o.Now = func() time.Time { return h.at }
	h.bench = newBench(t, o)
	h.panel = newPanelAt(t, driver.Config{URL: h.url, User: simUser, Password: access.NewSecret(simPassword)}, o.Now)
	return h
}

// keep calls until nothing is left to do, and answers how many changes it took.
func (h *hoursBench) keep(t *testing.T, want ...access.Schedule) int {
	t.Helper()
	for n := range 40 {
		more, err := h.panel.(driver.ScheduleWriter).KeepSchedules(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return n
		}
	}
	t.Fatal("it never ends")
	return 0
}

func withHours(ids ...access.ScheduleID) model.Record {
	r := drivertest.Jones()
	r.Schedules = ids
	return r
}

func (h *hoursBench) put(t *testing.T, r model.Record) model.Record {
	t.Helper()
	op, native := access.OpAdd, ""
	if rows := h.read(t, r.Ref); len(rows) > 0 {
		op, native = access.OpChange, rows[0].Native
	}
	if err := h.panel.Apply(t.Context(), model.Step{Op: op, Person: "p7", Ref: r.Ref, Native: native, Record: r}); err != nil {
		t.Fatal(err)
	}
	rows := h.read(t, r.Ref)
	if len(rows) != 1 || !rows[0].Same(r) {
		t.Fatalf("read back %+v, want %+v", rows, r)
	}
	return rows[0]
}

func (h *hoursBench) read(t *testing.T, ref model.Ref) []model.Record {
	t.Helper()
	rows, err := h.panel.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (h *hoursBench) list(t *testing.T) []model.Record {
	t.Helper()
	rows, err := h.panel.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// opensAt presents Jones's PIN at wall times "Wed 12:00" of the first week of March.
func (h *hoursBench) opensAt(t *testing.T, want bool, walls ...string) {
	t.Helper()
	for _, w := range walls {
		day := slices.Index([]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}, w[:3]) + 1
		clock, err := time.Parse("15:04", w[4:])
		if err != nil || day == 0 {
			t.Fatalf("%q: %v", w, err)
		}
		h.at = time.Date(2026, 3, day, clock.Hour(), clock.Minute(), 30, 0, time.UTC)
		if got := h.present("4821"); (len(got) > 0) != want {
			t.Errorf("%s: opens %v, want %v", w, got, want)
		}
	}
	h.at = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
}

func names(p *akuvoxsim.Panel) (out []string) {
	for _, s := range p.Schedules() {
		out = append(out, s.ID+" "+s.Name+" "+s.Type+" "+s.TimeStart+"-"+s.TimeEnd)
	}
	return out[2:]
}

func TestTowardsA8_WeeklyHoursOnThePanelsOwnClock(t *testing.T) {
	t.Parallel()
	for _, m := range twoRelays() {
		for _, bad := range []string{"", akuvoxsim.FaultDisplayID, akuvoxsim.FaultStrictSeparator, akuvoxsim.FaultPagedOnly, akuvoxsim.FaultTrailingBytes} {
			t.Run(m+" "+bad, func(t *testing.T) {
				t.Parallel()
				h := newHoursBench(t, akuvoxsim.Options{Model: m, Auth: akuvoxsim.AuthDigest})
				if bad != "" {
					h.fault(t, akuvoxsim.FaultSetting{Name: bad})
				}
				h.stranger(t, "Caretaker", "7777")
				if _, l, err := h.panel.Probe(t.Context()); err != nil || l.Schedules == 0 || l.Holidays {
					t.Fatalf("limits %+v, %v", l, err)
				}
				if n := h.keep(t, gym()); n != 3 {
					t.Errorf("%d changes for three windows", n)
				}
				h.put(t, withHours("gym"))
				h.opensAt(t, true, "Mon 08:00", "Fri 16:59", "Fri 22:00", "Fri 23:59", "Sat 00:00", "Sat 01:59")
				h.opensAt(t, false, "Sun 12:00", "Mon 07:59", "Mon 17:00", "Fri 21:59", "Sat 02:00", "Sat 12:00")
				if n := h.keep(t, gym()); n != 0 {
					t.Errorf("%d changes when nothing is new", n)
				}
			})
		}
	}
}

func TestHoursChangeInPlace(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	h.keep(t, gym())
	was := h.put(t, withHours("gym"))
	before := h.sim.Users()
	early := gym()
	early.Weekly = []access.Weekly{{Days: workdays(), Start: "06:00", End: "09:00"}}
	h.keep(t, early)
	h.opensAt(t, true, "Wed 06:00", "Wed 08:59")
	h.opensAt(t, false, "Wed 12:00", "Fri 22:30", "Sat 01:00") // windows that went give nothing more, though still carried
	if d := cmp.Diff(before, h.sim.Users()); d != "" {
		t.Errorf("people were rewritten:\n%s", d)
	}
	if rows := h.list(t); len(rows) != 1 || !rows[0].Same(was) {
		t.Errorf("read %+v", rows)
	}
	h.keep(t, early) // still carried: nothing is removed
	if got := names(h.sim); len(got) != 3 {
		t.Errorf("schedules %q", got)
	}
	h.put(t, drivertest.Jones())
	h.put(t, withHours("gym")) // carries the one number that is needed now
	h.list(t)
	h.keep(t, early)
	if got := names(h.sim); len(got) != 1 || !strings.HasPrefix(got[0], "1003 GH-gym-1 ") {
		t.Errorf("schedules %q, want the first number kept and the rest gone", got)
	}
	h.keep(t, gym())
	if rows := h.list(t); len(rows) != 1 || rows[0].Same(was) {
		t.Error("a row without all of the hours must not pass for one that has them")
	}
	h.put(t, withHours("gym"))
	h.opensAt(t, true, "Fri 22:30")
}

func TestHoursAreSharedOverlappedAndShut(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	s := access.Schedule{ID: "a-1", Weekly: []access.Weekly{
		{Days: []time.Weekday{time.Monday}, Start: "08:00", End: "12:00"},
		{Days: []time.Weekday{time.Monday, time.Monday}, Start: "11:00", End: "14:00"},
		{Days: []time.Weekday{time.Monday}, Start: "14:00", End: "24:00"},
		{Days: []time.Weekday{time.Thursday}, Start: "08:00", End: "24:00"},
		{Days: []time.Weekday{time.Sunday}, Start: "10:00", End: "10:00"},
	}}
	shut := access.Schedule{ID: "shut"}
	if n := h.keep(t, s, shut); n != 2 {
		t.Errorf("%d changes, want one window on two days and one that never opens: %q", n, names(h.sim))
	}
	h.put(t, withHours("a-1"))
	h.opensAt(t, true, "Mon 08:00", "Mon 14:00", "Mon 23:59", "Thu 12:00")
	h.opensAt(t, false, "Mon 07:59", "Tue 12:00", "Sun 10:00")
	h.put(t, withHours("shut"))
	h.opensAt(t, false, "Mon 08:00", "Wed 00:00", "Sun 23:59")
	h.put(t, withHours("a-1", "shut"))
	h.opensAt(t, true, "Mon 08:00")
}

func TestSchedulesOfOthersAreNeverTouched(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	theirs := func(name string) {
		t.Helper()
		raw(t, h.url, "/api/schedule/set", `{"target":"schedule","action":"add","data":{"item":[{"Name":"`+name+`","Type":"1","Week":"1","TimeStart":"01:00","TimeEnd":"02:00"}]}}`)
	}
	for _, n := range []string{"Cleaners", "GH-gym", "GH-gym-01", "GH-gym-0", "gh-gym-1", "GH--1"} {
		theirs(n)
	}
	before := names(h.sim)
	h.list(t)
	h.keep(t, gym())
	h.put(t, withHours("gym"))
	h.put(t, drivertest.Jones())
	h.list(t)
	h.keep(t)
	if d := cmp.Diff(before, names(h.sim)); d != "" {
		t.Errorf("schedules of others (-before +after):\n%s", d)
	}
}

func TestAStrayScheduleGoesOnlyWhenNobodyCarriesIt(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultScheduleInUse, On: true}}})
	h.list(t)
	h.keep(t, gym())
	h.put(t, withHours("gym"))
	h.keep(t) // not wanted any more, and carried: the driver knows what it wrote
	if got := names(h.sim); len(got) != 3 {
		t.Fatalf("schedules %q", got)
	}
	// Somebody gives it by hand after the last list: the panel refuses, and that is no error.
	h.put(t, drivertest.Jones())
	h.list(t)
	if _, err := h.sim.Edit("add", akuvoxsim.User{UserID: "4711", Name: "Caretaker", PIN: "7777", ScheduleRelay: "1003-1"}); err != nil {
		t.Fatal(err)
	}
	h.keep(t)
	if got := names(h.sim); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "1003 ") }) {
		t.Errorf("schedules %q", got)
	}
}

func TestAPanelThatDoesNotKeepHoursIsFoundOut(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultSilentDrop, On: true}}})
	keep := func() (bool, error) {
		return h.panel.(driver.ScheduleWriter).KeepSchedules(t.Context(), []access.Schedule{gym()})
	}
	if more, err := keep(); !more || err != nil {
		t.Fatal(more, err)
	}
	if _, err := keep(); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "GH-gym-1") {
		t.Errorf("%v, want a conflict that names the schedule", err)
	}
	r := withHours("gym")
	err := h.panel.Apply(t.Context(), model.Step{Op: access.OpAdd, Person: "p7", Ref: r.Ref, Record: r})
	if fault.KindOf(err) != fault.Conflict || len(h.sim.Users()) != 0 {
		t.Errorf("%v: nobody gets hours that do not stand", err)
	}
}

func TestHoursAnswerLost(t *testing.T) {
	t.Parallel()
	for _, f := range []string{akuvoxsim.FaultDropAfter, akuvoxsim.FaultDropBefore} {
		h := newHoursBench(t, akuvoxsim.Options{})
		h.fault(t, akuvoxsim.FaultSetting{Name: f, Times: 1})
		_, err := h.panel.(driver.ScheduleWriter).KeepSchedules(t.Context(), []access.Schedule{gym()})
		if fault.KindOf(err) != fault.Timeout {
			t.Errorf("%s: %v", f, err)
		}
		h.keep(t, gym())
		if got := names(h.sim); len(got) != 3 {
			t.Errorf("%s: schedules %q", f, got)
		}
	}
}

func TestNoHoursForAPanelWithAWrongClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []string{"6m", "-6m"} {
		h := newHoursBench(t, akuvoxsim.Options{})
		h.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultClockSkew, Value: skew})
		_, err := h.panel.(driver.ScheduleWriter).KeepSchedules(t.Context(), []access.Schedule{gym()})
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "6m0s") || len(names(h.sim)) != 0 {
			t.Errorf("%s: %v", skew, err)
		}
		got, err := h.panel.(driver.ClockReader).Skew(t.Context())
		want, _ := time.ParseDuration(skew)
		if got != want || err != nil {
			t.Errorf("skew %v, %v, want %v", got, err, want)
		}
	}
}

// A hand edit of the hours is put right; one of a person's row shows as a row of other access.
func TestTowardsG4_HandEditedHours(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	h.keep(t, gym())
	h.put(t, withHours("gym"))
	raw(t, h.url, "/api/schedule/set", `{"target":"schedule","action":"set","data":{"item":[{"ID":"1004","Name":"GH-gym-2","Type":"1","Week":"0123456","TimeStart":"00:00","TimeEnd":"23:59"}]}}`)
	if n := h.keep(t, gym()); n != 1 {
		t.Errorf("%d changes, want the one window put right", n)
	}
	h.opensAt(t, false, "Sun 12:00")
	u := h.sim.Users()[0]
	u.ScheduleRelay = "1003-1,1004-12"
	if _, err := h.sim.Edit("set", u); err != nil {
		t.Fatal(err)
	}
	if rows := h.read(t, withHours().Ref); len(rows) != 1 || len(rows[0].Schedules) > 0 || rows[0].Same(withHours("gym")) {
		t.Errorf("read %+v", rows)
	}
}

// A driver made anew, after a restart, reads the hours of rows it did not write.
func TestHoursAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHoursBench(t, akuvoxsim.Options{})
	h.keep(t, gym())
	h.put(t, withHours("gym"))
	again := newPanelAt(t, driver.Config{URL: h.url}, func() time.Time { return h.at })
	rows, err := again.Read(t.Context(), withHours().Ref)
	if err != nil || len(rows) != 1 || !rows[0].Same(withHours("gym")) {
		t.Errorf("%+v, %v", rows, err)
	}
	r := withHours("gym")
	r.Name = "T. Jones - Unit 204"
	step := model.Step{Op: access.OpChange, Person: "p7", Ref: r.Ref, Native: rows[0].Native, Record: r}
	if err := again.Apply(t.Context(), step); fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v: hours that were not looked at since the start are not relied on", err)
	}
}
