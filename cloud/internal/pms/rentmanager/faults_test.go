package rentmanager_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestG3_TokenLostIsReplacedOnce(t *testing.T) {
	t.Parallel()
	s := crowd(5)
	s.hook = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if n == 2 || n == 5 {
			s.token += 100 // somebody changed the user's permissions (§1.1)
		}
		return false
	}
	r := pull(t, s, pages(2), pms.Request{})
	if !r.complete || len(r.People) != 5 || len(s.logins) < 3 || r.Calls != len(s.requests) {
		t.Errorf("complete %v, %d people, %d sign-ins, %d calls of %d; %v", r.complete, len(r.People), len(s.logins), r.Calls, len(s.requests), r.err)
	}
}

func TestG3_AuthRotFreezes(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.password = "another one"
	r := pull(t, s, nil, pms.Request{})
	if fault.KindOf(r.err) != fault.Denied || r.Calls != 1 || fault.RemedyOf(r.err) == "" || !strings.Contains(r.err.Error(), "Sign in failed for (redacted)") {
		t.Errorf("%v after %d calls: %s", r.err, r.Calls, fault.RemedyOf(r.err))
	}
	for _, code := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		s := newServer()
		tenantsHook(s, func(_ int, _ bool, w http.ResponseWriter) bool { w.WriteHeader(code); return true })
		r := pull(t, s, nil, pms.Request{})
		if fault.KindOf(r.err) != fault.Denied || r.complete || len(s.logins) > 2 || !strings.Contains(r.why(), "the pull failed") {
			t.Errorf("HTTP %d: %v, %d sign-ins\n%s", code, r.err, len(s.logins), r.why())
		}
	}
}

// TestG3_EveryBadAnswerIsSaidAndHeals: whatever answers the first request for tenants, or every
// one of them.
func TestG3_EveryBadAnswerIsSaidAndHeals(t *testing.T) {
	t.Parallel()
	whole := `[{"TenantID":1,"PropertyID":12,"Status":"Current","Contacts":[],"Leases":[]}]`
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		kind   fault.Kind
		says   string
		once   bool // asked again, and good then
	}{
		"error 500":                         {say(500, `{"UserMessage":"Something broke.","DeveloperMessage":"x","ErrorCode":7}`), fault.Unreachable, "the server failed (HTTP 500): it says “Something broke.”", true},
		"error 503":                         {say(503, "<html>"), fault.Unreachable, "the server failed (HTTP 503): it is a web page", true},
		"error 400":                         {say(400, `{"Message":"Bad\nfilter \u0007 100%d","ModelState":{"filters":["x"]}}`), fault.Invalid, "refused (HTTP 400): it says “Bad filter  100%d”", false},
		"error 405":                         {say(405, ""), fault.Invalid, "refused (HTTP 405)", false},
		"HTML":                              {say(200, "\ufeff<!DOCTYPE html><title>Maintenance</title>"), fault.Unreachable, "a web page answers instead of the API (HTTP 200)", false},
		"HTML, 404":                         {say(404, "<html>no such page</html>"), fault.Unreachable, "a web page answers instead of the API (HTTP 404)", false},
		"an error page of the API with 200": {say(200, `{"UserMessage":"Try later","ErrorCode":1}`), fault.Invalid, "the answer is no list (HTTP 200): it says “Try later”", false},
		"words":                             {say(200, "try again later"), fault.Invalid, "the answer is no list", false},
		"a string":                          {say(200, `"token"`), fault.Invalid, "the answer is no list", false},
		"half a body":                       {say(200, whole[:30]), fault.Unreachable, "half a JSON document", true},
		"half of what was announced":        {cut(whole), fault.Unreachable, "the answer broke off", true},
		"connection closed":                 {hangUp, fault.Unreachable, "the answer broke off", true},
		"another host":                      {redirect("https://elsewhere.example.net/Tenants?token=1"), fault.Unreachable, "points to another address (HTTP 302, to elsewhere.example.net)", false},
		"the same host":                     {redirect("/Elsewhere"), fault.Unreachable, "points to another address", false},
		"far too large":                     {say(200, "["+strings.Repeat(" ", 33<<20)), fault.Invalid, "larger than 32 MiB", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			tenantsHook(s, func(_ int, _ bool, w http.ResponseWriter) bool { c.answer(w); return true })
			r := pull(t, s, nil, pms.Request{})
			if fault.KindOf(r.err) != c.kind || r.complete || !strings.Contains(r.err.Error(), c.says) || fault.RemedyOf(r.err) == "" || !strings.Contains(r.why(), c.says) {
				t.Errorf("%v (%s), want %q; remedy %q", r.err, fault.KindOf(r.err), c.says, fault.RemedyOf(r.err))
			}
			if len(r.Units) != 2 || r.Calls < 4 || r.Calls > 6 {
				t.Errorf("%d units, %d calls", len(r.Units), r.Calls)
			}
			tenantsHook(s, func(n int, _ bool, w http.ResponseWriter) bool {
				if n == 1 {
					c.answer(w)
				}
				return n == 1
			})
			if again := pull(t, s, nil, pms.Request{}); again.complete != c.once {
				t.Errorf("bad once: complete %v, want %v; %v", again.complete, c.once, again.err)
			}
			s.setHook(nil)
			if healed := pull(t, s, nil, pms.Request{}); !healed.complete || len(healed.People) != 1 {
				t.Errorf("the next good run does not heal it: %v", healed.err)
			}
		})
	}
}

func say(code int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code); _, _ = w.Write([]byte(body)) }
}

func redirect(to string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.Header().Set("Location", to); w.WriteHeader(302) }
}

func cut(body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "5000")
		_, _ = w.Write([]byte(body))
	}
}

func hangUp(w http.ResponseWriter) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = bufio.NewWriter(buf).WriteString("HTTP/1.1 200")
	_ = conn.Close()
}

func TestSignInThatIsNoSignIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code int
		body string
		kind fault.Kind
		says string
	}{
		"a web page":             {200, "<html>sign in</html>", fault.Unreachable, "the answer is not a token: it is a web page"},
		"an object":              {200, `{"token":"abcd"}`, fault.Unreachable, "not a token"},
		"words":                  {200, `"please try again"`, fault.Unreachable, "not a token"},
		"nothing":                {200, "", fault.Unreachable, "not a token"},
		"null":                   {200, "null", fault.Unreachable, "not a token"},
		"a token with line ends": {200, `"abc\r\nX-Evil: 1"`, fault.Unreachable, "not a token"},
		"half a token":           {200, `"abcdef`, fault.Unreachable, "half a JSON document"},
		"not there":              {404, "", fault.Unreachable, "there is no Web API at this address"},
		"bad request":            {400, `{"Message":"LocationID 7 is unknown"}`, fault.Denied, "LocationID 7 is unknown"},
		"forbidden":              {403, "", fault.Denied, "user and password are refused (HTTP 403)"},
		"partial":                {206, `"abcdef"`, fault.Unreachable, "not a token"},
		"moved":                  {302, "", fault.Unreachable, "points to another address (HTTP 302, to somewhere else)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.hook = func(_ int, w http.ResponseWriter, _ *http.Request) bool { say(c.code, c.body)(w); return true }
			r := pull(t, s, nil, pms.Request{})
			if fault.KindOf(r.err) != c.kind || !strings.Contains(r.err.Error(), c.says) || !strings.HasPrefix(r.err.Error(), "sign in to Rent Manager at 127.0.0.1") {
				t.Errorf("%v (%s), want %q (%s)", r.err, fault.KindOf(r.err), c.says, c.kind)
			}
		})
	}
	for _, body := range []string{`"0123abcd"`, "\ufeff\"0123abcd\"\n", "0123abcd"} { // quoted, with a mark (§1.3), bare
		s := newServer()
		s.hook = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				_, _ = w.Write([]byte(body))
				return true
			}
			return r.Header.Get("X-RM12Api-ApiToken") == "0123abcd" && func() bool { _, _ = w.Write([]byte("[]")); return true }()
		}
		if r := pull(t, s, nil, pms.Request{}); r.err != nil {
			t.Errorf("%q: %v", body, r.err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(newServer())
	cfg := config(web.URL)
	web.Close()
	r := pullWith(t, cfg, deps(), pms.Request{})
	if fault.KindOf(r.err) != fault.Unreachable || r.Calls != 1 || !strings.Contains(fault.RemedyOf(r.err), "Check the network and url") {
		t.Errorf("%v, %d calls, %q", r.err, r.Calls, fault.RemedyOf(r.err))
	}
}

// transport answers without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKindsOfTransportErrors(t *testing.T) {
	t.Parallel()
	for want, cause := range map[fault.Kind]error{
		fault.Timeout:     context.DeadlineExceeded,
		fault.Unreachable: errors.New("x509: certificate signed by unknown authority"),
	} {
		d := deps()
		d.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, cause })
		if r := pullWith(t, config("acme"), d, pms.Request{}); fault.KindOf(r.err) != want || r.Calls != 1 || !strings.Contains(r.err.Error(), "acme.api.rentmanager.com") {
			t.Errorf("%v is %s, want %s", r.err, fault.KindOf(r.err), want)
		}
	}
}

func TestContextEndsAPullAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer()
	s.hook = func(n int, _ http.ResponseWriter, r *http.Request) bool {
		if n == 3 {
			cancel()
			<-r.Context().Done()
		}
		return n == 3
	}
	web := httptest.NewServer(s)
	defer web.Close()
	c, err := rentmanager.New(config(web.URL), deps())
	if err != nil {
		t.Fatal(err)
	}
	if r := pullOf(t, ctx, c, pms.Request{}); fault.KindOf(r.err) != fault.Timeout || r.Calls != 4 {
		t.Errorf("%v after %d calls", r.err, r.Calls)
	}
}

// TestSecretsStayOut: nothing that is printed of a configuration or connector shows the password.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	cfg := config("acme")
	cfg.Password = access.NewSecret("open sesame")
	c, err := rentmanager.New(cfg, deps())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{sprint(cfg), sprint(*c), sprint(c)} {
		if strings.Contains(text, "open sesame") {
			t.Error(text)
		}
	}
}
