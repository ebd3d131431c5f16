package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// running is the program as a test sees it.
type running struct {
	t       *testing.T
	listen  string
	control string
	cancel  context.CancelFunc
	code    chan int
	stderr  *bytes.Buffer
}

// start runs the program until it has printed its addresses. The test must call stop.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, cancel: cancel, code: make(chan int, 1), stderr: &bytes.Buffer{}}
	out, in := io.Pipe()
	go func() {
		code := run(ctx, args, in, r.stderr)
		_ = in.Close()
		r.code <- code
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		cancel()
		t.Fatalf("no line on stdout: %v; exit %d: %s", err, <-r.code, r.stderr)
	}
	var at struct{ Listen, Control string }
	if err := json.Unmarshal(line, &at); err != nil || at.Listen == "" {
		t.Fatalf("the line is %q: %v", line, err)
	}
	r.listen, r.control = "http://"+at.Listen, "http://"+at.Control
	return r
}

// stop ends the program as a signal would and wants exit 0 and silence on stderr.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	if code := <-r.code; code != exitDone || r.stderr.Len() != 0 {
		r.t.Errorf("exit %d, stderr %q", code, r.stderr)
	}
}

func (r *running) call(method, url, body string, login ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Close = true
	if len(login) == 2 {
		req.SetBasicAuth(login[0], login[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

func TestAkuvoxEndToEnd(t *testing.T) {
	t.Parallel()
	r := start(t, "akuvox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--model", "E18")
	defer r.stop()
	const item = `"UserID":"gh-1","Name":"Ada Byron","PrivatePIN":"1234","ScheduleRelay":"1001-2","Schedule-Relay":"1001-2","WebRelay":"0","LiftFloorNum":"0"`
	_, body := r.call("POST", r.listen+"/api/user/set", `{"target":"user","action":"add","data":{"item":[{`+item+`}]}}`)
	if !strings.Contains(body, `"retcode":0`) {
		t.Fatalf("add answered %s", body)
	}
	if _, body := r.call("GET", r.listen+"/api/system/info", ""); !strings.Contains(body, `"Model":"E18"`) {
		t.Errorf("info answered %s", body)
	}
	if _, body := r.call("POST", r.control+"/present", `{"pin":"1234"}`); body != `{"granted":true,"doors":["B"],"by":"Ada Byron"}` {
		t.Errorf("present answered %s", body)
	}
	if _, body := r.call("GET", r.control+"/doorlog", ""); !strings.Contains(body, `"door":"B"`) || !strings.Contains(body, `"how":"pin"`) {
		t.Errorf("doorlog answered %s", body)
	}
	if code, _ := r.call("GET", r.listen+"/doorlog", ""); code != 404 {
		t.Errorf("the LAN side shows the control side: %d", code)
	}
	r.call("POST", r.control+"/fault", `{"name":"http-500","on":true}`)
	if code, _ := r.call("GET", r.listen+"/api/system/info", ""); code != 500 {
		t.Errorf("with a fault on: %d", code)
	}
}

// The program itself makes the calls that a panel is set to make.
func TestAkuvoxCallsItsActionURLs(t *testing.T) {
	t.Parallel()
	came := make(chan string, 1)
	at := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.RequestURI }))
	t.Cleanup(at.Close)
	r := start(t, "akuvox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	defer r.stop()
	r.call("POST", r.listen+"/api/config/set", `{"target":"config","action":"set","data":{"Config.Features.ACTIONURL.Enable":"1","Config.Features.ACTIONURL.MakeCall":"`+at.URL+`/ring?to=$remote"}}`)
	if code, body := r.call("POST", r.control+"/happen", `{"what":"ring","to":"101"}`); code != 200 {
		t.Fatalf("happen answered %d %s", code, body)
	}
	if got := <-came; got != "/ring?to=101" {
		t.Error(got)
	}
	if _, body := r.call("GET", r.control+"/calls", ""); !strings.Contains(body, `"event":"MakeCall"`) {
		t.Errorf("calls answered %s", body)
	}
	if code, body := r.call("POST", r.control+"/happen", `{"what":"tamper"}`); code != 400 {
		t.Errorf("a tamper alarm on a model without one answered %d %s", code, body)
	}
}

func TestAkuvoxLoginFromAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "akuvox", "--listen", "127.0.0.1:0", "--auth", "basic", "--user", "api", "--password-file", file)
	defer r.stop()
	if r.control != "http://" {
		t.Errorf("a control side nobody asked for: %s", r.control)
	}
	if code, _ := r.call("GET", r.listen+"/api/system/info", ""); code != 401 {
		t.Errorf("without login %d", code)
	}
	if code, _ := r.call("GET", r.listen+"/api/system/info", "", "api", "secret"); code != 200 {
		t.Errorf("with login %d", code)
	}
}

func TestAkuvoxAllowlistAndStartFaults(t *testing.T) {
	t.Parallel()
	shut := start(t, "akuvox", "--listen", "127.0.0.1:0", "--auth", "allowlist")
	defer shut.stop()
	if code, _ := shut.call("GET", shut.listen+"/api/system/info", ""); code != 403 {
		t.Errorf("an empty allowlist answered %d", code)
	}
	r := start(t, "akuvox", "--listen", "127.0.0.1:0", "--auth", "allowlist", "--allow", "127.0.0.1", "--capacity", "7",
		"--fault", "trailing-bytes", "--fault", "clock-skew=2h", "--zone", "Europe/Paris", "--model", "x915s")
	defer r.stop()
	code, body := r.call("GET", r.listen+"/api/system/info", "")
	if code != 200 || !strings.Contains(body, "2915.30.10.114") || !strings.HasSuffix(body, `{"retcode":-1}`) {
		t.Errorf("answered %d %s", code, body)
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	l := "127.0.0.1:0"
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"nothing":            {nil, "akuvox"},
		"unknown command":    {[]string{"intercom", "--icona", l}, "there are: akuvox, comelit, version"},
		"encoder":            {[]string{"encoder"}, "there are: akuvox, comelit, version"},
		"no listen":          {[]string{"akuvox"}, "--listen is missing"},
		"all addresses":      {[]string{"akuvox", "--listen", "0.0.0.0:0"}, "only loopback"},
		"all addresses, six": {[]string{"akuvox", "--listen", "[::]:0"}, "only loopback"},
		"port alone":         {[]string{"akuvox", "--listen", ":0"}, "not an address"},
		"LAN address":        {[]string{"akuvox", "--listen", "192.0.2.7:80"}, "only loopback"},
		"a name":             {[]string{"akuvox", "--listen", "localhost:0"}, "not an address"},
		"no port":            {[]string{"akuvox", "--listen", "127.0.0.1"}, "not an address"},
		"open control":       {[]string{"akuvox", "--listen", l, "--control", "0.0.0.0:0"}, "--control 0.0.0.0:0"},
		"unknown model":      {[]string{"akuvox", "--listen", l, "--model", "X1"}, "X1"},
		"unknown login":      {[]string{"akuvox", "--listen", l, "--auth", "magic"}, "magic"},
		"no password":        {[]string{"akuvox", "--listen", l, "--auth", "digest", "--user", "a"}, "needs a user and a password"},
		"password file":      {[]string{"akuvox", "--listen", l, "--password-file", "/nonexistent/file"}, "--password-file"},
		"door password file": {[]string{"akuvox", "--listen", l, "--door-password-file", "/nonexistent/file"}, "--door-password-file"},
		"no door password":   {[]string{"akuvox", "--listen", l, "--door-user", "door"}, "or neither"},
		"unknown fault":      {[]string{"akuvox", "--listen", l, "--fault", "rain"}, "rain"},
		"fault value":        {[]string{"akuvox", "--listen", l, "--fault", "slow=soon"}, "soon"},
		"zone":               {[]string{"akuvox", "--listen", l, "--zone", "Mars/Olympus"}, "Mars/Olympus"},
		"allow":              {[]string{"akuvox", "--listen", l, "--allow", "home"}, "home"},
		"unknown flag":       {[]string{"akuvox", "--port", "1"}, "--help"},
		"argument":           {[]string{"akuvox", "--listen", l, "more"}, "more"},
		"version argument":   {[]string{"version", "x"}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, err bytes.Buffer
			if code := run(t.Context(), tc.args, &out, &err); code != exitUsage {
				t.Errorf("exit %d, want %d", code, exitUsage)
			}
			if s := err.String(); !strings.Contains(s, tc.want) || strings.Count(s, "\n") != 1 || out.Len() != 0 {
				t.Errorf("stderr %q, stdout %q; want one line that says %q", s, out.String(), tc.want)
			}
		})
	}
}

func TestATakenPortFails(t *testing.T) {
	t.Parallel()
	r := start(t, "akuvox", "--listen", "127.0.0.1:0")
	defer r.stop()
	taken := strings.TrimPrefix(r.listen, "http://")
	var out, err bytes.Buffer
	code := run(t.Context(), []string{"akuvox", "--listen", "127.0.0.1:0", "--control", taken}, &out, &err)
	if code != exitFailed || !strings.Contains(err.String(), taken) || out.Len() != 0 {
		t.Errorf("exit %d, stderr %q, stdout %q", code, err.String(), out.String())
	}
}

func TestHelpHasAnExampleForEachCommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"help"}, {"-h"}} {
		var out, err bytes.Buffer
		if code := run(t.Context(), args, &out, &err); code != exitDone || err.Len() != 0 {
			t.Errorf("%v: exit %d %s", args, code, err.String())
		}
		for _, c := range commands() {
			if !strings.Contains(out.String(), c.example) {
				t.Errorf("%v has no example for %s", args, c.name)
			}
		}
	}
	for _, c := range commands() {
		var out, err bytes.Buffer
		if code := run(t.Context(), []string{c.name, "--help"}, &out, &err); code != exitDone || !strings.Contains(out.String(), c.example) {
			t.Errorf("%s --help: exit %d, %s", c.name, code, out.String())
		}
	}
}

func TestAkuvoxHelpNamesEveryContractFlag(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	run(t.Context(), []string{"akuvox", "--help"}, &out, &err)
	for _, f := range []string{"--listen", "--model", "--auth", "--user", "--password-file", "--door-user", "--door-password-file", "--control", "--fault", "--faults"} {
		if !strings.Contains(out.String(), "  "+f+" ") {
			t.Errorf("%s is not in the help", f)
		}
	}
}

func TestFaultsAreListedOneALine(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	if code := run(t.Context(), []string{"akuvox", "--faults"}, &out, &err); code != exitDone {
		t.Fatalf("exit %d %s", code, err.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	all := akuvoxsim.FaultList().Faults
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d faults", len(lines), len(all))
	}
	for i, f := range all {
		if !strings.HasPrefix(lines[i], f.Name+" ") || !strings.Contains(lines[i], f.Line) {
			t.Errorf("line %q is not about %s", lines[i], f.Name)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	if code := run(t.Context(), []string{"version", "--json"}, &out, &err); code != exitDone {
		t.Fatalf("exit %d %s", code, err.String())
	}
	var v versionInfo
	if e := json.Unmarshal(out.Bytes(), &v); e != nil || !v.OK || v.Version == "" || v.Commit == "" || !strings.HasPrefix(v.Go, "go") {
		t.Errorf("printed %s: %v", out.String(), e)
	}
	out.Reset()
	run(t.Context(), []string{"version"}, &out, &err)
	if !strings.HasPrefix(out.String(), "gatehouse-sim ") {
		t.Errorf("printed %q", out.String())
	}
}
