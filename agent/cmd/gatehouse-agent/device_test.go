package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

const testPassword = "correct horse"

// outcome is what one command printed and returned.
type outcome struct {
	code           int
	stdout, stderr string
}

func device(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	return deviceIn(t.Context(), stdin, args...)
}

func deviceIn(ctx context.Context, stdin string, args ...string) outcome {
	var out, errs bytes.Buffer
	kinds := agent.Kinds()
	code := runDevice(ctx, args, kinds, strings.NewReader(stdin), &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// object is the one JSON object on stdout.
func (o outcome) object(t *testing.T) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.stdout))
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("stdout is no JSON object: %v\n%s", err, o.stdout)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Fatalf("more than one JSON object on stdout:\n%s", o.stdout)
	}
	if _, ok := m["ok"].(bool); !ok {
		t.Fatalf("no ok in %s", o.stdout)
	}
	if m["ok"] == false {
		e, _ := m["error"].(map[string]any)
		for _, k := range []string{"kind", "message", "remedy"} {
			if _, has := e[k].(string); !has {
				t.Errorf("error lacks %s: %s", k, o.stdout)
			}
		}
	}
	return m
}

func newSim(t *testing.T, o akuvoxsim.Options) (*akuvoxsim.Panel, string) {
	t.Helper()
	if o.Auth == akuvoxsim.AuthBasic || o.Auth == akuvoxsim.AuthDigest {
		o.User, o.Password = "gate", testPassword
	}
	sim, err := akuvoxsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	return sim, srv.URL
}

func passwordFile(t *testing.T, text string) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// at is the flags that reach a simulated panel.
func at(t *testing.T, url string, more ...string) []string {
	t.Helper()
	return append([]string{"--kind", "akuvox", "--url", url, "--pace", "0s", "--user", "gate", "--password-file", passwordFile(t, testPassword+"\r\n")}, more...)
}

func on(names ...string) []akuvoxsim.FaultSetting {
	var fs []akuvoxsim.FaultSetting
	for _, n := range names {
		fs = append(fs, akuvoxsim.FaultSetting{Name: n, On: true})
	}
	return fs
}

func seed(t *testing.T, sim *akuvoxsim.Panel, n int) []akuvoxsim.User {
	t.Helper()
	for i := range n {
		u := akuvoxsim.User{
			UserID: fmt.Sprintf("9%03d", i), Name: fmt.Sprintf("Neighbour %d", i), PIN: fmt.Sprintf("4%05d", i),
			Cards: []string{fmt.Sprintf("0A%06d", i)}, Cloud: i == 3,
		}
		if _, err := sim.Edit("add", u); err != nil {
			t.Fatal(err)
		}
	}
	return sim.Users()
}

func TestDeviceProbe(t *testing.T) {
	t.Parallel()
	sim, url := newSim(t, akuvoxsim.Options{Model: "E18", Auth: akuvoxsim.AuthDigest})
	seed(t, sim, 1)
	o := device(t, "", append([]string{"probe", "--json"}, at(t, url)...)...)
	m := o.object(t)
	if o.code != 0 || m["ok"] != true || m["dialect"] != "http-api" {
		t.Fatalf("exit %d: %s%s", o.code, o.stdout, o.stderr)
	}
	want := map[string]any{"model": "E18", "firmware": "18.30.10.118", "mac": "0C:11:05:00:00:01"}
	if d := cmp.Diff(want, m["identity"]); d != "" {
		t.Errorf("identity (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]any{"users", "pin", "card", "lookup", "open", "schedules", "doorlog", "clock", "groups", "contacts", "calls"}, m["capabilities"]); d != "" {
		t.Errorf("capabilities (-want +got):\n%s", d)
	}
	limits := m["limits"].(map[string]any)
	if limits["cards_per_person"] != 5.0 || limits["pins_per_person"] != 1.0 || limits["mobile"] != false {
		t.Errorf("limits %v", limits)
	}
}

// What a panel keeps beside people is told as it answers, not as its kind might.
func TestDeviceProbeTellsWhatElseAPanelKeeps(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{"X915S": "groups contacts_read_only calls", "A08S": "calls", "R20K": "groups contacts calls"} {
		_, url := newSim(t, akuvoxsim.Options{Model: model})
		var got []string
		for _, c := range device(t, "", append([]string{"probe", "--json"}, at(t, url)...)...).object(t)["capabilities"].([]any) {
			if s := c.(string); strings.HasPrefix(s, "groups") || strings.HasPrefix(s, "contacts") || s == "calls" {
				got = append(got, s)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", model, got, want)
		}
	}
}

func TestTowardsG8_ProbeTellsTheClock(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultClockSkew, On: true, Value: "-1h"}}})
	args := append([]string{"probe"}, at(t, url)...)
	if skew, ok := device(t, "", append(args, "--json")...).object(t)["clock_skew_seconds"].(float64); !ok || skew < -3605 || skew > -3595 {
		t.Errorf("skew %v, want an hour behind", skew)
	}
	if o := device(t, "", args...); !strings.Contains(o.stdout, "its clock is -1h0m") && !strings.Contains(o.stdout, "its clock is -59m") {
		t.Errorf("text: %s", o.stdout)
	}
}

func TestDeviceSelftestLeavesThePanelAsFound(t *testing.T) {
	t.Parallel()
	for _, m := range akuvoxsim.Models() {
		model := m.Name
		for _, auth := range []akuvoxsim.Auth{akuvoxsim.AuthNone, akuvoxsim.AuthBasic, akuvoxsim.AuthDigest} {
			t.Run(model+" "+string(auth), func(t *testing.T) {
				t.Parallel()
				sim, url := newSim(t, akuvoxsim.Options{Model: model, Auth: auth})
				before := seed(t, sim, 12)
				o := device(t, "", append([]string{"selftest", "--json"}, at(t, url)...)...)
				m := o.object(t)
				if o.code != 0 {
					t.Fatalf("exit %d: %s%s", o.code, o.stdout, o.stderr)
				}
				var names []string
				for _, s := range m["steps"].([]any) {
					step := s.(map[string]any)
					names = append(names, step["name"].(string))
					if step["ok"] != true {
						t.Errorf("step %v", step)
					}
				}
				want := []string{"probe", "list", "add", "read after add", "change", "read after change", "remove", "read after remove", "device as found"}
				if d := cmp.Diff(want, names); d != "" {
					t.Errorf("steps (-want +got):\n%s", d)
				}
				if d := cmp.Diff(before, sim.Users()); d != "" {
					t.Errorf("the panel is not as found (-before +after):\n%s", d)
				}
				if n := len(sim.Mutating()); n != 3 {
					t.Errorf("%d writes, want add, change and remove", n)
				}
			})
		}
	}
}

func TestDeviceSelftestOnBadDays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		faults []akuvoxsim.FaultSetting
		code   int
		failed string
	}{
		{"trailing bytes", on(akuvoxsim.FaultTrailingBytes, akuvoxsim.FaultBadUTF8), 0, ""},
		{"no filter, paged only", on(akuvoxsim.FaultNoFilter, akuvoxsim.FaultPagedOnly), 0, ""},
		{"single use nonces", on(akuvoxsim.FaultStaleNonce), 0, ""},
		{"userid spelling", on(akuvoxsim.FaultUserIDSpelling), 0, ""},
		{"writes said ok and not stored", on(akuvoxsim.FaultSilentDrop), 1, "read after add"},
		{"PIN not stored", on(akuvoxsim.FaultPartialDrop), 1, "read after add"},
		{"full", on(akuvoxsim.FaultFull), 3, "add"},
		{"answer lost after the write", []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultDropAfter, On: true, Times: 1}}, 4, "add"},
		{"answer lost before the write", []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultDropBefore, On: true, Times: 1}}, 4, "add"},
		{"just enough writes", []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultWriteLimit, On: true, Value: "3"}}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sim, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, Faults: tt.faults})
			before := seed(t, sim, 25)
			o := device(t, "", append([]string{"selftest", "--json"}, at(t, url)...)...)
			m := o.object(t)
			if o.code != tt.code {
				t.Errorf("exit %d, want %d: %s%s", o.code, tt.code, o.stdout, o.stderr)
			}
			if got := firstFailed(m); got != tt.failed {
				t.Errorf("failed at %q, want %q: %s", got, tt.failed, o.stdout)
			}
			if d := cmp.Diff(before, sim.Users()); d != "" {
				t.Errorf("the panel is not as found (-before +after):\n%s", d)
			}
		})
	}
}

func firstFailed(m map[string]any) string {
	steps, _ := m["steps"].([]any)
	for _, s := range steps {
		if step := s.(map[string]any); step["ok"] == false {
			return step["name"].(string)
		}
	}
	return ""
}

// An installer presses Ctrl-C after the test person was written: it is removed all the same.
func TestDeviceSelftestCleansUpWhenInterrupted(t *testing.T) {
	t.Parallel()
	sim, err := akuvoxsim.New(akuvoxsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sim.ServeHTTP(w, r)
		if r.Method == http.MethodPost {
			cancel()
		}
	}))
	defer srv.Close()
	o := deviceIn(ctx, "", append([]string{"selftest", "--json"}, at(t, srv.URL)...)...)
	if o.code == 0 || len(sim.Users()) != 0 || len(sim.Mutating()) != 2 {
		t.Errorf("exit %d, %d rows left after %d writes: %s", o.code, len(sim.Users()), len(sim.Mutating()), o.stdout)
	}
}

func TestDeviceSelftestSaysWhenItCannotCleanUp(t *testing.T) {
	t.Parallel()
	sim, url := newSim(t, akuvoxsim.Options{Faults: []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultWriteLimit, On: true, Value: "1"}}})
	o := device(t, "", append([]string{"selftest", "--json"}, at(t, url)...)...)
	o.object(t)
	left := sim.Users()
	if len(left) != 1 {
		t.Fatalf("%d rows left, the test wants the one that could not be removed", len(left))
	}
	if o.code == 0 || !strings.Contains(o.stdout, left[0].UserID) || !strings.Contains(o.stdout, "may be left on the device") {
		t.Errorf("exit %d without a word of the row left behind: %s", o.code, o.stdout)
	}
	if strings.Contains(o.stdout+o.stderr, left[0].PIN) || strings.Contains(o.stdout+o.stderr, left[0].Cards[0]) {
		t.Error("the output shows a PIN or card")
	}
}

func TestDeviceUsersShowsNoSecrets(t *testing.T) {
	t.Parallel()
	sim, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthBasic})
	seed(t, sim, 12)
	if _, err := sim.Edit("add", akuvoxsim.User{UserID: "GHp7", Name: "T. Jones", PIN: "482177"}); err != nil {
		t.Fatal(err)
	}
	for _, form := range [][]string{{"users", "--json"}, {"users"}} {
		o := device(t, "", append(form, at(t, url)...)...)
		if o.code != 0 {
			t.Fatalf("exit %d: %s", o.code, o.stderr)
		}
		for _, u := range sim.Users() {
			if strings.Contains(o.stdout, u.PIN) || len(u.Cards) > 0 && strings.Contains(o.stdout, u.Cards[0]) {
				t.Fatalf("a PIN or card is shown:\n%s", o.stdout)
			}
			if !strings.Contains(o.stdout, u.Name) {
				t.Errorf("%s is missing:\n%s", u.Name, o.stdout)
			}
		}
	}
	m := device(t, "", append([]string{"users", "--json"}, at(t, url)...)...).object(t)
	users := m["users"].([]any)
	want := map[string]any{"ref": "GHp7", "name": "T. Jones", "managed": true, "has_pin": true, "cards": 0.0, "relays": []any{"A"}, "native": "13", "read_only": false}
	if d := cmp.Diff(want, users[12]); d != "" {
		t.Errorf("our row (-want +got):\n%s", d)
	}
	cloud := users[3].(map[string]any)
	if cloud["managed"] != false || cloud["read_only"] != true || cloud["cards"] != 1.0 {
		t.Errorf("the cloud's row is %v", cloud)
	}
}

func TestDeviceUsersOfAnEmptyPanelIsAnEmptyList(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, akuvoxsim.Options{})
	if o := device(t, "", append([]string{"users", "--json"}, at(t, url)...)...); strings.TrimSpace(o.stdout) != `{"ok":true,"users":[]}` {
		t.Errorf("got %s", o.stdout)
	}
}

func TestDeviceOpen(t *testing.T) {
	t.Parallel()
	triggers := func(sim *akuvoxsim.Panel) (n int) {
		for _, r := range sim.Requests() {
			if r.Path == "/api/relay/trig" {
				n++
			}
		}
		return n
	}
	tests := []struct {
		name   string
		auth   akuvoxsim.Auth
		faults []akuvoxsim.FaultSetting
		door   string
		code   int
		result string
		sent   int
	}{
		{"opens", akuvoxsim.AuthNone, nil, "A", 0, "done", 1},
		{"opens by digest", akuvoxsim.AuthDigest, nil, "b", 0, "done", 1},
		{"opens with single use nonces", akuvoxsim.AuthDigest, on(akuvoxsim.FaultStaleNonce), "A", 0, "done", 1},
		{"opens by basic", akuvoxsim.AuthBasic, nil, "A", 0, "done", 1},
		{"answer lost after it opened", akuvoxsim.AuthDigest, on(akuvoxsim.FaultDropAfter), "A", 5, "unknown", 1},
		{"answer lost before it opened", akuvoxsim.AuthDigest, on(akuvoxsim.FaultDropBefore), "A", 5, "unknown", 1},
		{"login refused", akuvoxsim.AuthDigest, on(akuvoxsim.FaultLoginChanged), "A", 3, "refused", 1},
		{"API off", akuvoxsim.AuthNone, on(akuvoxsim.FaultAPIOff), "A", 3, "refused", 1},
		{"no such relay name", akuvoxsim.AuthNone, nil, "garage", 2, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sim, url := newSim(t, akuvoxsim.Options{Auth: tt.auth, Faults: tt.faults})
			o := device(t, "", append([]string{"open", "--json", "--door", tt.door}, at(t, url)...)...)
			m := o.object(t)
			result, _ := m["result"].(string)
			if o.code != tt.code || result != tt.result {
				t.Errorf("exit %d result %q, want %d %q: %s", o.code, result, tt.code, tt.result, o.stdout)
			}
			if got := triggers(sim); got > tt.sent {
				t.Errorf("the relay was asked %d times, want %d", got, tt.sent)
			}
		})
	}
}

func TestDeviceExitCodes(t *testing.T) {
	t.Parallel()
	handler := func(f http.HandlerFunc) func(*testing.T) string {
		return func(t *testing.T) string {
			srv := httptest.NewServer(f)
			t.Cleanup(srv.Close)
			return srv.URL
		}
	}
	tests := []struct {
		name string
		url  func(*testing.T) string
		code int
		kind string
		says string
	}{
		{"nobody there", func(t *testing.T) string { srv := httptest.NewServer(nil); srv.Close(); return srv.URL }, 4, "unreachable", "power, cable"},
		{"wrong password", func(t *testing.T) string {
			_, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, Faults: on(akuvoxsim.FaultLoginChanged)})
			return url
		}, 3, "denied", "HTTP API"},
		{"allowlist", func(t *testing.T) string {
			_, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthAllowlist})
			return url
		}, 3, "denied", "allowlist"},
		{"empty answer", handler(func(http.ResponseWriter, *http.Request) {}), 4, "unreachable", "HTTP API"},
		{"a web page", handler(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }), 1, "invalid", "web pages"},
		{"absent", handler(http.NotFound), 6, "unsupported", "HTTP API"},
		{"https only", handler(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusPermanentRedirect)
		}), 6, "unsupported", "https://"},
		{"no handlers", handler(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"retcode":-1,"action":"info","message":"No hanlders for this request"}`)
		}), 6, "unsupported", "model"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := device(t, "", append([]string{"probe", "--json"}, at(t, tt.url(t))...)...)
			m := o.object(t)
			e := m["error"].(map[string]any)
			if o.code != tt.code || e["kind"] != tt.kind {
				t.Errorf("exit %d kind %v, want %d %s: %s", o.code, e["kind"], tt.code, tt.kind, o.stdout)
			}
			if !strings.Contains(o.stderr, tt.says) || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("stderr wants one line with %q:\n%s", tt.says, o.stderr)
			}
			if strings.Contains(o.stdout+o.stderr, testPassword) {
				t.Error("the password is shown")
			}
		})
	}
}

func TestDeviceWrongUsage(t *testing.T) {
	t.Parallel()
	empty := passwordFile(t, "\n")
	url := []string{"--kind", "akuvox", "--url", "http://127.0.0.1:1"}
	tests := map[string][]string{
		"no command":        {},
		"unknown command":   {"marry"},
		"unknown flag":      append([]string{"probe", "--no-such"}, url...),
		"stray word":        append([]string{"probe"}, append(url, "extra")...),
		"no kind":           {"probe", "--url", "http://127.0.0.1:1"},
		"unknown kind":      {"probe", "--kind", "toaster", "--url", "http://127.0.0.1:1"},
		"no url":            {"probe", "--kind", "akuvox"},
		"bad url":           {"probe", "--kind", "akuvox", "--url", "ftp://192.0.2.1"},
		"password in url":   {"probe", "--kind", "akuvox", "--url", "http://gate:secret@192.0.2.1"},
		"path in url":       {"probe", "--kind", "akuvox", "--url", "http://192.0.2.1/api"},
		"bad pin":           {"probe", "--kind", "akuvox", "--url", "https://192.0.2.1", "--tls-pin", "abc"},
		"pin without tls":   append([]string{"probe", "--tls-pin", strings.Repeat("ab", 32)}, url...),
		"pin and insecure":  {"probe", "--kind", "akuvox", "--url", "https://192.0.2.1", "--tls-pin", strings.Repeat("ab", 32), "--insecure-tls"},
		"no password file":  append([]string{"probe", "--password-file", "/nonexistent/file"}, url...),
		"empty password":    append([]string{"probe", "--password-file", empty}, url...),
		"both from stdin":   append([]string{"probe", "--password-file", "-", "--token-file", "-"}, url...),
		"open without door": append([]string{"open"}, url...),
		"bad duration":      append([]string{"probe", "--timeout", "soon"}, url...),
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := device(t, "", args...)
			if o.code != 2 || o.stdout != "" || o.stderr == "" {
				t.Errorf("exit %d, stdout %q, stderr %q", o.code, o.stdout, o.stderr)
			}
			o = device(t, "", slices.Insert(slices.Clone(args), min(1, len(args)), "--json")...)
			m := o.object(t)
			if e := m["error"].(map[string]any); o.code != 2 || e["kind"] != "invalid" || strings.Contains(o.stdout+o.stderr, "secret@") {
				t.Errorf("exit %d: %s", o.code, o.stdout)
			}
		})
	}
}

func TestDeviceHelpHasAnExample(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"probe", "--help"}, {"selftest", "-h"}, {"users", "--help", "--json"}, {"open", "--help"}, {"ports", "--help"}, {"discover", "--help"}, {"pair", "--help"},
		{"list", "--help"}, {"audit", "--help"}, {"audit", "--kind", "akuvox", "--help"}, {"manage", "-h"}, {"report", "-h"}, {"forget", "--help"}, {"export-report", "--help"}} {
		o := device(t, "", args...)
		if o.code != 0 || !strings.Contains(o.stdout, "example: gatehouse-agent device ") {
			t.Errorf("%v: exit %d\n%s", args, o.code, o.stdout)
		}
	}
}

func TestDevicePasswordFromStandardInput(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest})
	args := []string{"probe", "--json", "--kind", "akuvox", "--url", url, "--user", "gate", "--password-file", "-", "--pace", "0s"}
	if o := device(t, testPassword+"\n", args...); o.code != 0 {
		t.Errorf("exit %d: %s", o.code, o.stderr)
	}
	if o := device(t, "wrong\n", args...); o.code != 3 {
		t.Errorf("exit %d with a wrong password, want 3", o.code)
	}
}

func TestDeviceHumanText(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, akuvoxsim.Options{})
	for command, want := range map[string]string{
		"probe": "X916, firmware 916.30.10.114", "selftest": "ok      device as found", "users": "REF",
	} {
		o := device(t, "", append([]string{command}, at(t, url)...)...)
		if o.code != 0 || !strings.Contains(o.stdout, want) || strings.HasPrefix(o.stdout, "{") {
			t.Errorf("%s: exit %d\n%s%s", command, o.code, o.stdout, o.stderr)
		}
	}
}
