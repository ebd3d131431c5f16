package main

import (
	"bufio"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
	"gatehouse/protocol/prototest"
)

// cloudSide is what a cloud knows of one gateway: the public parts, and its own signing key.
type cloudSide struct {
	t       *testing.T
	gateway access.GatewayID
	req     protocol.EnrollRequest
	key     ed25519.PrivateKey
	broker  *prototest.Server
	seen    *prototest.Reader[prototest.Message]
}

// hears waits for the next message of a type from the gateway and opens it.
func hears[T any](c cloudSide, typ protocol.Type, fits func(T) bool) (v T) {
	c.t.Helper()
	c.seen.Find(c.t, "up/"+string(typ), func(m prototest.Message) bool {
		if m.Topic != protocol.UpTopic(c.gateway, typ) {
			return false
		}
		_, body, err := protocol.OpenUp(c.gateway, []ed25519.PublicKey{c.req.Signing}, m.Payload)
		must(c.t, err)
		v, err = protocol.Decode[T](body)
		must(c.t, err)
		return fits(v)
	})
	return v
}

func anyOf[T any](T) bool { return true }

// publishes sends a snapshot in answer to a hello, which also sets the gateway's clock.
func (c cloudSide) publishes(hello protocol.Hello, nouns ...access.Noun) {
	c.t.Helper()
	sealing, err := ecdh.X25519().NewPublicKey(c.req.Sealing)
	must(c.t, err)
	s := protocol.State{DigestKey: make([]byte, 32), Nonce: hello.Nonce}
	for _, n := range nouns {
		it, err := access.Encode(n)
		must(c.t, err)
		s.Put = append(s.Put, it)
		s.Digest.Toggle(s.DigestKey, it)
	}
	h := protocol.Header{Type: protocol.TypeState, Gateway: c.gateway, Epoch: 1, Revision: 1, Chunk: 1, Of: 1, Issued: time.Now()}
	msg, err := protocol.SealDown(h, s, c.key, sealing)
	must(c.t, err)
	c.broker.Inject(c.t, protocol.DownTopic(c.gateway, protocol.TypeState), msg)
}

// daemon is gatehouse-agent run in a process of its own.
type daemon struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *prototest.Log[string]
	read chan struct{} // closed when the log has ended
}

func startDaemon(t *testing.T, cfg string) *daemon {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	d := &daemon{t: t, cmd: exec.CommandContext(t.Context(), exe, "run", "--config", cfg), log: prototest.NewLog[string](), read: make(chan struct{})}
	d.cmd.Env = append(os.Environ(), childMark+"=1")
	out, err := d.cmd.StderrPipe()
	must(t, err)
	must(t, d.cmd.Start())
	go func() {
		defer close(d.read)
		for s := bufio.NewScanner(out); s.Scan(); {
			d.log.Add(s.Text())
		}
	}()
	t.Cleanup(func() { d.end(os.Kill) })
	return d
}

// end sends the process a signal and returns its exit code, -1 when it died of it. Ending twice is allowed.
func (d *daemon) end(s os.Signal) int {
	_ = d.cmd.Process.Signal(s) // it may be gone already
	<-d.read
	_ = d.cmd.Wait() // the exit code tells
	return d.cmd.ProcessState.ExitCode()
}

// page reads the daemon's page and metrics.
func (d *daemon) page() (all string) {
	d.t.Helper()
	line := d.log.Read().Find(d.t, "the page's address", func(s string) bool { return strings.Contains(s, "page, metrics and health") })
	var at struct{ Address string }
	must(d.t, json.Unmarshal([]byte(line), &at))
	for _, path := range []string{"/", "/metrics", "/healthz"} {
		req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, at.Address+path, nil)
		must(d.t, err)
		resp, err := http.DefaultTransport.RoundTrip(req)
		must(d.t, err)
		b, err := io.ReadAll(resp.Body)
		must(d.t, err)
		must(d.t, resp.Body.Close())
		all += string(b)
	}
	return all
}

const (
	residentPIN  = "8051739"
	residentCard = "0451B2C3D4E5F6"
)

func property() []access.Noun {
	w := access.Window{From: time.Now().Add(-time.Hour)}
	return []access.Noun{
		access.Property{ID: "maple", Name: "Maple Court", Zone: "America/New_York"},
		access.Unit{ID: "u1", Name: "101"},
		access.Door{ID: "lobby", Name: "Lobby"},
		access.Person{ID: "p1", Kind: access.Resident, First: "Rosa", Last: "Okonkwo"},
		access.Residency{ID: "r1", Person: "p1", Unit: "u1", Window: w},
		access.Credential{ID: "c1", Person: "p1", Kind: access.PIN, Secret: access.NewSecret(residentPIN)},
		access.Credential{ID: "c2", Person: "p1", Kind: access.Card, Secret: access.NewSecret(residentCard)},
		access.Grant{ID: "g1", Person: "p1", Door: "lobby", Window: w, Reason: "lives in unit 101"},
	}
}

// enrolledSite is a gateway that was enrolled through the command line, with a broker and a panel.
func enrolledSite(t *testing.T) (cfg string, sim *akuvoxsim.Panel, c cloudSide) {
	t.Helper()
	sim, url := newSim(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest})
	cfg = configFile(t, fmt.Sprintf(`
state_dir = "state"
force_state_dir = true
listen = "127.0.0.1:0"
onsite_listen = "127.0.0.1:0"
log_level = "debug"
[[device]]
id = "front"
kind = "akuvox"
url = %q
user = "gate"
password_file = %q
pace = "0s"
doors = { lobby = "A" }
`, url, passwordFile(t, testPassword)))
	ca := prototest.NewCA(t)
	broker := prototest.Broker(t, prototest.TLS(ca))
	request, bundle := filepath.Join(t.TempDir(), "request"), filepath.Join(t.TempDir(), "bundle")
	cmdline(t, "enroll", "request", "--config", cfg, "--out", request)
	c = enrol(t, request, bundle, "gw-1", broker.URL(), ca)
	if o := cmdline(t, "enroll", "accept", "--config", cfg, bundle); o.code != 0 {
		t.Fatal(o.stderr)
	}
	c.broker, c.seen = broker, broker.Messages.Read()
	return cfg, sim, c
}

// TestTowardsG10_KillNineTellsADoorOnce: the real program is killed before it read the panel's log, and again as soon as it told
// of it. What happened at the door meanwhile has one number, and is told under no other.
func TestTowardsG10_KillNineTellsADoorOnce(t *testing.T) {
	t.Parallel()
	cfg, sim, cloud := enrolledSite(t)
	d := startDaemon(t, cfg)
	cloud.publishes(hears(cloud, protocol.TypeHello, anyOf[protocol.Hello]), property()...)
	hears(cloud, protocol.TypeEvent, confirmedP1)
	d.log.Read().Find(t, "the panel's answer", func(l string) bool { return strings.Contains(l, "device answers") })
	d.page()
	d.end(os.Kill)
	if !sim.Present(akuvoxsim.Credential{PIN: residentPIN}).Granted {
		t.Fatal("the PIN does not open")
	}
	door := func(e protocol.Events) bool { return doorOf(t, e, "p1") }
	for range 3 {
		d = startDaemon(t, cfg)
		hears(cloud, protocol.TypeEvent, door) // no receipt came, so it is told again under its number
		d.end(os.Kill)
	}
	numbers := map[uint64]bool{}
	for _, m := range cloud.broker.Messages.All() {
		if m.Topic != protocol.UpTopic(cloud.gateway, protocol.TypeEvent) {
			continue
		}
		_, body, err := protocol.OpenUp(cloud.gateway, []ed25519.PublicKey{cloud.req.Signing}, m.Payload)
		must(t, err)
		b, err := protocol.Decode[protocol.Events](body)
		must(t, err)
		for _, raw := range b.Raw {
			var e access.Event
			must(t, json.Unmarshal(raw, &e))
			if e.Kind == access.EventDoor {
				numbers[e.Number] = true
			}
		}
	}
	if len(numbers) != 1 {
		t.Errorf("one opening has the numbers %v", numbers)
	}
}

// TestE4_G6_KillNineLosesNothing runs the real program as the operating system does: enrolled by file, killed with
// SIGKILL, asked while it runs and while it rests, started again, told to stop.
func TestE4_G6_KillNineLosesNothing(t *testing.T) {
	t.Parallel()
	cfg, sim, cloud := enrolledSite(t)
	d := startDaemon(t, cfg)
	hello := hears(cloud, protocol.TypeHello, anyOf[protocol.Hello])
	cloud.publishes(hello, property()...)
	hears(cloud, protocol.TypeAck, func(a protocol.Ack) bool { return a.Revision == 1 })
	hears(cloud, protocol.TypeEvent, confirmedP1)
	opens := func() bool { return sim.Present(akuvoxsim.Credential{PIN: residentPIN}).Granted }
	if !opens() {
		t.Error("the resident's PIN does not open")
	}
	page := d.page()
	running := answers(t, cfg)
	cmdline(t, "run", "--config", cfg).one(t, cli.Refused, "site.db", "already running")

	if code := d.end(os.Kill); code != -1 {
		t.Fatalf("the daemon ended with %d before it was killed", code)
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(cfg), "state", "agent.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the dead daemon's socket: %v %v", info, err)
	}
	resting := answers(t, cfg)
	for i := range running {
		if running[i] != resting[i] {
			t.Errorf("running and resting differ:\n%s\n%s", running[i], resting[i])
		}
	}

	done := len(sim.Mutating())
	again := startDaemon(t, cfg)
	if h := hears(cloud, protocol.TypeHello, anyOf[protocol.Hello]); h.Revision != 1 || h.Epoch != 1 || h.Digest == hello.Digest {
		t.Errorf("after the kill the gateway stands at %+v", h)
	}
	again.log.Read().Find(t, "the panel's answer", func(s string) bool { return strings.Contains(s, "device answers") })
	if code := again.end(syscall.SIGTERM); code != 0 {
		t.Errorf("told to stop, it ended with %d", code)
	}
	if n := len(sim.Mutating()); n != done || !opens() {
		t.Errorf("%d changes at the panel after the restart", n-done)
	}
	everything := page + strings.Join(append(running, resting...), "") + strings.Join(append(d.log.All(), again.log.All()...), "\n")
	for _, secret := range []string{residentPIN, residentCard, testPassword} {
		if strings.Contains(everything, secret) {
			t.Errorf("%q stands in a log, a page or an answer", secret)
		}
	}
	if strings.Contains(page, "Okonkwo") || strings.Contains(page, "Rosa") {
		t.Error("the page names a resident")
	}
}

func confirmedP1(e protocol.Events) bool {
	for _, raw := range e.Raw {
		var ev access.Event
		if json.Unmarshal(raw, &ev) == nil && ev.Kind == access.EventConfirmed && ev.Person == "p1" {
			return true
		}
	}
	return false
}

// answers asks every question in JSON.
func answers(t *testing.T, cfg string) (out []string) {
	t.Helper()
	for _, q := range []string{"plan --at 2030-01-01T00:00:00Z --device front", "state digest", "state dump", "outbox verify"} {
		o := cmdline(t, append(strings.Fields(q), "--json", "--config", cfg)...)
		if o.code != 0 || o.object(t)["ok"] != true || o.stderr != "" {
			t.Errorf("%s: exit %d %s%s", q, o.code, o.stdout, o.stderr)
		}
		out = append(out, o.stdout)
	}
	if !strings.Contains(out[2], `"(redacted)"`) || strings.Contains(out[2], residentPIN) {
		t.Errorf("the dump: %s", out[2])
	}
	return out
}

// TestG10_ABrokenChainFailsTheCommand: the answer is whole, the exit code says no, and stderr says what is missing.
func TestG10_ABrokenChainFailsTheCommand(t *testing.T) {
	t.Parallel()
	cfg := plainConfig(t)
	cmdline(t, "enroll", "request", "--config", cfg, "--out", filepath.Join(t.TempDir(), "r"))
	for range 3 { // each start is an event
		d := startDaemon(t, cfg)
		d.log.Read().Find(t, "the daemon to run", func(s string) bool { return strings.Contains(s, "gateway runs") })
		if code := d.end(os.Interrupt); code != 0 {
			t.Fatalf("interrupted, it ended with %d", code)
		}
	}
	db, err := bolt.Open(filepath.Join(filepath.Dir(cfg), "state", "site.db"), 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("outbox_events")).Delete([]byte{0, 0, 0, 0, 0, 0, 0, 2})
	}))
	must(t, db.Close())
	o := cmdline(t, "outbox", "verify", "--json", "--config", cfg)
	o.one(t, cli.Failed, "2 to 2 are missing", "Keep a copy")
	if m := o.object(t); m["ok"] != false || m["chain_ok"] != false || m["events"] != 2.0 || m["last"] != 3.0 {
		t.Errorf("%s", o.stdout)
	}
}
