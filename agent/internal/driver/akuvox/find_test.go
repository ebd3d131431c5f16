package akuvox

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver"
)

// TestG8_FindKnowsUnitsByTheirAnswer: §6, and that other web servers are none.
func TestG8_FindKnowsUnitsByTheirAnswer(t *testing.T) {
	t.Parallel()
	answer := func(status int, header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const info = `{"retcode":0,"action":"info","message":"OK","data":{"Status":{"Model":"E18","MAC":"0C:11:05:00:00:01","FirmwareVersion":"18.30"}}}`
	for name, tt := range map[string]struct {
		f             http.HandlerFunc
		is, sure      bool
		model, remedy string
	}{
		"digest":             {f: answer(401, "WWW-Authenticate", `Digest realm="HTTP API", nonce="x", qop="auth"`, ""), is: true, sure: true, remedy: "HTTP API"},
		"another's login":    {f: answer(401, "WWW-Authenticate", `Basic realm="router"`, "")},
		"no login":           {f: answer(200, "", "", info), is: true, sure: true, model: "E18"},
		"a web page":         {f: answer(200, "", "", "<html>")},
		"an allowlist":       {f: answer(403, "", "", ""), is: true, remedy: "allowlist"},
		"the web dialect":    {f: answer(308, "Location", "https://127.0.0.1/", ""), is: true, remedy: "https://"},
		"a router's own way": {f: answer(302, "Location", "/login", "")},
		"no such page":       {f: answer(404, "", "", "")},
	} {
		srv := httptest.NewServer(tt.f)
		host, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		f := find(t.Context(), host, port, driver.Deps{})
		if (f != nil) != tt.is || tt.is && (f.Sure != tt.sure || f.Model != tt.model || !strings.Contains(f.Remedy, tt.remedy) || f.Address != srv.URL || f.What == "") {
			t.Errorf("%s: %+v", name, f)
		}
		srv.Close()
		if f := find(t.Context(), host, port, driver.Deps{}); f != nil {
			t.Errorf("%s: nobody is there any more, and %+v is found", name, f)
		}
	}
}

// TestG8_FindTellsTheCertificate of a unit behind HTTPS, for the pin.
func TestG8_FindTellsTheCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }))
	defer srv.Close()
	p, err := New(driver.Config{URL: srv.URL, InsecureTLS: true}, driver.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	panel, _ := p.(*Panel)
	var f driver.Found
	if !panel.looksLikeOne(t.Context(), &f) || len(f.TLSPin) != 64 {
		t.Errorf("%+v", f)
	}
}
