package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// haystack is everything that the programs printed, stored, sent and served, by where it stood.
type haystack map[string][]byte

func (h haystack) add(where string, b []byte) { h[fmt.Sprintf("%d %s", len(h), where)] = b }

// seeded are the secrets that must stand nowhere, and the forms in which bytes are written.
func seeded(t *testing.T, cfg string) (out []string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(filepath.Dir(cfg), "state", "key"))
	must(t, err)
	out = []string{residentPIN, residentCard, strings.ToLower(residentCard), managerPIN, caretakerPIN, visitorPIN, strangePIN, testPassword, seededToken}
	for _, s := range append(out, string(key)) {
		out = append(out, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s))[:len(s)]) // its end depends on what follows
	}
	return append(out, string(key))
}

const (
	seededToken = "tok-5d1f0a77c3"
	strangePIN  = "60713952" // of nobody
)

// doorOf says whether a batch tells what somebody did at the lobby.
func doorOf(t *testing.T, b protocol.Events, who access.PersonID) bool {
	t.Helper()
	for _, raw := range b.Raw {
		var e access.Event
		must(t, json.Unmarshal(raw, &e))
		if e.Kind == access.EventDoor && e.Person == who && e.Door == "lobby" {
			return true
		}
	}
	return false
}

// TestE2_NoSecretLeavesTheRealProgram: PINs, cards, the panel's password, a token and the key of the files are
// given to the real program in every way there is. None stands in what any command prints, failing or
// not, running or resting, nor in the log at debug, the page, the metrics, what goes to the broker, any
// file of the state directory, one put aside as damaged included, or the dump of a SIGQUIT.
func TestE2_NoSecretLeavesTheRealProgram(t *testing.T) {
	t.Parallel()
	s, found := newLinked(t), haystack{}
	dir := filepath.Dir(s.cfg)
	must(t, os.WriteFile(filepath.Join(dir, "token"), []byte(seededToken+"\n"), 0o600))
	s.everyCommand(found, "running")
	found.add("page", []byte(s.d.page()))
	for _, m := range s.cloud.broker.Messages.All() {
		if m.Client == string(s.cloud.gateway) {
			found.add(m.Topic, m.Payload)
		}
	}
	s.d.end(os.Kill)
	s.everyCommand(found, "resting")
	s.log(found)
	s.files(found)

	for _, c := range []akuvoxsim.Credential{{PIN: residentPIN}, {Card: residentCard}, {PIN: strangePIN}} { // the panel's log shows them in clear
		s.sim.Present(c)
	}
	s.d = startDaemon(t, s.cfg)
	opened, refused := false, false
	hears(s.cloud, protocol.TypeEvent, func(e protocol.Events) bool {
		opened, refused = opened || doorOf(t, e, "p1"), refused || doorOf(t, e, "")
		return opened && refused
	})
	found.add("page after the doors", []byte(s.d.page()))
	for _, m := range s.cloud.broker.Messages.All() {
		if m.Client == string(s.cloud.gateway) {
			found.add(m.Topic, m.Payload)
		}
	}
	s.d.end(os.Kill)
	s.log(found)
	s.files(found)

	must(t, os.WriteFile(filepath.Join(dir, "state", "wanted.db"), []byte("the flash wore out"), 0o600))
	s.d = startDaemon(t, s.cfg)
	hears(s.cloud, protocol.TypeHello, func(h protocol.Hello) bool { return h.Revision == 0 })
	s.d.end(syscall.SIGQUIT)
	s.log(found)
	s.files(found)
	if all := strings.Join(s.d.log.All(), "\n"); !strings.Contains(all, "goroutine ") || !strings.Contains(all, "SIGQUIT") {
		t.Error("the process left no dump; nothing is shown")
	}
	if len(found) < 60 {
		t.Fatalf("only %d places were looked into", len(found))
	}
	for where, b := range found {
		for i, secret := range seeded(t, s.cfg) {
			if bytes.Contains(b, []byte(secret)) && !strings.HasSuffix(where, "state/key") {
				t.Errorf("%s holds secret %d", where, i)
			}
		}
	}
}

// everyCommand runs every command that can print something, right and wrong, for people and in JSON.
func (s *onSite) everyCommand(found haystack, state string) {
	s.t.Helper()
	dir := filepath.Dir(s.cfg)
	panel := "--kind akuvox --user gate --pace 0s --url " + s.panelURL()
	pin := " --person p1 --reason words --pin-file " + dir + "/"
	for _, line := range []string{
		"version", "status", "check-config", "plan", "plan --at 2030-01-01T00:00:00Z", "plan --device nowhere", "state digest", "state dump",
		"outbox verify", "proofs", "proofs --open", "drift", "drift --device front", "drift ignore --device front --native " + residentPIN,
		"hold list", "local list", "enroll request --out " + dir + "/again", "enroll accept " + dir + "/boss.pin", "run --bad",
		"local revoke --by help" + pin + "help.pin", "local revoke --by boss" + pin + "help.pin", "local grant --by boss --door lobby --hours 99" + pin + "boss.pin",
		"local grant --by boss --door lobby --hours 1" + pin + "boss.pin", "local revoke --by boss" + pin + "boss.pin", "local lift --by boss" + pin + "boss.pin",
		"device probe " + panel + " --password-file " + s.password(), "device users " + panel + " --password-file " + s.password(),
		"device users " + panel + " --password-file " + dir + "/boss.pin", "device probe " + panel + " --token-file " + dir + "/token",
		"device probe --kind akuvox --url http://127.0.0.1:1 --timeout 1s --token-file " + dir + "/token", "db-check " + dir + "/state/wanted.db", "db-check " + dir + "/boss.pin",
	} {
		for _, more := range []string{"", " --json"} {
			args := strings.Fields(line + more)
			if args[0] == "enroll" && more != "" && state == "running" {
				continue // it waits five seconds for the running gateway to let go of the file
			}
			switch args[0] {
			case "version", "device", "db-check":
			case "enroll": // its argument comes last
				args = append([]string{args[0], args[1], "--config", s.cfg}, args[2:]...)
			default:
				args = append(args, "--config", s.cfg)
			}
			o := cmdline(s.t, args...)
			if strings.HasPrefix(line, "state dump") && o.code != 0 || strings.HasPrefix(line, "version") && o.code != 0 {
				s.t.Errorf("%s: %+v", line, o)
			}
			found.add(state+" "+line+more, []byte(o.stdout+o.stderr))
		}
	}
}

// panelURL and password are what the configuration says.
func (s *onSite) panelURL() string { return s.setting("url") }
func (s *onSite) password() string { return s.setting("password_file") }

func (s *onSite) setting(key string) string {
	s.t.Helper()
	raw, err := os.ReadFile(s.cfg)
	must(s.t, err)
	_, rest, found := strings.Cut(string(raw), key+" = \"")
	value, _, _ := strings.Cut(rest, "\"")
	if !found {
		s.t.Fatalf("%s has no %s", s.cfg, key)
	}
	return value
}

func (s *onSite) log(found haystack) {
	found.add("log", []byte(strings.Join(s.d.log.All(), "\n")))
}

// files adds every file of the state directory.
func (s *onSite) files(found haystack) {
	s.t.Helper()
	n := 0
	must(s.t, filepath.WalkDir(filepath.Join(filepath.Dir(s.cfg), "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		found.add(path, b)
		n++
		return err
	}))
	if n < 3 {
		s.t.Errorf("only %d files in the state directory", n)
	}
}
