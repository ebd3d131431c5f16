package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// opening makes the loop open its driver itself; each instance cuts off the one before.
func (s *site) opening(c *Config) {
	c.Panel = nil
	c.Open = func() (driver.Panel, error) {
		defer s.lock()()
		s.panel = s.panel.Again()
		s.opened++
		return s.panel, s.openErr
	}
}

// TestG2_APanicInOneRecordBlocksNobody: a driver that panics over one person is replaced, and everybody else is served,
// removals first.
func TestG2_APanicInOneRecordBlocksNobody(t *testing.T) {
	for _, what := range []string{"read", "remove"} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *site) {
				for _, p := range []string{"a", "b"} {
					s.move(access.PersonID(p), "111"+p[:0]+fmt.Sprint(p[0]-'a'), from(time.Now()))
				}
				s.startWith(s.opening)
				s.panel.BeforeRequest(func(r memory.Request) {
					if r.Ref == "GHa" && r.What == what {
						panic("index out of range")
					}
				})
				s.drop("a")
				s.drop("b")
				s.move("c", "3333", from(time.Now()))
				s.changed("a", "b", "c")
				s.until(time.Now().Add(5 * time.Minute))
				s.opens("1110", true) // nobody can help that
				s.opens("1111", false)
				s.opens("3333", true)
				st := s.loop.Status()
				if st.Panics < 2 || st.Panics > 30 || st.Panics != s.opened-1 {
					t.Errorf("%d panics, %d instances", st.Panics, s.opened)
				}
				s.panel.BeforeRequest(nil)
				s.until(time.Now().Add(3 * time.Minute))
				s.opens("1110", false)
				if kinds := strings.Join(s.kinds("a"), ", "); !strings.Contains(kinds, "failed") || !strings.HasSuffix(kinds, "confirmed remove") {
					t.Errorf("told of a: %s", kinds)
				}
			})
		})
	}
}

// TestAPanicInTheAudit is contained though the audit runs beside the loop.
func TestAPanicInTheAudit(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.startWith(s.opening)
		s.panel.BeforeRequest(func(r memory.Request) {
			if r.What == "list" {
				panic("a row without an end")
			}
		})
		s.until(time.Now().Add(30 * time.Hour))
		if st := s.loop.Status(); st.Panics == 0 || st.Panics > 1000 {
			t.Errorf("%d panics", st.Panics)
		}
		s.move("p2", "2222", from(time.Now()))
		s.changed("p2")
		s.until(time.Now().Add(5 * time.Minute))
		s.opens("2222", true)
	})
}

// TestAStuckDriverIsCutOff: a call that never returns is given up, its instance reaches nothing any more, and the next
// one does the work.
func TestAStuckDriverIsCutOff(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.startWith(s.opening)
		free, hung := make(chan struct{}), 0
		first := s.panel
		first.BeforeRequest(func(r memory.Request) {
			if r.What == "change" {
				first.BeforeRequest(nil)
				hung++
				<-free
			}
		})
		s.move("p1", "2222", from(time.Now()))
		s.changed("p1")
		s.until(time.Now().Add(shortCall / 2))
		s.move("p1", "3333", from(time.Now()))
		s.changed("p1")
		s.until(time.Now().Add(shortCall + 3*grace))
		s.opens("3333", true)
		if st := s.loop.Status(); hung != 1 || st.Stuck != 1 || s.opened != 2 || s.loop.Overdue() > 0 {
			t.Errorf("hung %d times, %d stuck, %d instances, overdue %s", hung, st.Stuck, s.opened, s.loop.Overdue())
		}
		before := len(s.mutating())
		close(free) // it wakes up, with a PIN that is out of date
		synctest.Wait()
		s.opens("2222", false)
		if n := len(s.mutating()); n != before {
			t.Error("the instance that was given up changed the panel")
		}
	})
}

// TestG2_AStuckAuditKeepsNobodyIn: a read-back that does not heed its end is given up for a removal.
func TestG2_AStuckAuditKeepsNobodyIn(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.startWith(s.opening)
		free := make(chan struct{})
		defer close(free)
		first := s.panel
		first.BeforeRequest(func(r memory.Request) {
			if r.What == "list" {
				first.BeforeRequest(nil)
				<-free
			}
		})
		s.until(time.Now().Add(25 * time.Hour))
		s.move("p2", "2222", from(time.Now()))
		s.drop("p1")
		s.changed("p1", "p2")
		s.until(time.Now().Add(grace + 5*time.Second))
		s.opens("1111", false)
	})
}

// TestADriverThatCannotBeMade: the device is not reachable, says why, and works as soon as it can be made.
func TestADriverThatCannotBeMade(t *testing.T) {
	inBubble(t, func(s *site) {
		s.openErr = fault.New(fault.Invalid, "read", "password_file", "no such file")
		s.move("p1", "1111", from(time.Now()))
		s.startWith(s.opening)
		s.until(time.Now().Add(time.Minute))
		if st := s.loop.Status(); st.Reachable || !strings.Contains(st.Message, "password_file") {
			t.Errorf("reachable %v, %q", st.Reachable, st.Message)
		}
		unlock := s.lock()
		s.openErr = nil
		unlock()
		s.until(time.Now().Add(3 * time.Minute))
		s.opens("1111", true)
	})
}

// TestTheLoopRunsAgain: after a fall of its own it learns everything anew and goes on.
func TestTheLoopRunsAgain(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.startWith(s.opening)
		loop := s.loop
		s.cancel()
		s.stop()
		s.loop = loop
		s.drop("p1")
		s.move("p2", "2222", from(time.Now()))
		s.rerun()
		s.opens("1111", false)
		s.opens("2222", true)
	})
}
