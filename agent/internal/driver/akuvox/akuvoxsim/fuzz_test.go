package akuvoxsim_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// Whatever comes in, the panel answers with an envelope and keeps its own rules: no row without the required
// fields, no built-in schedule lost.
func FuzzServe(f *testing.F) {
	f.Add("POST", "/api/user/set", envelope("user", "add", person("a", "Ada", "1234")), "")
	f.Add("POST", "/api/schedule/set", envelope("schedule", "del", map[string]string{"ID": "1001"}), "")
	f.Add("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":0,"delay":3}`), "")
	f.Add("POST", "/api/config/set", `{"target":"config","action":"set","data":{"a":"$b"}}`, "")
	f.Add("POST", "/api/config/set", `{"target":"config","action":"set","data":{"Config.Features.ACTIONURL.Enable":"1","Config.Features.ACTIONURL.RelayATriggered":"http://127.0.0.1/$mac$x"}}`, "")
	f.Add("POST", "/api/rfkey/add", envelope("rfkey", "add", map[string]string{"Code": "0A1B"}), "")
	f.Add("POST", "/api/contact/set", envelope("contact", "set", map[string]string{"ID": "1", "Name": ""}), "")
	f.Add("POST", "/api/group/add", envelope("group", "add", map[string]string{"Name": "North"}), "")
	f.Add("GET", "/api/user/get?page=1", "", `Digest username="api", realm="HTTP API", nc=00000001`)
	f.Fuzz(func(t *testing.T, method, path, body, authorization string) {
		p, err := akuvoxsim.New(akuvoxsim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := akuvoxsim.New(akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, User: apiUser, Password: apiPass})
		if err != nil {
			t.Fatal(err)
		}
		if method != "GET" && method != "POST" || !strings.HasPrefix(path, "/api/") || strings.ContainsAny(path, " \r\n\t%#") {
			return // no request line could carry it
		}
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("answered %d %q", w.Code, w.Body)
		}
		for _, u := range p.Users() {
			if u.ID == "" || u.UserID == "" || u.Name == "" || u.ScheduleRelay == "" {
				t.Errorf("row %+v", u)
			}
		}
		if n := len(p.Schedules()); n < 2 {
			t.Errorf("%d schedules", n)
		}
		w = httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != 401 || len(d.Users()) != 0 {
			t.Errorf("without a login: %d", w.Code)
		}
	})
}
