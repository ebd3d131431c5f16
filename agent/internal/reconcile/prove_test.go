package reconcile

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestG1_ARemovalIsProved: asked, stored, written, confirmed with its grade, and the event that says so.
func TestG1_ARemovalIsProved(t *testing.T) {
	inBubble(t, func(s *site) {
		end := time.Now().Add(time.Hour)
		s.move("p1", "1111", access.Window{From: time.Now(), Until: end})
		s.start()
		if st := s.loop.Status(); st.Revocations != 0 || len(s.proofs) != 0 {
			t.Errorf("%d open revocations of nobody, proofs %v", st.Revocations, s.proofs)
		}
		s.panel.Fail(func(r memory.Request) error {
			if r.Mutating {
				return fault.New(fault.Unreachable, "remove", "panel", "no route")
			}
			return nil
		})
		s.until(end.Add(10 * time.Minute))
		st := s.loop.Status()
		if p := s.proofs["p1"]; st.Revocations != 1 || !st.Oldest.Equal(end) || !p.Open() || p.Attempts < 2 || !p.Written.IsZero() {
			t.Errorf("while it cannot be done: %d open since %s, %+v", st.Revocations, st.Oldest, p)
		}
		s.stop()
		s.start() // the proof outlives a restart
		if st := s.loop.Status(); st.Revocations != 1 || !st.Oldest.Equal(end) {
			t.Errorf("after a restart: %d open since %s", st.Revocations, st.Oldest)
		}
		s.panel.Fail(nil)
		s.until(time.Now().Add(5 * time.Minute))
		p := s.proofs["p1"]
		if p.Open() || p.Grade != access.Exact || p.Written.Before(end) || p.Confirmed.Before(p.Written) || !p.Asked.Equal(end) || p.Stored.After(end) || p.Attempts < 3 || p.Fault != "" {
			t.Errorf("the proof is %+v", p)
		}
		last := s.told()[p.Number-1]
		if last.Kind != access.EventConfirmed || last.Op != access.OpRemove || !last.Asked.Equal(end) || !last.Stored.Equal(p.Stored) {
			t.Errorf("event %d is %+v", p.Number, last)
		}
		if st := s.loop.Status(); st.Revocations != 0 || !st.Oldest.IsZero() {
			t.Errorf("afterwards %d are open", st.Revocations)
		}
	})
}

// TestG1_ARevocationCountsFromTheCloudsWord: what the state just no longer has was asked for by the revision that took it.
func TestG1_ARevocationCountsFromTheCloudsWord(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.until(time.Now().Add(time.Hour))
		said := time.Now()
		s.drop("p1")
		s.revs["p1"], s.issued["p1"] = s.pos.Revision, said
		s.until(said.Add(time.Minute)) // the box was busy
		s.changed("p1")
		if p := s.proofs["p1"]; p.Open() || !p.Asked.Equal(said) || p.Why == "" || p.Revision != s.pos.Revision {
			t.Errorf("the proof is %+v", p)
		}
	})
}

// TestG1_AccessGivenAgainEndsTheProof: nothing stays open for ever.
func TestG1_AccessGivenAgainEndsTheProof(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "ask", "panel", "no route") })
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(time.Minute))
		if st := s.loop.Status(); st.Revocations != 1 {
			t.Fatalf("%d are open", st.Revocations)
		}
		s.move("p1", "1111", from(time.Now()))
		s.changed("p1")
		if p, st := s.proofs["p1"], s.loop.Status(); p.Open() || p.Grade != "" || p.Message == "" || st.Revocations != 0 {
			t.Errorf("%d are open, the proof is %+v", st.Revocations, p)
		}
	})
}

// TestG1_AFullDiskProvesLater: what was done while nothing could be kept is proved with the times at which it was done.
func TestG1_AFullDiskProvesLater(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.fill(true)
		s.drop("p1")
		s.changed("p1")
		done := time.Now()
		s.until(done.Add(time.Hour))
		if len(s.proofs) != 0 {
			t.Error("something was kept on a full disk")
		}
		s.fill(false)
		s.until(time.Now().Add(3 * time.Minute))
		if p := s.proofs["p1"]; p.Open() || !p.Written.Equal(done) || !p.Confirmed.Equal(done) || p.Number == 0 {
			t.Errorf("the proof is %+v", p)
		}
	})
}

// TestG1_ReportModeOwesNothing: what is only reported is counted apart and never ages as a revocation.
func TestG1_ReportModeOwesNothing(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.loop.SetPolicy(access.DriftReport)
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(time.Hour))
		if st := s.loop.Status(); st.Revocations != 0 || st.Reported != 1 || len(s.proofs) != 0 {
			t.Errorf("%d open, %d reported, proofs %v", st.Revocations, st.Reported, s.proofs)
		}
		s.opens("1111", true)
		s.loop.SetPolicy(access.DriftRepair)
		s.until(time.Now().Add(time.Minute))
		s.opens("1111", false)
		if p := s.proofs["p1"]; p.Open() || p.Number == 0 {
			t.Errorf("the proof is %+v", p)
		}
	})
}
