package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/protocol/cli"
)

func TestRentManagerEndToEnd(t *testing.T) {
	t.Parallel()
	r := start(t, "rentmanager", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	defer r.stop()
	token := r.login("api", "secret")
	if code, body := r.call("GET", r.listen+"/Properties?fields=Name", "", token); code != 200 || body != `[{"Name":"Harbor Row"},{"Name":"Kiln Lofts"}]` {
		t.Fatalf("properties: %d %s", code, body)
	}
	if code, body := r.call("POST", r.control+"/move_in", `{"property":12,"unit":"02","first":"Ada","last":"Byron"}`, ""); code != 200 || !strings.Contains(body, `"tenant":`) {
		t.Errorf("move-in: %d %s", code, body)
	}
	if code, body := r.call("GET", r.listen+"/Tenants?filters=LastName,eq,Byron&fields=Name,Status", "", token); body != `[{"Name":"Ada Byron","Status":"Current"}]` {
		t.Errorf("the new tenant: %d %s", code, body)
	}
	r.call("POST", r.control+"/fault", `{"name":"http-500","on":true}`, "")
	if code, _ := r.call("GET", r.listen+"/Tenants", "", token); code != 500 {
		t.Errorf("with a fault on: %d", code)
	}
	if code, _ := r.call("GET", r.listen+"/people", "", token); code != 500 && code != 404 {
		t.Errorf("the vendor's side shows the control side: %d", code)
	}
}

func TestRentManagerFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	password, data := filepath.Join(dir, "password"), filepath.Join(dir, "books.json")
	books := `{"about":"","company":"One","properties":[{"id":3,"name":"One","short":"ONE","zone":"UTC","email":"","street":"","city":"","state":"","postal":"",
		"units":[{"id":1,"name":"1","kind":"Loft"}],"households":[{"id":4,"members":[],"leases":[{"id":5,"unit":1,"move_in":1,"terms":[]}]}]}]}`
	for file, text := range map[string]string{password: "pa ss\n", data: books} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, "rentmanager", "--listen", "127.0.0.1:0", "--user", "mia", "--password-file", password, "--data", data, "--base", "2026-12-30",
		"--location", "4", "--token-life", "1h", "--rate", "-1", "--fault", "bom@Units", "--fault", "id-churn=100")
	defer r.stop()
	if r.control != "http://" {
		t.Errorf("a control side nobody asked for: %s", r.control)
	}
	token := r.login("mia", "pa ss")
	if _, body := r.call("GET", r.listen+"/Leases?fields=LeaseID,MoveInDate", "", token); body != `[{"LeaseID":105,"MoveInDate":"2026-12-31T00:00:00"}]` {
		t.Errorf("leases: %s", body)
	}
	if _, body := r.call("GET", r.listen+"/Units", "", token); !strings.HasPrefix(body, "\xef\xbb\xbf[") {
		t.Errorf("units: %q", body)
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	l := "127.0.0.1:0"
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"company":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"unknown kind":       {[]string{"yardi", "--listen", l}, "there are: rentmanager, sample, version"},
		"no listen":          {[]string{"rentmanager"}, "--listen is missing"},
		"all addresses":      {[]string{"rentmanager", "--listen", "0.0.0.0:0"}, "only loopback"},
		"all addresses, six": {[]string{"rentmanager", "--listen", "[::]:0"}, "only loopback"},
		"port alone":         {[]string{"rentmanager", "--listen", ":0"}, "not an address"},
		"LAN address":        {[]string{"rentmanager", "--listen", "192.0.2.7:80"}, "only loopback"},
		"a name":             {[]string{"rentmanager", "--listen", "localhost:0"}, "not an address"},
		"open control":       {[]string{"rentmanager", "--listen", l, "--control", "0.0.0.0:0"}, "--control 0.0.0.0:0"},
		"no password":        {[]string{"rentmanager", "--listen", l, "--password-file", "/nonexistent/file"}, "--password-file"},
		"no data":            {[]string{"rentmanager", "--listen", l, "--data", "/nonexistent/file"}, "--data"},
		"broken data":        {[]string{"rentmanager", "--listen", l, "--data", broken}, "testdata/pms/sample"},
		"unknown fault":      {[]string{"rentmanager", "--listen", l, "--fault", "rain"}, "rain"},
		"fault value":        {[]string{"rentmanager", "--listen", l, "--fault", "slow=soon"}, "soon"},
		"fault resource":     {[]string{"rentmanager", "--listen", l, "--fault", "bom@People"}, "People"},
		"base":               {[]string{"rentmanager", "--listen", l, "--base", "today"}, "base day"},
		"rate":               {[]string{"rentmanager", "--listen", l, "--rate", "0"}, "--rate"},
		"token life":         {[]string{"rentmanager", "--listen", l, "--token-life", "-1s"}, "--token-life"},
		"location":           {[]string{"rentmanager", "--listen", l, "--location", "0"}, "--location"},
		"empty user":         {[]string{"rentmanager", "--listen", l, "--user", ""}, "user"},
		"unknown flag":       {[]string{"rentmanager", "--port", "1"}, "--help"},
		"argument":           {[]string{"rentmanager", "--listen", l, "more"}, "1 arguments"},
		"sample to nowhere":  {[]string{"sample"}, "--out is missing"},
		"sample to a folder": {[]string{"sample", "--out", t.TempDir()}, "directory"},
		"version argument":   {[]string{"version", "x"}, "1 arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, err bytes.Buffer
			if code := run(t.Context(), tc.args, strings.NewReader(""), &out, &err); code != cli.WrongUsage {
				t.Errorf("exit %d, want %d", code, cli.WrongUsage)
			}
			if s := err.String(); !strings.Contains(s, tc.want) || strings.Count(s, "\n") != 1 || out.Len() != 0 {
				t.Errorf("stderr %q, stdout %q; want one line that says %q", s, out.String(), tc.want)
			}
		})
	}
}

func TestNothingSaid(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	if code := run(t.Context(), nil, strings.NewReader(""), &out, &err); code != cli.WrongUsage || !strings.Contains(err.String(), "rentmanager") {
		t.Errorf("exit %d %s", code, err.String())
	}
}

func TestATakenPortFails(t *testing.T) {
	t.Parallel()
	r := start(t, "rentmanager", "--listen", "127.0.0.1:0")
	defer r.stop()
	taken := strings.TrimPrefix(r.listen, "http://")
	var out, err bytes.Buffer
	code := run(t.Context(), []string{"rentmanager", "--listen", "127.0.0.1:0", "--control", taken}, strings.NewReader(""), &out, &err)
	if code != cli.Failed || !strings.Contains(err.String(), taken) || out.Len() != 0 {
		t.Errorf("exit %d, stderr %q, stdout %q", code, err.String(), out.String())
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		var out, err bytes.Buffer
		if code := run(t.Context(), []string{c.Name, "--help"}, strings.NewReader(""), &out, &err); code != cli.Done || !strings.Contains(out.String(), c.Example) {
			t.Errorf("%s --help: exit %d, %s", c.Name, code, out.String())
		}
	}
	var out, err bytes.Buffer
	run(t.Context(), []string{"rentmanager", "--help"}, strings.NewReader(""), &out, &err)
	for _, f := range []string{"--listen", "--control", "--data", "--fault", "--faults", "--user", "--password-file", "--location"} {
		if !strings.Contains(out.String(), "  "+f+" ") {
			t.Errorf("%s is not in the help", f)
		}
	}
	out.Reset()
	for _, args := range [][]string{{"--help"}, {"help"}, {"-h"}} {
		if code := run(t.Context(), args, strings.NewReader(""), &out, &err); code != cli.Done || !strings.Contains(out.String(), "rentmanager") {
			t.Errorf("%v: exit %d %s", args, code, out.String())
		}
	}
}

func TestFaultsAreListedOneALine(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	if code := run(t.Context(), []string{"rentmanager", "--faults"}, strings.NewReader(""), &out, &err); code != cli.Done {
		t.Fatalf("exit %d %s", code, err.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	all := rentmanagersim.FaultList().Faults
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d faults", len(lines), len(all))
	}
	for i, f := range all {
		if !strings.HasPrefix(lines[i], f.Name+" ") || !strings.Contains(lines[i], f.Line) {
			t.Errorf("line %q is not about %s", lines[i], f.Name)
		}
	}
}

func TestSampleCanBeReadBack(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sample.json")
	var out, err bytes.Buffer
	if code := run(t.Context(), []string{"sample", "--json", "--out", file}, strings.NewReader(""), &out, &err); code != cli.Done || !json.Valid(out.Bytes()) {
		t.Fatalf("exit %d %s %s", code, out.String(), err.String())
	}
	r := start(t, "rentmanager", "--listen", "127.0.0.1:0", "--data", file)
	defer r.stop()
	if code, body := r.call("GET", r.listen+"/Properties/27?fields=ShortName", "", r.login("api", "secret")); body != `{"ShortName":"KLN"}` {
		t.Errorf("%d %s", code, body)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	if code := run(t.Context(), []string{"version", "--json"}, strings.NewReader(""), &out, &err); code != cli.Done {
		t.Fatalf("exit %d %s", code, err.String())
	}
	var v versionInfo
	if e := json.Unmarshal(out.Bytes(), &v); e != nil || !v.OK || v.Version == "" || v.Commit == "" || !strings.HasPrefix(v.Go, "go") {
		t.Errorf("printed %s: %v", out.String(), e)
	}
	out.Reset()
	run(t.Context(), []string{"version"}, strings.NewReader(""), &out, &err)
	if !strings.HasPrefix(out.String(), "gatehouse-pmssim ") {
		t.Errorf("printed %q", out.String())
	}
}
