package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// startComelit runs the comelit command until it has printed its addresses. The test must call stop.
func startComelit(t *testing.T, args ...string) (*running, map[string]string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, cancel: cancel, code: make(chan int, 1), stderr: &bytes.Buffer{}}
	out, in := io.Pipe()
	args = append([]string{"comelit", "--icona", "127.0.0.1:0", "--web", "127.0.0.1:0"}, args...)
	go func() {
		code := run(ctx, args, in, r.stderr)
		_ = in.Close()
		r.code <- code
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var at map[string]string
	if err != nil || json.Unmarshal(line, &at) != nil {
		cancel()
		t.Fatalf("printed %q: %v; exit %d: %s", line, err, <-r.code, r.stderr)
	}
	r.listen, r.control = "http://"+at["web"], "http://"+at["control"]
	return r, at
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// All four sides of the program, with the secrets from files.
func TestComelitEndToEnd(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef0123456789abcdef"
	r, at := startComelit(t, "--udp", "127.0.0.1:0", "--control", "127.0.0.1:0", "--units", "12",
		"--token-file", secretFile(t, token+"\n"), "--token-slot", "9", "--password-file", secretFile(t, "s3cret\r\n"))
	defer r.stop()
	if len(at) != 4 {
		t.Fatalf("addresses %v", at)
	}
	if _, body := r.call("GET", r.control+"/users", ""); !strings.Contains(body, `"unit":0,"slot":9,"unit_name":"101","enabled":true,"kind":"app","name":"Gatehouse"`) ||
		!strings.Contains(body, `"unit_name":"202"`) {
		t.Errorf("users %s", body)
	}
	if _, body := r.call("GET", r.listen+"/users.html", ""); body != "LOGIN_IS_REQUIRED" {
		t.Errorf("web %s", body)
	}
	if code, _ := r.call("GET", r.listen+"/doorlog", ""); code != 404 {
		t.Errorf("the LAN side shows the control side: %d", code)
	}
	udp, err := net.Dial("udp", at["udp"])
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if _, err := udp.Write(append([]byte("INFO"), make([]byte, 8)...)); err != nil {
		t.Fatal(err)
	}
	info := make([]byte, 500)
	if n, err := udp.Read(info); err != nil || n != 160 || string(info[:4]) != "info" {
		t.Errorf("%d bytes, %v", n, err)
	}
	tcp, err := net.Dial("tcp", at["icona"])
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	open := "\x00\x06\x0f\x00\x00\x00\x00\x00\xcd\xab\x01\x00\x07\x00\x00\x00UAUT\x76\x5f\x00"
	if _, err := io.WriteString(tcp, open); err != nil {
		t.Fatal(err)
	}
	ack := make([]byte, 20)
	if _, err := io.ReadFull(tcp, ack); err != nil || string(ack[8:12]) != "\xcd\xab\x02\x00" {
		t.Errorf("% x, %v", ack, err)
	}
	if code, body := r.call("POST", r.control+"/ring", `{"name":"202"}`); code != 200 || !strings.Contains(body, "monitor") {
		t.Errorf("ring %d %s", code, body)
	}
}

func TestComelitStartFaultsAndFewerSides(t *testing.T) {
	t.Parallel()
	r, at := startComelit(t, "--fault", "http-500", "--fault", "slow=1ms")
	defer r.stop()
	if len(at) != 2 {
		t.Errorf("sides nobody asked for: %v", at)
	}
	if code, _ := r.call("GET", r.listen+"/", ""); code != 500 {
		t.Errorf("with a fault from the start: %d", code)
	}
}

func TestComelitWrongUsage(t *testing.T) {
	t.Parallel()
	both := []string{"comelit", "--icona", "127.0.0.1:0", "--web", "127.0.0.1:0"}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no icona":      {[]string{"comelit", "--web", "127.0.0.1:0"}, "--icona is missing"},
		"no web":        {[]string{"comelit", "--icona", "127.0.0.1:0"}, "--web is missing"},
		"open icona":    {[]string{"comelit", "--icona", "0.0.0.0:0", "--web", "127.0.0.1:0"}, "only loopback"},
		"open web":      {[]string{"comelit", "--icona", "127.0.0.1:0", "--web", "192.0.2.1:80"}, "only loopback"},
		"open udp":      {append(both, "--udp", "0.0.0.0:0"), "--udp 0.0.0.0:0"},
		"open control":  {append(both, "--control", "[::]:0"), "only loopback"},
		"units":         {append(both, "--units", "0"), "--units 0"},
		"too many":      {append(both, "--units", "3000"), "3000 units"},
		"token file":    {append(both, "--token-file", "/nonexistent/file"), "/nonexistent/file"},
		"token":         {append(both, "--token-file", secretFile(t, "abc")), "32 hexadecimal"},
		"token slot":    {append(both, "--token-slot", "16"), "slot 16"},
		"empty secret":  {append(both, "--password-file", secretFile(t, "\n")), "is empty"},
		"unknown fault": {append(both, "--fault", "rain"), "rain"},
		"fault value":   {append(both, "--fault", "slow=soon"), "soon"},
		"argument":      {append(both, "more"), "more"},
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

func TestComelitHelpAndFaultList(t *testing.T) {
	t.Parallel()
	var out, err bytes.Buffer
	run(t.Context(), []string{"comelit", "--help"}, &out, &err)
	for _, f := range []string{"--icona", "--web", "--udp", "--units", "--token-file", "--password-file", "--control", "--fault", "--faults"} {
		if !strings.Contains(out.String(), "  "+f+" ") {
			t.Errorf("%s is not in the help", f)
		}
	}
	out.Reset()
	if code := run(t.Context(), []string{"comelit", "--faults"}, &out, &err); code != exitDone {
		t.Fatalf("exit %d %s", code, err.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	all := comelitsim.FaultList().Faults
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d faults", len(lines), len(all))
	}
	for i, f := range all {
		if !strings.HasPrefix(lines[i], f.Name+" ") || !strings.Contains(lines[i], f.Line) {
			t.Errorf("line %q is not about %s", lines[i], f.Name)
		}
	}
}
