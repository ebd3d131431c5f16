package comelitsim_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

func (r *rig) control(method, target, body string) (int, string) {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.panel.Control().ServeHTTP(w, httptest.NewRequestWithContext(r.t.Context(), method, target, strings.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestControl(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		for _, tc := range []struct {
			method, target, body string
			code                 int
			says                 string
		}{
			{"GET", "/", "", 200, "POST /ring"},
			{"GET", "/doorlog", "", 200, "[]"},
			{"POST", "/present", `{"pin":"1234"}`, 200, `{"by":"","doors":[],"granted":false}`},
			{"POST", "/present", `{"card":"0A1B"}`, 200, `"granted":false`},
			{"POST", "/present", `{}`, 400, "give either"},
			{"GET", "/doorlog", "", 200, `"granted":false,"by":"","how":"card"`},
			{"POST", "/edit", `{"op":"set","slot":{"unit":1,"slot":2,"enabled":true,"kind":"phone","name":"Ada","phone":"+15550100"}}`, 200, `"unit_name":"102"`},
			{"GET", "/users", "", 200, `"name":"Ada","email":"","phone":"+15550100"`},
			{"POST", "/edit", `{"op":"clear","slot":{"unit":1,"slot":2}}`, 200, `"kind":"none"`},
			{"POST", "/edit", `{"op":"steal","slot":{"unit":1,"slot":2}}`, 400, "set, clear or reset"},
			{"POST", "/edit", `{"op":"set","slot":{"unit":9,"slot":2}}`, 400, "no slot 9.2"},
			{"POST", "/edit", `{"op":"set","slot":{"unit":-1,"slot":2}}`, 400, "no slot"},
			{"POST", "/edit", `{"op":"set","slot":{"slot":2,"kind":"car"}}`, 400, "kind"},
			{"POST", "/edit", `{"op":"set","slot":{"slot":2,"name":"a\"b"}}`, 400, "name cannot be stored"},
			{"POST", "/edit", `{"op":"set","slot":{"slot":2,"token":"abc"}}`, 400, "token"},
			{"POST", "/edit", `{"op":"set","slot":{"slot":2,"os":"symbian"}}`, 400, "os"},
			{"POST", "/edit", `{"op":"set","color":1}`, 400, "GET / shows it"},
			{"POST", "/ring", `{"name":"102"}`, 200, `"how":"monitor","after":"0s"`},
			{"POST", "/ring", `{"unit":0}`, 409, "rings already"},
			{"POST", "/release", `{"cause":0}`, 200, `{"cause":0}`},
			{"POST", "/release", `{"cause":0}`, 400, "nobody rings"},
			{"POST", "/ring", `{"unit":0,"door":"SB100002"}`, 200, `"silent":[{"slot":1`},
			{"POST", "/release", `{}`, 200, ""},
			{"POST", "/ring", `{}`, 400, "give either"},
			{"POST", "/ring", `{"name":"999"}`, 400, "no unit"},
			{"POST", "/fault", `{"name":"slow","on":true,"value":"2s"}`, 200, `"name":"slow"`},
			{"POST", "/fault", `{"name":"rain","on":true}`, 400, "no fault"},
			{"POST", "/fault", `{"name":"slow","on":true}{}`, 400, "more than one"},
			{"GET", "/faults", "", 200, `"name":"door-mute"`},
			{"POST", "/backups", `{"keep":0}`, 200, `{"keep":0}`},
			{"POST", "/backups", `{"keep":9}`, 400, "0 to 5"},
			{"GET", "/stats", "", 200, `"slot_zero":0`},
			{"GET", "/nothing", "", 404, ""},
			{"DELETE", "/users", "", 405, ""},
		} {
			if code, body := r.control(tc.method, tc.target, tc.body); code != tc.code || !strings.Contains(body, tc.says) {
				t.Errorf("%s %s %s: %d %s; want %d %s", tc.method, tc.target, tc.body, code, body, tc.code, tc.says)
			}
		}
		var all []comelitsim.Slot
		if _, body := r.control("GET", "/users?all=1", ""); json.Unmarshal([]byte(body), &all) != nil || len(all) != 64 {
			t.Errorf("%d slots", len(all))
		}
	})
}

func TestTheDoorLogIsBounded(t *testing.T) {
	t.Parallel()
	p, err := comelitsim.New(comelitsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 1001 {
		p.Present(comelitsim.Credential{PIN: "1"})
	}
	if n := len(p.DoorLog()); n != 1000 {
		t.Errorf("%d lines", n)
	}
}
