package deb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/prototest/realserver"
)

// root is a small Debian in a folder: what maintainer scripts call, taken from this machine, and in
// place of systemd's programs ones that write down what they were asked.
type root struct {
	t    *testing.T
	bin  string // dpkg
	path string
	read int // bytes of the log that were looked at
}

const record = `#!/bin/sh
echo "NAME $*" >> /log
case "$*" in *ActiveState*) [ -e /active ] && echo active || echo inactive ;; esac
`

func newRoot(t *testing.T, dpkg string) *root {
	t.Helper()
	r := &root{t: t, bin: dpkg, path: t.TempDir()}
	if err := os.Chmod(r.path, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/systemd/system", "run/systemd/system", "tmp", "dev"} {
		r.mkdir(dir)
	}
	for file, text := range map[string]string{
		"var/lib/dpkg/status": "", "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/shadow": "root:*:1::::::\n", "etc/gshadow": "root:*::\n",
		"log": "", "dev/null": "", "etc/nsswitch.conf": "passwd: files\ngroup: files\n",
	} {
		r.write(file, text)
	}
	for _, name := range []string{"sh", "useradd", "userdel", "groupdel", "getent", "install", "rm", "head", "grep", "mv"} {
		r.program(name)
	}
	for name, short := range map[string]string{"deb-systemd-helper": "helper", "deb-systemd-invoke": "invoke", "systemctl": "systemctl"} {
		r.write("usr/bin/"+name, strings.Replace(record, "NAME", short, 1))
		if err := os.Chmod(filepath.Join(r.path, "usr/bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *root) mkdir(dir string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Join(r.path, dir), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func (r *root) write(file, text string) {
	r.t.Helper()
	r.mkdir(filepath.Dir(file))
	if err := os.WriteFile(filepath.Join(r.path, file), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// program copies a program and the libraries it names into bin and where the loader looks.
func (r *root) program(name string) {
	r.t.Helper()
	path := realserver.Binary(r.t, name)
	r.copy(path, "usr/bin/"+name)
	if name == "sh" {
		r.copy(path, "bin/sh")
	}
	out, err := exec.CommandContext(r.t.Context(), "ldd", path).Output()
	if err != nil {
		return // it needs none
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			r.copy(word, word)
		}
	}
}

func (r *root) copy(from, to string) {
	r.t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mkdir(filepath.Dir(to))
	if err := os.WriteFile(filepath.Join(r.path, to), b, 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// dpkg does one thing to the package. What the package depends on is not in this root.
func (r *root) dpkg(args ...string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.bin, append([]string{"--root=" + r.path, "--force-depends", "--force-confold", "--force-downgrade"}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("dpkg %q: %v\n%s", args, err, out)
	}
}

func (r *root) check(when string, there, gone []string) {
	r.t.Helper()
	for _, p := range there {
		if _, err := os.Lstat(filepath.Join(r.path, p)); err != nil {
			r.t.Errorf("%s: %v", when, err)
		}
	}
	for _, p := range gone {
		if _, err := os.Lstat(filepath.Join(r.path, p)); err == nil {
			r.t.Errorf("%s: %s is still there", when, p)
		}
	}
}

func (r *root) text(file string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.path, file))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

func (r *root) holds(file, want string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.text(file)); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// ids are the user's numbers in /etc/passwd of this root.
func (r *root) ids() []string {
	for line := range strings.Lines(r.text("etc/passwd")) {
		if f := strings.Split(strings.TrimSpace(line), ":"); f[0] == "gatehouse" {
			return f
		}
	}
	return nil
}

func (r *root) user(want bool) {
	r.t.Helper()
	f := r.ids()
	if (f != nil) != want || strings.Contains(r.text("etc/group"), "gatehouse:") != want {
		r.t.Errorf("user and group there: %v, want %v", f, want)
	}
	if f != nil && (f[5] != "/var/lib/gatehouse" || f[6] != "/usr/sbin/nologin") {
		r.t.Errorf("the user is %q", f)
	}
}

func (r *root) owned(dir string, mode os.FileMode) {
	r.t.Helper()
	info, err := os.Stat(filepath.Join(r.path, dir))
	if err != nil {
		r.t.Fatal(err)
	}
	owner := ""
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = strings.Join([]string{fmt.Sprint(s.Uid), fmt.Sprint(s.Gid)}, ":")
	}
	if f := r.ids(); f == nil || owner != f[2]+":"+f[3] || info.Mode().Perm() != mode {
		r.t.Errorf("%s belongs to %s with mode %o, want %q and %o", dir, owner, info.Mode().Perm(), f, mode)
	}
}

// asked compares what systemd's programs were asked since the last look.
func (r *root) asked(when string, want ...string) {
	r.t.Helper()
	log := r.text("log")
	var got []string
	for line := range strings.Lines(log[r.read:]) {
		line = strings.TrimSuffix(strings.TrimSpace(line), " gatehouse-agent.service")
		line, _, _ = strings.Cut(line, " --property")
		got = append(got, strings.Replace(line, "--system ", "", 1))
	}
	r.read = len(log)
	if !slices.Equal(want, got) {
		r.t.Errorf("%s (-want +got):\n%s", when, cmp.Diff(want, got))
	}
}
