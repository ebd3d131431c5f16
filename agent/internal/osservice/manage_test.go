package osservice

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access/fault"
)

// box is a fake machine with systemd: what the library and systemctl were asked, and what they say.
type box struct {
	asked   []string
	show    string // what systemctl show says
	fails   map[string]error
	install func() error
}

func (b *box) do(what string) error {
	b.asked = append(b.asked, what)
	return b.fails[what]
}

func (b *box) Install() error {
	if err := b.do("install"); err != nil || b.install == nil {
		return err
	}
	return b.install()
}
func (b *box) Uninstall() error { return b.do("uninstall") }
func (b *box) Start() error     { return b.do("start") }
func (b *box) Stop() error      { return b.do("stop") }

func (b *box) systemctl(_ context.Context, args ...string) (string, error) {
	if args[0] != "show" {
		return "", b.do("systemctl " + strings.Join(args, " "))
	}
	return b.show, b.fails["show"]
}

// manager is a Manager on the fake machine, with folders of its own.
func (b *box) manager(t *testing.T) *Manager {
	t.Helper()
	m, err := NewManager("/usr/local/bin/gatehouse-agent", "/etc/gatehouse/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	m.svc, m.systemctl, m.running = b, b.systemctl, func() bool { return true }
	m.unitDir, m.packaged = t.TempDir(), []string{t.TempDir()}
	m.knowsUser = func(name string) bool { return name == User }
	return m
}

const (
	showActive = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nFragmentPath=/etc/systemd/system/gatehouse-agent.service\nUnitFileState=enabled\nMainPID=72\nNRestarts=3\nStatusText=enforcing doors\nStateChangeTimestamp=Sun 2026-11-22 14:40:01 UTC\n"
	showRests  = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nUnitFileState=disabled\nMainPID=0\nNRestarts=0\nStatusText=\n"
	showFailed = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nUnitFileState=enabled\nMainPID=0\nNRestarts=7\n"
	showEnding = "LoadState=loaded\nActiveState=deactivating\nSubState=stop-sigterm\nResult=success\nMainPID=72\nNRestarts=0\n"
	showNone   = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\nMainPID=0\nNRestarts=0\n"
)

func TestTowardsE1_State(t *testing.T) {
	tests := map[string]State{
		showActive: {Installed: true, Running: true, Enabled: true, State: "active", Detail: "running", Result: "success", Unit: "/etc/systemd/system/gatehouse-agent.service", PID: "72", Restarts: "3", Says: "enforcing doors", Since: "Sun 2026-11-22 14:40:01 UTC"},
		showRests:  {Installed: true, State: "inactive", Detail: "dead", Result: "success", Restarts: "0"},
		showFailed: {Installed: true, Enabled: true, State: "activating", Detail: "auto-restart", Result: "exit-code", Restarts: "7"},
		// The library says "not installed" to this.
		showEnding: {Installed: true, State: "deactivating", Detail: "stop-sigterm", Result: "success", PID: "72", Restarts: "0"},
		showNone:   {State: "inactive", Detail: "dead", Result: "success", Restarts: "0"},
	}
	for show, want := range tests {
		b := &box{show: show}
		got, err := b.manager(t).State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s(-want +got):\n%s", show, diff)
		}
	}
}

// TestOnlyUnderARunningSystemd: in an image that is being built the library guesses, and guesses wrong.
func TestOnlyUnderARunningSystemd(t *testing.T) {
	b := &box{show: showActive}
	m := b.manager(t)
	m.running = func() bool { return false }
	calls := map[string]func() error{
		"install":   func() error { _, err := m.Install(t.Context()); return err },
		"uninstall": func() error { _, err := m.Uninstall(t.Context()); return err },
		"start":     func() error { return m.Start(t.Context()) },
		"stop":      func() error { return m.Stop(t.Context()) },
		"status":    func() error { _, err := m.State(t.Context()); return err },
	}
	for name, call := range calls {
		if err := call(); fault.KindOf(err) != fault.Unsupported || fault.RemedyOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.asked) != 0 {
		t.Errorf("asked %q all the same", b.asked)
	}
}

func TestTowardsE1_StartAndStop(t *testing.T) {
	denied := errors.New("Failed to start gatehouse-agent.service: Access denied")
	broken := errors.New("exit status 1")
	tests := map[string]struct {
		show  string
		fails map[string]error
		kind  fault.Kind
		says  string
		asked []string
	}{
		"well":          {show: showRests, asked: []string{"start", "stop"}},
		"not installed": {show: showNone, kind: fault.Conflict, says: "it is not installed"},
		"not root":      {show: showRests, fails: map[string]error{"start": denied, "stop": denied}, kind: fault.Denied, says: "Access denied", asked: []string{"start", "stop"}},
		"does not come up": {show: showFailed, fails: map[string]error{"start": broken, "stop": broken}, kind: fault.Internal,
			says: "it is activating (auto-restart), its last run ended with exit-code", asked: []string{"start", "stop"}},
		"systemd does not answer": {fails: map[string]error{"show": broken}, kind: fault.Internal, says: "exit status 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &box{show: tt.show, fails: tt.fails}
			m := b.manager(t)
			for _, err := range []error{m.Start(t.Context()), m.Stop(t.Context())} {
				if (err == nil) != (tt.says == "") || err != nil && (fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says)) {
					t.Errorf("%v, want %v and %q", err, tt.kind, tt.says)
				}
			}
			if diff := cmp.Diff(tt.asked, b.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func put(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "gatehouse-agent.service")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTowardsE1_InstallOnAFreshBox(t *testing.T) {
	b := &box{show: showNone}
	if changed, err := b.manager(t).Install(t.Context()); err != nil || !changed {
		t.Errorf("%v %v", changed, err)
	}
	if diff := cmp.Diff([]string{"install"}, b.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// TestTowardsE1_InstallAgain: the library would say "Init already exists".
func TestTowardsE1_InstallAgain(t *testing.T) {
	b := &box{show: showActive}
	m := b.manager(t)
	put(t, m.unitDir, m.Unit())
	if changed, err := m.Install(t.Context()); err != nil || changed || len(b.asked) != 0 {
		t.Errorf("over the same unit: %v %v, asked %q", changed, err, b.asked)
	}
	old := put(t, m.unitDir, mark+" an older version\n[Service]\nExecStart=/opt/old\n")
	if changed, err := m.Install(t.Context()); err != nil || !changed {
		t.Errorf("over an older unit: %v %v", changed, err)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != m.Unit() {
		t.Errorf("the unit is now %q %v", got, err)
	}
	if diff := cmp.Diff([]string{"systemctl daemon-reload", "systemctl enable gatehouse-agent.service"}, b.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	put(t, m.unitDir, "") // what the library leaves behind when it fails half-way
	if changed, err := m.Install(t.Context()); err != nil || !changed {
		t.Errorf("over an empty unit: %v %v", changed, err)
	}
	if entries, err := os.ReadDir(m.unitDir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestTowardsE1_InstallRefuses(t *testing.T) {
	tests := map[string]struct {
		with func(t *testing.T, m *Manager)
		kind fault.Kind
		says string
	}{
		"a unit of the package":   {func(t *testing.T, m *Manager) { t.Helper(); put(t, m.packaged[0], "[Unit]\n") }, fault.Conflict, "a package brought"},
		"somebody else's unit":    {func(t *testing.T, m *Manager) { t.Helper(); put(t, m.unitDir, "[Unit]\nDescription=mine\n") }, fault.Conflict, "is not from here"},
		"no user":                 {func(_ *testing.T, m *Manager) { m.knowsUser = func(string) bool { return false } }, fault.Invalid, "there is no user gatehouse"},
		"a program in a home":     {func(_ *testing.T, m *Manager) { m.exe = "/home/" + "ann/gatehouse-agent" }, fault.Invalid, "does not see files below /home/"},
		"a configuration in /tmp": {func(_ *testing.T, m *Manager) { m.config = "/tmp/agent.toml" }, fault.Invalid, "does not see files below /tmp/"},
		"a relative path":         {func(_ *testing.T, m *Manager) { m.config = "agent.toml" }, fault.Invalid, "absolute path"},
		"a path with a specifier": {func(_ *testing.T, m *Manager) { m.exe = "/opt/100%/agent" }, fault.Invalid, "without blanks"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &box{show: showNone}
			m := b.manager(t)
			tt.with(t, m)
			_, err := m.Install(t.Context())
			if fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %v and %q", err, tt.kind, tt.says)
			}
			if len(b.asked) != 0 {
				t.Errorf("asked %q all the same", b.asked)
			}
		})
	}
}

// TestAnInstallThatFailsLeavesNothing: the library makes the file before it knows what goes in.
func TestAnInstallThatFailsLeavesNothing(t *testing.T) {
	b := &box{show: showNone}
	m := b.manager(t)
	b.install = func() error { put(t, m.unitDir, ""); return errors.New("template: unknown key") }
	if _, err := m.Install(t.Context()); fault.KindOf(err) != fault.Internal {
		t.Errorf("got %v", err)
	}
	if exists(m.unitPath()) {
		t.Error("an empty unit is left")
	}
}

func TestTowardsE1_Uninstall(t *testing.T) {
	tests := map[string]struct {
		show  string
		files func(t *testing.T, m *Manager)
		asked []string
		kind  fault.Kind // with says
		says  string
	}{
		"running":       {show: showActive, files: func(t *testing.T, m *Manager) { t.Helper(); put(t, m.unitDir, m.Unit()) }, asked: []string{"stop", "uninstall"}},
		"trying":        {show: showFailed, files: func(t *testing.T, m *Manager) { t.Helper(); put(t, m.unitDir, m.Unit()) }, asked: []string{"stop", "uninstall"}},
		"resting":       {show: showRests, files: func(t *testing.T, m *Manager) { t.Helper(); put(t, m.unitDir, m.Unit()) }, asked: []string{"uninstall"}},
		"not installed": {show: showNone, files: func(*testing.T, *Manager) {}},
		"from a package": {show: showActive, files: func(t *testing.T, m *Manager) { t.Helper(); put(t, m.packaged[0], "[Unit]\n") },
			kind: fault.Conflict, says: "a package brought"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &box{show: tt.show}
			m := b.manager(t)
			tt.files(t, m)
			changed, err := m.Uninstall(t.Context())
			if tt.says != "" {
				if fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, want %v and %q", err, tt.kind, tt.says)
				}
			} else if err != nil || changed != (len(tt.asked) > 0) {
				t.Errorf("changed %v, %v", changed, err)
			}
			if diff := cmp.Diff(tt.asked, b.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
