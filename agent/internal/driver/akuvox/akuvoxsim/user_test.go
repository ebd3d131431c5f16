package akuvoxsim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func TestUserAddShowsWhatThisModelShows(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		m := r.panel.Model()
		a := r.write("user", "add", person("gh-7", "Ada Byron", "0420", "CardCode", "0a1b2c3d;FFEE", "Type", "0"))
		if a.Retcode != m.Success || a.Message != "OK" || a.Action != "add" {
			t.Fatalf("add answered %s", a.raw)
		}
		rows := r.get("/api/user/get").items(t)
		if len(rows) != 1 {
			t.Fatalf("%d rows", len(rows))
		}
		schedules := "1001-1"
		if m.Trailing {
			schedules += m.Separator
		}
		want := map[string]any{
			"ID": "1", "UserID": "gh-7", "Name": "Ada Byron", "PrivatePIN": "0420", "CardCode": "0a1b2c3d;FFEE",
			m.ReadKey: schedules, "SourceType": "1", "Source": "Local", "WebRelay": "0", "LiftFloorNum": "0", "Type": "0",
		}
		if d := cmp.Diff(want, rows[0]); d != "" {
			t.Fatal(d)
		}
	})
}

func TestUserBothRoutings(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		item := person("a", "Ada", "1234")
		for _, step := range []struct {
			path, action string
			item         map[string]string
			users        int
		}{
			{"/api/user/add", "add", item, 1},
			{"/api/user/set", "add", person("b", "Ben", "2345"), 2},
			{"/api/user/set", "set", with(person("a", "Ada B", "1234"), "ID", "1"), 2},
			{"/api/user/del", "del", map[string]string{"ID": "1"}, 1},
			{"/api/user/set", "del", map[string]string{"ID": "2"}, 0},
		} {
			a := r.do("POST", step.path, envelope("user", step.action, step.item))
			if a.Retcode != r.panel.Model().Success || len(r.panel.Users()) != step.users {
				t.Fatalf("%s %s: %s; %d users, want %d", step.path, step.action, a.raw, len(r.panel.Users()), step.users)
			}
		}
	})
}

func TestUserRoutingsThatDoNotFit(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	item := person("a", "Ada", "1234")
	for name, tc := range map[string]struct{ method, path, body string }{
		"path against action": {"POST", "/api/user/add", envelope("user", "del", item)},
		"no action":           {"POST", "/api/user/set", envelope("user", "", item)},
		"unknown action":      {"POST", "/api/user/set", envelope("user", "clear", item)},
		"no envelope":         {"POST", "/api/user/set", ""},
		"by GET":              {"GET", "/api/user/set", ""},
		"wrong case":          {"POST", "/api/user/set", strings.Replace(envelope("user", "add", item), `"action"`, `"Action"`, 1)},
	} {
		if a := r.do(tc.method, tc.path, tc.body); a.Retcode >= 0 || a.Message != "unsupport action" {
			t.Errorf("%s answered %s", name, a.raw)
		}
	}
	if a := r.do("POST", "/api/user/set", envelope("schedule", "add", item)); a.Retcode != -1 {
		t.Errorf("a wrong target answered %s", a.raw)
	}
	if n := len(r.panel.Users()); n != 0 {
		t.Errorf("%d users stored", n)
	}
}

func TestUserTargetIsNeededByE18(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		body := strings.Replace(envelope("user", "add", person("a", "Ada", "1234")), `,"target":"user"`, "", 1)
		if strings.Contains(body, "target") {
			t.Fatal("the test body still has its target")
		}
		refused := r.do("POST", "/api/user/set", body).Retcode < 0
		if want := strings.HasPrefix(r.panel.Model().Name, "E18"); refused != want {
			t.Errorf("refused %v, want %v", refused, want)
		}
	})
}

func TestUserHyphenatedScheduleKey(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plain, twin string
		e18, other  bool // accepted
	}{
		"both":       {"1001-1", "1001-1", true, true},
		"plain only": {"1001-1", "-", false, true},
		"twin only":  {"-", "1001-1", false, false},
		"unequal":    {"1001-1", "1001-2", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			every(t, func(t *testing.T, r *rig) {
				a := r.write("user", "add", person("a", "Ada", "1234", "ScheduleRelay", tc.plain, "Schedule-Relay", tc.twin))
				want := tc.other
				if strings.HasPrefix(r.panel.Model().Name, "E18") {
					want = tc.e18
				}
				if got := a.Retcode >= 0; got != want || got != (len(r.panel.Users()) == 1) {
					t.Errorf("accepted %v, want %v: %s", got, want, a.raw)
				}
				if !want && (a.Retcode != -1 || a.Message != "Failed") {
					t.Errorf("refused with %s, want -1 Failed", a.raw)
				}
			})
		})
	}
}

func TestUserSetReplacesTheWholeRow(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234", "CardCode", "AB12", "Room", "4B"))
	r.must("user", "set", person("a", "Ada Byron", "-", "PrivatePIN", "-", "ID", "1", "SourceType", "1"))
	want := []akuvoxsim.User{{
		ID: "1", UserID: "a", Name: "Ada Byron", ScheduleRelay: "1001-1", Cards: []string{},
		Fields: map[string]string{"WebRelay": "0", "LiftFloorNum": "0"},
	}}
	if d := cmp.Diff(want, r.panel.Users()); d != "" {
		t.Fatal(d)
	}
}

func TestUserSetNeedsTheFullRecordAndItsID(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		r.must("user", "add", person("a", "Ada", "1234"))
		before := r.panel.Users()
		for name, item := range map[string]map[string]string{
			"PIN only":    {"ID": "1", "PrivatePIN": "9999"},
			"no schedule": person("a", "Ada", "9999", "ID", "1", "ScheduleRelay", "-", "Schedule-Relay", "-"),
			"no name":     person("a", "", "9999", "ID", "1"),
			"no UserID":   person("", "Ada", "9999", "ID", "1"),
			"no WebRelay": person("a", "Ada", "9999", "ID", "1", "WebRelay", "-"),
			"no lift":     person("a", "Ada", "9999", "ID", "1", "LiftFloorNum", "-"),
			"no ID":       person("a", "Ada", "9999"),
			"unknown ID":  person("a", "Ada", "9999", "ID", "77"),
		} {
			if a := r.write("user", "set", item); a.Retcode >= 0 {
				t.Errorf("%s accepted: %s", name, a.raw)
			}
		}
		if d := cmp.Diff(before, r.panel.Users()); d != "" {
			t.Error("a refused set changed something:", d)
		}
	})
}

func TestUserDelByIDAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234"))
	for _, item := range []map[string]string{{"UserID": "a"}, {"ID": "2"}, {"ID": ""}, {"Name": "Ada"}} {
		if a := r.write("user", "del", item); a.Retcode != -1 {
			t.Errorf("del %v answered %s", item, a.raw)
		}
	}
	r.must("user", "del", map[string]string{"ID": "1"})
	r.must("user", "add", person("b", "Ben", "1234"))
	if got := r.panel.Users()[0].ID; got != "2" {
		t.Errorf("the next user got ID %s; IDs are not reused", got)
	}
}

func TestUserCloudRowsAreListedAndNotWritten(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	if _, err := r.panel.Edit("add", akuvoxsim.User{UserID: "c", Name: "Cloud Person", PIN: "5555", Cloud: true}); err != nil {
		t.Fatal(err)
	}
	row := r.get("/api/user/get").items(t)[0]
	if row["SourceType"] != "2" {
		t.Errorf("row %v", row)
	}
	for _, a := range []answer{
		r.write("user", "del", map[string]string{"ID": "1"}),
		r.write("user", "set", person("c", "Mine", "1234", "ID", "1")),
	} {
		if a.Retcode != -1 {
			t.Errorf("a write to a cloud row answered %s", a.raw)
		}
	}
	if u := r.panel.Users(); len(u) != 1 || u[0].PIN != "5555" {
		t.Errorf("users %+v", u)
	}
}

func TestUserSeveralItemsEachForItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	a := r.write("user", "add", person("a", "Ada", "1234"), person("b", "Ben", "1"), person("c", "Cy", "3456"))
	if a.Retcode != -100 {
		t.Errorf("envelope %s", a.raw)
	}
	var rets []any
	for _, it := range a.items(t) {
		rets = append(rets, it["Ret"])
	}
	if d := cmp.Diff([]any{0.0, -100.0, 0.0}, rets); d != "" {
		t.Error(d)
	}
	if n := len(r.panel.Users()); n != 2 {
		t.Errorf("%d users, want 2", n)
	}
}

func TestUserSilentlyDroppedFields(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		r.must("user", "add", person("a", "Ada", "1234", "Schedule-SRelay", "1001-2SA", "Nonsense", "1", "ID", "900"))
		row := r.get("/api/user/get").items(t)[0]
		if _, ok := row["Nonsense"]; ok || row["ID"] != "1" {
			t.Errorf("row %v", row)
		}
		_, kept := row["ScheduleSRelay"]
		if want := !strings.HasPrefix(r.panel.Model().Name, "E18"); kept != want {
			t.Errorf("Schedule-SRelay kept %v, want %v", kept, want)
		}
	})
}
