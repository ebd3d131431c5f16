package reconcile

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol/access"
)

// TestTowardsG3_AHoldThatComesInTheMidstOfARemovalIsHeeded: the loop was told before the state was stored that takes the
// access, and had already begun to look at somebody.
func TestTowardsG3_AHoldThatComesInTheMidstOfARemovalIsHeeded(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.until(time.Now().Add(time.Hour))
		reads := 0
		s.panel.OnRequest(func(r memory.Request) {
			if r.What != "read" {
				return
			}
			if reads++; reads > 1 {
				return
			}
			unlock := s.lock()
			s.holds = map[access.PersonID]access.Hold{"p1": {Person: "p1", Cause: access.HoldBrake, At: access.Position{Epoch: 1, Revision: 9}, Since: time.Now()}}
			unlock()
			s.loop.HoldsChanged()
		})
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(time.Hour))
		s.opens("1111", true)
		if reads == 0 || s.loop.Held() != 1 {
			t.Errorf("%d reads, %d held", reads, s.loop.Held())
		}
	})
}
