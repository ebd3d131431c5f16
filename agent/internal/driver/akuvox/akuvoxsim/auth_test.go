package akuvoxsim_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

const (
	apiUser = "api"
	apiPass = "pa:ss \"word\""
)

func hash(parts ...string) string {
	sum := md5.Sum([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}

// login is what a digest header says; zero fields are filled from the challenge and the request.
type login struct {
	user, pass, realm, nonce, opaque, uri, nc, cnonce, qop, algorithm string
	response                                                          string
	body                                                              string
}

func (l login) header(method string) string {
	ha2 := hash(method, l.uri)
	if l.qop == "auth-int" {
		ha2 = hash(method, l.uri, hash(l.body))
	}
	if l.response == "" {
		l.response = hash(hash(l.user, l.realm, l.pass), l.nonce, l.nc, l.cnonce, l.qop, ha2)
	}
	s := fmt.Sprintf(`Digest username=%q, realm=%q, nonce=%q, uri=%q, cnonce=%q, nc=%s, qop=%s, response=%q, opaque=%q`,
		l.user, l.realm, l.nonce, l.uri, l.cnonce, l.nc, l.qop, l.response, l.opaque)
	if l.algorithm != "" {
		s += ", algorithm=" + l.algorithm
	}
	return s
}

// challenged takes the values of a 401 apart.
func challenged(t *testing.T, a answer) login {
	t.Helper()
	h := a.header.Get("WWW-Authenticate")
	find := func(name string) string {
		m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(h)
		if m == nil {
			t.Fatalf("no %s in %q (status %d)", name, h, a.status)
		}
		return m[1]
	}
	if a.status != 401 || find("realm") != "HTTP API" || find("qop") != "auth,auth-int" {
		t.Fatalf("status %d, challenge %q", a.status, h)
	}
	return login{
		user: apiUser, pass: apiPass, realm: find("realm"), nonce: find("nonce"), opaque: find("opaque"),
		uri: "/api/user/get?page=1", nc: "00000001", cnonce: "0a4f113b", qop: "auth",
	}
}

func digestRig(t *testing.T) *rig {
	return newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, User: apiUser, Password: apiPass})
}

func (r *rig) as(l login) answer {
	r.t.Helper()
	return r.do("GET", "/api/user/get?page=1", "", "Authorization", l.header("GET"))
}

func TestDigestAcceptsBothQops(t *testing.T) {
	t.Parallel()
	r := digestRig(t)
	l := challenged(t, r.get("/api/user/get?page=1"))
	if a := r.as(l); a.status != 200 {
		t.Fatalf("auth answered %d", a.status)
	}
	l.nc, l.algorithm = "00000002", "MD5"
	if a := r.as(l); a.status != 200 {
		t.Fatalf("the second use answered %d", a.status)
	}
	body := envelope("user", "add", person("a", "Ada", "1234"))
	l.nc, l.qop, l.uri, l.body = "00000003", "auth-int", "/api/user/set", body
	if a := r.do("POST", "/api/user/set", body, "Authorization", l.header("POST")); a.status != 200 || a.Retcode < 0 {
		t.Fatalf("auth-int answered %d %s", a.status, a.raw)
	}
	l.nc = "00000004"
	tampered := strings.Replace(body, "1234", "9999", 1)
	if a := r.do("POST", "/api/user/set", tampered, "Authorization", l.header("POST")); a.status != 401 {
		t.Errorf("auth-int over another body answered %d", a.status)
	}
	if n := len(r.panel.Users()); n != 1 {
		t.Errorf("%d users", n)
	}
}

// The worked example of RFC 2617 §3.5, whose formula RFC 7616 keeps for MD5, pins the hashing above.
func TestDigestHashingGivesTheRFCExample(t *testing.T) {
	t.Parallel()
	l := login{
		user: "Mufasa", pass: "Circle Of Life", realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
		uri: "/dir/index.html", qop: "auth", nc: "00000001", cnonce: "0a4f113b", opaque: "5ccc069c403ebaf9f0171e9517f40e41",
	}
	if h := l.header("GET"); !strings.Contains(h, `response="6629fae49393a05397450978507c4ef1"`) {
		t.Fatal(h)
	}
}

func TestDigestRefusesEveryFlaw(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*login){
		"user":       func(l *login) { l.user = "else" },
		"password":   func(l *login) { l.pass = "else" },
		"realm":      func(l *login) { l.realm = "HTTPAPI" },
		"nonce":      func(l *login) { l.nonce = strings.Repeat("0", 32) },
		"opaque":     func(l *login) { l.opaque = "x" },
		"uri":        func(l *login) { l.uri = "/api/user/get" },
		"nc zero":    func(l *login) { l.nc = "00000000" },
		"nc short":   func(l *login) { l.nc = "1" },
		"nc no hex":  func(l *login) { l.nc = "0000000g" },
		"nc quoted":  func(l *login) { l.nc = `"00000001"` },
		"qop quoted": func(l *login) { l.qop = `"auth"` },
		"qop other":  func(l *login) { l.qop = "auth-conf" },
		"cnonce":     func(l *login) { l.cnonce = "" },
		"algorithm":  func(l *login) { l.algorithm = "SHA-256" },
		"MD5-sess":   func(l *login) { l.algorithm = "MD5-sess" },
		"response":   func(l *login) { l.response = strings.Repeat("0", 32) },
		"nc twice":   func(l *login) { l.algorithm = "MD5, nc=00000001" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := digestRig(t)
			l := challenged(t, r.get("/api/user/get?page=1"))
			good := l
			spoil(&l)
			if a := r.as(l); a.status != 401 {
				t.Errorf("answered %d", a.status)
			}
			if a := r.as(good); a.status != 200 {
				t.Errorf("the good login after it answered %d", a.status)
			}
		})
	}
}

func TestDigestRefusesBrokenHeaders(t *testing.T) {
	t.Parallel()
	r := digestRig(t)
	l := challenged(t, r.get("/api/user/get?page=1"))
	good := l.header("GET")
	for name, h := range map[string]string{
		"missing opaque": strings.Replace(good, ", opaque=", ", x-opaque=", 1),
		"missing cnonce": strings.Replace(good, "cnonce=", "x=", 1),
		"bare username":  strings.Replace(good, `username="api"`, `username=api`, 1),
		"open quote":     strings.TrimSuffix(good, `"`),
		"open escape":    strings.TrimSuffix(good, `"`) + `\`,
		"text after":     strings.Replace(good, `username="api"`, `username="api"x`, 1),
		"no value":       good + ", lonely",
		"no name":        good + `, ="x"`,
		"basic":          "Basic YXBpOnBhc3M=",
		"no scheme":      "api",
	} {
		if a := r.do("GET", "/api/user/get?page=1", "", "Authorization", h); a.status != 401 {
			t.Errorf("%s answered %d", name, a.status)
		}
	}
	if a := r.do("GET", "/api/user/get?page=1", "", "Authorization", good+`, extra=1`); a.status != 200 {
		t.Errorf("an unknown parameter answered %d", a.status)
	}
}

func TestDigestReplayAndOldNonceAreStale(t *testing.T) {
	t.Parallel()
	r := digestRig(t)
	l := challenged(t, r.get("/api/user/get?page=1"))
	r.as(l)
	stale := func(a answer) bool {
		return a.status == 401 && strings.Contains(a.header.Get("WWW-Authenticate"), "stale=true")
	}
	if a := r.as(l); !stale(a) {
		t.Errorf("a replay answered %d %v", a.status, a.header)
	}
	l = challenged(t, r.get("/api/user/get?page=1"))
	r.clock.add(5 * time.Minute)
	if a := r.as(l); !stale(a) {
		t.Errorf("a nonce of five minutes answered %d %v", a.status, a.header)
	}
	l = challenged(t, r.get("/api/user/get?page=1"))
	r.clock.add(5*time.Minute - time.Second)
	if a := r.as(l); a.status != 200 {
		t.Errorf("a nonce of less answered %d", a.status)
	}
	l.nc, l.pass = "00000002", "wrong"
	if a := r.as(l); a.status != 401 || stale(a) {
		t.Errorf("a wrong password answered %d %v, must not be called stale", a.status, a.header)
	}
}

func TestDigestForgetsOldChallenges(t *testing.T) {
	t.Parallel()
	r := digestRig(t)
	first := challenged(t, r.get("/api/user/get?page=1"))
	for range 64 {
		r.get("/api/user/get?page=1")
	}
	if a := r.as(first); a.status != 401 {
		t.Errorf("a nonce 64 challenges ago answered %d", a.status)
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{Auth: akuvoxsim.AuthBasic, User: "api", Password: "secret"})
	a := r.get("/api/system/info")
	if a.status != 401 || a.header.Get("WWW-Authenticate") != `Basic realm="HTTP API"` || len(a.raw) != 0 {
		t.Fatalf("without login: %d %v", a.status, a.header)
	}
	for h, want := range map[string]int{
		"Basic YXBpOnNlY3JldA==":   200, // api:secret
		"Basic YXBpOndyb25n":       401,
		"Basic ZWxzZTpzZWNyZXQ=":   401,
		"Basic !":                  401,
		"Digest username=\"api\"":  401,
		"Bearer YXBpOnNlY3JldA==":  401,
		"basic YXBpOnNlY3JldA==":   200, // the scheme has no case
		"Basic YXBpOnNlY3JldA== x": 401,
	} {
		if got := r.do("GET", "/api/system/info", "", "Authorization", h).status; got != want {
			t.Errorf("%s answered %d, want %d", h, got, want)
		}
	}
}

func TestAllowlist(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		allow []string
		want  int
	}{
		"empty":  {nil, 403},
		"other":  {[]string{"192.0.2.1"}, 403},
		"listed": {[]string{"192.0.2.1", "127.0.0.1"}, 200},
		"mapped": {[]string{"::ffff:127.0.0.1"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := akuvoxsim.Options{Auth: akuvoxsim.AuthAllowlist}
			for _, a := range tc.allow {
				o.Allow = append(o.Allow, netip.MustParseAddr(a))
			}
			a := newRig(t, o).get("/api/system/info")
			if a.status != tc.want || a.header.Get("WWW-Authenticate") != "" {
				t.Errorf("answered %d %v, want %d", a.status, a.header, tc.want)
			}
		})
	}
}
