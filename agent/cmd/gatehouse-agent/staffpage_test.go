package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"gatehouse/protocol/cli"
)

// visitor is somebody's browser on the running gateway's page for staff.
type visitor struct {
	*onSite
	base string
	http http.Client
}

func (s *onSite) visit() *visitor {
	s.t.Helper()
	line := s.d.log.Read().Find(s.t, "the staff page's address", func(l string) bool { return strings.Contains(l, "page for staff on site") })
	var said struct{ Address string }
	must(s.t, json.Unmarshal([]byte(line), &said))
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	return &visitor{s, said.Address, http.Client{Jar: jar}}
}

// post sends a form and returns the page that it leads to.
func (v *visitor) post(path string, form url.Values) (int, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), "POST", v.base+path, strings.NewReader(form.Encode()))
	must(v.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.http.Do(req)
	must(v.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(v.t, err)
	for _, pin := range []string{managerPIN, caretakerPIN, visitorPIN, residentPIN} {
		if strings.Contains(string(body), pin) {
			v.t.Errorf("POST %s shows a PIN", path)
		}
	}
	return resp.StatusCode, string(body)
}

// TestG11_StaffActOnTheGatewaysOwnPage: the real program, its cloud away, a form on its own page. The PIN
// is refused at the panel, the visitor's opens for hours, and both survive a power cut; the session does not.
func TestG11_StaffActOnTheGatewaysOwnPage(t *testing.T) {
	t.Parallel()
	s := newOnSite(t)
	v := s.visit()
	signIn := func(who, pin string) int {
		code, _ := v.post("/sign-in", url.Values{"who": {who}, "pin": {pin}})
		return code
	}
	for who, pin := range map[string]string{"boss": "1", "Kai Berg": visitorPIN, "help": caretakerPIN, "nobody": managerPIN, "": ""} {
		if code := signIn(who, pin); code == http.StatusOK {
			t.Errorf("%q got in", who)
		}
	}
	revoke := url.Values{"person": {"p1"}, "reason": {"stolen card"}, "sure": {"yes"}}
	if code, _ := v.post("/revoke", revoke); code != http.StatusForbidden || !s.opens(residentPIN) {
		t.Errorf("without signing in: %d", code)
	}
	if code := signIn("Mara Lind", managerPIN); code != http.StatusOK {
		t.Fatalf("the manager does not get in: %d", code)
	}
	if _, body := v.post("/revoke", url.Values{"person": {"p1"}}); !strings.Contains(body, "Is this right?") || !s.opens(residentPIN) {
		t.Errorf("nobody was asked: %s", body)
	}
	if code, body := v.post("/revoke", url.Values{"person": {"p1"}, "reason": {"pin " + managerPIN}, "sure": {"yes"}}); code != http.StatusUnprocessableEntity || !s.opens(residentPIN) {
		t.Errorf("a PIN as the reason: %d %s", code, body)
	}
	if code, body := v.post("/revoke", revoke); code != http.StatusOK || !strings.Contains(body, "all access taken away") || !strings.Contains(body, "Mara Lind: stolen card") {
		t.Errorf("revoke: %d %s", code, body)
	}
	s.within("the resident's PIN is refused", func() bool { return !s.opens(residentPIN) })
	if code, body := v.post("/grant", url.Values{"person": {"v1"}, "door": {"lobby"}, "hours": {"13"}, "reason": {"x"}, "sure": {"yes"}}); code != http.StatusUnprocessableEntity || !strings.Contains(body, "at most 12") {
		t.Errorf("13 hours: %d %s", code, body)
	}
	if code, body := v.post("/grant", url.Values{"person": {"v1"}, "door": {"lobby"}, "hours": {"2"}, "reason": {"locked out"}, "sure": {"yes"}}); code != http.StatusOK || !strings.Contains(body, "opens until ") {
		t.Errorf("grant: %d %s", code, body)
	}
	s.within("the visitor's PIN opens", func() bool { return s.opens(visitorPIN) })
	s.restart()
	v.base = s.visit().base
	if code, _ := v.post("/lift", url.Values{"person": {"p1"}, "reason": {"found"}, "sure": {"yes"}}); code != http.StatusForbidden || s.opens(residentPIN) || !s.opens(visitorPIN) {
		t.Errorf("after a power cut: %d", code)
	}
	if signIn("boss", managerPIN) != http.StatusOK {
		t.Fatal("the manager does not get in again")
	}
	if code, body := v.post("/lift", url.Values{"person": {"p1"}, "reason": {"found"}, "sure": {"yes"}}); code != http.StatusOK || !strings.Contains(body, "Taken back") {
		t.Errorf("lift: %d %s", code, body)
	}
	s.within("the resident's PIN opens", func() bool { return s.opens(residentPIN) })
	s.locked(v)
}

// locked: guesses at the page slow down the page and not the socket, and somebody who is revoked
// cannot go on although they are signed in.
func (s *onSite) locked(v *visitor) {
	t := s.t
	t.Helper()
	other := s.visit()
	for range 6 {
		other.post("/sign-in", url.Values{"who": {"boss"}, "pin": {"1"}})
	}
	if _, body := other.post("/sign-in", url.Values{"who": {"boss"}, "pin": {managerPIN}}); !strings.Contains(body, "too many wrong PINs") {
		t.Errorf("the right PIN after six wrong ones: %s", body)
	}
	if o := s.local("revoke", "boss", "boss", "--person", "boss"); o.code != cli.Done {
		t.Errorf("the socket is slowed down too: %+v", o)
	}
	if code, body := v.post("/revoke", url.Values{"person": {"p1"}, "reason": {"x"}, "sure": {"yes"}}); code != http.StatusForbidden || !s.opens(residentPIN) {
		t.Errorf("somebody revoked goes on: %d %s", code, body)
	}
}
