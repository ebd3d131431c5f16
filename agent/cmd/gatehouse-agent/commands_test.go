package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
	"gatehouse/protocol/prototest"
)

// configFile writes a configuration into a folder of its own.
func configFile(t *testing.T, text string) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "agent.toml")
	must(t, os.WriteFile(f, []byte(text), 0o600))
	return f
}

func plainConfig(t *testing.T) string {
	return configFile(t, "state_dir = \"state\"\nforce_state_dir = true\nlisten = \"\"\n")
}

func TestCheckConfigNamesEveryWrongKeyAtOnce(t *testing.T) {
	t.Parallel()
	f := configFile(t, `
state_dir = 5
lisen = "127.0.0.1:9464"
hello_every = "soon"
audit_every = "1s"
log_level = "loud"
[[device]]
id = "front door"
kind = "akuvox"
url = "ftp://192.0.2.1"
doors = { lobby = 1 }
[[device]]
id = "back"
colour = "blue"
mode = "watch"
url = "http://192.0.2.2"
`)
	wrong := []string{
		f, "state_dir", "lisen", "hello_every", "audit_every", "log_level", "device 1: id", "device 1: url", "device 1: doors.lobby",
		"device 2: colour", "device 2: mode", "device 2: kind",
	}
	cmdline(t, "check-config", "--config", f).one(t, cli.WrongUsage, wrong...)
	o := cmdline(t, "check-config", "--config", f, "--json")
	o.one(t, cli.WrongUsage, wrong...)
	if m := o.object(t); m["ok"] != false || m["error"].(map[string]any)["kind"] != "invalid" {
		t.Errorf("%s", o.stdout)
	}
	for _, command := range []string{"run", "plan", "enroll request --out x"} { // the others refuse it the same way
		cmdline(t, append(strings.Fields(command), "--config", f)...).one(t, cli.WrongUsage, wrong...)
	}
}

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "open.txt"), []byte("x"), 0o644))
	device := func(more string) string { return "[[device]]\nid = \"front\"\nurl = \"http://192.0.2.1\"\n" + more }
	tests := []struct {
		name, text string
		code       int
		says       string
	}{
		{"good", device("kind = \"akuvox\""), cli.Done, ""},
		{"nothing in it", "", cli.Done, ""},
		{"no TOML", "listen = [", cli.WrongUsage, "line 1"},
		{"a kind that is none", device("kind = \"intercom\""), cli.WrongUsage, "known are akuvox"},
		{"two devices of one name", device("kind = \"akuvox\"\n") + device("kind = \"akuvox\"\n"), cli.WrongUsage, "used twice"},
		{"a password file that is missing", device("kind = \"akuvox\"\npassword_file = \"nowhere\""), cli.WrongUsage, "chmod 640"},
		{"a relay that no panel has", device("kind = \"akuvox\"\ndoors = { lobby = \"Z\" }"), cli.WrongUsage, "it has A, B, C, D"},
		{"a relay that the model lacks", device("kind = \"akuvox\"\nmodel = \"X912\"\ndoors = { lobby = \"C\" }"), cli.WrongUsage, "it has A, B"},
		{"a password that everybody reads", device(fmt.Sprintf("kind = \"akuvox\"\npassword_file = %q", filepath.Join(dir, "open.txt"))), cli.Refused, "chmod 640"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := cmdline(t, "check-config", "--config", configFile(t, tt.text), "--json")
			if o.object(t)["ok"] != (tt.code == cli.Done) || o.code != tt.code {
				t.Errorf("exit %d, want %d: %s", o.code, tt.code, o.stdout)
			}
			if tt.code != cli.Done {
				o.one(t, tt.code, tt.says)
			}
		})
	}
}

// TestCheckConfigNamesKindsRelaysAndSecretsBesideWrongKeys: nobody runs it five times for five slips.
func TestCheckConfigNamesKindsRelaysAndSecretsBesideWrongKeys(t *testing.T) {
	t.Parallel()
	f := configFile(t, `
lisen = "127.0.0.1:9464"
[[device]]
id = "front"
kind = "intercom"
url = "http://192.0.2.1"
password_file = "lost"
[[device]]
id = "back"
kind = "akuvox"
url = "http://192.0.2.2"
token_file = "gone"
doors = { lobby = "Z", garage = "B", yard = "E" }
`)
	cmdline(t, "check-config", "--config", f).one(t, cli.WrongUsage, "lisen is not a key", `front: look up kind: "intercom"`, "known are akuvox",
		"lost: no such file", "gone: no such file", "Write the secret into that file", `door lobby: look up relay: "Z"`, `door yard: look up relay: "E"`)
}

// TestCheckConfigTellsWhatIsHardlyMeant: it is no error, and it is said.
func TestCheckConfigTellsWhatIsHardlyMeant(t *testing.T) {
	t.Parallel()
	const last = "force_state_dir = true\n" // wherever the tests run
	doorless := configFile(t, last+"[[device]]\nid = \"front\"\nkind = \"akuvox\"\nurl = \"http://192.0.2.1\"\n")
	const panel = "[[device]]\nid = \"front\"\nkind = \"akuvox\"\nurl = \"http://192.0.2.1\"\ndoors = { lobby = \"A\" }\n"
	exposed := configFile(t, last+"onsite_listen = \"192.0.2.5:9465\"\n"+panel)
	if o := cmdline(t, "check-config", "--config", configFile(t, last+"onsite_listen = \"localhost:9465\"\n"+panel)); o.code != cli.Done || strings.Contains(o.stdout, "perhaps") {
		t.Errorf("on this machine alone: exit %d: %s%s", o.code, o.stdout, o.stderr)
	}
	for f, want := range map[string]string{exposed: "perhaps not meant: onsite_listen 192.0.2.5:9465 is reached over the network", doorless: "1 device.\n  perhaps not meant: device front has no doors", configFile(t, last): "0 devices.\n  perhaps not meant: there is no [[device]]"} {
		if o := cmdline(t, "check-config", "--config", f); o.code != cli.Done || !strings.Contains(o.stdout, want) {
			t.Errorf("exit %d: %s%s; want %q", o.code, o.stdout, o.stderr, want)
		}
		if list, _ := cmdline(t, "check-config", "--config", f, "--json").object(t)["warnings"].([]any); len(list) != 1 {
			t.Errorf("the object's warnings are %v, want one", list)
		}
	}
}

func TestMissingConfigIsNamed(t *testing.T) {
	t.Parallel()
	f := filepath.Join(t.TempDir(), "nowhere.toml")
	for _, command := range []string{"run", "check-config", "plan", "state digest", "state dump", "outbox verify", "enroll request --out x", "enroll accept"} {
		args := append(strings.Fields(command), "--config", f)
		if command == "enroll accept" {
			args = append(args, f)
		}
		cmdline(t, args...).one(t, cli.WrongUsage, f, "--config")
	}
	if list, err := os.ReadDir(filepath.Dir(f)); err != nil || len(list) > 0 {
		t.Errorf("files were made: %v %v", list, err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	o := cmdline(t, "version", "--json")
	m := o.object(t)
	if o.code != 0 || m["version"] != version || m["commit"] != commit || m["protocol"] != float64(protocol.Version) || m["go"] != runtime.Version() {
		t.Errorf("exit %d: %s", o.code, o.stdout)
	}
	if o := cmdline(t, "version"); o.code != 0 || !strings.HasPrefix(o.stdout, "gatehouse-agent "+version) {
		t.Errorf("exit %d: %s", o.code, o.stdout)
	}
}

func TestEveryHelpHasAnExample(t *testing.T) {
	t.Parallel()
	overview := cmdline(t, "--help").stdout
	for _, c := range program().Commands {
		if c.Name == "db-check" {
			continue
		}
		if !strings.Contains(overview, "  "+c.Name+" ") {
			t.Errorf("the overview lacks %s", c.Name)
		}
		o := cmdline(t, append(strings.Fields(c.Name), "--help")...)
		if o.code != 0 || !strings.Contains(o.stdout, "example: gatehouse-agent "+c.Name) || o.stderr != "" {
			t.Errorf("%s --help: exit %d\n%s%s", c.Name, o.code, o.stdout, o.stderr)
		}
	}
	if strings.Contains(overview, "db-check") {
		t.Error("db-check is for the agent itself and stands in the overview")
	}
}

func TestDBCheckIsThereThoughHidden(t *testing.T) {
	t.Parallel()
	cfg := plainConfig(t)
	cmdline(t, "enroll", "request", "--config", cfg, "--out", filepath.Join(t.TempDir(), "r"))
	site := filepath.Join(filepath.Dir(cfg), "state", "site.db")
	if o := cmdline(t, "db-check", site); o.code != 0 {
		t.Errorf("a sound file: exit %d %s", o.code, o.stderr)
	}
	b, err := os.ReadFile(site)
	must(t, err)
	must(t, os.WriteFile(site, bytes.Repeat([]byte{7}, len(b)), 0o600))
	if o := cmdline(t, "db-check", site); o.code != 1 || !strings.Contains(o.stderr, "damaged") {
		t.Errorf("a damaged file: exit %d %s", o.code, o.stderr)
	}
	if o := cmdline(t, "db-check"); o.code != 2 {
		t.Errorf("no file: exit %d", o.code)
	}
}

// TestG7_EnrolmentByFile goes there and back, and through what people do wrong with the files.
func TestG7_EnrolmentByFile(t *testing.T) {
	t.Parallel()
	cfg, dir := plainConfig(t), t.TempDir()
	request, bundle := filepath.Join(dir, "lobby.request"), filepath.Join(dir, "lobby.bundle")
	cmdline(t, "enroll", "accept", "--config", cfg, request).one(t, cli.WrongUsage, request)
	cmdline(t, "enroll", "request", "--config", cfg).one(t, cli.WrongUsage, "--out")
	cmdline(t, "enroll", "request", "--config", cfg, "--out", filepath.Join(dir, "no", "such", "place")).one(t, cli.WrongUsage, "no/such/place")
	o := cmdline(t, "enroll", "request", "--config", cfg, "--out", request, "--json")
	if o.code != 0 || o.object(t)["out"] != request || o.stderr != "" {
		t.Fatalf("exit %d: %s%s", o.code, o.stdout, o.stderr)
	}
	enrol(t, request, bundle, "gw-1", "tls://127.0.0.1:1", prototest.NewCA(t))
	strange := filepath.Join(dir, "strange.bundle")
	other := filepath.Join(dir, "other.request")
	cmdline(t, "enroll", "request", "--config", plainConfig(t), "--out", other)
	enrol(t, other, strange, "gw-1", "tls://127.0.0.1:1", prototest.NewCA(t))
	large := filepath.Join(dir, "large")
	must(t, os.WriteFile(large, make([]byte, protocol.MaxBundle+1), 0o600))

	tests := []struct {
		name, file string
		code       int
		says       string
	}{
		{"a bundle for other keys", strange, cli.Refused, "own request"},
		{"the request itself", request, cli.WrongUsage, "gateway add"},
		{"something large", large, cli.WrongUsage, "right file"},
		{"good", bundle, cli.Done, ""},
		{"good again", bundle, cli.Done, ""},
	}
	for _, tt := range tests {
		o := cmdline(t, "enroll", "accept", "--config", cfg, "--json", tt.file)
		m := o.object(t)
		if o.code != tt.code || m["ok"] != (tt.code == cli.Done) || !strings.Contains(o.stderr, tt.says) {
			t.Errorf("%s: exit %d, want %d: %s%s", tt.name, o.code, tt.code, o.stdout, o.stderr)
		}
		if tt.code == cli.Done && (m["gateway"] != "gw-1" || m["property"] != "maple" || m["broker"] != "tls://127.0.0.1:1") {
			t.Errorf("%s: %s", tt.name, o.stdout)
		}
	}
	if o := cmdline(t, "enroll", "accept", "--config", cfg, bundle); o.code != 0 || !strings.Contains(o.stdout, "gateway gw-1 of maple") {
		t.Errorf("in words: %d %s", o.code, o.stdout)
	}
}

// enrol plays the cloud: it makes a bundle from a request, and returns the request and the key the cloud signs with.
func enrol(t *testing.T, request, bundle, id, broker string, ca *prototest.CA) cloudSide {
	t.Helper()
	raw, err := os.ReadFile(request)
	must(t, err)
	req, csr, err := protocol.ParseEnrollRequest(raw)
	must(t, err)
	c := cloudSide{t: t, gateway: access.GatewayID(id), req: req, key: prototest.NewSigningKey(t)}
	out, err := json.Marshal(protocol.NewEnrollBundle(protocol.EnrollBundle{
		Gateway: c.gateway, Property: "maple", Broker: broker, ServerName: "localhost",
		Certificate: ca.Issue(t, id, csr.PublicKey), CA: ca.PEM(), CloudKeys: [][]byte{prototest.Public(c.key)},
	}))
	must(t, err)
	must(t, os.WriteFile(bundle, out, 0o600))
	return c
}

// TestAskAfterEnrolment: an agent that never ran has an empty state, and every question has an answer and a code.
func TestAskAfterEnrolment(t *testing.T) {
	t.Parallel()
	cfg := plainConfig(t)
	cmdline(t, "state", "digest", "--config", cfg).one(t, cli.WrongUsage, "no agent has ever", "--config")
	cmdline(t, "enroll", "request", "--config", cfg, "--out", filepath.Join(t.TempDir(), "r"))
	tests := []struct {
		args string
		code int
		keys []string
	}{
		{"plan", cli.Done, []string{"ok", "at", "devices"}},
		{"plan --at 2026-12-01T11:00:00-05:00", cli.Done, []string{"ok", "at", "devices"}},
		{"plan --device front", cli.WrongUsage, []string{"ok", "error"}},
		{"plan --at noon", cli.WrongUsage, []string{"ok", "error"}},
		{"plan now", cli.WrongUsage, []string{"ok", "error"}},
		{"state digest", cli.Done, []string{"ok", "epoch", "revision", "digest"}},
		{"state dump", cli.Done, []string{"ok", "epoch", "revision", "digest"}},
		{"outbox verify", cli.Done, []string{"ok", "events", "first", "last", "chain_ok", "checkpoints"}},
		{"state", cli.WrongUsage, []string{"ok", "error"}},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.args)
		at := min(len(words), 2)
		if words[0] == "plan" {
			at = 1
		}
		o := cmdline(t, slices.Concat(words[:at], []string{"--json", "--config", cfg}, words[at:])...)
		m := o.object(t)
		if o.code != tt.code || m["ok"] != (tt.code == cli.Done) || (o.stderr == "") != (tt.code == cli.Done) {
			t.Errorf("%s: exit %d, want %d: %s%s", tt.args, o.code, tt.code, o.stdout, o.stderr)
		}
		for _, k := range tt.keys {
			if _, ok := m[k]; !ok {
				t.Errorf("%s: the answer lacks %q: %s", tt.args, k, o.stdout)
			}
		}
	}
}

// TestRequestSaysWhatTheCloudIsToMakeOfIt: a new gateway or one in another's place, and of one that is enrolled what it is.
func TestRequestSaysWhatTheCloudIsToMakeOfIt(t *testing.T) {
	t.Parallel()
	fresh := cmdline(t, "enroll", "request", "--config", plainConfig(t), "--out", filepath.Join(t.TempDir(), "lobby.request"))
	for _, words := range []string{"gateway add --property PROPERTY --request ", "gateway add --replace GATEWAY --request ", "take the old box off the panels first"} {
		if fresh.code != cli.Done || !strings.Contains(fresh.stdout, words) {
			t.Errorf("exit %d: %q does not say %q", fresh.code, fresh.stdout, words)
		}
	}
	if known := carry("x", "gw1", "maples"); !strings.Contains(known, "--property maples --request x") || strings.Contains(known, "--replace") {
		t.Errorf("an enrolled one: %q", known)
	}
}
