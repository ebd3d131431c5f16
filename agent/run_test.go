package agent

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestRunLeavesNothingBehind: no goroutine, no open file, no file that was not meant to stay. It runs alone, because
// goroutines and file descriptors are counted.
func TestRunLeavesNothingBehind(t *testing.T) {
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	before, fds := goleak.IgnoreCurrent(), openFiles(t)
	story := h.story()
	for range 2 {
		h.start()
		story.until(access.EventStarted, "", "")
		h.get("/metrics")
		h.ask(AskDump)
		h.stop()
	}
	goleak.VerifyNone(t, before)
	for name, n := range openFiles(t) {
		if strings.HasPrefix(name, h.cfg.StateDir) && fds[name] < n {
			t.Errorf("%s is still open", name)
		}
	}
	left := files(t, h.cfg.StateDir)
	maps.DeleteFunc(left, func(name string, _ []byte) bool { return strings.HasPrefix(name, "site.db.snapshot-") })
	want := []string{"ballast", "key", "site.db", "site.db.lock", "wanted.db", "wanted.db.lock"}
	if d := cmp.Diff(want, slices.Sorted(maps.Keys(left))); d != "" {
		t.Errorf("files in the state directory (-want +got):\n%s", d)
	}
}

// openFiles counts this process's descriptors by what they lead to; empty where the system does not tell.
func openFiles(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return out
	}
	for _, f := range list {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", f.Name())); err == nil {
			out[to]++
		}
	}
	return out
}

// TestG5_DoorsDoNotDependOnPageOrSocket: the page's address is taken, the socket's path is too long. The agent says
// what to do and enforces doors; and lets go of everything at the end.
func TestG5_DoorsDoNotDependOnPageOrSocket(t *testing.T) {
	before := goleak.IgnoreCurrent()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	for name, tt := range map[string]struct {
		change func(c *Config)
		remedy string
	}{
		"the page's address is taken": {func(c *Config) { c.Listen = ln.Addr().String() }, "Choose another address"},
		"the socket's path is too long": {func(c *Config) {
			c.Listen, c.StateDir = "", filepath.Join(t.TempDir(), strings.Repeat("far", 30))
		}, "shorter path"},
	} {
		h := newHouse(t)
		tt.change(&h.cfg)
		h.run()
		h.logs.wait(t, `"ERROR"`, "doors are enforced", tt.remedy)
		h.store(1, append(places(), resident(1, since(time.Hour))...)...)
		h.confirmed("p1")
		if !h.opens("10001") {
			t.Errorf("%s: the resident cannot open", name)
		}
		h.stop()
		h.panel.Close()
	}
	must(t, ln.Close())
	goleak.VerifyNone(t, before)
}

// TestG5_ADeviceThatCannotBeSetUpStopsNoOther: check-config names all that are wrong at once and refuses; the running
// agent drives the good one and shows the others everywhere.
func TestG5_ADeviceThatCannotBeSetUpStopsNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := h.cfg.Devices[0]
	unknown, secretless := good, good
	unknown.ID, unknown.Kind = "side", "intercom"
	secretless.ID, secretless.PasswordFile = "rear", filepath.Join(t.TempDir(), "nowhere")
	h.cfg.Devices = []config.Device{unknown, good, secretless}
	wants := []string{"side", `"intercom" is not a kind of device`, "akuvox", "rear", "nowhere"}
	err := fault.All("check", "devices", checkDevices(h.cfg, quiet())...)
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("%v", err)
	}
	h.start()
	h.store(1, append(places(), resident(1, since(time.Hour))...)...)
	h.confirmed("p1")
	page := html.UnescapeString(h.get("/"))
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) || !strings.Contains(page, want) || !strings.Contains(h.logs.text(), strings.Trim(want, `"`)[:4]) {
			t.Errorf("error, page or log lack %q:\n%v\n%s", want, err, page)
		}
	}
	if up := h.metric(`gatehouse_device_up{device="front"}`) + h.metric(`gatehouse_device_up{device="side"}`) + h.metric(`gatehouse_device_up{device="rear"}`); up != "100" {
		t.Errorf("up: %s", up)
	}
	if n := strings.Count(page, "cannot be set up: "); n != 2 || h.get("/healthz") != "ok\n" || !h.opens("10001") {
		t.Errorf("%d devices are said to be wrong; %s", n, page)
	}
	h.tells(access.EventUnreachable, "side", `"intercom" is not a kind of device`)
	h.tells(access.EventUnreachable, "rear", "nowhere")
	if _, devices := h.agent.inventory.Devices(); len(devices) != 3 {
		t.Errorf("the cloud would take a device for removed: %+v", devices)
	}
}

// TestG6_ADamagedMemoryOfTheClockKeepsNoDoorShut.
func TestG6_ADamagedMemoryOfTheClockKeepsNoDoorShut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, err := openBox(h.cfg.StateDir, trusted(), nil, quiet())
	must(t, err)
	must(t, b.site.SaveClock([]byte("no clock")))
	must(t, b.Close())
	h.start()
	h.store(1, append(places(), resident(1, since(time.Hour))...)...)
	h.confirmed("p1")
	if !h.opens("10001") {
		t.Error("the resident cannot open")
	}
}

// TestE2_SecretsStandNowhere seeds secrets of every kind and looks for them in every log line, page, metric, answer,
// message to the cloud and file.
func TestE2_SecretsStandNowhere(t *testing.T) {
	t.Parallel()
	const pin, card, first, last, phone = "8051739", "0451B2C3D4E5F6", "Wilhelmina", "Okonkwo", "+15550142"
	person := func(n int, pin string) []access.Noun {
		id := fmt.Sprint("p", n)
		return []access.Noun{
			access.Person{ID: access.PersonID(id), Kind: access.Resident, First: first, Last: last, Phones: []string{phone}},
			access.Credential{ID: access.CredentialID("c" + id), Person: access.PersonID(id), Kind: access.PIN, Secret: access.NewSecret(pin)},
			access.Credential{ID: access.CredentialID("k" + id), Person: access.PersonID(id), Kind: access.Card, Secret: access.NewSecret(card)},
			access.Grant{ID: access.GrantID("g" + id), Person: access.PersonID(id), Group: "entrance", Window: since(time.Hour), Reason: "lives in unit 101"},
		}
	}
	// Two with one PIN and card, one whose PIN no panel takes: refusals are where words slip out.
	h := newHouse(t).withCloud(slices.Concat(places(), person(1, pin), person(2, pin), person(3, "805x739"))...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultFull, On: true}))
	h.keeper.Change(items(t, person(4, "7362514")...), nil)
	story.until(access.EventFailed, "", "p4")
	h.broker.Inject(t, "gatehouse/v1/gw-1/down/state", []byte(`{"pin":"`+pin+`","payloadType":7}`))
	h.logs.wait(t, "a message was refused")

	k := h.writtenKeys()
	secrets := []string{pin, "805x739", "7362514", card, panelPassword, last, first, phone}
	places := map[string]string{"the page": h.get("/"), "/metrics": h.get("/metrics"), "/healthz": h.get("/healthz"), "plan": h.ask(AskPlan), "outbox": h.ask(AskOutbox), "digest": h.ask(AskDigest)}
	for _, path := range []string{AskProofs, AskDrift, AskHolds, AskOverlays} {
		places[path] = h.ask(path)
	}
	must(t, h.agent.box.site.Snapshot())
	dump := h.ask(AskDump)
	h.stop()
	places["the log"] = h.logs.text()
	for _, e := range h.keeper.Kept.All() {
		places["event "+fmt.Sprint(e.Number)] = string(e.Raw)
	}
	for where, text := range places {
		holdsNone(t, where, text, secrets...)
		holdsNone(t, where, text, k...)
	}
	holdsNone(t, "the dump", dump, append(k, pin, "805x739", "7362514", card, panelPassword)...) // names it may show
	for name, b := range files(t, h.cfg.StateDir) {
		if name != "key" {
			holdsNone(t, name, string(b), append(k, secrets...)...)
		}
	}
	for _, m := range h.broker.Messages.All() {
		if m.Client == string(h.gw.ID) {
			holdsNone(t, m.Topic, string(m.Payload), secrets...)
		}
	}
}

// writtenKeys are the gateway's private keys as they would be written, and the key that seals its files.
func (h *house) writtenKeys() (out []string) {
	h.t.Helper()
	raw, err := h.agent.box.site.Blob(blobKeys)
	must(h.t, err)
	var k keys
	must(h.t, json.Unmarshal(raw, &k))
	private := h.secretKeys(&k)
	file, err := os.ReadFile(filepath.Join(h.cfg.StateDir, "key"))
	must(h.t, err)
	private["file"] = file
	for _, secret := range private {
		for _, d := range dresses(secret) {
			out = append(out, string(d))
		}
	}
	return out
}
