package reconcile

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestTowardsG11_AnActReachesThePanelAtOnce, alone: nobody else is looked at for it.
func TestTowardsG11_AnActReachesThePanelAtOnce(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.move("p2", "2222", from(time.Now()))
		s.start()
		s.overlay = []access.Overlay{{ID: "o1", Kind: access.OverlayRevoke, Person: "p1"}}
		s.loop.OverlayChanged("p1")
		synctest.Wait()
		s.opens("1111", false)
		s.opens("2222", true)
		s.overlay = nil
		s.loop.OverlayChanged("p1")
		synctest.Wait()
		s.opens("1111", true)
	})
}

// TestTowardsG4_ARowIsLetBe with a reason, which the next read-back keeps and which "" takes back.
func TestTowardsG4_ARowIsLetBe(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["77"] = model.Record{Native: "77", Name: "Caretaker", PIN: access.NewSecret("4711")}
		})
		s.start()
		s.until(time.Now().Add(48 * time.Hour))
		strangers := func(want int) {
			t.Helper()
			if got := s.loop.Status().Drift[access.DriftStranger]; got != want {
				t.Errorf("%d strangers count, want %d", got, want)
			}
		}
		strangers(1)
		if n, err := s.loop.Ignore(s.t.Context(), "77", "lets the fire brigade in"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		strangers(0)
		s.until(time.Now().Add(48 * time.Hour))
		strangers(0)
		if _, err := s.loop.Ignore(s.t.Context(), "78", "x"); fault.KindOf(err) != fault.Invalid {
			t.Error(err)
		}
		if n, err := s.loop.Ignore(s.t.Context(), "77", ""); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		strangers(1)
	})
}
