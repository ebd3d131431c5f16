package reconcile

import (
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// heldEvents counts the events that somebody waits.
func (s *site) heldEvents(p access.PersonID) (n int) {
	for _, e := range s.told() {
		if e.Kind == access.EventHeld && e.Person == p {
			n++
		}
	}
	return n
}

// TestTowardsG1_AHeldRemovalWaits: whoever is held stays as they are, is told once, is no open revocation, and goes when
// somebody agrees. Others' revocations do not wait.
func TestTowardsG1_AHeldRemovalWaits(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.move("p2", "2222", from(time.Now()))
		s.start()
		s.until(time.Now().Add(time.Hour))
		s.holds = map[access.PersonID]access.Hold{"p1": {Person: "p1", Cause: access.HoldBrake, At: access.Position{Epoch: 1, Revision: 9}, Since: time.Now()}}
		s.drop("p1")
		s.drop("p2")
		s.loop.HoldsChanged()
		s.changed("p1", "p2")
		s.until(time.Now().Add(48 * time.Hour))
		s.opens("1111", true)
		s.opens("2222", false)
		if st := s.loop.Status(); st.Held != 1 || s.loop.Held() != 1 || st.Revocations != 0 || s.heldEvents("p1") != 1 {
			t.Errorf("%d held, %d open, told %d times", st.Held, st.Revocations, s.heldEvents("p1"))
		}
		s.stop()
		s.start()
		s.until(time.Now().Add(time.Hour))
		s.opens("1111", true)
		if s.heldEvents("p1") != 1 {
			t.Errorf("told %d times after a restart", s.heldEvents("p1"))
		}
		s.holds = nil
		s.loop.HoldsChanged()
		s.until(time.Now().Add(time.Second))
		s.opens("1111", false)
		if st := s.loop.Status(); st.Held != 0 || s.proofs["p1"].Open() {
			t.Errorf("%d held, the proof is %+v", st.Held, s.proofs["p1"])
		}
	})
}

// TestTowardsS6_ALeaseEndWithoutTheCloudWaits: it acts as soon as the cloud is heard again, and a move-out never waits.
func TestTowardsS6_ALeaseEndWithoutTheCloudWaits(t *testing.T) {
	inBubble(t, func(s *site) {
		begin := time.Now()
		end := begin.Add(100 * time.Hour)
		for id, why := range map[access.PersonID]access.EndReason{"lease": access.EndLeaseEnd, "moveout": access.EndMoveOut} {
			s.move(id, map[access.PersonID]string{"lease": "1111", "moveout": "2222"}[id], access.Window{From: begin, Until: end})
			s.holders[id].Grants[0].Ends = why
		}
		contact := begin
		s.startWith(func(c *Config) {
			c.Contact = func() time.Time { defer s.lock()(); return contact }
			c.StaleAfter = func(access.DoorID) time.Duration { return 72 * time.Hour }
		})
		s.until(end.Add(time.Hour))
		s.opens("1111", true)
		s.opens("2222", false)
		if st := s.loop.Status(); st.Stale != 1 || st.Revocations != 0 || s.heldEvents("lease") != 1 {
			t.Errorf("%d stale, %d open, told %d times", st.Stale, st.Revocations, s.heldEvents("lease"))
		}
		unlock := s.lock()
		contact = time.Now()
		unlock()
		s.loop.ContactChanged()
		s.until(time.Now().Add(time.Second))
		s.opens("1111", false)
		if st := s.loop.Status(); st.Stale != 0 {
			t.Errorf("%d stale", st.Stale)
		}
	})
}
