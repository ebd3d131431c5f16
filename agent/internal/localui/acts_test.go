package localui

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const goodPIN = "70413355"

// desk is an assembly that lets one person act.
type desk struct {
	did  []Ask
	bys  []access.PersonID
	site Site
	err  error
}

func (d *desk) SignIn(_ context.Context, who, pin string) (Who, error) {
	if who != "Mara Lind" || pin != goodPIN {
		return Who{}, fault.New(fault.Denied, "let act", "at the gateway", "nobody here has this name and this PIN").WithRemedy("Check both.")
	}
	return Who{ID: "boss", Name: "Mara Lind"}, nil
}

func (d *desk) Find(_ context.Context, words string) (Who, error) {
	if words != "Ada Holt" && words != "p1" {
		return Who{}, fault.New(fault.Invalid, "look up", "person", "%q is nobody's id or exact name", words)
	}
	return Who{"p1", "Ada <b>Holt</b>", "101"}, nil
}

func (d *desk) Do(_ context.Context, by access.PersonID, a Ask) error {
	d.did, d.bys = append(d.did, a), append(d.bys, by)
	return d.err
}

func (d *desk) Site() Site { return d.site }

func newDesk() *desk {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	return &desk{site: Site{Property: "Maple Court", Zone: ny, Now: at, Doors: []access.Door{{ID: "lobby", Name: "Lobby <1>"}, {ID: "roof"}}, Acts: []Act{
		{Kind: access.OverlayRevoke, Person: Who{ID: "p9"}, From: at, By: "Mara Lind", Reason: `"><script>x</script>`},
		{Kind: access.OverlayGrant, Person: Who{ID: "p8", Name: "Kai Berg"}, Door: "Lobby", From: at, Until: at.Add(2 * time.Hour), By: "boss", Reason: "locked out"},
	}}}
}

// browser is somebody's, on a real socket.
type browser struct {
	t    *testing.T
	base string
	http.Client
}

func browse(t *testing.T, d *desk) *browser {
	t.Helper()
	srv := httptest.NewServer(Acts(d, "127.0.0.1:9465"))
	t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: srv.URL, Client: http.Client{Jar: jar}}
}

func (b *browser) send(method, path string, form url.Values, header ...string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self'") || !strings.Contains(csp, "default-src 'none'") {
		b.t.Errorf("%s %s: policy %q", method, path, csp)
	}
	if strings.Contains(string(body), goodPIN) || strings.Contains(string(body), "<script>") || strings.Contains(string(body), "<b>") {
		b.t.Errorf("%s %s shows a PIN, or markup that somebody else wrote: %s", method, path, body)
	}
	return resp.StatusCode, string(body)
}

func (b *browser) says(body string, want ...string) {
	b.t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			b.t.Errorf("the page lacks %q:\n%s", w, body)
		}
	}
}

func (b *browser) signIn() {
	b.t.Helper()
	if code, body := b.send("POST", "/sign-in", url.Values{"who": {"Mara Lind"}, "pin": {goodPIN}}); code != http.StatusOK {
		b.t.Fatalf("signing in: %d %s", code, body)
	}
}

// TestTowardsG11_ActingOnThePage: sign in, see what was done, revoke and grant after a second look, lift.
func TestTowardsG11_ActingOnThePage(t *testing.T) {
	d := newDesk()
	b := browse(t, d)
	_, body := b.send("GET", "/", nil)
	b.says(body, `<html lang="en">`, `<label for="pin">`, `type="password"`, "Maple Court")
	if strings.Contains(body, "p9") || strings.Contains(body, "Lobby") {
		t.Error("who did not sign in sees what was done here")
	}
	if code, body := b.send("POST", "/sign-in", url.Values{"who": {"Mara Lind"}, "pin": {"1"}}); code != http.StatusForbidden || !strings.Contains(body, `role="alert"`) {
		t.Errorf("a wrong PIN: %d %s", code, body)
	}
	b.signIn()
	_, body = b.send("GET", "/", nil)
	b.says(body, "You are Mara Lind (boss)", "all access taken away 2026-11-22 15:00:00 EST, until it is lifted", "door Lobby opens until 2026-11-22 17:00:00 EST",
		"Lift what was done about Kai Berg (p8)", `<option value="lobby">Lobby &lt;1&gt;</option>`, `<option value="roof">roof</option>`)
	revoke := url.Values{"person": {"Ada Holt"}, "reason": {" stolen card "}}
	_, body = b.send("POST", "/revoke", revoke)
	b.says(body, "Is this right?", "All access is taken from Ada &lt;b&gt;Holt&lt;/b&gt;, 101 (p1)", `value="stolen card"`, "No, go back")
	if len(d.did) != 0 {
		t.Fatal("it was done before anybody said yes")
	}
	revoke.Set("sure", "yes")
	_, body = b.send("POST", "/revoke", revoke)
	b.says(body, `role="status"`, "All access is taken from Ada")
	if _, body = b.send("GET", "/", nil); strings.Contains(body, `role="status"`) {
		t.Error("what was done is said again and again")
	}
	_, body = b.send("POST", "/grant", url.Values{"person": {"p1"}, "door": {"lobby"}, "hours": {"3.5"}, "reason": {"x"}})
	b.says(body, "Door Lobby &lt;1&gt; opens to Ada", "until 2026-11-22 18:30:00 EST", `name="hours" value="3.5"`)
	b.send("POST", "/grant", url.Values{"person": {"p1"}, "door": {"lobby"}, "hours": {"3.5"}, "reason": {"x"}, "sure": {"yes"}})
	_, body = b.send("POST", "/lift", url.Values{"person": {"p1"}})
	b.says(body, "Everything that was done here about Ada", "Yes, take it back")
	b.send("POST", "/lift", url.Values{"person": {"p1"}, "reason": {"found"}, "sure": {"yes"}})
	if len(d.did) != 3 || d.did[0] != (Ask{Do: "revoke", Person: "p1", Reason: "stolen card"}) || d.did[1] != (Ask{"grant", "p1", "lobby", 3.5, "x"}) || d.did[2].Do != "lift" || d.bys[2] != "boss" {
		t.Errorf("done: %+v by %v", d.did, d.bys)
	}
	b.send("POST", "/sign-out", nil)
	if code, _ := b.send("POST", "/revoke", revoke); code != http.StatusForbidden || len(d.did) != 3 {
		t.Errorf("after signing out: %d, %d acts", code, len(d.did))
	}
}

// TestTowardsG11_ThePageSaysWhatWasNotDone, with the reason and what to do.
func TestTowardsG11_ThePageSaysWhatWasNotDone(t *testing.T) {
	d := newDesk()
	b := browse(t, d)
	b.signIn()
	code, body := b.send("POST", "/revoke", url.Values{"person": {"nobody <script>"}})
	b.says(body, `role="alert"`, "Not done.", "is nobody&#39;s id")
	for kind, want := range map[fault.Kind]int{fault.Denied: 403, fault.Conflict: 422, fault.Invalid: 422, fault.Internal: 503} {
		d.err = fault.New(kind, "read", "--reason", "the cause").WithRemedy("The remedy.")
		code, body := b.send("POST", "/revoke", url.Values{"person": {"p1"}, "sure": {"yes"}})
		b.says(body, "read reason: the cause. The remedy.")
		if code != want {
			t.Errorf("%s: status %d, want %d", kind, code, want)
		}
	}
	if code != http.StatusUnprocessableEntity {
		t.Errorf("status %d", code)
	}
}

// TestTowardsG11_FormsFromElsewhereAreRefused, the page under another name, and forms that are too large.
func TestTowardsG11_FormsFromElsewhereAreRefused(t *testing.T) {
	d := newDesk()
	b := browse(t, d)
	b.signIn()
	yes := url.Values{"person": {"p1"}, "sure": {"yes"}}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}} {
		if code, _ := b.send("POST", "/revoke", yes, header...); code != http.StatusForbidden {
			t.Errorf("%v: %d", header, code)
		}
	}
	for host, want := range map[string]int{"evil.example": 421, "evil.example:9465": 421, "localhost:1": 200, "192.0.2.1": 200, "[::1]:80": 200} {
		if code, _ := b.send("GET", "/", nil, "Host", host); code != want {
			t.Errorf("as %s: %d, want %d", host, code, want)
		}
	}
	if code, _ := b.send("POST", "/revoke", url.Values{"person": {"p1"}, "sure": {"yes"}, "reason": {strings.Repeat("x", mostForm)}}); code != http.StatusUnprocessableEntity {
		t.Errorf("a large form: %d", code)
	}
	if code, _ := b.send("GET", "/revoke", nil); code != http.StatusMethodNotAllowed {
		t.Errorf("by a link: %d", code)
	}
	if len(d.did) != 0 {
		t.Errorf("done: %+v", d.did)
	}
}

// local sends a form without a socket, so that time is virtual.
func local(h http.Handler, from, path, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(url.Values{"who": {"Mara Lind"}, "pin": {goodPIN}, "person": {"p1"}, "sure": {"yes"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Host, r.RemoteAddr = "127.0.0.1:9465", from+":4711"
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestTowardsG11_NobodyIsSignedInForLong: ten idle minutes end a session, and the seventeenth the oldest.
func TestTowardsG11_NobodyIsSignedInForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Acts(newDesk(), "127.0.0.1:9465")
		enter := func() string {
			c := local(h, "192.0.2.7", "/sign-in", "").Result().Cookies()
			if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || len(c[0].Value) < 20 {
				t.Fatalf("%+v", c)
			}
			return c[0].Value
		}
		acts := func(cookie string) bool { return local(h, "192.0.2.7", "/revoke", cookie).Code == http.StatusSeeOther }
		first := enter()
		<-time.After(idle - time.Second)
		if !acts(first) {
			t.Error("signed out too early")
		}
		<-time.After(idle + time.Second)
		if acts(first) || acts("") || acts("made-up") {
			t.Error("somebody acts who is not signed in")
		}
		second := enter()
		for range mostSessions {
			<-time.After(time.Second)
			enter()
		}
		if acts(second) {
			t.Error("there is no end of sessions")
		}
	})
}

// TestTowardsG11_FormsAreCounted: from one address, and from all of them.
func TestTowardsG11_FormsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Acts(newDesk(), "127.0.0.1:9465")
		send := func(from string, n int) (refused int) {
			for range n {
				if local(h, from, "/revoke", "").Code == http.StatusTooManyRequests {
					refused++
				}
			}
			return refused
		}
		if n := send("192.0.2.7", mostPosts+5); n != 5 {
			t.Errorf("%d of one address were refused", n)
		}
		if n := send("192.0.2.8", 1); n != 0 {
			t.Error("another address is slowed down")
		}
		for _, from := range []string{"192.0.2.9", "192.0.2.10", "192.0.2.11"} {
			send(from, mostPosts)
		}
		if n := send("192.0.2.12", 5); n != 5 {
			t.Errorf("%d of all were refused", n)
		}
		<-time.After(time.Minute)
		if n := send("192.0.2.7", 1); n != 0 {
			t.Error("a minute later it is still refused")
		}
	})
}
