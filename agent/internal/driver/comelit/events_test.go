package comelit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// tower is a simulated bridge in virtual time, reached through pipes, and what a driver heard of it.
type tower struct {
	sim   *comelitsim.Panel
	panel *comelit.Bridged
	conns chan net.Conn

	mu    sync.Mutex
	heard []string
	dials int
	down  bool
}

func (w *tower) Accept() (net.Conn, error) {
	c, ok := <-w.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (w *tower) Close() error   { return nil }
func (w *tower) Addr() net.Addr { return &net.TCPAddr{} }

func (w *tower) dial(context.Context, string, string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dials++; w.down {
		return nil, &net.OpError{Op: "dial", Err: fmt.Errorf("no route")}
	}
	near, far := net.Pipe()
	w.conns <- far
	return near, nil
}

func (w *tower) tell(h driver.Happening) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", h.Kind, h.Unit, h.Relay, h.Cause)))
}

// told is what was heard since the last time.
func (w *tower) told() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := strings.Join(w.heard, "; ")
	w.heard = nil
	return out
}

func (w *tower) ring(t *testing.T, unit int, door string) {
	t.Helper()
	if _, err := w.sim.Ring(unit, door); err != nil {
		t.Fatal(err)
	}
	after(10 * time.Second)
}

func (w *tower) fault(t *testing.T, s comelitsim.FaultSetting) {
	t.Helper()
	if err := w.sim.SetFault(s); err != nil {
		t.Fatal(err)
	}
}

// after waits in virtual time.
func after(d time.Duration) { <-time.After(d) }

// hears runs a test while a driver hears a bridge; ended is what Events returned.
func hears(t *testing.T, test func(t *testing.T, w *tower, ended <-chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim, err := comelitsim.New(comelitsim.Options{Token: slotToken})
		if err != nil {
			t.Fatal(err)
		}
		w := &tower{sim: sim, conns: make(chan net.Conn, 10)}
		cfg := driver.Config{ID: "gate-1", Host: "192.0.2.10", Token: access.NewSecret(slotToken)}
		p, err := comelit.New(cfg, driver.Deps{Log: slog.New(slog.DiscardHandler), Dial: w.dial})
		if err != nil {
			t.Fatal(err)
		}
		w.panel = p.(*comelit.Bridged)
		ctx, cancel := context.WithCancel(t.Context())
		served, ended := make(chan error, 1), make(chan error, 1)
		go func() { served <- sim.ServeICONA(ctx, w) }()
		go func() { ended <- w.panel.Events(ctx, w.tell) }()
		after(time.Second)
		test(t, w, ended)
		cancel()
		synctest.Wait()
		if err := w.panel.Close(); err != nil {
			t.Error(err)
		}
		close(w.conns)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// Rings of the slot's apartment are heard once, by the unit's name and the entrance, and their ends with the cause.
func TestTowardsE3_RingsAreHeard(t *testing.T) {
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		w.ring(t, 0, "")
		if got := w.told(); got != "ring 101 A" {
			t.Errorf("heard %q", got)
		}
		if err := w.sim.EndRing(0); err != nil {
			t.Fatal(err)
		}
		if got := w.told(); got != "ring_end 101 A ended" {
			t.Errorf("heard %q", got)
		}
		w.ring(t, 0, "SB100002")
		after(3 * time.Minute)
		if got := w.told(); got != "ring 101 Garden gate; ring_end 101 Garden gate nobody answered, as far as the device tells" {
			t.Errorf("heard %q", got)
		}
		w.ring(t, 2, "") // another apartment: not this slot's
		if got := w.told(); got != "" {
			t.Errorf("heard %q", got)
		}
		after(time.Minute)
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultShortOrigin, On: true})
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultMediaChannel, On: true})
		w.ring(t, 0, "")
		if err := w.sim.EndRing(9); err != nil {
			t.Fatal(err)
		}
		if got := w.told(); got != "ring 101 A; ring_end 101 A cause 9, whose meaning is not known" {
			t.Errorf("heard %q", got)
		}
		if st := w.sim.Stats().Bridge; st["registers"] != 1 || st["rings sent"] != 3 {
			t.Errorf("%d registrations, %d rings sent", st["registers"], st["rings sent"])
		}
	})
}

// Weeks on: the registration is renewed before each hour is over, and the device's own renewals are answered.
func TestRingsAreHeardForDays(t *testing.T) {
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultRenewal, On: true, Value: "20s"})
		for range 72 {
			after(time.Hour)
			w.ring(t, 0, "")
			if got := w.told(); got != "ring 101 A" {
				t.Fatalf("heard %q", got)
			}
			if err := w.sim.EndRing(0); err != nil {
				t.Fatal(err)
			}
			w.told()
		}
		st := w.sim.Stats().Bridge
		if st["lapsed"] != 0 || st["connections"] != 1 || st["registers"] < 80 || st["renewals"] < 1000 {
			t.Errorf("%v", st)
		}
	})
}

// A door is opened on the session on which rings are heard, and is busy while it rings. A session that stopped answering
// is replaced, and the door then opens; nothing is sent twice.
func TestReleaseBesideEvents(t *testing.T) {
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		if err := w.panel.Release(t.Context(), "A"); err != nil {
			t.Fatal(err)
		}
		w.ring(t, 0, "")
		err := w.panel.Release(t.Context(), "A")
		want(t, err, fault.Conflict, "busy: somebody is ringing")
		if err := w.sim.EndRing(0); err != nil {
			t.Fatal(err)
		}
		w.told()
		if n := w.sim.Stats().Bridge["connections"]; n != 1 {
			t.Errorf("%d connections", n)
		}
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultWorksOnce, On: true})
		err = w.panel.Release(t.Context(), "A")
		want(t, err, fault.Timeout, "the outcome is unknown")
		if err := w.panel.Release(t.Context(), "A"); err != nil {
			t.Error(err)
		}
		if n := len(w.sim.DoorLog()); n != 3 { // one refused
			t.Errorf("%d entries: %+v", n, w.sim.DoorLog())
		}
		after(time.Minute)
		w.ring(t, 0, "")
		if got := w.told(); got != "ring 101 A" {
			t.Errorf("heard %q", got)
		}
	})
}

// A connection that is lost, a device that restarts and one that falls asleep are found and left behind.
func TestEventsComeBack(t *testing.T) {
	for name, tt := range map[string]struct {
		fault, value string
		times        int
	}{
		"a restart":       {comelitsim.FaultReboot, "20s", 0},
		"a reset":         {comelitsim.FaultResetFrame, "", 2},
		"a frame cut off": {comelitsim.FaultHalfFrame, "", 2},
		"a short freeze":  {comelitsim.FaultFreeze, "", 0},
		"no frames":       {comelitsim.FaultBadMagic, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			hears(t, func(t *testing.T, w *tower, ended <-chan error) {
				w.ring(t, 0, "")
				w.told()
				w.fault(t, comelitsim.FaultSetting{Name: tt.fault, On: true, Value: tt.value, Times: tt.times})
				after(6 * time.Minute)
				w.fault(t, comelitsim.FaultSetting{Name: tt.fault})
				after(2 * time.Minute)
				if got := w.told(); !strings.HasPrefix(got, "ring_end 101 A") {
					t.Errorf("the ring's end: %q", got)
				}
				w.ring(t, 0, "")
				if got := w.told(); got != "ring 101 A" {
					t.Errorf("heard %q", got)
				}
				select {
				case err := <-ended:
					t.Errorf("it ended: %v", err)
				default:
				}
			})
		})
	}
}

// A device that cannot be reached, and a token that is refused again and again, end it with a fault; one refusal does not.
func TestEventsEndWhenTheDeviceIsLost(t *testing.T) {
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		w.mu.Lock()
		w.down, w.dials = true, 0
		w.mu.Unlock()
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultReboot, On: true, Value: "1s"})
		begun := time.Now()
		want(t, <-ended, fault.Unreachable, "no route")
		if took := time.Since(begun); w.dials != 5 || took != 31*time.Second {
			t.Errorf("%d attempts in %s", w.dials, took)
		}
	})
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultTokenLost, On: true})
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultReboot, On: true, Value: "100ms"})
		want(t, <-ended, fault.Denied, "does not take the token")
	})
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		want(t, w.panel.Events(t.Context(), w.tell), fault.Internal, "already")
		if err := w.sim.SetFault(comelitsim.FaultSetting{Name: comelitsim.FaultTokenLost, On: true, Times: 1}); err != nil {
			t.Fatal(err)
		}
		w.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultReboot, On: true, Value: "100ms"})
		after(time.Minute)
		w.ring(t, 0, "")
		if got := w.told(); got != "ring 101 A" {
			t.Errorf("heard %q", got)
		}
	})
}

// Closing the driver ends it, and so does its context; both within moments.
func TestEventsEndWithTheDriver(t *testing.T) {
	hears(t, func(t *testing.T, w *tower, ended <-chan error) {
		if err := w.panel.Close(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		err := <-ended
		want(t, err, fault.Unreachable, "")
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("after %s", took)
		}
		if err := w.panel.Release(t.Context(), "A"); err == nil {
			t.Error("it opens after Close")
		}
	})
}

// The same over a network.
func TestEventsOverTCP(t *testing.T) {
	t.Parallel()
	g := newGate(t, comelitsim.Options{})
	g.fault(t, comelitsim.FaultSetting{Name: comelitsim.FaultRenewal, On: true, Value: "1s"})
	p := g.connect(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan driver.Happening, 10), make(chan error, 1)
	go func() { ended <- p.Events(ctx, func(h driver.Happening) { heard <- h }) }()
	deadline := time.After(patience)
	for g.sim.Stats().Bridge["renewals"] < 2 {
		select {
		case <-deadline:
			t.Fatal("no renewals")
		case <-time.After(time.Millisecond):
		}
	}
	if _, err := p.Units(t.Context()); err != nil { // the table knows the unit's name
		t.Fatal(err)
	}
	if _, err := g.sim.Ring(0, ""); err != nil {
		t.Fatal(err)
	}
	if h := <-heard; h.Kind != driver.HappenedRing || h.Unit != "101" || h.Relay != "A" || !h.At.IsZero() {
		t.Errorf("%+v", h)
	}
	if err := g.sim.EndRing(8); err != nil {
		t.Fatal(err)
	}
	if h := <-heard; h.Kind != driver.HappenedRingEnd || h.Cause != "busy" {
		t.Errorf("%+v", h)
	}
	if err := p.Release(t.Context(), "Bicycle room"); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("told to end, it gave %v", err)
	}
	if n := g.sim.Stats().Bridge["lapsed"]; n != 0 {
		t.Errorf("%d lapsed", n)
	}
}

// A slot's token without the password of the pages is enough to hear rings: that no apartments can be read stops nothing.
func TestUnitsOfABridgeAlone(t *testing.T) {
	t.Parallel()
	p, err := comelit.New(driver.Config{ID: "gate-1", Host: "192.0.2.10", Token: access.NewSecret(slotToken)}, driver.Deps{
		Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Error("the pages were asked without a password")
			return nil, net.ErrClosed
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := p.(driver.UnitLister).Units(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
}
