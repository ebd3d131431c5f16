package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// fill makes every write fail as on a full disk, or work again.
func (s *site) fill(full bool) {
	defer s.lock()()
	s.full = nil
	if full {
		s.full = fault.New(fault.Internal, "write", "site.db", "the disk is full: %w", syscall.ENOSPC)
	}
}

// fails makes the store neither read nor write, or work again.
func (s *site) fails(err error) { defer s.lock()(); s.broken = err }

// TestG2_AFullDiskKeepsNobodyIn: ends and revocations act, additions and changes wait, and when there is room again
// everything is recorded once.
func TestG2_AFullDiskKeepsNobodyIn(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.move("dated", "1111", access.Window{From: now, Until: now.Add(time.Hour)})
		s.move("revoked", "2222", from(now))
		s.move("changed", "3333", from(now))
		s.start()
		s.fill(true)
		s.drop("revoked")
		s.move("changed", "4444", from(now))
		s.move("new", "5555", from(now))
		s.changed("revoked", "changed", "new")
		s.opens("2222", false)
		s.until(now.Add(time.Hour + time.Second))
		s.opens("1111", false)
		s.opens("3333", true)
		s.opens("5555", false)
		if st := s.loop.Status(); !strings.Contains(st.Storage, "the disk is full") || s.loop.Overdue() > 0 {
			t.Errorf("status says %q, overdue by %s", st.Storage, s.loop.Overdue())
		}
		if len(s.ledger) != 3 {
			t.Errorf("%d ledger entries changed though nothing can be written", len(s.ledger))
		}
		s.fill(false)
		s.until(time.Now().Add(3 * time.Minute))
		s.opens("3333", false)
		s.opens("4444", true)
		s.opens("5555", true)
		for _, p := range []access.PersonID{"dated", "revoked"} {
			want := []string{"written add", "confirmed add", "written remove", "confirmed remove"}
			if diff := cmp.Diff(want, s.kinds(p)); diff != "" {
				t.Errorf("events about %s (-want +got):\n%s", p, diff)
			}
		}
		if st := s.loop.Status(); st.Storage != "" || len(s.ledger) != 2 {
			t.Errorf("status says %q, the ledger has %v", st.Storage, s.ledger)
		}
		for _, e := range s.told() {
			if e.Person == "dated" && e.Op == access.OpRemove && e.At.Sub(now) > time.Hour+time.Second {
				t.Errorf("%s is told of %s, later than it happened", e.Kind, e.At.Sub(now))
			}
		}
	})
}

// TestAFullDiskIsNotPressed: a store that fails is tried now and then, not for every person.
func TestAFullDiskIsNotPressed(t *testing.T) {
	inBubble(t, func(s *site) {
		for i := range 100 {
			s.move(access.PersonID(fmt.Sprintf("n%03d", i)), fmt.Sprintf("1%03d", i), from(time.Now()))
		}
		s.start()
		s.fill(true)
		for i := range 100 {
			s.move(access.PersonID(fmt.Sprintf("n%03d", i)), fmt.Sprintf("9%03d", i), from(time.Now())) // refused: starts with 9
		}
		writes, requests := s.writes, len(s.panel.Log())
		s.loop.Changed(true)
		s.until(time.Now().Add(time.Hour))
		if n := s.writes - writes; n > 60 {
			t.Errorf("%d writes in an hour of a full disk", n)
		}
		if n := len(s.panel.Log()) - requests; n > 300+62 { // each removal: a read, the removal, a read; then a look a minute
			t.Errorf("%d requests in an hour of a full disk", n)
		}
		if n := rowsOf(s.panel); n != 0 {
			t.Errorf("%d rows stand though their PINs were taken away", n)
		}
	})
}

// TestADoubtfulWriteIsNotTwice: a commit that fails may have reached the disk; what it told is not told again.
func TestADoubtfulWriteIsNotTwice(t *testing.T) {
	for name, torn := range map[string]bool{"lost": false, "kept": true} {
		for step, kind := range map[string]string{"after the removal": "remove", "after the read-back": "read"} {
			t.Run(name+" "+step, func(t *testing.T) {
				inBubble(t, func(s *site) {
					s.move("p1", "1111", from(time.Now()))
					s.start()
					seen := false
					s.panel.OnRequest(func(r memory.Request) {
						if seen = seen || r.What == "remove"; seen && r.What == kind {
							s.panel.OnRequest(nil)
							s.fill(true)
							s.torn = torn
						}
					})
					s.drop("p1")
					s.changed("p1")
					s.until(time.Now().Add(10 * time.Minute))
					s.opens("1111", false)
					s.fill(false)
					s.until(time.Now().Add(10 * time.Minute))
					want := []string{"written add", "confirmed add", "written remove", "confirmed remove"}
					if diff := cmp.Diff(want, s.kinds("p1")); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
					if len(s.ledger) != 0 {
						t.Errorf("the ledger has %v", s.ledger)
					}
				})
			})
		}
	}
}

// TestAnAdditionInHandIsRecordedLater: the disk fills between the journal and the panel's answer.
func TestAnAdditionInHandIsRecordedLater(t *testing.T) {
	inBubble(t, func(s *site) {
		s.start()
		s.panel.OnRequest(func(r memory.Request) {
			if r.What == "add" {
				s.fill(true)
			}
		})
		s.move("p1", "1111", from(time.Now()))
		s.changed("p1")
		s.opens("1111", true)
		s.drop("p1")
		s.changed("p1")
		s.opens("1111", false)
		s.move("p1", "2222", from(time.Now()))
		s.changed("p1")
		s.opens("2222", false) // what cannot be recorded is not given
		s.panel.OnRequest(nil)
		s.fill(false)
		s.until(time.Now().Add(3 * time.Minute))
		s.opens("2222", true)
		want := []string{"written add", "confirmed add", "written remove", "confirmed remove", "written add", "confirmed add"}
		if diff := cmp.Diff(want, s.kinds("p1")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestABlindStoreIsWaitedFor: a store that cannot be read says nothing, so nothing is done; it ends nothing either.
func TestABlindStoreIsWaitedFor(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.fails(errors.New("input/output error"))
		s.drop("p1")
		s.move("p2", "2222", from(time.Now()))
		s.changed("p1", "p2")
		before := len(s.mutating())
		s.until(time.Now().Add(time.Hour))
		if n := len(s.mutating()); n != before {
			t.Errorf("%d requests changed the panel though nothing could be read", n-before)
		}
		if st := s.loop.Status(); !strings.Contains(st.Storage, "input/output") || s.loop.Overdue() > 0 {
			t.Errorf("status says %q, overdue by %s", st.Storage, s.loop.Overdue())
		}
		s.fails(nil)
		s.until(time.Now().Add(3 * time.Minute))
		s.opens("1111", false)
		s.opens("2222", true)
	})
}

// TestARestartOnAFullDisk: what was removed and never recorded is found out by reading, and recorded then.
func TestARestartOnAFullDisk(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.fill(true)
		s.drop("p1")
		s.changed("p1")
		s.opens("1111", false)
		s.stop()
		s.start()
		if _, ok := s.ledger["p1"]; !ok {
			t.Error("the ledger forgot somebody on a full disk")
		}
		s.fill(false)
		s.until(time.Now().Add(3 * time.Minute))
		want := []string{"written add", "confirmed add", "confirmed remove"}
		if diff := cmp.Diff(want, s.kinds("p1")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
