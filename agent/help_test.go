package agent

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/agent/internal/clock"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

const (
	patience      = 15 * time.Second // bounds failures only
	panelPassword = "correct-horse-battery"
)

// lines is a log whose lines a test can wait for.
type lines struct{ *prototest.Log[string] }

func (l lines) Write(p []byte) (int, error) {
	l.Add(string(p))
	return len(p), nil
}

func (l lines) logger() *slog.Logger { return l.at(slog.LevelDebug) }

func (l lines) at(level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: level}))
}

// wait waits for a line that holds every part.
func (l lines) wait(t *testing.T, parts ...string) string {
	t.Helper()
	return l.Read().Find(t, "the log line with "+strings.Join(parts, " and "), func(s string) bool {
		for _, p := range parts {
			if !strings.Contains(s, p) {
				return false
			}
		}
		return true
	})
}

// trusted is the time of a box that a time server keeps.
func trusted() clock.Source {
	began := time.Now()
	return clock.Source{
		Wall:      time.Now,
		Boot:      func() (string, time.Duration) { return "boot-1", time.Since(began) },
		NTPSynced: func() bool { return true },
	}
}

// house is a gateway in its building: state directory, simulated panel and, when it was asked for, a broker and a
// cloud, all on loopback sockets. It outlives the agent, which starts and stops.
type house struct {
	t      *testing.T
	cfg    Config
	logs   lines
	sim    *akuvoxsim.Panel
	panel  *httptest.Server
	visits *prototest.Log[string] // answered requests at the panel
	gw     prototest.Gateway      // the agent's own keys
	ca     *prototest.CA
	broker *prototest.Server // nil: there is none
	cloud  *prototest.Cloud
	keeper *prototest.Keeper
	level  *slog.LevelVar // what the log goes by, as the cloud may set it
	kinds  []driver.Kind  // nil: the agent's own

	agent *Agent
	page  string // address of the page
	stop  func()
}

// newHouse makes a house whose gateway is not enrolled.
func newHouse(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	sim, err := akuvoxsim.New(akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, User: "gate", Password: panelPassword})
	must(t, err)
	h := &house{t: t, logs: lines{prototest.NewLog[string]()}, sim: sim, visits: prototest.NewLog[string](), level: new(slog.LevelVar), stop: func() {}}
	h.level.Set(slog.LevelDebug)
	h.panel = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer h.visits.Add(r.URL.Path)
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(h.panel.Close)
	must(t, os.WriteFile(filepath.Join(dir, "panel.txt"), []byte(panelPassword+"\n"), 0o600))
	h.cfg, err = LoadConfigText(fmt.Sprintf(`
state_dir = "state"
force_state_dir = true
listen = "127.0.0.1:0"
reconnect_max = "100ms"
[[device]]
id = "front"
kind = "akuvox"
url = %q
user = "gate"
password_file = "panel.txt"
pace = "0s"
doors = { lobby = "A" }
`, h.panel.URL), dir)
	must(t, err)
	return h
}

// withCloud adds a broker and a cloud that keeps items as the state, and enrols the gateway there.
func (h *house) withCloud(nouns ...access.Noun) *house {
	h.t.Helper()
	h.ca = prototest.NewCA(h.t)
	h.broker = prototest.Broker(h.t, prototest.TLS(h.ca))
	req := h.request("gw-1")
	h.cloud = prototest.NewCloud(h.t, h.broker.As(h.t, prototest.CloudName), h.gw)
	_, err := EnrollAccept(h.cfg, h.bundle(req, h.cloud.Signing, nil), h.logs.logger())
	must(h.t, err)
	h.keeper = h.cloud.Keep(h.gw, items(h.t, nouns...))
	return h
}

// request makes the enrolment request and takes the gateway's keys, which only a test may.
func (h *house) request(id access.GatewayID) protocol.EnrollRequest {
	h.t.Helper()
	raw, err := EnrollRequest(h.cfg, h.logs.logger())
	must(h.t, err)
	req, _, err := protocol.ParseEnrollRequest(raw)
	must(h.t, err)
	k := h.keys()
	sealing, err := ecdh.X25519().NewPrivateKey(k.Sealing)
	must(h.t, err)
	h.gw = prototest.Gateway{ID: id, Signing: ed25519.NewKeyFromSeed(k.Signing), Sealing: sealing}
	return req
}

func (h *house) keys() (k *keys) {
	h.t.Helper()
	must(h.t, withSite(h.cfg, h.logs.logger(), func(s *store.Site) (err error) {
		k, err = loadKeys(s)
		return err
	}))
	return k
}

// bundle is what a cloud makes of a request; change may spoil it.
func (h *house) bundle(req protocol.EnrollRequest, cloud ed25519.PrivateKey, change func(*protocol.EnrollBundle)) []byte {
	h.t.Helper()
	if h.ca == nil {
		h.ca = prototest.NewCA(h.t)
	}
	raw, err := json.Marshal(req)
	must(h.t, err)
	_, csr, err := protocol.ParseEnrollRequest(raw)
	must(h.t, err)
	id, broker := h.gw.ID, "tls://127.0.0.1:1"
	if h.broker != nil {
		broker = h.broker.URL()
	}
	b := protocol.NewEnrollBundle(protocol.EnrollBundle{
		Gateway: id, Property: "maple", Broker: broker, ServerName: "localhost",
		Certificate: h.ca.Issue(h.t, string(id), csr.PublicKey), CA: h.ca.PEM(), CloudKeys: [][]byte{prototest.Public(cloud)},
	})
	if change != nil {
		change(&b)
	}
	out, err := json.Marshal(b)
	must(h.t, err)
	return out
}

// start runs the agent until h.stop or the end of the test, and learns where its page is.
func (h *house) start() {
	h.t.Helper()
	tail := h.logs.Tail()
	h.run()
	line := tail.Find(h.t, "the page's address", func(s string) bool { return strings.Contains(s, "page, metrics and health") })
	var at struct{ Address string }
	must(h.t, json.Unmarshal([]byte(line), &at))
	h.page = at.Address
}

// run is start for an agent that may have no page.
func (h *house) run() {
	h.t.Helper()
	ready := make(chan struct{})
	var err error
	h.agent, err = New(h.t.Context(), h.cfg, Deps{Log: h.logs.at(h.level), Level: h.level, Kinds: h.kinds, Version: "v1", Commit: "c1", Source: trusted(), Ready: func() { close(ready) }})
	must(h.t, err)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.agent.Run(ctx) }()
	stopped := false
	h.stop = func() {
		h.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := receive(h.t, done, "the end of Run"); err != nil {
			h.t.Errorf("Run: %v", err)
		}
	}
	h.t.Cleanup(h.stop)
	receive(h.t, ready, "the agent to be ready")
}

func receive[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case v = <-c:
	case <-late.C:
		t.Fatalf("waited %s in vain for %s", patience, what)
	}
	return v
}

// tells fails unless the outbox of an agent without a cloud has the event.
func (h *house) tells(kind access.EventKind, device access.DeviceID, words string) {
	h.t.Helper()
	if told := toldOf(h.t, h.agent, kind, device); len(told) != 1 || !strings.Contains(told[0], words) {
		h.t.Errorf("%s of %q is told as %q, want once, with %q", kind, device, told, words)
	}
}

// toldOf is the words of the events of a kind about a device in the outbox, or of the gateway itself.
func toldOf(t *testing.T, a *Agent, kind access.EventKind, device access.DeviceID) (out []string) {
	t.Helper()
	for after := uint64(0); ; {
		_, _, raw, _, err := a.box.outbox.Pending(after, 1<<20)
		must(t, err)
		for _, r := range raw {
			var e access.Event
			must(t, json.Unmarshal(r, &e))
			if after = e.Number; e.Kind == kind && e.Device == device {
				out = append(out, e.Message)
			}
		}
		if len(raw) == 0 {
			return out
		}
	}
}

// get reads one of the page's addresses.
func (h *house) get(path string) string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.page+path, nil)
	must(h.t, err)
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := c.Do(req)
	must(h.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(h.t, err)
	return string(b)
}

// metric is one value at /metrics; name holds the labels.
func (h *house) metric(name string) string {
	h.t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (.+)$`).FindStringSubmatch(h.get("/metrics"))
	if m == nil {
		return "absent"
	}
	return m[1]
}

// ask asks the running or resting agent and fails on an error.
func (h *house) ask(path string, query ...string) string {
	h.t.Helper()
	b, err := Ask(h.t.Context(), h.cfg, path, values(query), h.logs.logger())
	must(h.t, err)
	return strings.TrimSpace(string(b))
}

func values(pairs []string) map[string][]string {
	q := map[string][]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q[pairs[i]] = []string{pairs[i+1]}
	}
	return q
}

// story reads what the cloud kept, in order, and holds every event to its number.
type story struct {
	t    *testing.T
	log  *prototest.Reader[prototest.Kept]
	next uint64
}

func (h *house) story() *story { return &story{t: h.t, log: h.keeper.Kept.Read(), next: 1} }

// until returns the next event of a kind about a person (or "" anybody) and how many others came before it.
func (s *story) until(kind access.EventKind, op access.Op, person access.PersonID) access.Event {
	s.t.Helper()
	for {
		k := s.log.Next(s.t, fmt.Sprintf("the event %s %s %s", kind, op, person))
		var e access.Event
		must(s.t, json.Unmarshal(k.Raw, &e))
		if k.Number != s.next || e.Number != s.next {
			s.t.Fatalf("event %d calls itself %d, want number %d", k.Number, e.Number, s.next)
		}
		s.next++
		if e.Kind == kind && e.Op == op && e.Person == person {
			return e
		}
	}
}

func items(t *testing.T, nouns ...access.Noun) (out []access.Item) {
	t.Helper()
	for _, n := range nouns {
		it, err := access.Encode(n)
		must(t, err)
		out = append(out, it)
	}
	return out
}

func keysOf(its []access.Item) (out []access.Key) {
	for _, it := range its {
		out = append(out, it.Key)
	}
	return out
}

func since(ago time.Duration) access.Window { return access.Window{From: time.Now().Add(-ago)} }

// opens says whether a PIN opens the lobby at the panel itself.
func (h *house) opens(pin string) bool {
	h.t.Helper()
	out := h.sim.Present(akuvoxsim.Credential{PIN: pin})
	if out.Down != "" {
		h.t.Fatalf("the panel is %s", out.Down)
	}
	return out.Granted && len(out.Doors) == 1 && out.Doors[0] == "A"
}

// holdsNone fails for every secret that stands in text, in capitals or not.
func holdsNone(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, s := range secrets {
		if strings.Contains(text, s) || utf8.ValidString(s) && strings.Contains(lower, strings.ToLower(s)) {
			t.Errorf("%s holds %q", where, s)
		}
	}
}

// files is every file below dir, by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range list {
		var b []byte
		if f.Type().IsRegular() {
			b, err = os.ReadFile(filepath.Join(dir, f.Name()))
			must(t, err)
		}
		out[f.Name()] = b
	}
	return out
}

func (l lines) text() string { return strings.Join(l.All(), "") }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same fails unless two pieces of JSON are the same bytes.
func same(t *testing.T, what, a, b string) {
	t.Helper()
	if !bytes.Equal([]byte(a), []byte(b)) {
		t.Errorf("%s differs:\n%s\n%s", what, a, b)
	}
}
