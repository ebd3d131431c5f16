package osservice

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/protocol/access/fault"
)

// mark is the first line of a unit that Install wrote, and of no other.
const mark = "# Written by gatehouse-agent install;"

// Install makes the service start with the box; it does not start it. Over a unit that an earlier
// Install wrote it writes the new one, and a running service keeps running on the old one until it is
// started anew. It refuses, with kind conflict, a unit of a package or of another hand, and, with kind
// invalid, paths that the unit's own restrictions would hide from it. changed is false when all was so already.
func (m *Manager) Install(ctx context.Context) (changed bool, err error) {
	if err := errors.Join(m.supported("install"), m.reachable()); err != nil {
		return false, err
	}
	if unit := m.fromPackage(); unit != "" {
		return false, fault.New(fault.Conflict, "install", "the service", "a package brought %s already", unit).
			WithRemedy("Leave it to the package; start it with: gatehouse-agent start")
	}
	if !m.knowsUser(User) {
		return false, fault.New(fault.Invalid, "install", "the service", "there is no user %s to run it as", User).
			WithRemedy("Make it with: useradd --system --user-group --home-dir /var/lib/gatehouse --no-create-home --shell /usr/sbin/nologin %s", User)
	}
	old, err := os.ReadFile(m.unitPath())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true, m.installNew()
	case err != nil:
		return false, refusal("install", err)
	case len(old) > 0 && !strings.HasPrefix(string(old), mark):
		return false, fault.New(fault.Conflict, "install", "the service", "%s is not from here", m.unitPath()).
			WithRemedy("Look at it; if nobody needs it, remove it and install again.")
	}
	text := m.Unit()
	if string(old) == text {
		return false, nil
	}
	return true, m.replace(ctx, text)
}

// installNew leaves it to the library, and leaves nothing behind when that fails half-way.
func (m *Manager) installNew() error {
	err := m.svc.Install()
	if b, rerr := os.ReadFile(m.unitPath()); err != nil && rerr == nil && len(b) == 0 {
		err = errors.Join(err, os.Remove(m.unitPath()))
	}
	return refusal("install", err)
}

// replace brings a unit of ours up to date in one step, so that a power cut leaves the old or the new.
func (m *Manager) replace(ctx context.Context, text string) error {
	tmp := m.unitPath() + ".new"
	if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
		return refusal("install", err)
	}
	if err := os.Rename(tmp, m.unitPath()); err != nil {
		return refusal("install", errors.Join(err, os.Remove(tmp)))
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", Name + ".service"}} {
		if _, err := m.systemctl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// Uninstall stops the service and takes its unit away; state, configuration and user stay. Without a
// unit it does nothing. changed says whether there was one.
func (m *Manager) Uninstall(ctx context.Context) (changed bool, err error) {
	s, err := m.State(ctx)
	if err != nil {
		return false, err
	}
	if !exists(m.unitPath()) {
		if unit := m.fromPackage(); unit != "" {
			return false, fault.New(fault.Conflict, "uninstall", "the service", "a package brought %s", unit).
				WithRemedy("Remove the package instead: apt remove gatehouse-agent")
		}
		return false, nil
	}
	if s.State != "inactive" && s.State != "failed" {
		if err := m.svc.Stop(); err != nil {
			return false, refusal("stop", err)
		}
	}
	return true, refusal("uninstall", m.svc.Uninstall())
}

// reachable refuses what the unit hides from the service: the files of people and of /tmp, and a
// name that a unit cannot hold.
func (m *Manager) reachable() error {
	for _, path := range []string{m.exe, m.config} {
		if !filepath.IsAbs(path) || strings.ContainsAny(path, "\"'\\%$ \n\t") {
			return fault.New(fault.Invalid, "install", path, "a unit needs an absolute path without blanks, quotes, %% and $")
		}
		for _, hidden := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
			if strings.HasPrefix(path, hidden) {
				return fault.New(fault.Invalid, "install", path, "the service does not see files below %s", hidden).
					WithRemedy("Put the program into /usr/local/bin and the configuration into /etc/gatehouse.")
			}
		}
	}
	return nil
}

// Unit is the unit's text for this program and configuration, as Install writes it.
func (m *Manager) Unit() string {
	return strings.NewReplacer(
		"{{Path | cmdEscape}}", m.exe, "{{range Arguments}} {{. | cmd}}{{end}}", ` "run" "--config" "`+m.config+`"`, "{{UserName}}", User,
	).Replace(unitTemplate)
}
