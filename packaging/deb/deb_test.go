package deb

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/prototest/realserver"
)

// build makes the package of one version for this machine.
func build(t *testing.T, arch, version string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "build.sh", dir, arch)
	cmd.Env = append(os.Environ(), "VERSION="+version, "COMMIT=0123456789ab", "SOURCE_DATE_EPOCH=1700000000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "gatehouse-agent_"+strings.TrimPrefix(version, "v")+"_"+arch+".deb")
	if strings.TrimSpace(string(out)) != file {
		t.Fatalf("build.sh said %q, want %q", out, file)
	}
	return file
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// TestTowardsE1_ThePackageFromInstallToPurge: what stays and what goes is what README.md says.
func TestTowardsE1_ThePackageFromInstallToPurge(t *testing.T) {
	dpkg := realserver.Binary(t, "dpkg")
	arch := run(t, dpkg, "--print-architecture")
	first, second := build(t, arch, "v1.0.0"), build(t, arch, "v1.1.0")
	t.Run("two builds give the same bytes", func(t *testing.T) { sameBytes(t, first, build(t, arch, "v1.0.0")) })
	t.Run("what is in it", func(t *testing.T) { contents(t, first) })

	if os.Geteuid() != 0 {
		realserver.Binary(t, needsRoot)
	}
	t.Run("life", func(t *testing.T) { life(t, dpkg, first, second) })
	t.Run("beside the cloud", func(t *testing.T) {
		r := newRoot(t, dpkg)
		r.dpkg("--install", first)
		r.write("etc/gatehouse/cloud.toml", "listen = \"\"\n")
		r.dpkg("--purge", "gatehouse-agent")
		r.check("purged", []string{"etc/gatehouse/cloud.toml"}, []string{"etc/gatehouse/agent.toml", "var/lib/gatehouse"})
	})
	t.Run("over a tarball's unit", func(t *testing.T) {
		r := newRoot(t, dpkg)
		r.write(localUnit, "# Written by gatehouse-agent install; …\n[Service]\n")
		r.dpkg("--install", first)
		r.check("installed", []string{localUnit + ".before-package", packageUnit}, []string{localUnit})
	})
	t.Run("over somebody else's unit", func(t *testing.T) {
		r := newRoot(t, dpkg)
		r.write(localUnit, "[Service]\n")
		r.dpkg("--install", first)
		r.check("installed", []string{localUnit, packageUnit}, nil)
	})
}

// needsRoot is what the test asks for in vain when it is not run as root: dpkg changes its root directory.
const needsRoot = "dpkg run as root"

const (
	localUnit   = "etc/systemd/system/gatehouse-agent.service"
	packageUnit = "usr/lib/systemd/system/gatehouse-agent.service"
)

func life(t *testing.T, dpkg, first, second string) {
	t.Helper()
	r := newRoot(t, dpkg)
	program, config, secret, state := "usr/bin/gatehouse-agent", "etc/gatehouse/agent.toml", "etc/gatehouse/lobby.password", "var/lib/gatehouse/site.db"
	all := []string{program, config, secret, state, packageUnit, "usr/share/doc/gatehouse-agent/changelog.Debian.gz"}

	r.dpkg("--install", first)
	r.check("installed", []string{program, config, packageUnit, "var/lib/gatehouse"}, nil)
	r.user(true)
	r.owned("var/lib/gatehouse", 0o700)
	r.asked("enabled, reloaded, not started", "helper unmask", "helper --quiet was-enabled", "helper enable", "systemctl daemon-reload", "systemctl show")

	r.write(config, "listen = \"127.0.0.1:9000\"\n")
	r.write(secret, "secret\n")
	r.write(state, "state")
	r.dpkg("--install", second)
	r.check("upgraded at rest", all, nil)
	r.user(true)
	r.holds(config, "listen = \"127.0.0.1:9000\"\n")
	r.asked("reloaded, left at rest", "helper unmask", "helper --quiet was-enabled", "helper enable", "systemctl daemon-reload", "systemctl show")

	r.write("active", "active")
	r.dpkg("--install", first)
	r.asked("restarted once, at the end", "helper unmask", "helper --quiet was-enabled", "helper enable", "systemctl daemon-reload", "systemctl show", "invoke restart")
	r.holds(state, "state")

	r.dpkg("--remove", "gatehouse-agent")
	r.check("removed", []string{config, secret, state}, []string{program, packageUnit, "usr/share/doc/gatehouse-agent"})
	r.user(true)
	r.holds(state, "state")
	r.holds(config, "listen = \"127.0.0.1:9000\"\n")
	r.asked("stopped", "invoke stop", "systemctl daemon-reload", "helper mask")

	r.dpkg("--install", second)
	r.check("installed again", all, nil)
	r.holds(state, "state")
	r.asked("enabled again", "helper unmask", "helper --quiet was-enabled", "helper enable", "systemctl daemon-reload", "systemctl show", "invoke restart")

	r.dpkg("--purge", "gatehouse-agent")
	r.check("purged", nil, append(all, "var/lib/gatehouse", "etc/gatehouse"))
	r.user(false)
	r.asked("stopped and forgotten", "invoke stop", "systemctl daemon-reload", "helper mask", "helper purge", "helper unmask")
}

func sameBytes(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Error("they differ")
	}
}

// contents checks what a listing shows: files, modes and owners, and what is said of the package.
func contents(t *testing.T, file string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(run(t, realserver.Binary(t, "dpkg-deb"), "--contents", file)) {
		f := strings.Fields(line)
		if !strings.HasSuffix(f[5], "/") {
			got = append(got, f[0]+" "+strings.ReplaceAll(f[1], "0/0", "root/root")+" "+f[5])
		}
	}
	want := []string{
		"-rw-r--r-- root/root ./etc/gatehouse/agent.toml",
		"-rwxr-xr-x root/root ./usr/bin/gatehouse-agent",
		"-rw-r--r-- root/root ./usr/lib/systemd/system/gatehouse-agent.service",
		"-rw-r--r-- root/root ./usr/share/doc/gatehouse-agent/METRICS.md",
		"-rw-r--r-- root/root ./usr/share/doc/gatehouse-agent/README.md",
		"-rw-r--r-- root/root ./usr/share/doc/gatehouse-agent/RUNBOOK.md",
		"-rw-r--r-- root/root ./usr/share/doc/gatehouse-agent/changelog.Debian.gz",
		"-rw-r--r-- root/root ./usr/share/doc/gatehouse-agent/copyright",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := run(t, "dpkg-deb", "--field", file, "Package", "Version", "Depends"); got != "Package: gatehouse-agent\nVersion: 1.0.0\nDepends: passwd, tzdata, init-system-helpers (>= 1.54)" {
		t.Errorf("control: %s", got)
	}
	if got := run(t, "dpkg-deb", "--info", file, "conffiles"); got != "/etc/gatehouse/agent.toml" {
		t.Errorf("conffiles: %s", got)
	}
}

// TestThePackagedProgramIsTheOneOfMakeBuild: with the same flags.
func TestThePackagedProgramIsTheOneOfMakeBuild(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("build.sh")
	if err != nil {
		t.Fatal(err)
	}
	const flags = `sed -n '/^-/p' packaging/buildflags`
	for name, want := range map[string]bool{
		"make reads the flags": strings.Contains(string(makefile), "FLAGS    := $(shell "+flags+")\n"),
		"make uses them":       strings.Contains(string(makefile), "$(GO) build $(FLAGS) -ldflags '-s -w -X main.version="),
		"build.sh does both":   strings.Contains(string(script), "$GO build $("+flags+`) -ldflags "-s -w -X main.version=`),
	} {
		if !want {
			t.Errorf("not so: %s", name)
		}
	}
}
