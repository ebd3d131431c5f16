package comelitsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

func TestWithoutALoginEveryPageSaysSo(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		for _, call := range [][2]string{
			{"GET", "/config-backup.html"},
			{"POST", "/create-backup.html"},
			{"GET", "/1718971306.tar.gz"},
			{"GET", "/users.html"},
			{"POST", "/update.html?mspUsersMap_.0.2_6=x"},
			{"POST", "/create-actcode.html?user=0.2"},
			{"GET", "/user-file.mug?user=0.2"},
		} {
			if a := r.web(call[0], call[1], "", "Referer", usersPage); a.status != 200 || a.body != "LOGIN_IS_REQUIRED" {
				t.Errorf("%v: %d %s", call, a.status, a.body)
			}
		}
		for _, call := range [][2]string{{"GET", "/update.html"}, {"POST", "/users.html"}, {"GET", "/backup"}, {"GET", "/x.tar.gz"}, {"DELETE", "/"}} {
			if a := r.web(call[0], call[1], ""); a.status != 404 {
				t.Errorf("%v: %d", call, a.status)
			}
		}
		if w := r.panel.Stats(); len(w.Writes) != 0 || w.Web["other"] != 5 || w.Web["GET /backup"] != 1 {
			t.Errorf("%+v", w)
		}
	})
}

func TestLogins(t *testing.T) {
	t.Parallel()
	bubble(t, comelitsim.Options{Password: "s3cret & more"}, func(t *testing.T, r *rig) {
		in := func() bool {
			return strings.Contains(r.web("GET", "/config-backup.html", "").body, "create-backup.html")
		}
		for _, bad := range []string{"l-pwd=comelit", "l-pwd=", "pwd=s3cret+%26+more", "l-pwd=%zz"} {
			a := r.web("POST", "/do-login.html", bad)
			if strings.Contains(a.body, "granted") || in() {
				t.Errorf("%s: %d %s", bad, a.status, a.body)
			}
		}
		if a := r.web("POST", "/do-login.html?l-pwd=s3cret+%26+more", ""); in() {
			t.Errorf("a password in the URL: %s", a.body)
		}
		r.web("POST", "/do-login.html", "l-pwd=s3cret+%26+more")
		if !in() {
			t.Error("not in")
		}
		if a := r.web("GET", "/users.html", "", "From-Address", "192.0.2.8:40000"); a.body != "LOGIN_IS_REQUIRED" {
			t.Errorf("another address is in as well: %s", a.body)
		}
		after(9 * time.Minute)
		if !in() {
			t.Error("out after nine minutes")
		}
		after(11 * time.Minute)
		if in() {
			t.Error("still in after eleven idle minutes")
		}
	})
}

func TestLoginFaults(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		for name, want := range map[string]struct {
			says string
			in   bool
		}{
			comelitsim.FaultItalian:         {"Accesso consentito come Installatore", true},
			comelitsim.FaultPlainLogin:      {"Extender - Login", true},
			comelitsim.FaultPasswordChanged: {"Access denied", false},
			comelitsim.FaultSessionLimit:    {"Access denied", false},
			comelitsim.FaultAdminLost:       {"Access granted", false},
		} {
			r.fault(name)
			a := r.web("POST", "/do-login.html", "l-pwd=comelit")
			in := strings.Contains(r.web("GET", "/config-backup.html", "").body, "create-backup.html")
			if a.status != 200 || !strings.Contains(a.body, want.says) || in != want.in {
				t.Errorf("%s: in %v, %s", name, in, a.body)
			}
			r.faultOff(name)
			r.once(comelitsim.FaultSessionDrop)
			if a := r.web("GET", "/users.html", ""); a.body != "LOGIN_IS_REQUIRED" {
				t.Errorf("session-drop: %s", a.body)
			}
		}
	})
}

// C16 at the device: the login still works and everything an installer may do is gone.
func TestAdministratorRightsAreLost(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		r.fault(comelitsim.FaultAdminLost)
		r.installer()
		for _, call := range [][2]string{
			{"POST", "/create-backup.html"},
			{"GET", "/users.html"},
			{"GET", "/1.tar.gz"},
			{"POST", "/update.html?mspUsersMap_.0.2_6=x"},
			{"POST", "/create-actcode.html?user=0.2"},
		} {
			if a := r.web(call[0], call[1], "", "Referer", usersPage); a.status != 200 || !strings.Contains(a.body, "Invalid request") {
				t.Errorf("%v: %d %s", call, a.status, a.body)
			}
		}
		if s := r.slotOf(0, 2); s.Name != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestASessionByCookie(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.fault(comelitsim.FaultCookieSession)
		a := r.web("POST", "/do-login.html", "l-pwd=comelit")
		cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
		if err != nil {
			t.Fatal(err)
		}
		if a := r.web("GET", "/users.html", ""); a.body != "LOGIN_IS_REQUIRED" {
			t.Errorf("without the cookie: %s", a.body)
		}
		if a := r.web("GET", "/users.html", "", "Cookie", cookie.Name+"=wrong"); a.body != "LOGIN_IS_REQUIRED" {
			t.Errorf("with a wrong cookie: %s", a.body)
		}
		if a := r.web("GET", "/users.html", "", "Cookie", cookie.Name+"="+cookie.Value); !strings.Contains(a.body, "mspUsersMap_.0.1_6") {
			t.Errorf("with the cookie: %s", a.body)
		}
	})
}

func TestPageFaults(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		r.once(comelitsim.FaultHTTP500)
		if a := r.web("GET", "/users.html", ""); a.status != 500 {
			t.Errorf("%+v", a)
		}
		r.once(comelitsim.FaultEmpty200)
		if a := r.web("GET", "/users.html", ""); a.status != 200 || a.body != "" {
			t.Errorf("%+v", a)
		}
		r.once(comelitsim.FaultRedirect)
		if a := r.web("GET", "/users.html", ""); a.status != 302 || a.header.Get("Location") != "http://elsewhere.example/users.html" {
			t.Errorf("%+v", a)
		}
		r.once(comelitsim.FaultDropBefore)
		if a := r.web("POST", "/update.html?mspUsersMap_.0.2_6=x", "", "Referer", usersPage); !a.cut || r.slotOf(0, 2).Name != "" {
			t.Errorf("%+v, %+v", a, r.slotOf(0, 2))
		}
		r.once(comelitsim.FaultDropAfter)
		if a := r.web("POST", "/update.html?mspUsersMap_.0.2_6=x", "", "Referer", usersPage); !a.cut || r.slotOf(0, 2).Name != "x" {
			t.Errorf("%+v, %+v", a, r.slotOf(0, 2))
		}
		r.once(comelitsim.FaultSlow)
		began := time.Now()
		if a := r.web("GET", "/users.html", ""); a.status != 200 || time.Since(began) != 3*time.Second {
			t.Errorf("%+v after %v", a, time.Since(began))
		}
		if a := r.web("GET", "/", ""); !strings.Contains(a.body, "<title>Extender - Login</title>") {
			t.Errorf("%+v", a)
		}
	})
}

func TestABodyTooLongIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		if a := r.web("POST", "/do-login.html", "l-pwd="+strings.Repeat("x", 1<<17)); a.status != 400 {
			t.Errorf("%d", a.status)
		}
	})
}

// Sessions are forgotten when they are idle or too many, never the newest.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		for i := range 100 {
			address := fmt.Sprintf("198.51.100.%d:1000", i)
			r.web("POST", "/do-login.html", "l-pwd=comelit", "From-Address", address)
			if a := r.web("GET", "/users.html", "", "From-Address", address); a.body == "LOGIN_IS_REQUIRED" {
				t.Errorf("%s is not in", address)
			}
		}
		in := 0
		for i := range 100 {
			if r.web("GET", "/users.html", "", "From-Address", fmt.Sprintf("198.51.100.%d:1000", i)).body != "LOGIN_IS_REQUIRED" {
				in++
			}
		}
		if in > 34 {
			t.Errorf("%d sessions at once", in)
		}
	})
}
