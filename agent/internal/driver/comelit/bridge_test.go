package comelit_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	slotToken = "0123456789abcdef0123456789abcdef"
	patience  = 10 * time.Second // of a driver in a test, for an answer that comes
	silence   = 2 * time.Second  // and for one that does not
)

// gate is one simulated gateway on loopback with its bridge, its pages and its discovery.
type gate struct {
	sim       *comelitsim.Panel
	tcp, udp  string
	web       string
	dials     atomic.Int32
	stop      context.CancelFunc
	stayed    chan error
	listening net.Listener
}

func newGate(t *testing.T, o comelitsim.Options) *gate {
	t.Helper()
	o.Token, o.Password = slotToken, installer
	sim, err := comelitsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{sim: sim, stayed: make(chan error, 2)}
	if g.listening, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sim.Web())
	g.tcp, g.udp, g.web = g.listening.Addr().String(), pc.LocalAddr().String(), web.Listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	g.stop = cancel
	go func() { g.stayed <- sim.ServeICONA(ctx, g.listening) }()
	go func() { g.stayed <- sim.ServeDiscovery(ctx, pc) }()
	t.Cleanup(func() {
		cancel()
		web.Close()
		if err := errors.Join(<-g.stayed, <-g.stayed); err != nil {
			t.Error(err)
		}
	})
	return g
}

// dial leads each port of a device to where it is played.
func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to := g.web
	switch {
	case network == "udp":
		to = g.udp
	case strings.HasSuffix(address, ":64100"):
		g.dials.Add(1)
		to = g.tcp
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

// connect makes a driver; change may change its configuration.
func (g *gate) connect(t *testing.T, change func(*driver.Config)) *comelit.Bridged {
	t.Helper()
	cfg := driver.Config{ID: "gate-1", Host: "192.0.2.10", Password: access.NewSecret(installer), Token: access.NewSecret(slotToken), Pace: -1, Timeout: patience}
	if change != nil {
		change(&cfg)
	}
	p, err := comelit.New(cfg, driver.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now, Dial: g.dial})
	if err != nil {
		t.Fatal(err)
	}
	b, ok := p.(*comelit.Bridged)
	if !ok {
		t.Fatalf("with a token it is a %T", p)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (g *gate) fault(t *testing.T, s comelitsim.FaultSetting) {
	t.Helper()
	if err := g.sim.SetFault(s); err != nil {
		t.Fatal(err)
	}
}

// openings are what the doors did, by address and output.
func (g *gate) openings() (out []string) {
	for _, e := range g.sim.DoorLog() {
		if e.Granted {
			out = append(out, e.Door)
		}
	}
	return out
}

// A door is opened by the first letter, by its name as the device has it, and by address and output; each once. Nothing
// stays open behind, so the slot's one session is free.
func TestTowardsE3_ReleaseOpensDoorsByName(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{})
	p := g.connect(t, nil)
	for _, relay := range []string{"A", "bicycle room", "SB100002/1", "Garden gate"} {
		if err := p.Release(t.Context(), relay); err != nil {
			t.Errorf("%s: %v", relay, err)
		}
	}
	if got, want := g.openings(), []string{"SB100001/1", "SB100001/2", "SB100002/1", "SB100002/1"}; !slices.Equal(got, want) {
		t.Errorf("opened %v", got)
	}
	if n := g.dials.Load(); n != 4 {
		t.Errorf("%d connections", n)
	}
	err := p.Release(t.Context(), "Cellar")
	want(t, err, fault.Invalid, "there is no door Cellar")
	if !strings.Contains(fault.RemedyOf(err), "Bicycle room (SB100001/2)") {
		t.Errorf("the remedy names no doors: %s", fault.RemedyOf(err))
	}
}

// Two doors of one name are told apart by address; neither is guessed.
func TestTwoDoorsOfOneName(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{Doors: []comelitsim.Door{{Address: "SB100001", Module: -1, Output: 1, Name: "Gate"}, {Address: "SB100002", Module: -1, Output: 1, Name: "gate"}, {Address: "SB100003", Module: -1, Output: 1}}})
	p := g.connect(t, nil)
	want(t, p.Release(t.Context(), "Gate"), fault.Invalid, "several doors")
	want(t, p.Release(t.Context(), ""), fault.Invalid, "no door is named")
	if err := p.Release(t.Context(), "sb100002/1"); err != nil || !slices.Equal(g.openings(), []string{"SB100002/1"}) {
		t.Errorf("%v, opened %v", err, g.openings())
	}
	_, lim, err := p.Probe(t.Context())
	if err != nil || !slices.Equal(lim.Relays, []string{"A", "SB100002/1", "SB100003/1"}) {
		t.Errorf("relays %v, %v", lim.Relays, err)
	}
}

// What the device answers decides, and what it does not answer is unknown and never sent again.
func TestReleaseTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault, value string
		relay        string
		kind         fault.Kind
		words        string
		opened       int
	}{
		"busy":                   {comelitsim.FaultDoorCause, "8", "A", fault.Conflict, "busy: somebody is ringing", 0},
		"another cause":          {comelitsim.FaultDoorCause, "3", "A", fault.Conflict, "cause 3", 0},
		"opens and is silent":    {comelitsim.FaultDoorMute, "", "A", fault.Timeout, "the outcome is unknown", 1},
		"dead and silent":        {comelitsim.FaultDoorDead, "", "A", fault.Timeout, "the outcome is unknown", 0},
		"an actuator":            {comelitsim.FaultSplitFrames, "", "Garage", fault.Timeout, "not known", 1},
		"an actuator, silent":    {comelitsim.FaultActuatorMute, "", "Garage", fault.Timeout, "the outcome is unknown", 1},
		"the token is lost":      {comelitsim.FaultTokenLost, "401", "A", fault.Denied, "does not take the token", 0},
		"answers cut short":      {comelitsim.FaultBadJSON, "", "A", fault.Unreachable, "not answered as an ICONA bridge", 0},
		"answers of other types": {comelitsim.FaultWrongTypes, "", "A", fault.Unreachable, "not answered as an ICONA bridge", 0},
		"answers to others":      {comelitsim.FaultWrongID, "", "A", fault.Unreachable, "does not answer", 0},
		"no frames":              {comelitsim.FaultBadMagic, "", "A", fault.Unreachable, "not a frame", 0},
		"lengths too long":       {comelitsim.FaultLongLength, "", "A", fault.Unreachable, "", 0},
		"lengths too short":      {comelitsim.FaultShortLength, "", "A", fault.Unreachable, "", 0},
		"half a frame":           {comelitsim.FaultHalfFrame, "", "A", fault.Unreachable, "does not answer", 0},
		"a reset":                {comelitsim.FaultResetFrame, "", "A", fault.Unreachable, "", 0},
		"frozen":                 {comelitsim.FaultFreeze, "", "A", fault.Unreachable, "does not answer", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, comelitsim.Options{})
			g.fault(t, comelitsim.FaultSetting{Name: tt.fault, On: true, Value: tt.value})
			err := g.connect(t, func(c *driver.Config) { c.Timeout = silence }).Release(t.Context(), tt.relay)
			want(t, err, tt.kind, tt.words)
			if fault.RemedyOf(err) == "" {
				t.Error("no remedy")
			}
			if n := len(g.openings()); n != tt.opened {
				t.Errorf("opened %d times", n)
			}
			if n := g.sim.Stats().Bridge["repeated"]; n != 0 {
				t.Errorf("%d packets were repeated", n)
			}
			if strings.Contains(err.Error()+fault.RemedyOf(err), slotToken) {
				t.Errorf("the token is shown: %v", err)
			}
		})
	}
}

// Doors open on every bad day that leaves them to.
func TestReleaseOnBadDays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		comelitsim.FaultRegisterFirst, comelitsim.FaultStrictSource, comelitsim.FaultSplitFrames, comelitsim.FaultNoise, comelitsim.FaultManySessions,
		comelitsim.FaultKickOlder, comelitsim.FaultWorksOnce, comelitsim.FaultUDPMute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, comelitsim.Options{})
			g.fault(t, comelitsim.FaultSetting{Name: name, On: true})
			p := g.connect(t, nil)
			for range 2 {
				if err := p.Release(t.Context(), "A"); err != nil {
					t.Error(err)
				}
			}
			if n := len(g.openings()); n != 2 {
				t.Errorf("opened %d times", n)
			}
		})
	}
}

// From slot 10 on the slot's address fills its ten bytes: nothing may look for a NUL there.
func TestReleaseFromASlotOfTwoDigits(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{TokenSlot: 15})
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultStrictSource, On: true})
	if err := g.connect(t, nil).Release(t.Context(), "A"); err != nil || len(g.openings()) != 1 {
		t.Errorf("%v, opened %v", err, g.openings())
	}
}

// While somebody else's session is held, a registration goes unanswered; the door opens without one, once.
func TestReleaseWhileTheSessionIsTaken(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{})
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultStaleSession, On: true, Value: "60s"})
	p := g.connect(t, func(c *driver.Config) { c.Timeout = silence })
	for range 2 {
		if err := p.Release(t.Context(), "A"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(g.openings()); n != 2 {
		t.Errorf("opened %d times", n)
	}
}

// A cancelled opening returns at once and leaves nothing behind.
func TestReleaseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{})
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultFreeze, On: true})
	p := g.connect(t, func(c *driver.Config) { c.Timeout = time.Hour })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := p.Release(ctx, "A")
	want(t, err, fault.Unreachable, "deadline")
	if took := time.Since(begun); took > time.Second {
		t.Errorf("after %s", took)
	}
}

// With a token the device says what it is; the pages need not be reachable for that.
func TestProbeThroughTheBridge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  string
		change func(*driver.Config)
		model  string
		mac    string
		grade  access.Grade
	}{
		"well":             {"", nil, "Extd", "00:25:29:00:00:01", access.Exact},
		"no pages":         {"", func(c *driver.Config) { c.Password = access.Secret{} }, "Extd", "00:25:29:00:00:01", access.Unprovable},
		"UDP is silent":    {comelitsim.FaultUDPMute, nil, "Extd", "00:25:29:00:00:01", access.Exact},
		"UDP is cut":       {comelitsim.FaultUDPShort, nil, "Extd", "00:25:29:00:00:01", access.Exact},
		"a model is named": {"", func(c *driver.Config) { c.Model = "1456B" }, "1456B", "00:25:29:00:00:01", access.Exact},
		"no bridge":        {comelitsim.FaultTokenLost, nil, "Comelit ViP gateway", "", access.Exact},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, comelitsim.Options{})
			if tt.fault != "" {
				g.fault(t, comelitsim.FaultSetting{Name: tt.fault, On: true})
			}
			id, lim, err := g.connect(t, tt.change).Probe(t.Context())
			if err != nil || id.Model != tt.model || id.MAC != tt.mac || lim.Grade != tt.grade || lim.Relays[0] != "A" {
				t.Errorf("%+v, %+v, %v", id, lim, err)
			}
			if tt.mac != "" && (id.Firmware != "2.1.0" || !slices.Equal(lim.Relays, []string{"A", "Bicycle room", "Garden gate", "Garage"})) {
				t.Errorf("%+v, relays %v", id, lim.Relays)
			}
			if n := g.sim.Stats().Web["POST /create-backup.html"]; n != 0 {
				t.Errorf("a probe made %d backups", n)
			}
		})
	}
	g := newGate(t, comelitsim.Options{})
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultTokenLost, On: true})
	p := g.connect(t, func(c *driver.Config) { c.Password = access.Secret{} })
	_, err := p.Dialect(t.Context())
	want(t, err, fault.Denied, "does not take the token")
	_, _, err = p.Probe(t.Context())
	want(t, err, fault.Denied, "does not take the token")
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultTokenLost})
	if d, err := p.Dialect(t.Context()); d != "icona" || err != nil {
		t.Errorf("%q, %v", d, err)
	}
}

// An activation code becomes the slot's token, and the token opens.
func TestRedeemACode(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{})
	if _, err := g.sim.Edit("set", comelitsim.Slot{Unit: 1, Slot: 12, Enabled: true, Kind: "app", Name: "Gatehouse", Email: "gate@example.com", Code: "A1B2C3"}); err != nil {
		t.Fatal(err)
	}
	plain, err := comelit.New(driver.Config{Host: "192.0.2.10", Timeout: patience}, driver.Deps{Dial: g.dial})
	if err != nil {
		t.Fatal(err)
	}
	if _, opens := plain.(driver.DoorReleaser); opens {
		t.Error("without a token it says that it opens doors")
	}
	r := plain.(driver.Redeemer)
	_, err = r.Redeem(t.Context(), access.NewSecret("FFFFFF"), "Gatehouse")
	want(t, err, fault.Denied, "does not take the code")
	token, err := r.Redeem(t.Context(), access.NewSecret("A1B2C3"), "Gatehouse")
	if err != nil {
		t.Fatal(err)
	}
	p := g.connect(t, func(c *driver.Config) { c.Token = token })
	if err := p.Release(t.Context(), "A"); err != nil {
		t.Error(err)
	}
	_, err = r.Redeem(t.Context(), access.NewSecret("A1B2C3"), "Gatehouse")
	want(t, err, fault.Denied, "does not take the code")
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultBadJSON, On: true})
	_, err = r.Redeem(t.Context(), access.NewSecret("A1B2C3"), "Gatehouse")
	want(t, err, fault.Timeout, "may be used up")
	if strings.Contains(err.Error(), "A1B2C3") {
		t.Errorf("the code is shown: %v", err)
	}
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultReboot, On: true})
	_, err = r.Redeem(t.Context(), access.NewSecret("A1B2C3"), "Gatehouse")
	if k := fault.KindOf(err); k != fault.Unreachable && k != fault.Timeout {
		t.Errorf("while it restarts: %v", err)
	}
	if err := plain.Close(); err != nil {
		t.Error(err)
	}
}

// The apartments are listed with index, address and name (row G14).
func TestUnits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got, err := b.panel.Units(t.Context())
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, a := range got {
		if want := (driver.Apartment{Index: i, Address: "SB00000" + strconv.Itoa(i+1), Name: strconv.Itoa(101 + i)}); a != want {
			t.Errorf("%+v, want %+v", a, want)
		}
	}
	bare := newBench(t, comelitsim.FaultSlotZeroEmpty)
	if got, err := bare.panel.Units(t.Context()); err != nil || len(got) != 4 || got[2] != (driver.Apartment{Index: 2, Address: "SB000003"}) {
		t.Errorf("without monitors: %+v, %v", got, err)
	}
}

// People whose doors are several stand as they were asked for, although the device narrows nobody to some of them.
func TestRowsKeepTheDoorsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := jones()
	r.Relays = []string{"A", "Bicycle room"}
	b.must(t, access.OpAdd, r)
	if rows := b.list(t); len(rows) != 1 || !rows[0].Same(r) {
		t.Fatalf("rows %+v", rows)
	}
	writes := len(b.sim.Stats().Writes)
	r.Relays = []string{"Bicycle room"}
	b.must(t, access.OpChange, r)
	b.restart(t)
	if rows := b.list(t); len(rows) != 1 || !rows[0].Same(r) || len(b.sim.Stats().Writes) != writes {
		t.Errorf("rows %+v after %d more writes", rows, len(b.sim.Stats().Writes)-writes)
	}
}
