package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// inUTC are the places with the clock that the simulated panel goes by.
func inUTC() []access.Noun {
	out := places()
	out[0] = access.Property{ID: "maple", Name: "Maple Court", Zone: "UTC"}
	return out
}

// doorEvents are the events of doors that the cloud has.
func (h *house) doorEvents() (out []access.Event) {
	h.t.Helper()
	for _, k := range h.keeper.Kept.All() {
		var e access.Event
		must(h.t, json.Unmarshal(k.Raw, &e))
		if e.Kind == access.EventDoor {
			out = append(out, e)
		}
	}
	return out
}

// TestTowardsE3_G10_FromTheDoorToTheCloudOnce: somebody opens, somebody is refused; the cloud hears it within
// seconds, by whom and by what, and once, also when the agent and the panel start again.
func TestTowardsE3_G10_FromTheDoorToTheCloudOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(append(inUTC(), resident(1, since(time.Hour))...)...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	began := time.Now().Add(-2 * time.Second)
	happens := func(pin string, person access.PersonID) access.Event {
		t.Helper()
		h.opens(pin)
		h.agent.driven()[0].loop.DoorHint()
		return story.until(access.EventDoor, "", person)
	}
	e := happens("10001", "p1")
	if !e.Granted || e.Door != "lobby" || e.Device != "front" || e.How != "pin" || e.At.Before(began) || !e.At.Equal(e.DeviceTime) || e.Log == "" || e.Late() {
		t.Errorf("opened: %+v", e)
	}
	if e = happens("3050907", ""); e.Granted || e.Door != "lobby" || e.How != "pin" {
		t.Errorf("refused: %+v", e)
	}
	h.stop()
	h.opens("10001") // nobody watches
	h.start()
	if e = story.until(access.EventDoor, "", "p1"); !e.Granted || e.At.Before(began) {
		t.Errorf("while the agent was away: %+v", e)
	}
	must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultReboot, On: true, Value: "1500ms"}))
	h.agent.driven()[0].loop.DoorHint()
	story.until(access.EventUnreachable, "", "")
	story.until(access.EventReachable, "", "")
	h.opens("7041838")
	h.agent.driven()[0].loop.DoorHint()
	story.until(access.EventDoor, "", "")
	h.stop()
	h.start()
	story.until(access.EventStarted, "", "")
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	seen := map[string]bool{}
	for _, e := range h.doorEvents() {
		if seen[e.Log] {
			t.Errorf("told twice: %+v", e)
		}
		seen[e.Log] = true
	}
	if log := h.sim.DoorLog(); len(seen) != len(log) {
		t.Errorf("%d events of %d entries", len(seen), len(log))
	}
	if n := h.metric(`gatehouse_door_events_total{device="front",result="opened"}`); n != "0" {
		t.Errorf("%s openings are counted anew", n)
	}
	text := fmt.Sprint(h.logs.text(), h.get("/metrics"), h.get("/"))
	for _, k := range h.keeper.Kept.All() {
		text += string(k.Raw)
	}
	holdsNone(t, "events, log, page or metrics", text, "10001", "3050907", "7041838")
}

// caller is a panel that calls, made in the test: what it was told to call, and a ring.
type caller struct {
	*akuvox.Panel
	at *callee
}

// callee is what all instances of it share.
type callee struct {
	sync.Mutex
	bases *prototest.Log[string]
	fails error
}

func (c caller) CallAt(_ context.Context, base string) (driver.CallsKept, error) {
	c.at.Lock()
	err := c.at.fails
	c.at.Unlock()
	if err == nil {
		c.at.bases.Add(base)
	}
	return driver.CallsKept{Events: []string{"MakeCall"}, Dropped: []string{"$alarmstatus of AlarmTriggered"}}, err
}

func (c caller) Called(event string, query url.Values) (h driver.Happening, ok bool) {
	switch event {
	case "MakeCall":
		return driver.Happening{Kind: driver.HappenedRing, Unit: query.Get("remote")}, true
	case "HangUp":
		return driver.Happening{Kind: driver.HappenedRingEnd, Unit: query.Get("remote"), Cause: query.Get("why")}, true
	case "AlarmTriggered":
		return driver.Happening{Kind: driver.HappenedTamper, Cause: "the tamper alarm"}, true
	case "ValidCodeEntered":
		return driver.Happening{Kind: driver.HappenedDoor, Relay: "A", How: "pin"}, true
	case "Panic":
		panic("the call is upside down")
	}
	return h, false
}

// withCaller has the house's panel call. The agent is not started.
func (h *house) withCaller() *callee {
	at := &callee{bases: prototest.NewLog[string]()}
	h.cfg.Events = "127.0.0.1:0"
	h.kinds = []driver.Kind{{Name: "akuvox", New: func(c driver.Config, d driver.Deps) (driver.Panel, error) {
		p, err := akuvox.New(c, d)
		if err != nil {
			return nil, err
		}
		own, ok := p.(*akuvox.Panel)
		if !ok {
			return nil, errors.New("not the panel")
		}
		return caller{own, at}, nil
	}}}
	return at
}

// call makes one call and gives its answer.
func (h *house) call(method, address string) (int, string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, address, strings.NewReader("a body that nobody reads"))
	must(h.t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(h.t, err)
	b, err := io.ReadAll(resp.Body)
	must(h.t, err)
	must(h.t, resp.Body.Close())
	return resp.StatusCode, string(b)
}

// TestTowardsE3_DevicesCall: the panel is told an address with a secret of its own; what it calls becomes a ring, an
// alarm or an early reading of its log. Others get 404 without a word; too much is refused; and when the key goes the
// panel is told so.
func TestTowardsE3_DevicesCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(append(inUTC(), resident(1, since(time.Hour))...)...)
	at, story := h.withCaller(), h.story()
	bases := at.bases.Read()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	base := bases.Next(t, "the address that the panel is told")
	if u, err := url.Parse(base); err != nil || u.Host == "" || !strings.HasPrefix(u.Path, "/e/") || len(u.Path) != len("/e/")+32 {
		t.Fatalf("%q", base)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if code, body := h.call(method, base+"/MakeCall?remote=Unit%20101"); code != http.StatusNoContent || body != "" {
			t.Errorf("%s: %d %q", method, code, body)
		}
	}
	if e := story.until(access.EventRing, "", ""); e.Unit != "u1" || e.Device != "front" || e.Message != "" {
		t.Errorf("ring: %+v", e)
	}
	h.call(http.MethodGet, base+"/MakeCall?remote=Rosa%20Quist")
	if e := story.until(access.EventRing, "", ""); e.Unit != "" || !strings.Contains(e.Message, "does not have by that name") || strings.Contains(e.Message, "Quist") {
		t.Errorf("ring for nobody: %+v", e)
	}
	h.call(http.MethodGet, base+"/HangUp?remote=101")
	h.call(http.MethodGet, base+"/HangUp?remote=101&why=answered")
	if e := story.until(access.EventRing, "", ""); e.Unit != "u1" || e.Message != "it ended: answered" {
		t.Errorf("the end of a ring: %+v", e)
	}
	h.call(http.MethodGet, base+"/AlarmTriggered")
	if e := story.until(access.EventTamper, "", ""); e.Message != "the tamper alarm" || e.Device != "front" {
		t.Errorf("tamper: %+v", e)
	}
	h.opens("10001")
	h.call(http.MethodGet, base+"/ValidCodeEntered?code=10001")
	if e := story.until(access.EventDoor, "", "p1"); !e.Granted || e.Door != "lobby" {
		t.Errorf("door: %+v", e)
	}
	h.refusesCalls(base)
	if page := h.get("/"); !strings.Contains(page, "does not call about $alarmstatus of AlarmTriggered") {
		t.Error("the page does not say what the panel dropped")
	}
	text := h.logs.text() + h.get("/metrics") + h.get("/")
	for _, b := range files(t, h.cfg.StateDir) {
		text += string(b)
	}
	holdsNone(t, "log, page, metrics or files", text, strings.TrimPrefix(base[strings.Index(base, "/e/"):], "/e/"), "Quist", "10001")

	h.stop()
	h.start()
	if again := bases.Next(t, "the address after a restart"); again[strings.Index(again, "/e/"):] != base[strings.Index(base, "/e/"):] {
		t.Errorf("the secret changed: %q, %q", base, again)
	}
	h.stop()
	h.cfg.Events = ""
	h.start()
	if gone := bases.Next(t, "the end of the calls"); gone != "" {
		t.Errorf("%q", gone)
	}
	h.logs.wait(t, "the device calls no more")
	h.stop()
	h.start()
	story.until(access.EventStarted, "", "")
	if all := at.bases.All(); all[len(all)-1] != "" || len(all) != 3 {
		t.Errorf("told %q", all)
	}
}

// refusesCalls tries what is none of the panel's.
func (h *house) refusesCalls(base string) {
	h.t.Helper()
	root := base[:strings.Index(base, "/e/")]
	long := base + "/MakeCall?remote=" + strings.Repeat("1", mostQuery)
	for _, path := range []string{root + "/", root + "/e/", root + "/e/x/MakeCall", base, base + "x/MakeCall", base + "/Nothing", base + "/Panic", long} {
		if code, body := h.call(http.MethodGet, path); code != http.StatusNotFound || body != "" {
			h.t.Errorf("%.80s: %d %q", path, code, body)
		}
	}
	if code, _ := h.call(http.MethodPut, base+"/MakeCall"); code != http.StatusNotFound {
		h.t.Errorf("PUT: %d", code)
	}
	refused := 0
	for range 3 * callBurst {
		if code, _ := h.call(http.MethodGet, base+"/HangUp"); code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		h.t.Error("calls are taken without limit")
	}
	if got := h.metric(`gatehouse_device_calls_total{device="",result="refused"}`); got == "0" {
		h.t.Error("calls of strangers are not counted")
	}
}

// TestCallsOfADeviceThatWillNot: it is said once, on the page and in the log, and doors go on; a device that is only
// reported on is told nothing.
func TestCallsOfADeviceThatWillNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at := h.withCaller()
	at.fails = fault.New(fault.Unsupported, "set the Action URLs of", "front", "it has none")
	h.start()
	h.store(1, append(inUTC(), resident(1, since(time.Hour))...)...)
	h.confirmed("p1")
	h.logs.wait(t, "could not be told whom to call", "it has none")
	if !strings.Contains(h.get("/"), "could not be told whom to call") || !h.opens("10001") {
		t.Error("the page does not say it, or the door does not open")
	}
	h.stop()
	h.cfg.Devices[0].Report = true
	at.fails = nil
	h.start()
	h.logs.wait(t, "device answers")
	h.stop()
	if all := at.bases.All(); len(all) > 0 {
		t.Errorf("a device that is only reported on was told %q", all)
	}
}

// TestADeviceThatCannotCallIsNotSaidTo: as a Comelit gateway; the panel beside it is told as ever.
func TestADeviceThatCannotCallIsNotSaidTo(t *testing.T) {
	t.Parallel()
	g := newGate(t, 2)
	at := g.withCaller()
	g.kinds = append(g.kinds, driver.Kind{Name: "comelit", New: comelit.New})
	bases := at.bases.Read()
	g.start()
	bases.Next(t, "the address that the panel is told")
	c := g.agent.panel("gate").calls
	g.logs.wait(t, "device answers", `"gate"`)
	must(t, c.install(t.Context()))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calling || c.kept.Installed || !g.agent.panel("front").calls.wanted() {
		t.Error("a gateway that cannot call is said to")
	}
}

// TestHappeningsWaitForTheStore, and the same in a row is told once.
func TestHappeningsWaitForTheStore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	a, p := h.agent, h.agent.driven()[0]
	h.logs.wait(t, "device answers")
	for range 3 {
		a.hear(p, driver.Happening{Kind: driver.HappenedTamper, Cause: "the case was opened", At: time.Now().Add(-time.Hour)})
	}
	a.hear(p, driver.Happening{Kind: driver.HappenedDoor, Relay: "A"})
	for n := range 2 * tellBurst { // a device that has gone mad
		a.hear(p, driver.Happening{Kind: driver.HappenedRing, Unit: fmt.Sprint(n), Cause: "x"})
	}
	h.stop()
	again, err := New(t.Context(), h.cfg, Deps{Log: quiet(), Source: trusted()})
	must(t, err)
	defer func() { must(t, again.Close()) }()
	if d := cmp.Diff([]string{"the case was opened"}, toldOf(t, again, access.EventTamper, "front")); d != "" {
		t.Error(d)
	}
	if n := len(toldOf(t, again, access.EventRing, "front")); n < tellBurst-5 || n > tellBurst {
		t.Errorf("%d rings were told of %d", n, 2*tellBurst)
	}
	if told := toldOf(t, again, access.EventDoor, "front"); len(told) > 0 {
		t.Errorf("a hint of a panel that keeps a log became %q", told)
	}
}

// TestTowardsC17_DevicesCallAtThePropertysOwnNetwork: the address is one of the box's own, and a public one is doubted.
func TestTowardsC17_DevicesCallAtThePropertysOwnNetwork(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]bool{
		"192.0.2.5:9470": false, "gateway.example.com:80": false, "[fd00::1]:9470": false, "": false, ":9470": true, "0.0.0.0:9470": true, "[::]:1": true, "192.0.2.5": true,
	} {
		if _, err := LoadConfigText(fmt.Sprintf("events_listen = %q", text), t.TempDir()); (err != nil) != wrong {
			t.Errorf("%q: %v", text, err)
		}
	}
	file := filepath.Join(t.TempDir(), "agent.toml")
	for address, doubt := range map[string]bool{"10.1.2.3:9470": false, "127.0.0.1:9470": false, "203.0.113.9:9470": true} {
		must(t, os.WriteFile(file, fmt.Appendf(nil, "events_listen = %q\n", address), 0o600))
		_, doubts, err := CheckConfig(file, quiet())
		if must(t, err); strings.Contains(strings.Join(doubts, " "), "events_listen") != doubt {
			t.Errorf("%s: %q", address, doubts)
		}
	}
}
