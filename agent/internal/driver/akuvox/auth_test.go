package akuvox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func wantKind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("got %v (%v), want %v", err, fault.KindOf(err), want)
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		wild  wild
		extra int // requests beyond one a call
	}{
		{"none", wild{}, 0},
		{"basic", wild{login: "basic"}, 1},
		{"digest without qop", wild{login: "digest"}, 1},
		{"digest auth", wild{login: "digest", qop: "auth"}, 1},
		{"digest offering both", wild{login: "digest", qop: "auth,auth-int"}, 1},
		{"digest offering auth last, with a blank", wild{login: "digest", qop: "auth-int, auth"}, 1},
		{"basic and digest on two lines", wild{login: "both", qop: "auth"}, 1},
		{"digest and basic on one line", wild{login: "joined", qop: "auth"}, 1},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, tt.wild.people(3))
			p := w.panel(t)
			for range 4 {
				if rows, err := p.List(t.Context()); err != nil || len(rows) != 3 {
					t.Fatalf("%d rows, %v", len(rows), err)
				}
			}
			if n := len(w.requests()); n != 4+tt.extra {
				t.Errorf("%d requests for 4 calls, want %d: the challenge is to be kept", n, 4+tt.extra)
			}
		})
	}
}

func TestDigestIsPreferredToBasic(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"both", "joined"} {
		w := newWild(t, &wild{login: login, qop: "auth"})
		if _, err := w.panel(t).List(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range w.requests() {
			if strings.HasPrefix(r.auth, "Basic") {
				t.Errorf("%s: the password was shown in clear although digest was offered", login)
			}
		}
	}
}

func TestForgottenNonceIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{login: "digest", qop: "auth"})
	p := w.panel(t)
	if _, err := p.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.forget()
	w.forgetful = true
	if _, err := p.List(t.Context()); err != nil {
		t.Fatalf("after the panel forgot its nonce: %v", err)
	}
	if n := len(w.requests()); n != 2 {
		t.Errorf("%d requests, want the refused one and one more", n)
	}
}

func TestSingleUseNonces(t *testing.T) {
	t.Parallel()
	w := newWild(t, (&wild{login: "digest", qop: "auth", oneUse: true}).people(2))
	p := w.panel(t)
	for range 3 {
		if rows, err := p.List(t.Context()); err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
	}
}

func TestWrongCredentialsAreDeniedAfterOneTry(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"basic", "digest"} {
		w := newWild(t, &wild{login: login, qop: "auth"})
		p := newPanel(t, driver.Config{URL: w.url, User: "gate", Password: access.NewSecret("wrong")})
		_, err := p.List(t.Context())
		wantKind(t, err, fault.Denied)
		if n := len(w.requests()); n != 2 {
			t.Errorf("%s: %d requests, want 2: more would lock an account", login, n)
		}
		if !strings.Contains(fault.RemedyOf(err), "HTTP API") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v / %s", login, err, fault.RemedyOf(err))
		}
	}
}

func TestLoginWantedAndNoneGiven(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{login: "digest", qop: "auth"})
	_, err := newPanel(t, driver.Config{URL: w.url}).List(t.Context())
	wantKind(t, err, fault.Denied)
	if n := len(w.requests()); n != 1 || !strings.Contains(err.Error(), "wants a user and password") {
		t.Errorf("%d requests, %v", n, err)
	}
}

func TestUnknownLoginIsDenied(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"", "Negotiate", `Digest realm="x", nonce="n", algorithm=SHA-3`, `Digest nonsense`} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if challenge != "" {
				w.Header().Set("WWW-Authenticate", challenge)
			}
			w.WriteHeader(http.StatusUnauthorized)
		}))
		_, err := newPanel(t, driver.Config{URL: srv.URL, User: "gate", Password: access.NewSecret("x")}).List(t.Context())
		wantKind(t, err, fault.Denied)
		srv.Close()
	}
}

// §7: credentials are never led to another host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	lured := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { lured++ }))
	defer other.Close()
	for _, status := range []int{301, 302, 307, 308} {
		w := newWild(t, &wild{login: "basic", before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
			http.Redirect(rw, r, other.URL+"/api/user/get", status)
			return true
		}})
		_, err := w.panel(t).List(t.Context())
		wantKind(t, err, fault.Unsupported)
	}
	if lured != 0 {
		t.Errorf("%d requests went to another host", lured)
	}
}

func TestWritesGoOutUnderAKnownChallenge(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{login: "digest", qop: "auth"})
	if err := w.panel(t).Apply(t.Context(), addJones()); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.requests() {
		if r.method == http.MethodPost && !r.passed {
			t.Errorf("a write was sent without a login, PIN and all")
		}
	}
}
