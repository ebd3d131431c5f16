package rentmanager_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
)

// fuzzed pulls from a server whose tenants are whatever body says.
func fuzzed(t *testing.T, code int, header http.Header, body []byte) result {
	s := newServer()
	tenantsHook(s, func(_ int, _ bool, w http.ResponseWriter) bool {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(code)
		_, _ = w.Write(body)
		return true
	})
	d := deps()
	d.Transport = inMemory(s)
	return pullWith(t, config("acme"), d, pms.Request{})
}

// FuzzTenants: whatever the body, a pull ends, its snapshot hangs together (pullOf checks), prints
// as JSON, and is complete only if the body is a list.
func FuzzTenants(f *testing.F) {
	for _, rec := range recordings(f) {
		for _, e := range rec.Exchanges {
			if e.Raw != nil {
				e.Body = []byte(*e.Raw)
			}
			f.Add([]byte(e.Body))
		}
	}
	f.Add([]byte(`[{"TenantID":1,"Contacts":[{"ContactID":1}],"Leases":[{"LeaseID":1,"UnitID":1},{"LeaseID":"1","UnitID":"2"}]},{"TenantID":"1"}]`))
	f.Add([]byte(`[{"TenantID":"1","PropertyID":20}]`)) // another property's alone
	f.Fuzz(func(t *testing.T, body []byte) {
		r := fuzzed(t, http.StatusOK, nil, body)
		var list []json.RawMessage
		if r.complete && (json.Unmarshal(trimmed(body), &list) != nil || len(list) == 0) {
			t.Fatalf("complete by %q", body)
		}
		if b, err := json.Marshal(r.Snapshot); err != nil || !utf8.Valid(b) {
			t.Fatalf("does not print: %v", err)
		}
	})
}

func trimmed(b []byte) []byte {
	if len(b) > 2 && string(b[:3]) == "\ufeff" {
		return b[3:]
	}
	return b
}

// FuzzHeaders: whatever the headers say, a pull ends, and a list of one is complete only if the
// total is one or unsaid.
func FuzzHeaders(f *testing.F) {
	f.Add(200, "1", `<http://h>; rel="next"`, "60", "0", "1800000000")
	f.Add(206, "-1", `rel=next`, "Wed, 21 Oct 2026 07:28:00 GMT", "x", "99:99:99")
	f.Add(429, "", "", "1e300", "0", "NaN")
	f.Add(503, "", "", "-Inf", "0", "23:59:59")
	f.Fuzz(func(t *testing.T, code int, total, link, after, left, reset string) {
		if code < 200 || code > 599 {
			return
		}
		h := http.Header{"X-Total-Results": {total}, "Link": {link}, "Retry-After": {after}, "X-Rateremaining": {left}, "X-Ratelimit-Remaining": {left}, "X-Ratelimit-Reset": {reset}, "X-Ratetimeleft": {reset}}
		row, err := json.Marshal([]row{tenant(1)})
		if err != nil {
			t.Fatal(err)
		}
		r := fuzzed(t, code, h, row)
		if r.complete && code != http.StatusOK && code != http.StatusPartialContent {
			t.Fatalf("complete by HTTP %d", code)
		}
		if r.Calls > 20 {
			t.Fatalf("%d calls", r.Calls)
		}
	})
}

// FuzzSignIn: whatever answers the sign-in, no token with a space, a line end or a bracket is used.
func FuzzSignIn(f *testing.F) {
	for _, s := range []string{`"abcd"`, "abcd", "\ufeff\"abcd\"", `"a\nb"`, "<html>", `{"a":1}`, `"\u0000abc"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newServer()
		s.hook = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				_, _ = w.Write(body)
				return true
			}
			for _, c := range r.Header.Get("X-RM12Api-ApiToken") {
				if c <= ' ' || c > '~' || c == '<' || c == '{' {
					t.Errorf("token %q", r.Header.Get("X-RM12Api-ApiToken"))
				}
			}
			w.WriteHeader(http.StatusNoContent)
			return true
		}
		c, err := rentmanager.New(config("acme"), rentmanager.Deps{Now: now, Sleep: deps().Sleep, Transport: inMemory(s)})
		if err != nil {
			t.Fatal(err)
		}
		if _, complete, _, _ := c.Pull(t.Context(), pms.Request{}); complete {
			t.Error("complete without a row")
		}
	})
}

// FuzzReadConfig: whatever the file, reading ends without a panic and without naming the password.
func FuzzReadConfig(f *testing.F) {
	f.Add("url = \"acme\"\nusername = \"u\"\n[per_property.12]\nzone = \"UTC\"")
	f.Add("properties = [1, \"2\", 3.5]\nlocation_id = true")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := rentmanager.ReadConfig(write(t, dir, "pms.toml", text))
		if err == nil {
			if _, err := rentmanager.New(cfg, deps()); err != nil {
				t.Errorf("read, but not usable: %v", err)
			}
		}
	})
}
