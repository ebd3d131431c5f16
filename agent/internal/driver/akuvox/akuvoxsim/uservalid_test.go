package akuvoxsim_test

import (
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func TestUserFieldRules(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 63)
	for _, tc := range []struct {
		name string
		item map[string]string
		code int // 0: accepted
	}{
		{"PIN of four", person("a", "Ada", "0000"), 0},
		{"PIN of eight", person("a", "Ada", "12345678"), 0},
		{"no PIN", person("a", "Ada", ""), 0},
		{"PIN with letters is stored", person("a", "Ada", "12ab"), 0},
		{"PIN of three", person("a", "Ada", "123"), -100},
		{"PIN of nine", person("a", "Ada", "123456789"), -100},
		{"PIN with a blank", person("a", "Ada", "12 4"), -100},
		{"PIN with a sign", person("a", "Ada", "-1234"), -100},
		{"five cards by semicolon", person("a", "Ada", "", "CardCode", "1;2;3;4;5"), 0},
		{"five cards by comma", person("a", "Ada", "", "CardCode", "1,2,3,4,5"), 0},
		{"six cards", person("a", "Ada", "", "CardCode", "1;2;3;4;5;6"), -100},
		{"card of sixteen", person("a", "Ada", "", "CardCode", "0123456789abcdEF"), 0},
		{"card of seventeen", person("a", "Ada", "", "CardCode", "0123456789abcdef0"), -100},
		{"card not hexadecimal", person("a", "Ada", "", "CardCode", "12G4"), -100},
		{"name of 63", person("a", long, ""), 0},
		{"name of 64", person("a", long+"é", ""), -100},
		{"name with a line end", person("a", "Ada\nByron", ""), -100},
		{"name blank", person("a", "", ""), -1},
		{"UserID blank", person("", "Ada", ""), -1},
		{"UserID with a control character", person("a\x01", "Ada", ""), -100},
		{"FaceUrl on add", person("a", "Ada", "", "FaceUrl", "x.jpg"), -100},
		{"Schedule on add", person("a", "Ada", "", "Schedule", "1001-1"), -100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, akuvoxsim.Options{Model: "E18"}) // answers 0 on success
			if a := r.write("user", "add", tc.item); a.Retcode != tc.code {
				t.Errorf("answered %s, want %d", a.raw, tc.code)
			}
			if got, want := len(r.panel.Users()), map[bool]int{true: 1}[tc.code == 0]; got != want {
				t.Errorf("%d users stored, want %d", got, want)
			}
		})
	}
}

func TestScheduleRelayFormat(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"1001-1":          "1001-1",
		"1001-1;":         "1001-1",
		"1001-12":         "1001-12",
		"1001-1,1002-2":   "1001-1,1002-2",
		"1001-1;1002-2;":  "1001-1,1002-2",
		"1001-1,1002-2,":  "1001-1,1002-2",
		"1001-4":          "1001-4",
		"1001-5":          "",
		"1001-0":          "",
		"1001-11":         "",
		"1001-":           "",
		"1001":            "",
		"-1":              "",
		"9999-1":          "",
		"1001-1,9999-1":   "",
		"1001-A":          "",
		";":               "",
		"1001-1 , 1002-2": "",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, akuvoxsim.Options{})
			item := person("a", "Ada", "1234")
			item["ScheduleRelay"] = value
			a := r.write("user", "add", item)
			if want == "" {
				if a.Retcode != -100 || len(r.panel.Users()) != 0 {
					t.Fatalf("answered %s with %d users", a.raw, len(r.panel.Users()))
				}
				return
			}
			if u := r.panel.Users(); len(u) != 1 || u[0].ScheduleRelay != want {
				t.Fatalf("stored %+v after %s, want %s", u, a.raw, want)
			}
		})
	}
}

func TestScheduleRelayIsShownInTheModelsOwnSeparator(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"X916": "1001-1,1002-1", "E18": "1001-1,1002-1", "E18C": "1001-1,1002-1,", "X915S": "1001-1;1002-1;", "R20K": "1001-1,1002-1",
		"A08S": "1001-1,1002-1",
	}
	every(t, func(t *testing.T, r *rig) {
		m := r.panel.Model()
		r.must("user", "add", person("a", "Ada", "", "ScheduleRelay", "1001-1,1002-1", "Schedule-Relay", "1001-1,1002-1"))
		if got := r.get("/api/user/get").items(t)[0][m.ReadKey]; got != want[m.Name] {
			t.Errorf("shown as %v, want %s", got, want[m.Name])
		}
	})
}

func TestRelaysOfTheModel(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, r *rig) {
		n := r.panel.Model().Relays
		last, over := "1001-"+digits(n)[4:], "1001-"+digits(n + 1)[4:]
		r.must("user", "add", person("a", "Ada", "", "ScheduleRelay", last, "Schedule-Relay", last))
		if a := r.write("user", "add", person("b", "Ben", "", "ScheduleRelay", over, "Schedule-Relay", over)); a.Retcode >= 0 {
			t.Errorf("relay %d of %d accepted: %s", n+1, n, a.raw)
		}
	})
}

func TestItemsMustBeStrings(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, data := range []string{
		`{"item":[{"UserID":7,"Name":"Ada","ScheduleRelay":"1001-1","WebRelay":"0","LiftFloorNum":"0"}]}`,
		`{"item":[{"UserID":"7","Name":"Ada","ScheduleRelay":"1001-1","WebRelay":0,"LiftFloorNum":"0"}]}`,
		`{"item":[{"UserID":null}]}`,
		`{"item":{"UserID":"7"}}`,
		`{"Item":[{"UserID":"7"}]}`,
		`{"item":[]}`,
		`{"item":["x"]}`,
		`{}`,
		`[]`,
		`null`,
	} {
		body := `{"target":"user","action":"add","data":` + data + `}`
		if a := r.do("POST", "/api/user/set", body); a.Retcode != -100 || a.Message != "error param" {
			t.Errorf("%s answered %s", data, a.raw)
		}
	}
	if a := r.do("POST", "/api/user/set", `{"target":"user","action":"add"}`); a.Retcode != -100 {
		t.Errorf("no data answered %s", a.raw)
	}
	if n := len(r.panel.Users()); n != 0 {
		t.Errorf("%d users stored", n)
	}
}

func TestDuplicatesAreAcceptedUnlessTold(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]map[string]string{
		"UserID": person("a", "Ben", "2345", "CardCode", "BB"),
		"PIN":    person("b", "Ben", "1234", "CardCode", "BB"),
		"card":   person("b", "Ben", "2345", "CardCode", "CC;aa"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, akuvoxsim.Options{})
			r.must("user", "add", person("a", "Ada", "1234", "CardCode", "AA"))
			r.must("user", "add", second)
			r.must("user", "del", map[string]string{"ID": "2"})
			r.fault(akuvoxsim.FaultRefuseDuplicates, "")
			if a := r.write("user", "add", second); a.Retcode != -1 {
				t.Errorf("the duplicate answered %s", a.raw)
			}
			r.must("user", "set", person("a", "Ada B", "1234", "CardCode", "AA", "ID", "1"))
			r.must("user", "add", person("b", "Ada B", "2345"))
		})
	}
}
