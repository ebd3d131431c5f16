package akuvoxsim_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// The call as akuvox.md §2.2 writes it, with a login of its own.
const (
	openDo    = "/fcgi/do?action=OpenDoor&UserName=door&Password=open-says-me&DoorNum="
	openBasic = "/fcgi/OpenDoor?action=OpenDoor&DoorNum="
	doorBasic = "Basic ZG9vcjpvcGVuLXNheXMtbWU=" // door:open-says-me
)

func doorRig(t *testing.T, model string) *rig {
	t.Helper()
	return newRig(t, akuvoxsim.Options{
		Model: model, Auth: akuvoxsim.AuthBasic, User: "api", Password: "secret", DoorUser: "door", DoorPassword: "open-says-me",
	})
}

// result is the value of the hidden input, or the whole body where there is none.
func result(a answer) string {
	s := string(a.raw)
	if _, rest, ok := strings.Cut(s, "hcSingleResult"); ok && strings.Contains(s, `<input type="hidden"`) {
		_, value, _ := strings.Cut(rest, `value="`)
		s, _, _ = strings.Cut(value, `"`)
	}
	return s
}

// opened is the doors of the log, in order, and how they were opened.
func (r *rig) opened() (doors string) {
	for _, e := range r.panel.DoorLog() {
		doors += e.Door + " " + e.How + ";"
	}
	return doors
}

func TestTheLegacyCallOpensADoor(t *testing.T) {
	t.Parallel()
	r := doorRig(t, "X916")
	for i, door := range []string{"A", "B", "C", "D"} {
		n := string(rune('1' + i))
		if a := r.get(openDo + n); a.status != 200 || result(a) != "0" || !r.panel.Open(door) {
			t.Errorf("door %s: %d %s", door, a.status, a.raw)
		}
	}
	if got := r.opened(); got != "A fcgi;B fcgi;C fcgi;D fcgi;" {
		t.Errorf("log %s", got)
	}
	a := r.do("GET", "/api/doorlog/get?page=1", "", "Authorization", "Basic YXBpOnNlY3JldA==")
	if row := a.items(t)[0]; row["Relay"] != "D" || row["Status"] != "Succ" {
		t.Errorf("row %v", row)
	}
	if m := r.panel.Mutating(); len(m) != 4 || m[0].Path != "/fcgi/do" {
		t.Errorf("changes %+v", m)
	}
}

func TestTheLegacyCallWithBasic(t *testing.T) {
	t.Parallel()
	r := doorRig(t, "X916")
	if a := r.do("GET", openBasic+"2", "", "Authorization", doorBasic); a.status != 200 || result(a) != "0" || !r.panel.Open("B") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for name, header := range map[string][]string{"no login": nil, "the API's": {"Authorization", "Basic YXBpOnNlY3JldA=="}} {
		a := r.do("GET", openBasic+"1&UserName=door&Password=open-says-me", "", header...)
		if a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") || r.panel.Open("A") {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
}

func TestTheLegacyCallRefuses(t *testing.T) {
	t.Parallel()
	r := doorRig(t, "E18")
	for path, want := range map[string]string{
		"/fcgi/do?action=OpenDoor&UserName=door&Password=wrong&DoorNum=1": "-1",
		"/fcgi/do?action=OpenDoor&UserName=api&Password=secret&DoorNum=1": "-1",
		"/fcgi/do?action=OpenDoor&DoorNum=1":                              "-1",
		openDo + "0":                                                      "1", openDo + "3": "1", openDo + "A": "1", openDo: "1",
	} {
		if a := r.get(path); a.status != 200 || result(a) != want {
			t.Errorf("%s: %d %s, want %s", path, a.status, a.raw, want)
		}
	}
	if a := r.do("POST", openDo+"1", ""); a.status == 200 {
		t.Errorf("a POST answered %d", a.status)
	}
	unset := newRig(t, akuvoxsim.Options{})
	if a := unset.get("/fcgi/do?action=OpenDoor&UserName=&Password=&DoorNum=1"); result(a) != "-1" {
		t.Errorf("without a login set: %s", a.raw)
	}
	if got := r.opened() + unset.opened(); got != "" {
		t.Errorf("opened %s", got)
	}
}

// §3: R20A has none of it, IT83 nothing else.
func TestWhoHasTheLegacyCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Model: "R20A", DoorUser: "door", DoorPassword: "open-says-me"})
	if a := r.get(openDo + "1"); a.status != 404 || r.panel.Open("A") {
		t.Errorf("R20A: %d %s", a.status, a.raw)
	}
	m := newRig(t, akuvoxsim.Options{Model: "IT83", DoorUser: "door", DoorPassword: "open-says-me"})
	if a := m.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":0,"delay":3}`)); a.Message != "No hanlders for this request" {
		t.Errorf("IT83: %s", a.raw)
	}
	if a := m.get(openDo + "1"); result(a) != "0" || m.opened() != "A fcgi;" {
		t.Errorf("IT83: %s, log %s", a.raw, m.opened())
	}
}

// The log and the Action URL are those of any other opening, and a bistable relay is toggled.
func TestTheLegacyCallIsAnOpeningLikeAnyOther(t *testing.T) {
	t.Parallel()
	r := doorRig(t, "X916")
	for key, value := range map[string]string{
		"Config.Features.ACTIONURL.Enable": "1", "Config.Features.ACTIONURL.RelayATriggered": "http://127.0.0.1/a",
		"Config.DoorSetting.RELAY.RelayAMode": "1",
	} {
		if err := r.panel.SetConfig(key, value); err != nil {
			t.Fatal(err)
		}
	}
	r.get(openDo + "1")
	r.get(openDo + "1")
	if c := r.panel.Calls(); len(c) != 1 || c[0].Event != "RelayATriggered" || r.panel.Open("A") || r.opened() != "A fcgi;" {
		t.Errorf("calls %+v, log %s", c, r.opened())
	}
	r.fault("drop-connection", "")
	dies(t, r, "GET", openDo+"2", "")
	r.faultOff("drop-connection")
	r.fault("drop-connection-early", "")
	dies(t, r, "GET", openDo+"3", "")
	if !r.panel.Open("B") || r.panel.Open("C") {
		t.Errorf("log %s", r.opened())
	}
	r.panel.Reboot()
	dies(t, r, "GET", openDo+"4", "")
}

func fcgiChecks() []faultCheck {
	wrong := "/fcgi/do?action=OpenDoor&UserName=door&Password=wrong&DoorNum=1"
	return []faultCheck{
		{"fcgi-empty", "", func(t *testing.T, _ *rig) {
			r := doorRig(t, "X916")
			r.fault("fcgi-empty", "")
			for path, status := range map[string]int{openDo + "1": 200, wrong: 401, openDo + "9": 400} {
				if a := r.get(path); a.status != status || len(a.raw) != 0 {
					t.Errorf("%s: %d %q", path, a.status, a.raw)
				}
			}
			if got := r.opened(); got != "A fcgi;" {
				t.Errorf("log %s", got)
			}
		}},
		{"fcgi-words", "", func(t *testing.T, _ *rig) {
			r := doorRig(t, "X916")
			for _, word := range []string{"", "fail", "error", "invalid"} {
				r.fault("fcgi-words", word)
				if a := r.get(wrong); a.status != 200 || word != "" && result(a) != word || word == "" && result(a) != "incorrect" {
					t.Errorf("%q: %d %q", word, a.status, a.raw)
				}
			}
			if a := r.get(openDo + "1"); a.status != 200 || result(a) != "OK" || !r.panel.Open("A") {
				t.Errorf("%d %q", a.status, a.raw)
			}
		}},
		{"fcgi-false", "", func(t *testing.T, _ *rig) {
			r := doorRig(t, "X916")
			r.fault("fcgi-false", "")
			if a := r.get(openDo + "1"); a.status != 200 || result(a) != "0" || r.panel.Open("A") || r.opened() != "" {
				t.Errorf("%d %q, log %s", a.status, a.raw, r.opened())
			}
		}},
	}
}

// rowChecks are the oddities of rows and of one call.
func rowChecks() []faultCheck {
	return []faultCheck{
		{"bad-utf8-rows", "", func(t *testing.T, r *rig) {
			a := r.get("/api/user/get")
			if utf8.Valid(a.raw) || !strings.Contains(string(a.raw), "\"Name\":\"\xffAda\"") || len(a.items(t)) != 1 {
				t.Errorf("body %q", a.raw)
			}
			if a := r.get("/api/system/info"); !utf8.Valid(a.raw) {
				t.Errorf("body %q", a.raw)
			}
		}},
		{"user-get-500", "", func(t *testing.T, r *rig) {
			for _, path := range []string{"/api/user/get", "/api/user/get?page=1"} {
				if a := r.get(path); a.status != 500 {
					t.Errorf("%s answered %d", path, a.status)
				}
			}
			r.get("/api/schedule/get").items(t)
			r.must("user", "add", ben())
		}},
		{"guide-realm", "", func(t *testing.T, _ *rig) {
			b := newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthBoth, User: "api", Password: "secret"})
			b.fault("guide-realm", "")
			ways := b.get("/api/system/info").header.Values("WWW-Authenticate")
			if len(ways) != 2 || !strings.HasPrefix(ways[0], `Digest realm="HTTPAPI", `) || ways[1] != `Basic realm="HTTPAPI"` {
				t.Errorf("challenged %q", ways)
			}
		}},
		{"item-key", "", func(t *testing.T, r *rig) {
			d := r.get("/api/user/get").Data
			if rows, ok := d["Item"].([]any); !ok || len(rows) != 1 || d["item"] != nil {
				t.Errorf("data %v", d)
			}
		}},
		{"log-type-digits", "", func(t *testing.T, r *rig) {
			r.panel.Present(pin("1234"))
			r.panel.Present(card("0A1B"))
			r.do("POST", "/api/relay/trig", trig(`{"num":1,"mode":0,"level":0,"delay":3}`))
			if _, err := r.panel.Happen(akuvoxsim.Happening{What: "face", UserID: "a"}); err != nil {
				t.Fatal(err)
			}
			var got string
			for _, row := range r.get("/api/doorlog/get").items(t) {
				got += row["Type"].(string)
			}
			if got != "4012" {
				t.Errorf("types, newest first, %s", got)
			}
		}},
		{"single-connection", "", checkSingle},
	}
}

// checkSingle holds one request open, its body not yet sent, while another comes.
func checkSingle(t *testing.T, r *rig) {
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := envelope("user", "add", ben())
	head := "POST /api/user/set HTTP/1.1\r\nHost: panel\r\nExpect: 100-continue\r\nContent-Length: " + digits(len(body)) + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" { // it is being served now
		t.Fatal(line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	dies(t, r, "GET", "/api/system/info", "")
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 || len(r.panel.Users()) != 2 {
		t.Errorf("the first answered %d, %d users, %v", resp.StatusCode, len(r.panel.Users()), err)
	}
	for range 3 {
		r.get("/api/system/info") // one after the other is well
	}
}
