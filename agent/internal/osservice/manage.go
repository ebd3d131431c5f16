package osservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kardianos/service"

	"gatehouse/protocol/access/fault"
)

// Manager installs the service and steers it. Only Linux with a running systemd can be steered; all
// its methods answer with a fault of kind unsupported elsewhere, also while a disk image is built.
type Manager struct {
	svc       steered
	unitDir   string   // where a tarball's unit goes
	packaged  []string // where a package's unit would be
	running   func() bool
	systemctl func(ctx context.Context, args ...string) (string, error)
	knowsUser func(name string) bool
	exe       string // the program that the unit starts
	config    string // its configuration
}

// steered is what is used of the library's service.
type steered interface {
	Install() error
	Uninstall() error
	Start() error
	Stop() error
}

// State is what systemd says of the service.
type State struct {
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"`
	Enabled   bool   `json:"enabled"`         // starts with the box
	State     string `json:"state"`           // systemd's word: active, inactive, failed, activating, deactivating
	Detail    string `json:"detail"`          // and its second: running, dead, auto-restart, start
	Result    string `json:"result"`          // of the last run: success, exit-code, signal, watchdog, timeout
	Unit      string `json:"unit"`            // the unit's file, "" when there is none
	PID       string `json:"pid,omitempty"`   // while it runs
	Restarts  string `json:"restarts"`        // by systemd itself, since it was started
	Says      string `json:"says,omitempty"`  // what the gateway says of itself
	Since     string `json:"since,omitempty"` // of State, as systemd writes it
}

// NewManager is for the program at exe and its configuration file; both paths must be absolute.
func NewManager(exe, config string) (*Manager, error) {
	svc, err := service.New(hooks{}, &service.Config{
		Name: Name, Description: "Gatehouse gateway: doors follow the lease, also without the internet",
		Executable: exe, Arguments: []string{"run", "--config", config}, UserName: User,
		Option: service.KeyValue{"SystemdScript": unitTemplate},
	})
	if err != nil {
		return nil, fault.Wrap(fault.Unsupported, "find", "the service manager", err)
	}
	return &Manager{
		svc: svc, unitDir: "/etc/systemd/system", packaged: []string{"/lib/systemd/system", "/usr/lib/systemd/system"},
		running: systemdRuns, systemctl: systemctl, exe: exe, config: config,
		knowsUser: func(name string) bool { _, err := user.Lookup(name); return err == nil },
	}, nil
}

// systemdRuns is sd_booted(3). The library's own detection also says yes where systemd is only present.
func systemdRuns() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir() && service.Platform() == "linux-systemd"
}

func systemctl(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", refusal("ask", errors.New(strings.TrimSpace(stderr.String()+" "+err.Error())))
	}
	return string(out), nil
}

// refusal gives an error of the library or of systemctl, which is text, a kind.
func refusal(op string, err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	for _, word := range []string{"permission denied", "access denied", "authentication required", "operation not permitted"} {
		if strings.Contains(text, word) || errors.Is(err, fs.ErrPermission) {
			return fault.New(fault.Denied, op, "the service", "%w", err).WithRemedy("Do it as root, for example with sudo.")
		}
	}
	return fault.New(fault.Internal, op, "the service", "%w", err).WithRemedy("Look at: journalctl -u %s -n 50", Name)
}

func (m *Manager) supported(op string) error {
	if m.running() {
		return nil
	}
	return fault.New(fault.Unsupported, op, "the service", "systemd does not run here").
		WithRemedy("Run the gateway in the foreground with: gatehouse-agent run; into an image put the .deb, or the unit with: gatehouse-agent install --print")
}

// State asks systemd. A service that is not installed is an answer, not an error.
func (m *Manager) State(ctx context.Context) (State, error) {
	if err := m.supported("look at"); err != nil {
		return State{}, err
	}
	out, err := m.systemctl(ctx, "show", Name+".service", "--no-pager", "--property",
		"LoadState,ActiveState,SubState,Result,FragmentPath,UnitFileState,MainPID,NRestarts,StatusText,StateChangeTimestamp")
	if err != nil {
		return State{}, err
	}
	return stateOf(out), nil
}

func stateOf(show string) State {
	p := map[string]string{}
	for line := range strings.Lines(show) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		p[key] = value
	}
	s := State{
		Installed: p["LoadState"] != "not-found" && p["LoadState"] != "", State: p["ActiveState"], Detail: p["SubState"], Result: p["Result"],
		Running: p["ActiveState"] == "active", Enabled: p["UnitFileState"] == "enabled", Unit: p["FragmentPath"],
		Restarts: p["NRestarts"], Says: p["StatusText"], Since: p["StateChangeTimestamp"],
	}
	if p["MainPID"] != "0" {
		s.PID = p["MainPID"]
	}
	return s
}

// Start starts the service and returns when doors are enforced, which the service itself tells
// systemd. Starting one that runs does nothing.
func (m *Manager) Start(ctx context.Context) error { return m.steer(ctx, "start", m.svc.Start) }

// Stop stops the service and returns when it has let go. Doors stay as they are; nothing changes on
// them until it runs again. Stopping one that rests does nothing.
func (m *Manager) Stop(ctx context.Context) error { return m.steer(ctx, "stop", m.svc.Stop) }

func (m *Manager) steer(ctx context.Context, op string, do func() error) error {
	s, err := m.State(ctx)
	if err != nil {
		return err
	}
	if !s.Installed {
		return fault.New(fault.Conflict, op, "the service", "it is not installed").WithRemedy("Install it first: gatehouse-agent install")
	}
	return m.explain(ctx, op, do())
}

// explain adds to a refusal, which says little more than no, what systemd says of the service.
func (m *Manager) explain(ctx context.Context, op string, err error) error {
	if err == nil || fault.KindOf(refusal(op, err)) == fault.Denied {
		return refusal(op, err)
	}
	if s, serr := m.State(ctx); serr == nil {
		err = fmt.Errorf("it is %s (%s), its last run ended with %s: %w", s.State, s.Detail, s.Result, err)
	}
	return refusal(op, err)
}

// unitPath is where a tarball's unit is.
func (m *Manager) unitPath() string { return filepath.Join(m.unitDir, Name+".service") }

// fromPackage is the unit that a package put there, or "".
func (m *Manager) fromPackage() string {
	i := slices.IndexFunc(m.packaged, func(dir string) bool { return exists(filepath.Join(dir, Name+".service")) })
	if i < 0 {
		return ""
	}
	return filepath.Join(m.packaged[i], Name+".service")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
