package rentmanagersim

import (
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small(), User: "mia", Password: "pass", Location: 7})
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		words              string
	}{
		"good":             {"POST", "/Authentication/AuthorizeUser", `{"Username":"mia","Password":"pass"}`, 200, `"`},
		"with location":    {"POST", "/Authentication/AuthorizeUser", `{"Username":"mia","Password":"pass","LocationID":7}`, 200, `"`},
		"wrong password":   {"POST", "/Authentication/AuthorizeUser", `{"Username":"mia","Password":"Pass"}`, 401, "wrong"},
		"wrong user":       {"POST", "/Authentication/AuthorizeUser", `{"Username":"Mia","Password":"pass"}`, 401, "wrong"},
		"nobody":           {"POST", "/Authentication/AuthorizeUser", `{}`, 401, "wrong"},
		"wrong location":   {"POST", "/Authentication/AuthorizeUser", `{"Username":"mia","Password":"pass","LocationID":1}`, 400, "LocationID"},
		"location as text": {"POST", "/Authentication/AuthorizeUser", `{"Username":"mia","Password":"pass","LocationID":"7"}`, 400, "wrong type"},
		"misspelt key":     {"POST", "/Authentication/AuthorizeUser", `{"UserName":"mia","Password":"pass"}`, 400, "UserName"},
		"not JSON":         {"POST", "/Authentication/AuthorizeUser", `Username=mia`, 400, "not a JSON object"},
		"by GET":           {"GET", "/Authentication/AuthorizeUser", ``, 405, "POST"},
		"other address":    {"POST", "/Authentication/Login", `{}`, 404, "no resource"},
	} {
		t.Run(name, func(t *testing.T) {
			a := r.do(tc.method, tc.path, tc.body)
			if a.status != tc.status || !strings.Contains(string(a.body), tc.words) {
				t.Errorf("%d %s; want %d with %q", a.status, a.body, tc.status, tc.words)
			}
		})
	}
}

func TestATokenIsABareStringAndWorksUntilItsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	first := r.do("POST", "/Authentication/AuthorizeUser", `{"Username":"api","Password":"secret"}`)
	r.login()
	if s := string(first.body); s[0] != '"' || s[len(s)-1] != '"' || s == `"`+r.token+`"` || len(s) < 30 {
		t.Errorf("the token is %s, the next %s", s, r.token)
	}
	if a := r.get("/Locations"); a.status != 200 {
		t.Errorf("with a token %d", a.status)
	}
	for _, header := range []string{"", "x", strings.ToUpper(r.token)} {
		if a := r.do("GET", "/Locations", "", tokenHeader, header); a.status != 401 {
			t.Errorf("with token %q: %d", header, a.status)
		}
	}
	r.s.SetClock(noon().Add(15*time.Minute - time.Second))
	if a := r.get("/Locations"); a.status != 200 {
		t.Errorf("just before its end: %d", a.status)
	}
	r.s.SetClock(noon().Add(15 * time.Minute))
	if a := r.get("/Locations"); a.status != 401 {
		t.Errorf("at its end: %d", a.status)
	}
	r.login()
	if a := r.get("/Locations"); a.status != 200 {
		t.Errorf("after a new sign-in: %d", a.status)
	}
	if n := r.s.Stats().Tokens; n != 3 {
		t.Errorf("%d tokens counted", n)
	}
}

func TestTheLocationHeader(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small(), Location: 3})
	r.token = r.s.issue()
	for header, want := range map[string]int{"": 200, "3": 200, "1": 400, "x": 400} {
		if a := r.do("GET", "/Locations", "", tokenHeader, r.token, locationHeader, header); a.status != want {
			t.Errorf("location %q: %d, want %d", header, a.status, want)
		}
	}
}

func TestTokenFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Data: small()})
	r.login()
	r.fault(FaultTokenLost)
	if a := r.get("/Locations"); a.status != 401 {
		t.Errorf("a lost token: %d", a.status)
	}
	r.login()
	if a := r.get("/Locations"); a.status != 200 {
		t.Errorf("after a new sign-in: %d", a.status)
	}
	if on := r.s.FaultsOn(); len(on) != 0 {
		t.Errorf("token-lost stays on: %v", on)
	}
	r.fault(FaultTokenVoid)
	r.login()
	if a := r.get("/Locations"); a.status != 401 {
		t.Errorf("a void token: %d", a.status)
	}
	r.calm()
	r.fault(FaultTokenShort + "=10s")
	r.login()
	r.s.SetClock(noon().Add(10 * time.Second))
	if a := r.get("/Locations"); a.status != 401 {
		t.Errorf("a short token at its end: %d", a.status)
	}
	r.fault(FaultLoginRefused)
	if a := r.do("POST", "/Authentication/AuthorizeUser", `{"Username":"api","Password":"secret"}`); a.status != 401 {
		t.Errorf("a refused sign-in: %d", a.status)
	}
}
