package agent

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol/access"
)

// TestTowardsE1_AliveWhileItIdlesAndNotWhenTheStoreIsGone: what the watchdog asks.
func TestTowardsE1_AliveWhileItIdlesAndNotWhenTheStoreIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.start()
		for range 10 {
			sleepFor(13 * time.Minute)
			synctest.Wait()
			if err := s.agent.Alive(); err != nil {
				t.Fatalf("after an idle while: %v", err)
			}
		}
		s.end()
		if err := s.agent.Alive(); err == nil {
			t.Error("with its store closed it passes for alive")
		}
	})
}

// TestTowardsE1_AStuckDriverIsItsOwnTrouble: a driver that hangs in one panel and one that panics in another neither end the
// gateway nor make the watchdog start it again; the third panel does not notice.
func TestTowardsE1_AStuckDriverIsItsOwnTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.more = map[string]*memory.Panel{"hangs": memory.New(0, time.Now), "panics": memory.New(0, time.Now)}
		free := make(chan struct{})
		s.more["hangs"].BeforeRequest(func(memory.Request) { <-free })
		s.more["panics"].BeforeRequest(func(memory.Request) { panic("a bad driver") })
		s.start()
		s.publish(1, slices.Concat(places(), resident(1, access.Window{From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}))...)
		if len(s.panel.Present("10001")) == 0 {
			t.Error("the panel that works does not open")
		}
		for range 20 {
			sleepFor(7 * time.Minute)
			if err := s.agent.Alive(); err != nil {
				t.Fatalf("not alive: %v", err)
			}
		}
		if len(s.panel.Present("10001")) > 0 {
			t.Error("an end did not act beside two bad drivers")
		}
		for _, p := range s.agent.driven() {
			st := p.status()
			if bad := p.cfg.ID != "front"; bad != (st.Panics+st.Stuck > 0) || bad == st.Reachable || s.agent.keeper.Falls(p.name()) != 0 {
				t.Errorf("%s: %d panics, %d stuck, reachable %v, %d falls", p.cfg.ID, st.Panics, st.Stuck, st.Reachable, s.agent.keeper.Falls(p.name()))
			}
		}
		close(free)
		s.end()
	})
}
