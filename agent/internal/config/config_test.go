package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const good = `
state_dir = "state"
force_state_dir = true
listen = "127.0.0.1:9000"
log_level = "debug"
hello_every = "1m"

[[device]]
id = "lobby-1"
kind = "akuvox"
url = "http://192.0.2.10"
user = "api"
password_file = "lobby.password"
pace = "0s"
doors = { lobby = "A", garage = "B" }

[[device]]
id = "rear"
kind = "akuvox"
url = "https://192.0.2.11"
tls_pin = "aa"
mode = "report"

[[device]]
id = "calls"
kind = "comelit"
host = "192.0.2.12"
token_file = "calls.token"
web_port = 8081
icona_port = 64101
`

func TestParse(t *testing.T) {
	got, err := Parse(good, "/etc/gatehouse")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		StateDir: "/etc/gatehouse/state", Force: true, Listen: "127.0.0.1:9000", LogLevel: slog.LevelDebug,
		Hello: time.Minute, Audit: 24 * time.Hour, Reconnect: 2 * time.Minute,
		Devices: []Device{
			{ID: "lobby-1", Kind: "akuvox", URL: "http://192.0.2.10", User: "api", PasswordFile: "/etc/gatehouse/lobby.password", Pace: -1, Doors: map[access.DoorID]string{"lobby": "A", "garage": "B"}},
			{ID: "rear", Kind: "akuvox", URL: "https://192.0.2.11", TLSPin: "aa", Report: true},
			{ID: "calls", Kind: "comelit", Host: "192.0.2.12", TokenFile: "/etc/gatehouse/calls.token", WebPort: 8081, IconaPort: 64101},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPortsAreBounded(t *testing.T) {
	for _, port := range []string{"0", "-1", "65536", `"8080"`, "80.5"} {
		_, err := Parse("[[device]]\nid = \"calls\"\nkind = \"comelit\"\nhost = \"192.0.2.12\"\nicona_port = "+port+"\n", "/etc")
		if err == nil || !strings.Contains(err.Error(), "icona_port is ") || !strings.Contains(err.Error(), "1 to 65535") {
			t.Errorf("%s: %v", port, err)
		}
	}
}

// TestTowardsC19_ButtonsOfAPanel, and a device that is a file.
func TestTowardsC19_ButtonsOfAPanel(t *testing.T) {
	const text = "[[device]]\nid = \"gate\"\nkind = \"comelit\"\nurl = \"file:///srv/gate.tar.gz\"\nbuttons = "
	got, err := Parse(text+"24\n", "/etc")
	if err != nil || got.Devices[0].Buttons != 24 || got.Devices[0].URL != "file:///srv/gate.tar.gz" {
		t.Errorf("%+v, %v", got.Devices, err)
	}
	for _, wrong := range []string{"-1", "1001", "\"24\"", "2.5"} {
		if _, err := Parse(text+wrong+"\n", "/etc"); err == nil || !strings.Contains(err.Error(), "device 1: buttons") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestEmptyFileMeansDefaults(t *testing.T) {
	got, err := Parse("", "/etc")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryWrongKeyIsNamedAtOnce: an installer mends the file in one go.
func TestEveryWrongKeyIsNamedAtOnce(t *testing.T) {
	_, err := Parse(`
state_dirr = "x"
listen = 9464
log_level = "loud"
hello_every = "soon"
audit_every = "1ms"
[[device]]
id = "a b"
kind = "akuvox"
url = "ftp://x"
pace = 5
mode = "watch"
insecure_tls = "yes"
doors = { lobby = 1, "a b" = "A" }
[[device]]
id = "x"
url = "http://192.0.2.1"
[[device]]
id = "x"
kind = "akuvox"
`, "/etc")
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		"state_dirr is not a key here", "listen is the number 9464", "log_level is \"loud\"", "hello_every is \"soon\"",
		"audit_every is 1ms, want 1m0s to", "device 1: id is \"a b\"", "device 1: url is \"ftp://x\"", "device 1: pace is the number 5",
		"device 1: mode is \"watch\"", "device 1: insecure_tls is the text \"yes\"", "device 1: doors.lobby is the number 1",
		"device 1: doors names door \"a b\"", "device 2: kind is missing", "device 3: id \"x\" is used twice", "device 3: url is missing",
	} {
		found := false
		for _, l := range lines {
			found = found || strings.Contains(l, want)
		}
		if !found {
			t.Errorf("no line says %q in\n%s", want, err)
		}
	}
	if len(lines) != 15 {
		t.Errorf("%d complaints, want 15:\n%s", len(lines), err)
	}
}

func TestSyntaxErrorNamesTheLine(t *testing.T) {
	_, err := Parse("listen = \"x\"\nstate_dir = oops\n", "/etc")
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v does not name line 2", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.toml"))
	if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" {
		t.Errorf("a missing file gives %v, want Invalid with a remedy", err)
	}
	p := filepath.Join(dir, "agent.toml")
	if err := os.WriteFile(p, []byte("state_dir = \"here\"\nx = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Load(p); err == nil || !strings.Contains(err.Error(), p) || !strings.Contains(err.Error(), "x is not a key") {
		t.Errorf("%v does not name the file and the key", err)
	}
}

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "password")
	if err := os.WriteFile(p, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Secret(p)
	if err != nil || s.Reveal() != "s3cret" {
		t.Errorf("got %q, %v", s.Reveal(), err)
	}
	if err := os.Chmod(p, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Secret(p); fault.KindOf(err) != fault.Denied {
		t.Errorf("a password that everybody can read gives %v, want Denied", err)
	}
	if s, err := Secret(""); err != nil || !s.IsZero() {
		t.Errorf("no file gives %v, %v", s, err)
	}
	if _, err := Secret(filepath.Join(dir, "lost")); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.RemedyOf(err), "chmod 640") {
		t.Errorf("a file that is missing gives %v (%s), want Invalid and what to do", err, fault.RemedyOf(err))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("[[device]]\nid=1")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text, "/etc")
		if err == nil && c.StateDir == "" {
			t.Error("accepted without a state directory")
		}
	})
}
