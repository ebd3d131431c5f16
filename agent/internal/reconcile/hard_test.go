package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestG5_NoRoomIsNotConfirmedGone: somebody whose row vanished from a panel that has no room is not told as removed.
func TestG5_NoRoomIsNotConfirmedGone(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel = memory.New(1, time.Now)
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.opens("1111", true)
		s.panel.Edit(func(rows map[string]model.Record) {
			clear(rows)
			rows["x"] = model.Record{Ref: "7", Name: "stranger", PIN: access.NewSecret("7777"), Relays: []string{"A"}}
		})
		s.until(time.Now().Add(25 * time.Hour))
		s.move("p1", "2222", from(time.Now()))
		s.changed("p1")
		for _, k := range s.kinds("p1") {
			if k == "confirmed remove" {
				t.Error("told the cloud that a wanted person's removal is confirmed")
			}
		}
	})
}

// TestPINFreedByAChange: a PIN that becomes free by a change goes to who waits for it.
func TestPINFreedByAChange(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("a", "1111", from(time.Now()))
		s.start()
		s.move("a", "2222", from(time.Now()))
		s.move("b", "1111", from(time.Now()))
		s.changed("a", "b")
		s.until(time.Now().Add(72 * time.Hour))
		s.opens("2222", true)
		s.opens("1111", true)
	})
}

// TestSwapPINs: two residents swap PINs; both get in.
func TestSwapPINs(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("a", "1111", from(time.Now()))
		s.move("b", "2222", from(time.Now()))
		s.start()
		s.move("a", "2222", from(time.Now()))
		s.move("b", "1111", from(time.Now()))
		s.changed("a", "b")
		s.until(time.Now().Add(72 * time.Hour))
		s.opens("2222", true)
		s.opens("1111", true)
	})
}

// TestStrangerRemovedByHand: an installer who removes the stranger sees it help at the next audit.
func TestStrangerRemovedByHand(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["x"] = model.Record{Ref: "7", Name: "stranger", PIN: access.NewSecret("1111"), Relays: []string{"A"}}
		})
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.panel.Edit(func(rows map[string]model.Record) { clear(rows) })
		s.until(time.Now().Add(72 * time.Hour))
		s.opens("1111", true)
	})
}

// TestNonsenseFromOnePanelEndsNothing: a panel that lists nonsense ends neither the loop nor the work on people.
func TestNonsenseFromOnePanelEndsNothing(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "list" {
				return fault.New(fault.Invalid, "list", "panel", "page 3 is not JSON")
			}
			return nil
		})
		s.start()
		s.opens("1111", true)
	})
}

type shifted struct {
	*box
	by *time.Duration
}

func (c shifted) Now() (time.Time, bool) { return time.Now().Add(*c.by), true }

func TestBackOffSurvivesAClockCorrection(t *testing.T) {
	inBubble(t, func(s *site) {
		by := 365 * 24 * time.Hour
		ctx, cancel := context.WithCancel(s.t.Context())
		s.move("p1", "1111", from(time.Now()))
		down := true
		s.panel.Fail(func(r memory.Request) error {
			if down {
				return fault.New(fault.Unreachable, "dial", "panel", "no route")
			}
			return nil
		})
		l := New(Config{Device: Device{ID: "front", Doors: map[access.DoorID]string{"lobby": "A"}}, Panel: s.panel, Wanted: s.box, Ledger: s.box, Clock: shifted{s.box, &by}, Log: slog.New(slog.DiscardHandler)})
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait()
		by = 0
		down = false
		l.Changed(true)
		s.until(time.Now().Add(24 * time.Hour))
		s.opens("1111", true)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

type counting struct {
	*box
	n    int
	stop func()
}

func (c *counting) Now() (time.Time, bool) {
	c.n++
	if c.n > 100000 {
		c.stop()
	}
	return c.box.Now()
}

func TestReportModeDoesNotSpin(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.stop()
		s.drop("p1")
		ctx, cancel := context.WithCancel(s.t.Context())
		c := &counting{box: s.box, stop: cancel}
		l := New(Config{Device: Device{ID: "front", Doors: map[access.DoorID]string{"lobby": "A"}, Report: true}, Panel: s.panel, Wanted: s.box, Ledger: s.box, Clock: c, Log: slog.New(slog.DiscardHandler)})
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		s.until(time.Now().Add(2 * time.Hour))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c.n > 10000 {
			t.Errorf("the clock was read %d times in two quiet hours", c.n)
		}
	})
}

// TestMendedRecordIsWrittenAtOnce: a new revision makes the failure of the old one void.
func TestMendedRecordIsWrittenAtOnce(t *testing.T) {
	inBubble(t, func(s *site) {
		bad := true
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "add" && bad {
				return fault.New(fault.Invalid, "add", "user", "PIN refused")
			}
			return nil
		})
		s.move("p1", "1111", from(time.Now()))
		s.start()
		bad = false
		s.move("p1", "2222", from(time.Now()))
		s.changed("p1")
		s.until(time.Now().Add(5 * time.Minute))
		s.opens("2222", true)
	})
}

type slowList struct{ *memory.Panel }

func (p slowList) List(ctx context.Context) ([]model.Record, error) {
	select {
	case <-time.After(5 * time.Minute):
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Timeout, "list", "panel", ctx.Err())
	}
	return p.Panel.List(ctx)
}

// TestG2_AuditDoesNotDelayARemoval: a removal does not wait for an audit of minutes.
func TestG2_AuditDoesNotDelayARemoval(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.stop()
		s.startWith(func(c *Config) { c.Panel = slowList{s.panel} })
		s.until(time.Now().Add(90 * time.Second)) // the audit is under way
		s.drop("p1")
		s.loop.Changed(false, "p1")
		s.until(time.Now().Add(10 * time.Second))
		s.opens("1111", false)
	})
}

// TestG2_PoisonRemovalBlocksNobody: one removal that always times out does not keep the others in.
func TestG2_PoisonRemovalBlocksNobody(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("a", "1111", from(time.Now()))
		s.move("b", "2222", from(time.Now()))
		s.start()
		s.panel.Fail(func(r memory.Request) error {
			if r.Ref == "GHa" && r.Mutating {
				return fault.New(fault.Timeout, "remove", "panel", "no answer in time")
			}
			return nil
		})
		s.drop("a")
		s.drop("b")
		s.changed("a", "b")
		s.until(time.Now().Add(24 * time.Hour))
		s.opens("2222", false)
	})
}

type hang struct{ *memory.Panel }

func (p hang) Read(ctx context.Context, r model.Ref) ([]model.Record, error) {
	<-ctx.Done()
	return nil, fault.Wrap(fault.Timeout, "read", "panel", ctx.Err())
}

// deaf does not return from a read before it is let free, and cannot be cut off.
type deaf struct {
	*memory.Panel
	free chan struct{}
}

func (p deaf) Read(context.Context, model.Ref) ([]model.Record, error) {
	<-p.free
	return nil, fault.New(fault.Timeout, "read", "panel", "no answer")
}

func TestStoppingTellsNothing(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.startWith(func(c *Config) { c.Panel = hang{s.panel} })
		s.stop()
		for _, e := range s.told() {
			if e.Kind == access.EventUnreachable || e.Kind == access.EventFailed {
				t.Errorf("%s %s", e.Kind, e.Message)
			}
		}
	})
}

// TestG5_WrittenNamesTheRevisionActedOn: a revision that arrives during the request was not written by it.
func TestG5_WrittenNamesTheRevisionActedOn(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		at := s.pos.Revision
		once := false
		s.panel.OnRequest(func(r memory.Request) {
			if r.What == "add" && !once {
				once = true
				s.move("p1", "2222", from(time.Now()))
			}
		})
		s.start()
		for _, e := range s.told() {
			if e.Kind == access.EventWritten && e.Op == access.OpAdd && e.Revision != at {
				t.Errorf("PIN of revision %d told as written for revision %d", at, e.Revision)
			}
		}
	})
}

// TestTowardsG15_ANewLedgerTakesOverWantedRows: rows of wanted people are taken over by a new ledger, and end with it.
func TestTowardsG15_ANewLedgerTakesOverWantedRows(t *testing.T) {
	inBubble(t, func(s *site) {
		out := time.Now().Add(48 * time.Hour)
		s.move("p1", "1111", access.Window{From: time.Now(), Until: out})
		s.start()
		s.stop()
		clear(s.ledger)
		s.start()
		s.opens("1111", true)
		for _, e := range s.told() {
			if e.Kind == access.EventRefused || e.Kind == access.EventDrift {
				t.Error(e.Kind, e.Person, e.Message)
			}
		}
		s.until(out.Add(72 * time.Hour))
		s.opens("1111", false)
	})
}

type partly struct{ *box }

func (p partly) Holder(id access.PersonID) (access.Holder, bool, error) {
	h, ok, err := p.box.Holder(id)
	if err == nil && ok {
		h.Credentials, h.Unread = nil, []access.Kind{access.KindCredential}
		err = fault.New(fault.Invalid, "read", "credential c9", "kind face")
	}
	return h, ok, err
}

// TestG6_EndActsThoughACredentialIsUnreadable: a date acts from any readable record.
func TestG6_EndActsThoughACredentialIsUnreadable(t *testing.T) {
	inBubble(t, func(s *site) {
		out := time.Now().Add(48 * time.Hour)
		s.move("p1", "1111", access.Window{From: time.Now(), Until: out})
		s.start()
		s.stop()
		s.startWith(func(c *Config) { c.Wanted = partly{s.box} })
		s.opens("1111", true)
		s.until(out.Add(72 * time.Hour))
		s.opens("1111", false)
	})
}

// TestNoRemovalsWaitBeforeTheFirstAnswer: beside a dead panel nobody is counted as waiting who is not.
func TestNoRemovalsWaitBeforeTheFirstAnswer(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.stop()
		s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "dial", "panel", "no") })
		s.start()
		if st := s.loop.Status(); st.Removals != 0 {
			t.Errorf("%d removals wait", st.Removals)
		}
	})
}

// TestPINTakenOverAtTheSameMinute: a PIN handed on at the same minute is no collision.
func TestPINTakenOverAtTheSameMinute(t *testing.T) {
	inBubble(t, func(s *site) {
		at := time.Now().Add(time.Hour)
		s.move("a", "1111", access.Window{From: time.Now(), Until: at})
		s.move("b", "1111", from(at))
		s.start()
		s.until(at)
		s.opens("1111", true)
		for _, k := range s.kinds("b") {
			if k == "refused " {
				t.Error("told to give another PIN, and then written")
			}
		}
	})
}

type flaky struct {
	*box
	fail *bool
}

func (f flaky) Record(d access.DeviceID, p access.PersonID, e *access.LedgerEntry, evs ...access.Event) error {
	return f.box.Record(d, p, e, evs...)
}
func (f flaky) Entry(d access.DeviceID, p access.PersonID) (access.LedgerEntry, bool, error) {
	if *f.fail && p == "gone" {
		*f.fail = false
		return access.LedgerEntry{}, false, errors.New("i/o error")
	}
	return f.box.Entry(d, p)
}

func TestStoreErrorWhilePreempting(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("gone", "4444", from(time.Now()))
		s.start()
		s.stop()
		s.move("n1", "1111", from(time.Now()))
		fail := false
		ctx, cancel := context.WithCancel(s.t.Context())
		fl := flaky{s.box, &fail}
		l := New(Config{Device: Device{ID: "front", Doors: map[access.DoorID]string{"lobby": "A"}}, Panel: s.panel, Wanted: s.box, Ledger: fl, Clock: s.box, Log: slog.New(slog.DiscardHandler)})
		s.panel.OnRequest(func(r memory.Request) {
			if r.What == "read" && r.Ref == "GHn1" && !fail {
				s.panel.OnRequest(nil)
				fail = true
				s.drop("gone")
				l.Changed(false, "gone")
			}
		})
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		s.until(time.Now().Add(30 * time.Second))
		select {
		case err := <-done:
			if err == nil {
				t.Error("the loop ended without a word")
			}
		default:
			s.opens("4444", false)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		cancel()
	})
}

// TestUnchangedIsToldAlsoWhenPlacesChanged: who changed in nothing the panel need know is confirmed, also when a door changed with them.
func TestUnchangedIsToldAlsoWhenPlacesChanged(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.move("p1", "1111", from(time.Now())) // a new revision, nothing the panel need know
		s.loop.Changed(true, "p1")
		s.until(time.Now().Add(48 * time.Hour))
		var last uint64
		for _, e := range s.told() {
			if e.Kind == access.EventConfirmed {
				last = e.Revision
			}
		}
		if last != s.pos.Revision {
			t.Errorf("confirmed up to revision %d, the state is at %d", last, s.pos.Revision)
		}
	})
}

// TestRefusalIsToldOnceAcrossRestarts: a standing refusal is told once, not once a start.
func TestRefusalIsToldOnceAcrossRestarts(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		h := s.holders["p1"]
		h.Credentials = append(h.Credentials, access.Credential{ID: "x", Person: "p1", Kind: access.Mobile})
		s.holders["p1"] = h
		s.start()
		s.stop()
		a := s.kinds("p1")
		s.start()
		if b := s.kinds("p1"); len(b) != len(a) {
			t.Errorf("before %v, after a restart %v", a, b)
		}
	})
}

// TestG2_OwnRevocationKeepsItsRank: somebody revoked while their own change is in hand is removed next.
func TestG2_OwnRevocationKeepsItsRank(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		s.move("zz", "4444", from(now))
		s.start()
		s.move("zz", "5555", from(now)) // a change
		done := false
		var after []string
		s.panel.OnRequest(func(r memory.Request) {
			if r.What == "read" && r.Ref == "GHzz" && !done {
				done = true
				s.drop("zz")
				s.move("other", "6666", from(now.Add(-time.Hour)))
				s.loop.Changed(false, "zz", "other")
			}
			if done && r.Mutating {
				after = append(after, r.What+" "+string(r.Ref))
			}
		})
		s.changed("zz")
		if len(after) > 0 && after[0] != "remove GHzz" {
			t.Error(after)
		}
	})
}

// TestTowardsG11_OverlayRevocationHoldsUntilLifted: whatever window somebody gave it.
func TestTowardsG11_OverlayRevocationHoldsUntilLifted(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.overlay = []access.Overlay{{ID: "o1", Kind: access.OverlayRevoke, Person: "p1", Window: access.Window{From: time.Now().Add(time.Hour), Until: time.Now().Add(2 * time.Hour)}}}
		s.start()
		s.opens("1111", false)
		s.until(time.Now().Add(48 * time.Hour))
		s.opens("1111", false)
		s.overlay = nil
		s.loop.Changed(true)
		s.until(time.Now().Add(time.Minute))
		s.opens("1111", true)
	})
}

// TestScheduledGroupFailsShut: hours that the gateway cannot write fail shut.
func TestScheduledGroupFailsShut(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.places.Groups["entrance"] = access.Group{ID: "entrance", Doors: []access.DoorID{"lobby"}, Schedule: "sunday"}
		s.places.Schedules = map[access.ScheduleID]access.Schedule{"sunday": {ID: "sunday", Weekly: []access.Weekly{{Days: []time.Weekday{0}, Start: "09:00", End: "10:00"}}}}
		s.start() // Saturday midnight
		s.opens("1111", false)
	})
}

// TestTowardsC2_TransferRenames: after a transfer the directory shows the new unit.
func TestTowardsC2_TransferRenames(t *testing.T) {
	inBubble(t, func(s *site) {
		now := time.Now()
		at := now.Add(time.Hour)
		s.move("p1", "1111", from(now))
		s.places.Units["u2"] = access.Unit{ID: "u2", Name: "204"}
		h := s.holders["p1"]
		h.Residencies = []access.Residency{{ID: "r1", Person: "p1", Unit: "u1", Window: access.Window{From: now, Until: at}}, {ID: "r2", Person: "p1", Unit: "u2", Window: from(at)}}
		s.holders["p1"] = h
		s.start()
		s.until(at.Add(20 * time.Hour))
		s.panel.Edit(func(rows map[string]model.Record) {
			for _, r := range rows {
				if r.Name != "T. Jones - Unit 204" {
					t.Error(r.Name)
				}
			}
		})
	})
}

// TestRemovalConflictIsTriedSoon: a row renumbered between read and removal is read again at once.
func TestRemovalConflictIsTriedSoon(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		n := 0
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "remove" {
				if n++; n == 1 {
					return fault.New(fault.Conflict, "remove", "row 1", "it is not the row of GHp1")
				}
			}
			return nil
		})
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(10 * time.Minute))
		s.opens("1111", false)
	})
}

// TestFailedReadIsRetried: drift that could not be mended at first is tried again.
func TestFailedReadIsRetried(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.panel.Edit(func(rows map[string]model.Record) { clear(rows) })
		n := 0
		s.panel.Fail(func(r memory.Request) error {
			if r.What == "read" {
				if n++; n == 1 {
					return fault.New(fault.Internal, "read", "p", "garbage")
				}
			}
			return nil
		})
		s.until(time.Now().Add(25 * time.Hour))
		s.opens("1111", true)
	})
}

// TestG6_UntrustedClockDoesNotReadd: who was being removed is not added anew by a clock that woke up behind.
func TestG6_UntrustedClockDoesNotReadd(t *testing.T) {
	inBubble(t, func(s *site) {
		// the removal was sent, the row is gone, the box lost power before the read-back was recorded;
		// the clock wakes up ten minutes behind and is not trusted
		s.move("p1", "1111", access.Window{From: time.Now().Add(-time.Hour), Until: time.Now().Add(5 * time.Minute)})
		s.ledger["p1"] = access.LedgerEntry{Person: "p1", Ref: "GHp1", Native: "1", State: access.Removing, Seen: time.Now()}
		s.trusted = false
		s.start()
		s.opens("1111", false)
	})
}

// TestRemovalAfterABadMinute: a minute of nonsense puts a removal off by minutes, not hours.
func TestRemovalAfterABadMinute(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		until := time.Now().Add(time.Minute)
		s.panel.Fail(func(r memory.Request) error {
			if time.Now().Before(until) {
				return fault.New(fault.Invalid, "list users", "panel", "the answer is a web page")
			}
			return nil
		})
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(30 * time.Minute))
		s.opens("1111", false)
	})
}

// TestTowardsG4_AnEmptiedPanelIsFilledAgain: a panel that is reset while nobody moves is noticed within a
// minute, and one that was away is read back when it returns.
func TestTowardsG4_AnEmptiedPanelIsFilledAgain(t *testing.T) {
	for _, away := range []bool{false, true} {
		inBubble(t, func(s *site) {
			s.move("p1", "1111", from(time.Now()))
			s.move("p2", "2222", from(time.Now()))
			s.start()
			s.until(time.Now().Add(time.Hour))
			if away {
				s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "dial", "panel", "no route") })
				s.until(time.Now().Add(10 * time.Minute))
				if st := s.loop.Status(); st.Reachable {
					t.Error("an idle panel that is switched off passes for well")
				}
			}
			s.panel.Edit(func(rows map[string]model.Record) { clear(rows) })
			s.panel.Fail(nil)
			s.until(time.Now().Add(lookEvery + lastRetry))
			s.opens("1111", true)
			s.opens("2222", true)
		})
	}
}

// TestAMisspeltDoorLocksNobodyOut: a slip in the gateway's file is told, and removes nobody.
func TestAMisspeltDoorLocksNobodyOut(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.move("p2", "2222", access.Window{From: time.Now(), Until: time.Now().Add(time.Hour)})
		s.start()
		s.stop()
		s.doors = map[access.DoorID]string{"lobbi": "A"}
		s.start()
		s.opens("1111", true)
		held := 0
		for _, e := range s.told() {
			if e.Kind == access.EventHeld && strings.Contains(e.Message, "lobbi") {
				held++
			}
		}
		if held != 1 {
			t.Errorf("told %d times, want once", held)
		}
		s.until(time.Now().Add(2 * time.Hour))
		s.opens("2222", false) // an end needs no door
		s.opens("1111", true)
	})
}

// TestTowardsE1_AStuckLoopIsOverdue: what a watchdog asks. A loop that waits is alive, also for days; one
// that hangs in a request is not for ever.
func TestTowardsE1_AStuckLoopIsOverdue(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		free := make(chan struct{})
		s.startWith(func(c *Config) { c.Panel = deaf{s.panel, free} })
		if d := s.loop.Overdue(); d > 0 {
			t.Errorf("overdue by %s at once", d)
		}
		s.until(time.Now().Add(longWork + time.Minute))
		if s.loop.Overdue() <= 0 {
			t.Error("a loop that hangs passes for alive")
		}
		close(free)
		s.stop()
		s.start()
		for range 300 {
			s.until(time.Now().Add(17 * time.Minute))
			if d := s.loop.Overdue(); d > 0 {
				t.Fatalf("an idle loop is overdue by %s", d)
			}
		}
	})
}
