package agent

import (
	"testing"
	"testing/synctest"
	"time"
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
