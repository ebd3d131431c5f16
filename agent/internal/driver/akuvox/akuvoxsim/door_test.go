package akuvoxsim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func pin(s string) akuvoxsim.Credential  { return akuvoxsim.Credential{PIN: s} }
func card(s string) akuvoxsim.Credential { return akuvoxsim.Credential{Card: s} }

func TestPresentDecidesLikeThePanel(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234", "CardCode", "0a1B;FF", "ScheduleRelay", "1001-31"))
	r.must("user", "add", person("b", "Ben", "2345", "ScheduleRelay", "1002-12"))
	r.must("user", "add", person("c", "Cy", "12ab"))
	r.must("user", "add", person("d", "Dee", "", "CardCode", ""))
	for _, tc := range []struct {
		show  akuvoxsim.Credential
		doors []string
		by    string
	}{
		{pin("1234"), []string{"A", "C"}, "Ada"},
		{card("0A1b"), []string{"A", "C"}, "Ada"},
		{card("ff"), []string{"A", "C"}, "Ada"},
		{pin("2345"), []string{}, ""},
		{pin("12ab"), []string{}, ""},
		{pin("0000"), []string{}, ""},
		{card("AA"), []string{}, ""},
		{akuvoxsim.Credential{}, []string{}, ""},
		{pin("FF"), []string{}, ""},
		{card("1234"), []string{}, ""},
	} {
		want := akuvoxsim.Outcome{Granted: tc.by != "", Doors: tc.doors, By: tc.by}
		if d := cmp.Diff(want, r.panel.Present(tc.show)); d != "" {
			t.Errorf("%+v: %s", tc.show, d)
		}
	}
}

func TestPresentWithDuplicatesOpensForThePermittedOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234", "ScheduleRelay", "1002-1"))
	r.must("user", "add", person("b", "Ben", "1234", "ScheduleRelay", "1001-2"))
	r.must("user", "add", person("c", "Cy", "1234", "ScheduleRelay", "1001-3"))
	if out := r.panel.Present(pin("1234")); out.By != "Ben" {
		t.Errorf("opened for %+v", out)
	}
}

// The instants are the panel's local wall clock in New York.
func TestSchedulesAreJudgedAtLocalTime(t *testing.T) {
	t.Parallel()
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, akuvoxsim.Options{Zone: ny})
	r.must("schedule", "add", weekly("Office"))                                                                               // 1003: Mon Wed Fri 08:00-17:59
	r.must("schedule", "add", map[string]string{"Name": "Day", "Type": "2", "Daily": "09:00-18:00"})                          // 1004
	r.must("schedule", "add", map[string]string{"Name": "June", "Type": "0", "DateStart": "20260601", "DateEnd": "20260630"}) // 1005
	r.must("schedule", "add", map[string]string{
		"Name": "June weekends", "Type": "0", "DateStart": "20260601", "DateEnd": "20260630", "Week": "06", "TimeStart": "10:00", "TimeEnd": "12:00",
	}) // 1006
	for i, id := range []string{"1003", "1004", "1005", "1006"} {
		r.must("user", "add", person("u"+id, "U"+id, "100"+digits(i)[4:], "ScheduleRelay", id+"-1"))
	}
	for at, want := range map[string][4]bool{
		"2026-05-31 23:59:59": {false, false, false, false}, // Sunday before June
		"2026-06-01 00:00:00": {false, false, true, false},  // Monday
		"2026-06-01 07:59:59": {false, false, true, false},
		"2026-06-01 08:00:00": {true, false, true, false},
		"2026-06-01 17:59:59": {true, true, true, false},
		"2026-06-01 18:00:59": {false, true, true, false},
		"2026-06-01 18:01:00": {false, false, true, false},
		"2026-06-02 12:00:00": {false, true, true, false}, // Tuesday
		"2026-06-06 12:00:59": {false, true, true, true},  // Saturday
		"2026-06-06 12:01:00": {false, true, true, false},
		"2026-06-06 09:59:59": {false, true, true, false},
		"2026-06-30 23:59:59": {false, false, true, false}, // Tuesday, the last minute of June
		"2026-07-01 00:00:00": {false, false, false, false},
		"2026-07-04 11:00:00": {false, true, false, false},
	} {
		local, err := time.ParseInLocation(time.DateTime, at, ny)
		if err != nil {
			t.Fatal(err)
		}
		r.clock.set(local.UTC())
		for i := range want {
			if got := r.panel.Present(pin("100" + digits(i)[4:])).Granted; got != want[i] {
				t.Errorf("%s schedule %d: granted %v", at, 1003+i, got)
			}
		}
	}
}

func TestADanglingScheduleOpensNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("schedule", "add", map[string]string{"Name": "Day", "Type": "2", "Daily": "00:00-23:59"})
	r.must("user", "add", person("a", "Ada", "1234", "ScheduleRelay", "1003-1"))
	if !r.panel.Present(pin("1234")).Granted {
		t.Fatal("refused before")
	}
	r.must("schedule", "del", map[string]string{"ID": "1003"})
	if r.panel.Present(pin("1234")).Granted {
		t.Error("a schedule that is gone still opens")
	}
}

func TestDoorLogAsTheDeviceShowsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234", "CardCode", "AB", "ScheduleRelay", "1001-12"))
	r.panel.Present(pin("1234"))
	r.clock.add(time.Minute)
	r.panel.Present(card("ab"))
	r.panel.Present(pin("6666"))
	rows := r.get("/api/doorlog/get?page=1").items(t)
	want := []map[string]any{
		logRow("5", "12:01:00", "", "6666", "PIN", "", "Failed"),
		logRow("4", "12:01:00", "Ada", "ab", "Card", "B", "Succ"),
		logRow("3", "12:01:00", "Ada", "ab", "Card", "A", "Succ"),
		logRow("2", "12:00:00", "Ada", "1234", "PIN", "B", "Succ"),
		logRow("1", "12:00:00", "Ada", "1234", "PIN", "A", "Succ"),
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Fatal(d)
	}
	for query, n := range map[string]int{"Status=Succ": 4, "Status=Failed": 1, "NameOrCode=ada": 4, "NameOrCode=666": 1, "Status=Failed&NameOrCode=ada": 0} {
		if got := len(r.get("/api/doorlog/get?" + query).items(t)); got != n {
			t.Errorf("%s found %d, want %d", query, got, n)
		}
	}
}

func logRow(id, clock, name, code, kind, relay, status string) map[string]any {
	return map[string]any{
		"ID": id, "Date": "2026-06-01", "Time": clock, "Name": name, "Code": code, "Type": kind, "Relay": relay,
		"Status": status, "AccessMode": "0",
	}
}

func TestDoorLogIsARing(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{LogSize: 3})
	for range 5 {
		r.panel.Present(pin("0000"))
	}
	log := r.panel.DoorLog()
	if len(log) != 3 || log[0].ID != 3 || log[2].ID != 5 {
		t.Fatalf("the ring holds %+v", log)
	}
}

func TestPresentWhileRestartingLogsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234"))
	r.panel.PowerCut()
	if out := r.panel.Present(pin("1234")); out.Granted || out.Down == "" || len(r.panel.DoorLog()) != 0 {
		t.Fatalf("outcome %+v, log %v", out, r.panel.DoorLog())
	}
	r.clock.add(20 * time.Second)
	if out := r.panel.Present(pin("1234")); !out.Granted || out.Down != "" {
		t.Errorf("after the start: %+v", out)
	}
}
