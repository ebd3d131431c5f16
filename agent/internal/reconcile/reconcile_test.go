package reconcile

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func from(t time.Time) access.Window { return access.Window{From: t} }

// TestS6_FutureBecomesCurrentAtTheMinute and S7: dates act by themselves, to the minute.
func TestS6_S7_DatesActAtTheMinute(t *testing.T) {
	inBubble(t, func(s *site) {
		in := time.Now().Add(30*24*time.Hour + 17*time.Minute)
		out := in.Add(90 * 24 * time.Hour)
		s.move("p1", "1111", access.Window{From: in, Until: out})
		s.start()
		s.opens("1111", false)
		s.until(in.Add(-time.Second))
		s.opens("1111", false)
		s.until(in)
		s.opens("1111", true)
		s.until(out.Add(-time.Second))
		s.opens("1111", true)
		s.until(out)
		s.opens("1111", false)
		want := []string{"written add", "confirmed add", "written remove", "confirmed remove"}
		if diff := cmp.Diff(want, s.kinds("p1")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestG6_DatesActAcrossARestart(t *testing.T) {
	inBubble(t, func(s *site) {
		in := time.Now().Add(time.Hour)
		s.move("p1", "1111", access.Window{From: in, Until: in.Add(time.Hour)})
		s.start()
		s.stop()
		s.until(in.Add(30 * time.Minute)) // the box is off over the move-in
		s.start()
		s.opens("1111", true)
		s.stop()
		s.until(in.Add(2 * time.Hour)) // and over the move-out
		s.start()
		s.opens("1111", false)
	})
}

// TestG2_RevocationIsTheNextMutatingRequest: behind a bulk load of 200 people a removal waits for
// at most the one request in flight.
func TestG2_RevocationIsTheNextMutatingRequest(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.move("gone", "9", from(now))
		s.move("gone", "4444", from(now))
		s.start()
		s.opens("4444", true)
		for i := range 200 {
			s.move(access.PersonID(fmt.Sprintf("n%03d", i)), fmt.Sprintf("1%03d", i), from(now))
		}
		sent := 0
		s.panel.OnRequest(func(r memory.Request) {
			if r.What == "read" && r.Ref == model.RefOf("n050") && sent == 0 {
				s.drop("gone")
				s.loop.Changed(false, "gone")
				sent = len(s.mutating())
			}
		})
		s.loop.Changed(true)
		synctest.Wait()
		if sent == 0 {
			t.Fatal("the bulk load never came to n050")
		}
		next := s.mutating()[sent]
		if next.What != "remove" || next.Ref != model.RefOf("gone") {
			t.Errorf("the next mutating request was %s %s, want the removal", next.What, next.Ref)
		}
		s.opens("1199", true)
		s.opens("4444", false)
	})
}

func TestOneChangeCostsTheSameOnEveryPanel(t *testing.T) {
	cost := func(n int) (requests int) {
		inBubble(t, func(s *site) {
			for i := range n {
				s.move(access.PersonID(fmt.Sprintf("n%05d", i)), fmt.Sprintf("1%05d", i), from(time.Now()))
			}
			s.start()
			before := len(s.panel.Log())
			s.move("n00007", "777777", from(time.Now()))
			s.changed("n00007")
			requests = len(s.panel.Log()) - before
			s.opens("777777", true)
		})
		return requests
	}
	small, large := cost(10), cost(1000)
	if small != large || small != 3 {
		t.Errorf("one change costs %d requests on a panel of 10 and %d on one of 1000, want 3 on both", small, large)
	}
}

func TestChangeIsInPlace(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.move("p1", "2222", from(time.Now()))
		s.changed("p1")
		s.opens("1111", false)
		s.opens("2222", true)
		want := []string{"written add", "confirmed add", "written change", "confirmed change"}
		if diff := cmp.Diff(want, s.kinds("p1")); diff != "" {
			t.Errorf("a replaced PIN must not remove the person first (-want +got):\n%s", diff)
		}
	})
}

// TestG5_AChangeThatNeedsNoRequestIsConfirmed: with the time of the read-back that proves it.
func TestG5_AChangeThatNeedsNoRequestIsConfirmed(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		seen := time.Now()
		s.until(seen.Add(time.Hour))
		requests := len(s.panel.Log())
		s.move("p1", "1111", from(seen)) // a new revision, the same access
		s.changed("p1")
		s.changed("p1")
		if n := len(s.panel.Log()); n != requests {
			t.Errorf("%d requests for nothing", n-requests)
		}
		if diff := cmp.Diff([]string{"written add", "confirmed add", "confirmed change"}, s.kinds("p1")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		all := s.told()
		last := all[len(all)-1]
		if !last.At.Equal(seen) || last.Revision != s.Position().Revision {
			t.Errorf("confirmed at %v for revision %d, want %v and %d", last.At, last.Revision, seen, s.Position().Revision)
		}
	})
}

func TestUnreachablePanelCatchesUp(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.panel.Fail(func(memory.Request) error {
			return fault.New(fault.Unreachable, "dial", "panel", "no route to host")
		})
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(24 * time.Hour))
		s.opens("1111", true)
		if st := s.loop.Status(); st.Reachable || st.Removals != 1 || st.Fault != "unreachable" {
			t.Errorf("status %+v, want unreachable with one removal waiting", st)
		}
		s.panel.Fail(nil)
		s.until(time.Now().Add(lastRetry))
		s.opens("1111", false)
		if st := s.loop.Status(); !st.Reachable || st.Waiting != 0 {
			t.Errorf("status %+v, want reachable with nothing waiting", st)
		}
	})
}

// TestLostAnswers: whether the request took effect or not, one row remains and is known.
func TestLostAnswers(t *testing.T) {
	for _, took := range []bool{false, true} {
		t.Run(fmt.Sprint("took effect ", took), func(t *testing.T) {
			inBubble(t, func(s *site) {
				failures := 0
				s.panel.Fail(func(r memory.Request) error {
					if !r.Mutating || failures > 2 {
						return nil
					}
					failures++
					err := error(fault.New(fault.Timeout, "write", "panel", "no answer"))
					if took {
						err = memory.After(err)
					}
					return err
				})
				s.move("p1", "1111", from(time.Now()))
				s.start()
				s.until(time.Now().Add(10 * time.Minute))
				s.opens("1111", true)
				rows, err := s.panel.List(t.Context())
				if err != nil || len(rows) != 1 {
					t.Errorf("%d rows (%v), want one", len(rows), err)
				}
				if e := s.ledger["p1"]; e.State != access.Settled || e.Grade != access.Exact {
					t.Errorf("ledger says %+v", e)
				}
			})
		})
	}
}

func TestOneBadRecordBlocksNobody(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "add" && r.Ref == model.RefOf("p1") {
				return fault.New(fault.Invalid, "add", "user", "the panel says -100")
			}
			return nil
		})
		s.move("p1", "1111", access.Window{From: now.Add(-time.Hour), Until: now.Add(20 * time.Minute)})
		s.move("p2", "2222", from(now))
		s.start()
		s.opens("2222", true)
		if diff := cmp.Diff([]string{"failed "}, s.kinds("p1")); diff != "" {
			t.Errorf("events of the bad one (-want +got):\n%s", diff)
		}
		s.until(now.Add(3 * time.Hour)) // its end passes before the retry and needs nothing but a look
		if e, ok := s.ledger["p1"]; ok {
			t.Errorf("after the end the ledger still has %+v", e)
		}
	})
}

func TestA4_RefusedBeforeTheWire(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "9111", from(time.Now()))
		s.move("p2", "2222", from(time.Now()))
		s.move("p3", "2222", from(time.Now()))
		s.start()
		s.changed("p1")
		s.loop.Changed(true)
		synctest.Wait()
		if diff := cmp.Diff([]string{"refused "}, s.kinds("p1")); diff != "" {
			t.Errorf("a PIN starting with 9 is refused once (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"refused "}, s.kinds("p3")); diff != "" {
			t.Errorf("a PIN that is taken is refused once (-want +got):\n%s", diff)
		}
		if n := len(s.mutating()); n != 1 {
			t.Errorf("%d mutating requests, want the one for p2", n)
		}
		s.drop("p2") // the PIN becomes free
		s.changed("p2")
		s.opens("2222", true)
		if diff := cmp.Diff([]string{"refused ", "written add", "confirmed add"}, s.kinds("p3")); diff != "" {
			t.Errorf("p3 gets the PIN when it is free (-want +got):\n%s", diff)
		}
	})
}

func TestStrangersAreLeftAloneAndTheirPINsRespected(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["x"] = model.Record{Ref: "GHp9", Name: "looks like ours", PIN: access.NewSecret("5555"), Relays: []string{"A"}}
			rows["y"] = model.Record{Name: "Caretaker", PIN: access.NewSecret("7777"), Relays: []string{"A"}}
		})
		s.move("p1", "7777", from(time.Now()))
		s.move("p2", "2222", from(time.Now()))
		s.start()
		s.opens("5555", true)
		s.opens("7777", true)
		s.opens("2222", true)
		if diff := cmp.Diff([]string{"refused "}, s.kinds("p1")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if st := s.loop.Status(); st.Strangers != 2 || st.Rows != 2 {
			t.Errorf("the first read-back counted %+v", st)
		}
	})
}

func TestHandEditsAreRepairedAtTheAudit(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.move("p2", "2222", from(time.Now()))
		s.start()
		s.panel.Edit(func(rows map[string]model.Record) {
			for id, r := range rows {
				if r.Ref == model.RefOf("p1") {
					r.PIN = access.NewSecret("6666")
					rows[id] = r
				} else {
					delete(rows, id)
				}
			}
		})
		s.until(time.Now().Add(auditEvery))
		s.opens("6666", false)
		s.opens("1111", true)
		s.opens("2222", true)
	})
}

func TestG6_NothingOpensWhileTheClockIsNotTrusted(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.move("p1", "1111", access.Window{From: now, Until: now.Add(time.Hour)})
		s.start()
		s.trusted = false
		s.move("p2", "2222", from(now.Add(10*time.Minute)))
		s.changed("p2")
		s.until(now.Add(2 * time.Hour))
		s.opens("1111", false) // ends still end
		s.opens("2222", false)
		s.trusted = true
		s.changed()
		s.opens("2222", true)
	})
}

func TestTowardsG11_EmergencyRevocationOutranksGrants(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.opens("1111", true)
		s.overlay = []access.Overlay{{ID: "o1", Kind: access.OverlayRevoke, Person: "p1", Window: from(time.Now())}}
		s.loop.Changed(true)
		synctest.Wait()
		s.opens("1111", false)
		s.overlay = nil
		s.loop.Changed(true)
		synctest.Wait()
		s.opens("1111", true)
	})
}

func TestReportOnlyWritesNothing(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.report = true
		s.start()
		s.until(time.Now().Add(48 * time.Hour))
		if n := len(s.mutating()); n != 0 {
			t.Errorf("%d requests changed a panel that is only reported on", n)
		}
		if st := s.loop.Status(); st.Waiting != 1 {
			t.Errorf("%d people differ, want the one", st.Waiting)
		}
		s.stop()
		s.report = false
		s.start()
		s.opens("1111", true)
	})
}
