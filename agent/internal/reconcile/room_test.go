package reconcile

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// crowded is a panel that says it has room for said rows (0: it does not say) and takes *size, refusing others with an
// error of the kind. asked is how often it was asked to add somebody since it was asked last.
func (s *site) crowded(said int, size *int, kind fault.Kind) (asked func() int) {
	s.panel = memory.New(said, time.Now)
	n, rows := 0, map[string]model.Record{}
	s.panel.Edit(func(r map[string]model.Record) { rows = r })
	s.panel.Fail(func(r memory.Request) error { // under the panel's lock
		if r.What != "add" {
			return nil
		}
		if n++; len(rows) < *size {
			return nil
		}
		return fault.New(kind, "add", "panel", "no")
	})
	return func() int {
		was := n
		n = 0
		return was
	}
}

// residents lets people move in one hour after the other, the last in the list first; a has PIN 1000, b 1001.
func (s *site) residents(ids ...access.PersonID) {
	for i, id := range ids {
		s.move(id, fmt.Sprint(1000+int(id[0]-'a')), from(time.Now().Add(-time.Hour*time.Duration(i+1))))
	}
}

func (s *site) pass(d time.Duration) { s.until(time.Now().Add(d)) }

// TestWhoFoundNoRoomGetsThePlaceThatBecomesFree: at once, and whoever has had access for longest; one request a place.
func TestWhoFoundNoRoomGetsThePlaceThatBecomesFree(t *testing.T) {
	for kind, second := range map[fault.Kind]string{fault.Full: "1003", fault.Conflict: "1002"} { // d was refused before
		t.Run(kind.String(), func(t *testing.T) {
			inBubble(t, func(s *site) {
				size := 2
				asked := s.crowded(0, &size, kind)
				s.residents("a", "b")
				s.start()
				s.residents("c", "d", "e")
				s.changed("c", "d", "e")
				s.pass(10 * time.Minute)
				if asked() < 3 {
					t.Error("not everybody was tried")
				}
				s.pass(10 * time.Minute)
				if n := asked(); n != 0 {
					t.Errorf("a full panel was asked %d times in ten minutes", n)
				}
				s.drop("a")
				s.changed("a")
				s.pass(time.Second)
				s.opens("1004", true)
				s.opens("1003", false)
				if n := asked(); n < 2 || n > 1+maxRounds { // one gets in, the next does not: a Conflict is read anew and tried again
					t.Errorf("one place took %d requests", n)
				}
				s.drop("b")
				s.changed("b")
				s.pass(time.Second)
				s.opens(second, true)
			})
		})
	}
}

// TestAPanelThatSaysFullAndHasRoomIsAskedAgain: soon, then later and later, one person at a time; when it takes somebody,
// everybody follows at once.
func TestAPanelThatSaysFullAndHasRoomIsAskedAgain(t *testing.T) {
	inBubble(t, func(s *site) {
		size := 0
		asked := s.crowded(100, &size, fault.Full)
		for i := range 20 {
			s.move(access.PersonID(fmt.Sprint("p", i)), fmt.Sprint(1000+i), from(time.Now()))
		}
		s.start()
		s.pass(time.Second)
		if n := asked(); n != 20 {
			t.Errorf("%d of 20 were tried", n)
		}
		s.pass(30 * time.Minute)
		if n := asked(); n < 5 || n > 12 {
			t.Errorf("%d requests in half an hour", n)
		}
		size = 100
		s.pass(17 * time.Minute) // the longest wait so far
		if n := asked(); n != 20 {
			t.Errorf("%d requests for 20 people", n)
		}
		s.opens("1000", true)
		s.opens("1019", true)
		if len(s.loop.room.waiting) > 0 {
			t.Errorf("%d still wait", len(s.loop.room.waiting))
		}
	})
}

// TestOneWhoIsAlwaysRefusedKeepsNobodyOut: others try in turn.
func TestOneWhoIsAlwaysRefusedKeepsNobodyOut(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel = memory.New(100, time.Now)
		full := true
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "add" && (full || r.Ref == model.RefOf("b")) {
				return fault.New(fault.Conflict, "add", "panel", "no")
			}
			return nil
		})
		s.residents("a", "b")
		s.start()
		full = false
		s.pass(time.Minute)
		s.opens("1000", true)
		s.opens("1001", false)
	})
}

// TestAPlaceMadeByHandIsFound: somebody deletes a row at the panel, and the panel's count tells.
func TestAPlaceMadeByHandIsFound(t *testing.T) {
	inBubble(t, func(s *site) {
		size := 1
		s.crowded(0, &size, fault.Full)
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["x"] = model.Record{Ref: "7", Name: "stranger", PIN: access.NewSecret("7777"), Relays: []string{"A"}}
		})
		s.residents("a")
		s.start()
		s.pass(3 * time.Minute)
		s.opens("1000", false)
		s.panel.Edit(func(rows map[string]model.Record) { delete(rows, "x") })
		s.pass(2 * time.Minute)
		s.opens("1000", true)
	})
}

// TestWhoFoundNoRoomIsNotForgottenByARestart: nor is somebody tried who moved out meanwhile.
func TestWhoFoundNoRoomIsNotForgottenByARestart(t *testing.T) {
	inBubble(t, func(s *site) {
		size := 1
		asked := s.crowded(100, &size, fault.Full)
		s.residents("a", "b", "c")
		s.start()
		s.pass(time.Second)
		s.opens("1002", true)
		s.stop()
		asked()
		s.drop("b")
		size = 100
		s.start()
		s.pass(10 * time.Second)
		s.opens("1000", true)
		if n := asked(); n != 1 {
			t.Errorf("%d requests to add one person", n)
		}
	})
}

// TestWhatIsWrittenAtTheLastTryIsLookedAt: the panel refuses, and takes it when hardly anybody would ask again.
func TestWhatIsWrittenAtTheLastTryIsLookedAt(t *testing.T) {
	for refused := range maxRounds {
		inBubble(t, func(s *site) {
			n := 0
			s.panel.Fail(func(r memory.Request) error {
				if r.What != "add" {
					return nil
				}
				if n++; n > refused {
					return nil
				}
				return fault.New(fault.Conflict, "add", "panel", "no")
			})
			s.residents("a")
			s.start()
			if got := s.kinds("a"); len(got) != 2 || got[1] != "confirmed add" {
				t.Errorf("refused %d times: %v", refused, got)
			}
		})
	}
}
