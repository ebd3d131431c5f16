package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/agent/internal/osservice"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// service runs a service command by itself.
func service(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := cli.Program{Name: "gatehouse-agent", Commands: serviceCommands()}
	code := p.Run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestTowardsE1_EveryServiceCommandIsThere(t *testing.T) {
	var got []string
	for _, c := range serviceCommands() {
		got = append(got, c.Name)
		if code, out, _ := service(t, c.Name, "--help"); code != cli.Done || !strings.Contains(out, "example: gatehouse-agent "+c.Name) {
			t.Errorf("%s --help: exit %d, %q", c.Name, code, out)
		}
		if code, _, _ := service(t, c.Name, "now"); code != cli.WrongUsage {
			t.Errorf("%s with an argument too many: exit %d", c.Name, code)
		}
	}
	if strings.Join(got, " ") != "install uninstall start stop status" {
		t.Errorf("commands: %q", got)
	}
}

func TestTowardsE1_InstallPrint(t *testing.T) {
	code, out, errs := service(t, "install", "--print", "--config", "/etc/gatehouse/agent.toml")
	if code != cli.Done || !strings.Contains(out, `"run" "--config" "/etc/gatehouse/agent.toml"`) || !strings.Contains(out, "Type=notify") {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	var v struct {
		OK   bool
		Unit string
	}
	if _, js, _ := service(t, "install", "--print", "--json", "--config", "/etc/gatehouse/agent.toml"); json.Unmarshal([]byte(js), &v) != nil || !v.OK || v.Unit != out {
		t.Errorf("--json gave %q", js)
	}
}

// TestTowardsE1_InstallRefusesWhatCouldNotStart: before it asks systemd anything.
func TestTowardsE1_InstallRefusesWhatCouldNotStart(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(bad, []byte("listenn = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, config := range []string{bad, bad + ".missing"} {
		code, out, errs := service(t, "install", "--json", "--config", config)
		if code != cli.WrongUsage || !strings.Contains(out, `"ok":false`) || strings.Count(errs, "\n") != 1 {
			t.Errorf("exit %d, %q, %q", code, out, errs)
		}
	}
}

// TestTowardsE1_WithoutSystemd: each command says so, in one line with a remedy. Where systemd runs, status answers.
func TestTowardsE1_WithoutSystemd(t *testing.T) {
	if _, err := os.Lstat("/run/systemd/system"); err == nil {
		code, out, _ := service(t, "status", "--json")
		if code != cli.Done || !strings.Contains(out, `"ok":true`) {
			t.Errorf("status: exit %d, %q", code, out)
		}
		return
	}
	for _, name := range []string{"uninstall", "start", "stop", "status"} {
		code, out, errs := service(t, name, "--json")
		var v struct {
			OK    bool
			Error cli.Error
		}
		if err := json.Unmarshal([]byte(out), &v); err != nil || v.OK || v.Error.Kind != "unsupported" || v.Error.Remedy == "" {
			t.Errorf("%s: %q %v", name, out, err)
		}
		if code != cli.Unsupported || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, %q", name, code, errs)
		}
	}
}

func TestTowardsE1_StatusForAPerson(t *testing.T) {
	tests := map[string]osservice.State{
		"Not installed. Install it with: gatehouse-agent install": {},
		"Running since now (process 7, restarted by systemd 0 times): enforcing doors.": {
			Installed: true, Running: true, Since: "now", PID: "7", Restarts: "0", Says: "enforcing doors"},
		"Installed and not running: nobody's access begins or ends. Start it with: gatehouse-agent start":                         {Installed: true, State: "inactive"},
		"Installed and activating (auto-restart, the last run ended with watchdog). Look at: journalctl -u gatehouse-agent -n 50": {Installed: true, State: "activating", Detail: "auto-restart", Result: "watchdog"},
	}
	for want, s := range tests {
		if got := stateText(s); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		var out bytes.Buffer
		if err := tellState(&cli.Call{Stdout: &out, JSON: true}, s, want); err != nil || !strings.HasPrefix(out.String(), `{"ok":true,"service":"gatehouse-agent","installed":`) {
			t.Errorf("%q %v", out.String(), err)
		}
	}
}

// fakeGateway calls ready as an agent does, from Run.
type fakeGateway struct {
	ready func()
	run   func() error
	asked chan struct{}
}

func (g *fakeGateway) Says() string { return "" }

func (g *fakeGateway) Run(context.Context) error { g.ready(); return g.run() }
func (g *fakeGateway) Alive() error              { g.asked <- struct{}{}; return nil }

// TestTowardsE1_ServeTellsTheManagerAndAsksTheGateway: READY comes from the gateway, the ping from its proof of life.
func TestTowardsE1_ServeTellsTheManagerAndAsksTheGateway(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "60000000")
	t.Setenv("WATCHDOG_PID", "")
	asked := make(chan struct{})
	done := errors.New("done")
	err = serve(t.Context(), slog.New(slog.DiscardHandler), func(_ context.Context, ready func()) (gateway, error) {
		return &fakeGateway{ready: ready, asked: asked, run: func() error { <-asked; return done }}, nil
	})
	if !errors.Is(err, done) {
		t.Errorf("ended with %v", err)
	}
	b := make([]byte, 100)
	n, err := conn.Read(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "READY=1\n") {
		t.Errorf("the first word was %q %v", b[:n], err)
	}
}

func TestTowardsE1_ServeEndsWhenTheGatewayCannotBeMade(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	err := serve(t.Context(), slog.New(slog.DiscardHandler), func(context.Context, func()) (gateway, error) {
		return nil, fault.New(fault.Conflict, "open", "site.db", "another program holds it")
	})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("ended with %v", err)
	}
}
