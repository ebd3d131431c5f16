package akuvox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	callBase   = "http://127.0.0.1:9/events/s3cret-path/lobby-1"
	actionURLs = "Config.Features.ACTIONURL."
)

// memo is a device's own memory.
type memo struct{ kept []byte }

func (m *memo) Load(string) ([]byte, error)        { return m.kept, nil }
func (m *memo) Save(parts map[string][]byte) error { m.kept = parts[""]; return nil }

// callBench is a panel whose settings a test sets and sees by the panel's own calls.
type callBench struct {
	*bench
	mem *memo
}

func newCallBench(t *testing.T, o akuvoxsim.Options) *callBench {
	t.Helper()
	c := &callBench{newBench(t, o), &memo{}}
	c.again(t)
	return c
}

// again is a driver that starts anew for the same panel.
func (c *callBench) again(t *testing.T) {
	t.Helper()
	p, err := akuvox.New(driver.Config{ID: "lobby-1", URL: c.url, User: simUser, Password: access.NewSecret(simPassword), Pace: -1}, driver.Deps{Memory: c.mem})
	if err != nil {
		t.Fatal(err)
	}
	c.panel = p
}

func (c *callBench) callAt(t *testing.T, base string) driver.CallsKept {
	t.Helper()
	kept, err := c.panel.(driver.EventCaller).CallAt(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(kept.Events)
	slices.Sort(kept.Dropped)
	return kept
}

// byHand sets and shows the panel's settings as a hand at its web page would.
func (c *callBench) byHand(t *testing.T, event, address string) {
	t.Helper()
	if err := c.sim.SetConfig(actionURLs+event, address); err != nil {
		t.Fatal(err)
	}
}

func (c *callBench) shows(event string) string { return c.sim.Config()[actionURLs+event] }

func (c *callBench) writes() int { return len(c.sim.Mutating()) }

func TestCallAtInstallsWhatThePanelHas(t *testing.T) {
	t.Parallel()
	for _, m := range akuvoxsim.Models() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			c := newCallBench(t, akuvoxsim.Options{Model: m.Name, Auth: akuvoxsim.AuthDigest})
			kept := c.callAt(t, callBase)
			if c.shows("Enable") != "1" || !slices.Contains(kept.Events, "ValidCodeEntered") || slices.Contains(kept.Events, "AlarmTriggered") != m.Tamper ||
				slices.Contains(kept.Events, "RelayCTriggered") != (m.Relays > 2) || slices.Contains(kept.Events, "ValidFaceRecognition") != m.Faces {
				t.Errorf("kept %+v", kept)
			}
			if got := c.shows("InvalidCodeEntered"); got != callBase+"/InvalidCodeEntered" {
				t.Errorf("the invalid code's address is %s", got)
			}
			knows := func(v string) bool { return slices.Contains(m.Variables, "$"+v) }
			for event, vars := range map[string]string{
				"ValidCodeEntered": "userid relay_id", "ValidCardEntered": "userid relay_id", "AlarmTriggered": "alarmstatus", "MakeCall": "remote",
			} {
				if !slices.Contains(kept.Events, event) {
					continue
				}
				for _, v := range strings.Fields(vars) {
					asked, told := strings.Contains(c.shows(event), v+"=$"+v), slices.Contains(kept.Dropped, "$"+v+" of "+event)
					if asked != knows(v) || told == asked {
						t.Errorf("%s asks %s; $%s is known: %v, named as dropped: %v", event, c.shows(event), v, knows(v), told)
					}
				}
			}
			for key, value := range c.sim.Config() {
				if !strings.HasPrefix(key, actionURLs) && strings.Contains(value, "s3cret") {
					t.Errorf("%s was written", key)
				}
			}
			before := c.writes()
			c.again(t)
			if d := cmp.Diff(kept, c.callAt(t, callBase)); d != "" || c.writes() != before {
				t.Errorf("again: %d writes\n%s", c.writes()-before, d)
			}
			c.callAt(t, "")
			for key, value := range c.sim.Config() {
				if strings.Contains(value, "s3cret") {
					t.Errorf("%s stays %s", key, value)
				}
			}
		})
	}
}

// The requests are told in README.md: installers wait for them.
func TestCallAtIsBounded(t *testing.T) {
	t.Parallel()
	c := newCallBench(t, akuvoxsim.Options{Model: "X916"})
	c.callAt(t, callBase)
	if n := len(c.sim.Requests()); n != 3 {
		t.Errorf("%d requests where everything is kept, want 3", n)
	}
	c.sim.ForgetRequests()
	c.callAt(t, callBase)
	if n := len(c.sim.Requests()); n != 1 {
		t.Errorf("%d requests where all stands, want 1", n)
	}
	d := newCallBench(t, akuvoxsim.Options{Model: "E18"})
	d.callAt(t, callBase)
	if n := len(d.sim.Requests()); n > 9 {
		t.Errorf("%d requests to find out the variables", n)
	}
}

func TestCallAtNeverTouchesTheAddressesOfOthers(t *testing.T) {
	t.Parallel()
	c := newCallBench(t, akuvoxsim.Options{})
	const theirs = "http://user:pass@127.0.0.1:8/monitor?u=$userid"
	c.byHand(t, "Enable", "1")
	c.byHand(t, "ValidCodeEntered", theirs)
	kept := c.callAt(t, callBase)
	if c.shows("ValidCodeEntered") != theirs || slices.Contains(kept.Events, "ValidCodeEntered") || !slices.Contains(kept.Events, "ValidCardEntered") {
		t.Errorf("it shows %s, kept %v", c.shows("ValidCodeEntered"), kept.Events)
	}
	if !slices.ContainsFunc(kept.Dropped, func(s string) bool { return strings.HasPrefix(s, "ValidCodeEntered: ") }) || strings.Contains(strings.Join(kept.Dropped, ""), "pass") {
		t.Errorf("dropped %v", kept.Dropped)
	}
	c.callAt(t, "")
	if c.shows("ValidCodeEntered") != theirs || c.shows("ValidCardEntered") != "" || c.shows("Enable") != "1" {
		t.Errorf("left %s and %q", c.shows("ValidCodeEntered"), c.shows("ValidCardEntered"))
	}
	// Somebody switched them off, and has one for an event that means nothing here: to switch them on would wake it.
	c.byHand(t, "ValidCodeEntered", "")
	c.byHand(t, "RelayAClosed", theirs)
	c.byHand(t, "Enable", "0")
	before := c.writes()
	_, err := c.panel.(driver.EventCaller).CallAt(t.Context(), callBase)
	if wantKind(t, err, fault.Conflict); c.writes() != before || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "pass@") {
		t.Errorf("%d writes, %v", c.writes()-before, err)
	}
}

// A gateway that gets another address, and one that starts anew, knows its own calls again.
func TestCallAtMovesWithTheGateway(t *testing.T) {
	t.Parallel()
	c := newCallBench(t, akuvoxsim.Options{Model: "E18C"})
	c.callAt(t, callBase)
	c.again(t)
	const next = "https://gate.example/e/other/lobby-1"
	kept := c.callAt(t, next)
	if len(kept.Events) == 0 || c.shows("ValidCodeEntered") != next+"/ValidCodeEntered" || strings.Contains(string(c.mem.kept), "s3cret") {
		t.Errorf("kept %v, it shows %s, remembered %s", kept, c.shows("ValidCodeEntered"), c.mem.kept)
	}
	c.again(t)
	c.callAt(t, "")
	if c.shows("ValidCodeEntered") != "" || strings.Contains(string(c.mem.kept), "gate.example") {
		t.Errorf("it shows %s, remembered %s", c.shows("ValidCodeEntered"), c.mem.kept)
	}
	c.callAt(t, callBase)
	c.mem.kept = nil // a box that was replaced: what stands there is nobody's that it knows
	c.again(t)
	if c.callAt(t, ""); c.shows("ValidCodeEntered") == "" {
		t.Error("it took back what it did not know for its own")
	}
}

// An installation that broke off half-way is gone on with: what asks for less than it might was not decided yet.
func TestCallAtGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	c := newCallBench(t, akuvoxsim.Options{Model: "X916"})
	c.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultUnknownVariable, Value: "relay_id"})
	c.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultDropAfter, After: 1, Times: 1})
	_, err := c.panel.(driver.EventCaller).CallAt(t.Context(), callBase)
	if wantKind(t, err, fault.Timeout); c.shows("ValidCodeEntered") != callBase+"/ValidCodeEntered?userid=$userid" {
		t.Fatalf("it shows %s", c.shows("ValidCodeEntered"))
	}
	c.again(t)
	kept := c.callAt(t, callBase)
	if c.shows("ValidCodeEntered") != callBase+"/ValidCodeEntered?userid=$userid" || !slices.Contains(kept.Dropped, "$relay_id of ValidCodeEntered") {
		t.Errorf("it shows %s, kept %+v", c.shows("ValidCodeEntered"), kept)
	}
	before := c.writes()
	c.again(t)
	if c.callAt(t, callBase); c.writes() != before {
		t.Errorf("%d writes of what is settled", c.writes()-before)
	}
}

// One the power was taken from, or one that answers OK and keeps nothing, is noticed.
func TestCallAtReadsBack(t *testing.T) {
	t.Parallel()
	c := newCallBench(t, akuvoxsim.Options{})
	c.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultConfigDrop})
	_, err := c.panel.(driver.EventCaller).CallAt(t.Context(), callBase)
	wantKind(t, err, fault.Conflict)
	c.byHand(t, "Enable", "1")
	if kept := c.callAt(t, callBase); len(kept.Events) != 0 || !slices.Contains(kept.Dropped, "MakeCall: the panel does not keep an address for it") {
		t.Errorf("kept %+v", kept)
	}
	if err := c.sim.SetFault(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultConfigDrop}); err != nil {
		t.Fatal(err)
	}
	if kept := c.callAt(t, callBase); len(kept.Events) < 10 {
		t.Errorf("kept %+v", kept)
	}
	c.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultPowerCut, Value: "0s"})
	if c.shows("MakeCall") != "" {
		t.Fatal("a power cut forgets settings that were not saved")
	}
	c.byHand(t, "Enable", "0")
	if kept := c.callAt(t, callBase); len(kept.Events) < 10 || c.shows("MakeCall") == "" {
		t.Errorf("after the power cut: %+v", kept)
	}
}

func TestCallAtRefusesAddressesThatWouldNotDo(t *testing.T) {
	t.Parallel()
	c := newCallBench(t, akuvoxsim.Options{})
	for _, base := range []string{
		"ftp://192.0.2.5/x", "192.0.2.5", "http://", "http://192.0.2.5/x/", "http://192.0.2.5/$code", "http://192.0.2.5/a?b=c", "http://192.0.2.5/a#b",
		"http://user@192.0.2.5/x", "http://192.0.2.5/a b", "http://192.0.2.5/" + strings.Repeat("x", 200), "http://192.0.2.5/\x00",
	} {
		_, err := c.panel.(driver.EventCaller).CallAt(t.Context(), base)
		if wantKind(t, err, fault.Invalid); strings.Contains(err.Error(), "192.0.2.5") {
			t.Errorf("it tells the address: %v", err)
		}
	}
	if n := len(c.sim.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
	w := newWild(t, &wild{})
	_, err := w.panel(t).CallAt(t.Context(), callBase)
	wantKind(t, err, fault.Unsupported)
	b := newCallBench(t, akuvoxsim.Options{Model: "IT83"})
	if kept := b.callAt(t, ""); len(kept.Events)+len(kept.Dropped) != 0 {
		t.Errorf("nothing to take back: %+v", kept)
	}
}

// What the panel calls reaches the receiver, and is read there; no PIN and no card travels.
func TestCalledReadsWhatThePanelCalls(t *testing.T) {
	t.Parallel()
	b := newCallBench(t, akuvoxsim.Options{Model: "X916"})
	e := b.panel.(driver.EventCaller)
	got := make(chan driver.Happening, 20)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h, ok := e.Called(strings.TrimPrefix(r.URL.Path, "/s3cret/"), r.URL.Query())
		if text := strings.ToLower(r.URL.String()); !ok || strings.Contains(text, "482") || strings.Contains(text, "04a1") {
			t.Errorf("not read, or more than may travel: %s", text)
		}
		got <- h
	}))
	t.Cleanup(srv.Close)
	b.callAt(t, srv.URL+"/s3cret")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.sim.Deliver(ctx) }()
	t.Cleanup(func() { stop(); <-done })

	jones := akuvoxsim.User{UserID: "GHp9", Name: "T. Jones", PIN: "4821", Cards: []string{"04a1b2c3"}, ScheduleRelay: "1001-2"}
	if _, err := b.sim.Edit("add", jones); err != nil {
		t.Fatal(err)
	}
	b.sim.Present(akuvoxsim.Credential{PIN: "4821"})
	b.sim.Present(akuvoxsim.Credential{Card: "04a1b2c3"})
	b.sim.Present(akuvoxsim.Credential{PIN: "4822"})
	for _, h := range []akuvoxsim.Happening{{What: "ring", To: "101"}, {What: "hang_up", To: "101"}, {What: "break_in", At: "B"}, {What: "held_open"}, {What: "face", UserID: "GHp9"}} {
		if _, err := b.sim.Happen(h); err != nil {
			t.Fatal(err)
		}
	}
	door := driver.HappenedDoor
	for i, want := range []driver.Happening{
		{Kind: door, How: "pin", By: "p9", Relay: "B"}, {Kind: door, Relay: "B"},
		{Kind: door, How: "card", By: "p9", Relay: "B"}, {Kind: door, Relay: "B"},
		{Kind: door, How: "pin"},
		{Kind: driver.HappenedRing, Unit: "101"}, {Kind: driver.HappenedRingEnd, Unit: "101"},
		{Kind: driver.HappenedTamper, Cause: "break-in at input B"}, {Kind: driver.HappenedTamper, Cause: "door A is held open"},
		{Kind: door, How: "face", By: "p9", Relay: "B"}, {Kind: door, Relay: "B"},
	} {
		if d := cmp.Diff(want, <-got); d != "" {
			t.Errorf("call %d (-want +got):\n%s", i, d)
		}
	}
}
