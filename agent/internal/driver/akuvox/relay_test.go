package akuvox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func triggers(w *wild) (out []wildRequest) {
	for _, r := range w.requests() {
		if r.path == "/api/relay/trig" {
			out = append(out, r)
		}
	}
	return out
}

func TestReleaseSendsOneTrigger(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"", "basic", "digest"} {
		w := newWild(t, &wild{login: login, qop: "auth"})
		if err := w.panel(t).Release(t.Context(), "B"); err != nil {
			t.Fatal(err)
		}
		got := triggers(w)
		if len(got) != 1 || !got[0].passed || got[0].method != http.MethodPost {
			t.Fatalf("login %q: %d triggers", login, len(got))
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(got[0].body), &body); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"target": "relay", "action": "trig", "data": map[string]any{"num": 2.0, "mode": 0.0, "level": 0.0, "delay": 5.0}}
		if d := cmp.Diff(want, body); d != "" {
			t.Errorf("body (-want +got):\n%s", d)
		}
	}
}

// A door that opens twice is worse than one that did not open: not even a 401 brings a second trigger.
func TestReleaseIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	answers := map[string]struct {
		status int
		body   string
		want   fault.Kind
	}{
		"401":             {401, "", fault.Denied},
		"403":             {403, "", fault.Denied},
		"500":             {500, "", fault.Timeout},
		"empty":           {200, "", fault.Timeout},
		"web page":        {200, "<html>", fault.Timeout},
		"refused":         {200, `{"retcode":-1,"message":"Failed"}`, fault.Conflict},
		"no handlers":     {200, `{"retcode":-1,"message":"No hanlders for this request"}`, fault.Unsupported},
		"absent":          {404, "", fault.Unsupported},
		"error parameter": {200, `{"retcode":-100,"message":"error param"}`, fault.Conflict},
	}
	for name, tt := range answers {
		w := newWild(t, &wild{login: "digest", qop: "auth", before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.URL.Path != "/api/relay/trig" {
				return false
			}
			if tt.status == 401 {
				rw.Header().Set("WWW-Authenticate", `Digest realm="HTTP API", nonce="fresh", qop="auth", stale=true`)
			}
			rw.WriteHeader(tt.status)
			_, _ = rw.Write([]byte(tt.body))
			return true
		}})
		err := w.panel(t).Release(t.Context(), "A")
		wantKind(t, err, tt.want)
		if n := len(triggers(w)); n != 1 {
			t.Errorf("%s: %d triggers, want 1", name, n)
		}
	}
}

func TestReleaseAnswerLostIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{before: func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.URL.Path == "/api/relay/trig" {
			panic(http.ErrAbortHandler)
		}
		return false
	}})
	wantKind(t, w.panel(t).Release(t.Context(), "A"), fault.Timeout)
	if n := len(triggers(w)); n != 1 {
		t.Errorf("%d triggers, want 1", n)
	}
}

// When the door was never asked, the outcome is known: shut.
func TestReleaseNotSentIsNotUnknown(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{before: func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) }})
	wantKind(t, w.panel(t).Release(t.Context(), "A"), fault.Unreachable)
	if n := len(triggers(w)); n != 0 {
		t.Errorf("%d triggers before the login was known", n)
	}
	wrong := newWild(t, &wild{login: "digest", qop: "auth"})
	p := newPanel(t, driver.Config{URL: wrong.url, User: "gate", Password: access.NewSecret("wrong")})
	wantKind(t, p.Release(t.Context(), "A"), fault.Denied)
	if n := len(triggers(wrong)); n != 0 {
		t.Errorf("%d triggers with a wrong password", n)
	}
}

func TestReleaseOfARelayThatIsNot(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	p := newPanel(t, driver.Config{URL: w.url, Model: "E18"})
	for relay, want := range map[string]fault.Kind{"": fault.Invalid, "garage": fault.Invalid, "E": fault.Invalid, "a": fault.Invalid, "C": fault.Unsupported} {
		wantKind(t, p.Release(t.Context(), relay), want)
	}
	if len(w.requests()) != 0 {
		t.Errorf("%d requests went out", len(w.requests()))
	}
}

func TestDialects(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string, header ...string) func(http.ResponseWriter, *http.Request, []byte) bool {
		return func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.URL.Path != "/api/system/info" {
				return false
			}
			if len(header) > 0 {
				rw.Header().Set("Location", strings.ReplaceAll(header[0], "HOST", r.Host))
			}
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
			return true
		}
	}
	page := func(first func(http.ResponseWriter, *http.Request, []byte) bool, path string) func(http.ResponseWriter, *http.Request, []byte) bool {
		return func(rw http.ResponseWriter, r *http.Request, b []byte) bool {
			if r.URL.Path == path {
				_, _ = rw.Write([]byte(`{"ProductName":"E18C"}`))
				return true
			}
			return first(rw, r, b)
		}
	}
	const https = "https://HOST/api/system/info"
	tests := map[string]struct {
		wild    wildBehaviour
		dialect string
		kind    fault.Kind // -1: fine
		remedy  string
	}{
		"open":                 {wildBehaviour{}, "http-api", -1, ""},
		"digest":               {wildBehaviour{login: "digest"}, "http-api", -1, ""},
		"login refused":        {wildBehaviour{login: "digest", wrong: true}, "http-api", fault.Denied, "user and password of the panel's HTTP API"},
		"off or allowlist":     {wildBehaviour{before: answer(403, "")}, "", fault.Denied, "allowlist"},
		"legacy web":           {wildBehaviour{before: page(answer(403, ""), "/web/status/get")}, "web-legacy", fault.Unsupported, "/web"},
		"to https":             {wildBehaviour{before: answer(308, "", https)}, "web-spa", fault.Unsupported, "https://"},
		"elsewhere":            {wildBehaviour{before: answer(302, "", "/#/login")}, "web-spa", fault.Unsupported, "/api/web"},
		"web app only":         {wildBehaviour{before: page(answer(404, ""), "/api/web/system/info")}, "web-spa", fault.Unsupported, "/api/web"},
		"absent":               {wildBehaviour{before: answer(404, "")}, "", fault.Unsupported, "firmware"},
		"fcgi pages":           {wildBehaviour{before: answer(200, `<a href="/FCGI/do?id=1">`)}, "fcgi", fault.Unsupported, "HTTP API"},
		"other pages":          {wildBehaviour{before: answer(200, `<html>`)}, "", fault.Invalid, "web pages"},
		"empty":                {wildBehaviour{before: answer(200, "")}, "", fault.Unreachable, "Restart"},
		"no handlers":          {wildBehaviour{before: answer(200, `{"retcode":-1,"message":"No hanlders for this request"}`)}, "http-api", fault.Unsupported, "firmware"},
		"device error":         {wildBehaviour{before: answer(500, "")}, "", fault.Unreachable, "Restart"},
		"status beside":        {wildBehaviour{before: answer(200, `{"retcode":0,"Status":{"Model":"X916S"}}`)}, "http-api", -1, ""},
		"nobody (connections)": {wildBehaviour{before: func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) }}, "", fault.Unreachable, "power"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, &wild{login: tt.wild.login, qop: "auth", before: tt.wild.before})
			password := "correct horse"
			if tt.wild.wrong {
				password = "wrong"
			}
			p := newPanel(t, driver.Config{URL: w.url, User: "gate", Password: access.NewSecret(password)})
			got, err := p.Dialect(t.Context())
			if got != tt.dialect {
				t.Errorf("dialect %q, want %q", got, tt.dialect)
			}
			if tt.kind < 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, tt.kind)
			if !strings.Contains(fault.RemedyOf(err), tt.remedy) {
				t.Errorf("remedy %q lacks %q", fault.RemedyOf(err), tt.remedy)
			}
			for _, r := range w.requests() {
				if r.method != http.MethodGet {
					t.Errorf("%s %s: finding a dialect only reads", r.method, r.path)
				}
			}
		})
	}
}

// wildBehaviour is what a dialect test changes in a wild panel.
type wildBehaviour struct {
	login  string
	wrong  bool
	before func(http.ResponseWriter, *http.Request, []byte) bool
}

// A unit that names itself and keeps no users is still identified (IT83, §2.2, §3).
func TestProbeOfAUnitWithoutUsers(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.URL.Path == "/api/user/get" {
			_, _ = rw.Write([]byte(`{"retcode":-1,"action":"get","message":"No hanlders for this request"}`))
			return true
		}
		return false
	}})
	id, _, err := w.panel(t).Probe(t.Context())
	wantKind(t, err, fault.Unsupported)
	if id.Model != "X916" {
		t.Errorf("identity %+v", id)
	}
	nameless := newWild(t, &wild{before: func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		_, _ = rw.Write([]byte(`{"retcode":0,"data":{}}`))
		return true
	}})
	_, _, err = nameless.panel(t).Probe(t.Context())
	wantKind(t, err, fault.Invalid)
}

func TestProbeTakesTheModelFromTheSetting(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	id, limits, err := newPanel(t, driver.Config{URL: w.url, Model: "E18"}).Probe(t.Context())
	if err != nil || id.Model != "X916" || len(limits.Relays) != 2 {
		t.Errorf("%+v %v %v", id, limits.Relays, err)
	}
}

// A relay is opened as it is set: by the level of its type, and not at all where it would stay open.
func TestReleaseGoesByHowTheRelayIsSet(t *testing.T) {
	t.Parallel()
	const relay = "Config.DoorSetting.RELAY.RelayA"
	for _, tt := range []struct {
		kind, mode string
		want       fault.Kind
		words      string
		opens      bool
	}{
		{"0", "0", 0, "", true},
		{"1", "0", 0, "", true},
		{"", "", 0, "", true},
		{"0", "1", fault.Conflict, "it would stay open", false},
		{"1", "1", fault.Conflict, "it would stay open", false},
		{"0", "7", fault.Conflict, "it would stay open", false},
		{"2\x1b", "0", fault.Conflict, "not known", false},
	} {
		h := newHoursBench(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest})
		for key, value := range map[string]string{relay + "Type": tt.kind, relay + "Mode": tt.mode} {
			if err := h.sim.SetConfig(key, value); err != nil {
				t.Fatal(err)
			}
		}
		err := h.panel.(driver.DoorReleaser).Release(t.Context(), "A")
		if tt.opens != (err == nil) || err != nil && (fault.KindOf(err) != tt.want || !strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("type %q, mode %q: %v", tt.kind, tt.mode, err)
		}
		if h.sim.Open("A") != tt.opens {
			t.Errorf("type %q, mode %q: open %v", tt.kind, tt.mode, h.sim.Open("A"))
		}
		h.at = h.at.Add(6 * time.Second)
		if h.sim.Open("A") {
			t.Errorf("type %q, mode %q: it stays open", tt.kind, tt.mode)
		}
	}
}

// While how a relay is set cannot be read, nothing is opened, and the outcome is known.
func TestReleaseThatCannotReadTheRelay(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fault.Kind{403: fault.Denied, 500: fault.Unreachable, 0: fault.Unreachable} {
		w := newWild(t, &wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.URL.Path != "/api/relay/get" {
				return false
			}
			if status == 0 {
				<-r.Context().Done()
				return true
			}
			rw.WriteHeader(status)
			return true
		}})
		cfg := driver.Config{URL: w.url}
		if status == 0 {
			cfg.Timeout = 100 * time.Millisecond
		}
		p := newPanel(t, cfg)
		wantKind(t, p.Release(t.Context(), "A"), want)
		if n := len(triggers(w)); n != 0 {
			t.Errorf("status %d: %d triggers", status, n)
		}
	}
}
