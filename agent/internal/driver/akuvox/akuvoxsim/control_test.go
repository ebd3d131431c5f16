package akuvoxsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// control does one call on the control side.
func (r *rig) control(method, path, body string) (int, string) {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.panel.Control().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestControlPresentAndDoorLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	if code, body := r.control("GET", "/doorlog", ""); code != 200 || body != "[]\n" {
		t.Fatalf("an empty log is %d %q", code, body)
	}
	r.must("user", "add", person("a", "Ada", "1234", "CardCode", "AB", "ScheduleRelay", "1001-12"))
	for _, tc := range []struct{ body, want string }{
		{`{"pin":"1234"}`, `{"granted":true,"doors":["A","B"],"by":"Ada"}`},
		{`{"card":"ab"}`, `{"granted":true,"doors":["A","B"],"by":"Ada"}`},
		{`{"pin":"0000"}`, `{"granted":false,"doors":[],"by":""}`},
	} {
		if code, got := r.control("POST", "/present", tc.body); code != 200 || strings.TrimSpace(got) != tc.want {
			t.Errorf("%s answered %d %s", tc.body, code, got)
		}
	}
	_, body := r.control("GET", "/doorlog", "")
	var got []map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	line := func(door, by, how string) map[string]any {
		return map[string]any{"at": "2026-06-01T12:00:00Z", "door": door, "granted": by != "", "by": by, "how": how}
	}
	want := []map[string]any{
		line("A", "Ada", "pin"), line("B", "Ada", "pin"), line("A", "Ada", "card"), line("B", "Ada", "card"), line("", "", "pin"),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func TestControlPresentWhileDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.panel.PowerCut()
	if code, body := r.control("POST", "/present", `{"pin":"1234"}`); code != 503 || !strings.Contains(body, "restarting") {
		t.Errorf("answered %d %s", code, body)
	}
}

func TestControlIsStrict(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, tc := range []struct {
		path, body, want string
	}{
		{"/present", `{}`, "either"},
		{"/present", `{"pin":"1","card":"2"}`, "either"},
		{"/present", `{"pin":"1234","door":"A"}`, "door"},
		{"/present", `{"pin":1234}`, "not what this call takes"},
		{"/present", `{"pin":"1234"}{}`, "more than one"},
		{"/present", ``, "not what this call takes"},
		{"/present", `[]`, "not what this call takes"},
		{"/fault", `{"name":"rain","on":true}`, "rain"},
		{"/fault", `{"name":"slow","on":true,"for":"2s"}`, "for"},
		{"/fault", `{"name":"slow","on":"yes"}`, "not what this call takes"},
		{"/edit", `{"op":"move","user":{"id":"1"}}`, "add, set or del"},
		{"/edit", `{"op":"del","user":{"id":"1"}}`, "no user"},
		{"/edit", `{"op":"del","user":{}}`, "no user"},
		{"/edit", `{"op":"add","user":{"Pin":"1","code":"2"}}`, "code"},
	} {
		code, body := r.control("POST", tc.path, tc.body)
		if code != http.StatusBadRequest || !strings.Contains(body, tc.want) {
			t.Errorf("POST %s %s answered %d %q, want 400 that says %q", tc.path, tc.body, code, body, tc.want)
		}
	}
	for path, want := range map[string]int{"/present": 405, "/fault": 405, "/edit": 405, "/nothing": 404} {
		if code, _ := r.control("GET", path, ""); code != want {
			t.Errorf("GET %s answered %d, want %d", path, code, want)
		}
	}
	if len(r.panel.Users()) != 0 || len(r.panel.DoorLog()) != 0 {
		t.Error("a refused call did something")
	}
}

func TestControlFault(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	if code, body := r.control("POST", "/fault", `{"name":"http-500","on":true,"times":1}`); code != 200 {
		t.Fatalf("answered %d %s", code, body)
	}
	if got := r.get("/api/system/info").status; got != 500 {
		t.Errorf("with the fault on: %d", got)
	}
	r.get("/api/system/info").fine(t)
	r.control("POST", "/fault", `{"name":"http-500","on":true}`)
	r.control("POST", "/fault", `{"name":"http-500","on":false}`)
	r.get("/api/system/info").fine(t)
	_, body := r.control("GET", "/faults", "")
	var list struct {
		Faults []map[string]string `json:"faults"`
		On     []any               `json:"on"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Faults) != len(akuvoxsim.FaultList().Faults) || list.Faults[0]["line"] == "" || len(list.On) != 0 {
		t.Errorf("GET /faults: %v %s", err, body)
	}
}

// fine wants a good answer.
func (a answer) fine(t *testing.T) {
	t.Helper()
	if a.status != 200 || a.Retcode != 0 {
		t.Errorf("answered %d %s", a.status, a.raw)
	}
}

func TestControlEditIsAHandAtThePanel(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	steps := []struct{ body, want string }{
		{
			`{"op":"add","user":{"user_id":"x","name":"By Hand","pin":"7777","cards":["AB"]}}`,
			`[{"id":"1","user_id":"x","name":"By Hand","pin":"7777","cards":["AB"],"schedule_relay":"1001-1"}]`,
		},
		{
			`{"op":"add","user":{"user_id":"y","name":"Cloud","schedule_relay":"1002-1","cloud":true}}`,
			`[{"id":"1","user_id":"x","name":"By Hand","pin":"7777","cards":["AB"],"schedule_relay":"1001-1"},` +
				`{"id":"2","user_id":"y","name":"Cloud","schedule_relay":"1002-1","cloud":true}]`,
		},
		{
			`{"op":"set","user":{"user_id":"x","name":"Changed","pin":"8888","schedule_relay":"1001-2"}}`,
			`[{"id":"1","user_id":"x","name":"Changed","pin":"8888","schedule_relay":"1001-2"},` +
				`{"id":"2","user_id":"y","name":"Cloud","schedule_relay":"1002-1","cloud":true}]`,
		},
		{
			`{"op":"del","user":{"id":"2"}}`,
			`[{"id":"1","user_id":"x","name":"Changed","pin":"8888","schedule_relay":"1001-2"}]`,
		},
		{`{"op":"del","user":{"user_id":"x"}}`, `[]`},
	}
	for _, s := range steps {
		if code, body := r.control("POST", "/edit", s.body); code != 200 {
			t.Fatalf("%s answered %d %s", s.body, code, body)
		}
		if _, got := r.control("GET", "/users", ""); strings.TrimSpace(got) != s.want {
			t.Errorf("after %s:\n got %s\nwant %s", s.body, got, s.want)
		}
	}
	if len(r.panel.Requests()) != 0 {
		t.Error("a hand edit was counted as a request")
	}
}

func TestEditedRowsAreNotSharedWithTheCaller(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	u := akuvoxsim.User{UserID: "x", Name: "X", Cards: []string{"AA"}, Fields: map[string]string{"Room": "1"}}
	if _, err := r.panel.Edit("add", u); err != nil {
		t.Fatal(err)
	}
	u.Cards[0], u.Fields["Room"] = "BB", "2"
	got := r.panel.Users()
	got[0].Cards[0], got[0].Fields["Room"] = "CC", "3"
	if now := r.panel.Users()[0]; now.Cards[0] != "AA" || now.Fields["Room"] != "1" {
		t.Errorf("the row is %+v", now)
	}
}

func TestControlStatsAndHelp(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.must("user", "add", person("a", "Ada", "1234"))
	_, body := r.control("GET", "/stats", "")
	var s akuvoxsim.Stats
	if err := json.Unmarshal([]byte(body), &s); err != nil || s.Requests != 1 || len(s.Mutating) != 1 || s.Mutating[0].Action != "add" {
		t.Errorf("GET /stats: %v %s", err, body)
	}
	code, help := r.control("GET", "/", "")
	for _, word := range []string{"/doorlog", "/present", "/fault", "/faults", "/users", "/edit", "/stats"} {
		if code != 200 || !strings.Contains(help, word) {
			t.Errorf("the help (%d) does not name %s", code, word)
		}
	}
}
