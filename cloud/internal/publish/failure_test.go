package publish

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

func TestStoreErrorsAreLoggedOnceAndRetried(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 1)
	for _, method := range []string{"Changes", "Gateways", "Position", "Acked", "Snapshot", "Sealing"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			inBubble(t, one, func(r *rig) {
				r.store.breaks(method, errBroken)
				r.commit(gw, people...)
				r.run()
				r.after(10 * time.Minute)
				r.wants(gw, "while it is broken", "")
				if n := strings.Count(r.log.String(), errBroken.Error()); n != 1 {
					t.Errorf("logged %d times, want once:\n%s", n, r.log.String())
				}
				if n := r.store.called(method); n < 15 {
					t.Errorf("tried %d times in ten minutes", n)
				}
				r.store.breaks(method, nil)
				r.after(maxPause + time.Second)
				r.wants(gw, "when it works again", "0→1 put 8 gone 0")
				if !strings.Contains(r.log.String(), "works again") {
					t.Errorf("nobody says that it works again:\n%s", r.log.String())
				}
			})
		})
	}
}

func TestOneBrokenGatewayDoesNotDelayAnother(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 2)
	inBubble(t, []access.GatewayID{gw, "gw-b"}, func(r *rig) {
		r.store.breaks("Sealing gw-b", errBroken)
		r.commit(gw, people[:8]...)
		r.commit("gw-b", people[:8]...)
		r.run()
		r.wants(gw, "first", "0→1 put 8 gone 0")
		r.after(10 * time.Minute) // the other one is tried seldom now
		r.commit(gw, people...)
		r.after(time.Second)
		r.wants(gw, "within a poll", "1→2 put 6 gone 0")
		tried := r.store.called("Sealing")
		r.after(time.Minute)
		if n := r.store.called("Sealing") - tried; n < 2 || n > 10 {
			t.Errorf("the broken one is tried %d times a minute", n)
		}
		r.store.breaks("Sealing gw-b", nil)
		r.after(maxPause)
		r.wants("gw-b", "healed", "0→1 put 8 gone 0")
	})
}

func TestSendFailuresAreRetried(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 1)
	inBubble(t, one, func(r *rig) {
		r.wire(func() { r.refuse = errBroken })
		r.commit(gw, people...)
		r.run()
		if err := r.Hello(r.t.Context(), gw, protocol.Hello{}); !errors.Is(err, errBroken) {
			t.Errorf("Hello: %v", err)
		}
		if err := r.Receipt(r.t.Context(), gw, 1); !errors.Is(err, errBroken) {
			t.Errorf("Receipt: %v", err)
		}
		r.after(10 * time.Minute)
		r.wire(func() { r.refuse = nil })
		r.Wake()
		synctest.Wait()
		r.wants(gw, "woken by the new connection", "0→1 put 8 gone 0")
	})
}

func TestHello_FailsWithTheStore(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 1)
	for _, method := range []string{"Through", "Since", "Snapshot", "Sealing"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			inBubble(t, one, func(r *rig) {
				r.commit(gw, people[:2]...)
				r.commit(gw, people...)
				h := protocol.Hello{Epoch: 1, Revision: 1}
				if method == "Snapshot" {
					h = protocol.Hello{}
				}
				r.store.breaks(method, errBroken)
				if err := r.Hello(r.t.Context(), gw, h); !errors.Is(err, errBroken) {
					t.Errorf("Hello: %v", err)
				}
				r.wants(gw, "no state", "")
				r.store.breaks(method, nil)
				r.say(gw, h)
				if got := r.take(gw); strings.Count(got, "→2") != 1 {
					t.Errorf("afterwards: %q", got)
				}
			})
		})
	}
}

func TestAheadOfTheStoreIsSaid(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.commit(gw, prototest.People(t, 1)...)
		r.say(gw, protocol.Hello{Epoch: 1, Revision: 9})
		if !strings.Contains(r.log.String(), "newer than ours") || !strings.Contains(r.log.String(), "gatehouse-cloud restored") {
			t.Errorf("log:\n%s", r.log.String())
		}
	})
}

func TestRun_EndsWhileSomebodyElseSends(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.commit(gw, prototest.People(t, 1)...)
		r.wire(func() { r.held = make(chan struct{}) })
		done := make(chan error, 1)
		go func() { done <- r.Receipt(r.t.Context(), gw, 1) }()
		go func() { done <- r.Hello(r.t.Context(), gw, protocol.Hello{}) }()
		synctest.Wait()
		r.run() // its clean-up fails the test when it does not end
		r.t.Cleanup(func() {
			for range 2 {
				if err := <-done; err == nil {
					t.Error("sent although nobody takes it")
				}
			}
		})
	})
}
