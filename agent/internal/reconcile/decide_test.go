package reconcile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// haunted is a site with a stranger's row, "70", and one person who has access.
func haunted(t *testing.T, f func(*site)) {
	t.Helper()
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["70"] = model.Record{Ref: "GHold", Name: "Ghost", PIN: access.NewSecret("7070"), Relays: []string{"A"}}
			rows["71"] = model.Record{Name: "Caretaker", PIN: access.NewSecret("7171"), Relays: []string{"A"}}
		})
		s.start()
		s.until(time.Now().Add(time.Minute))
		f(s)
	})
}

// line is what the list says of a row; the zero one when it is not in it.
func (s *site) line(native string) access.Drift {
	list, err := s.Drift("front")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range list {
		if d.Native == native {
			return d
		}
	}
	return access.Drift{}
}

func (s *site) decide(native string, act access.DriftAct, to access.PersonID) (Outcome, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	return s.loop.Decide(ctx, Decision{Entry: s.line(native).Entry, Act: act, To: to, Reason: "seen to"})
}

// rowsTold are the notes about one row, in order.
func (s *site) rowsTold(native string) (out []access.DriftNote) {
	for _, e := range s.told() {
		if e.Row != nil && e.Row.Native == native {
			out = append(out, *e.Row)
		}
	}
	return out
}

func wantKind(t *testing.T, err error, k fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != k {
		t.Errorf("want a fault of kind %s, got %v", k, err)
	}
}

// TestTowardsG4_ARowIsRemovedByName: the ghost opens no more, the stranger beside it does, and the
// cloud hears of the decision and of its end.
func TestTowardsG4_ARowIsRemovedByName(t *testing.T) {
	haunted(t, func(s *site) {
		before := len(s.mutating())
		out, err := s.decide("70", access.DriftRemove, "")
		if err != nil || !out.Done {
			t.Fatalf("%+v %v", out, err)
		}
		s.opens("7070", false)
		s.opens("7171", true)
		s.opens("1111", true)
		if n := len(s.mutating()) - before; n != 1 || s.line("70").Entry != "" {
			t.Errorf("%d requests, the list has %v", n, s.astray())
		}
		told := s.rowsTold("70")
		if len(told) != 3 || told[0].Act != "" || told[1].Act != access.DriftRemove || told[1].Gone || told[1].Reason != "seen to" ||
			!told[2].Gone || told[2].Act != access.DriftRemove || told[0].Entry != told[2].Entry {
			t.Errorf("told %+v", told)
		}
		s.until(time.Now().Add(48 * time.Hour))
		if n := len(s.rowsTold("70")); n != 3 {
			t.Errorf("told %d times in the end", n)
		}
	})
}

// TestTowardsG4_ARowIsAdoptedByName: the stranger's row becomes the person's in place, without a moment
// in which their PIN does not open, and ends with their access.
func TestTowardsG4_ARowIsAdoptedByName(t *testing.T) {
	haunted(t, func(s *site) {
		s.move("p2", "7171", from(time.Now())) // the PIN that the old record has
		s.changed("p2")
		if _, mine := s.ledger["p2"]; mine {
			t.Fatal("a PIN that a stranger holds was written")
		}
		s.panel.OnRequest(func(memory.Request) {
			if len(s.panel.Present("7171")) == 0 {
				t.Error("the PIN opens no more for a moment")
			}
		})
		if out, err := s.decide("71", access.DriftTake, "p2"); err != nil || !out.Done {
			t.Fatalf("%+v %v", out, err)
		}
		s.until(time.Now().Add(time.Minute))
		s.panel.OnRequest(nil)
		e := s.ledger["p2"]
		if e.State != access.Settled || e.Native != "71" {
			t.Errorf("the ledger has %+v", e)
		}
		s.drop("p2")
		s.changed("p2")
		s.opens("7171", false)
		s.until(time.Now().Add(48 * time.Hour))
		if s.line("71").Entry != "" {
			t.Errorf("the list has %v", s.astray())
		}
	})
}

// TestTowardsG4_AnAdoptedDoubleGoes: somebody who has a row already keeps one.
func TestTowardsG4_AnAdoptedDoubleGoes(t *testing.T) {
	haunted(t, func(s *site) {
		if out, err := s.decide("70", access.DriftTake, "p1"); err != nil || !out.Done {
			t.Fatalf("%+v %v", out, err)
		}
		s.until(time.Now().Add(time.Minute))
		s.opens("1111", true)
		s.opens("7070", false)
		if rows, err := s.panel.Read(s.t.Context(), "GHp1"); err != nil || len(rows) != 1 {
			t.Errorf("%v %v", rows, err)
		}
	})
}

// TestTowardsG4_WhatChangedIsNotActedOn, neither by its old name nor when it changed since the last
// read-back: nothing is written, and the new row is told as one.
func TestTowardsG4_WhatChangedIsNotActedOn(t *testing.T) {
	haunted(t, func(s *site) {
		old := s.line("70").Entry
		s.panel.Edit(func(rows map[string]model.Record) {
			r := rows["70"]
			r.PIN = access.NewSecret("7979")
			rows["70"] = r
		})
		before := len(s.mutating())
		_, err := s.decide("70", access.DriftRemove, "")
		wantKind(s.t, err, fault.Conflict)
		s.until(time.Now().Add(time.Minute))
		if s.line("70").Entry == old {
			t.Error("a row that shows another PIN has the same name")
		}
		_, err = s.loop.Decide(s.t.Context(), Decision{Entry: old, Act: access.DriftRemove})
		wantKind(s.t, err, fault.Conflict)
		_, err = s.loop.Decide(s.t.Context(), Decision{Entry: "00000000-00000000", Act: access.DriftRemove})
		wantKind(s.t, err, fault.Invalid)
		if n := len(s.mutating()) - before; n != 0 {
			t.Errorf("%d requests changed the panel", n)
		}
		s.opens("7979", true)
	})
}

// TestTowardsG4_AKeptRowIsSilentUntilItChanges, over a restart too.
func TestTowardsG4_AKeptRowIsSilentUntilItChanges(t *testing.T) {
	haunted(t, func(s *site) {
		if out, err := s.decide("71", access.DriftKeep, ""); err != nil || !out.Done {
			t.Fatalf("%+v %v", out, err)
		}
		s.stop()
		s.start()
		s.until(time.Now().Add(48 * time.Hour))
		if n := len(s.rowsTold("71")); n != 2 || s.line("71").Ignore != "seen to" || s.loop.Status().Drift[access.DriftStranger] != 0 {
			t.Errorf("told %d times, %+v", n, s.line("71"))
		}
		s.panel.Edit(func(rows map[string]model.Record) {
			r := rows["71"]
			r.Relays = []string{"A", "B"}
			rows["71"] = r
		})
		s.audit()
		if d := s.line("71"); d.Ignore != "" || s.loop.Status().Drift[access.DriftStranger] != 1 {
			t.Errorf("a kept row that opens more doors is still let be: %+v", d)
		}
	})
}

// TestTowardsG4_ADecisionAboutAPanelThatIsOff says that it is unreachable and what to do, also when nobody had noticed yet.
func TestTowardsG4_ADecisionAboutAPanelThatIsOff(t *testing.T) {
	haunted(t, func(s *site) {
		s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "ask", "panel", "no route") })
		out, err := s.decide("70", access.DriftRemove, "")
		if err != nil || out.Done || !strings.Contains(out.Message, "unreachable: see that it has power") {
			t.Errorf("%+v %v", out, err)
		}
	})
}

// TestTowardsG4_ADoubleIsToldBeforeItGoes, also when no read-back saw it: what is taken away was listed.
func TestTowardsG4_ADoubleIsToldBeforeItGoes(t *testing.T) {
	haunted(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["90"] = model.Record{Ref: "GHp1", Name: "Copy", PIN: access.NewSecret("9090"), Relays: []string{"A"}}
		})
		s.move("p1", "1112", from(time.Now())) // their row is looked at, the panel is not read back
		s.changed("p1")
		s.until(time.Now().Add(time.Minute))
		s.opens("9090", false)
		s.opens("1112", true)
		told := s.rowsTold("90")
		if len(told) != 2 || told[0].Gone || !told[1].Gone || told[0].Entry == "" || told[0].Entry != told[1].Entry || told[0].First.IsZero() {
			t.Errorf("told as %+v", told)
		}
		if d := s.line("90"); d.Entry != "" {
			t.Errorf("it is still listed: %+v", d)
		}
	})
}

// TestTowardsG4_ADecisionOutlivesARestart: made while the panel is away, done when it answers.
func TestTowardsG4_ADecisionOutlivesARestart(t *testing.T) {
	haunted(t, func(s *site) {
		s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "ask", "panel", "no route") })
		s.until(time.Now().Add(5 * time.Minute))
		out, err := s.decide("70", access.DriftRemove, "")
		if err != nil || out.Done || !strings.Contains(out.Message, "unreachable") || !strings.Contains(out.Message, "no route") {
			t.Fatalf("%+v %v", out, err)
		}
		s.stop()
		s.opens("7070", true)
		s.panel.Fail(nil)
		s.start()
		s.until(time.Now().Add(5 * time.Minute))
		s.opens("7070", false)
		if s.line("70").Entry != "" {
			t.Errorf("the list has %v", s.astray())
		}
	})
}

// TestTowardsG2_ARemovalGoesBeforeADecision.
func TestTowardsG2_ARemovalGoesBeforeADecision(t *testing.T) {
	haunted(t, func(s *site) {
		before := len(s.mutating())
		armed := true
		s.panel.OnRequest(func(r memory.Request) { // it becomes due while the row is looked for
			if r.What == "list" && armed {
				armed = false
				s.drop("p1")
				s.loop.Changed(false, "p1")
			}
		})
		if _, err := s.decide("70", access.DriftRemove, ""); err != nil {
			t.Fatal(err)
		}
		ms := s.mutating()[before:]
		if len(ms) != 2 || ms[0].What != "remove" || ms[1].What != "take" {
			t.Errorf("%v", ms)
		}
	})
}

// TestTowardsG4_WhatMayNotBeDecided: in report mode nothing is written; our own rows are the state's;
// nobody is given a row that would be taken away at once; a device that cannot says so.
func TestTowardsG4_WhatMayNotBeDecided(t *testing.T) {
	haunted(t, func(s *site) {
		s.move("p3", "3333", access.Window{From: time.Now().Add(time.Hour)})
		_, err := s.decide("70", access.DriftTake, "p3")
		wantKind(s.t, err, fault.Conflict)
		s.loop.SetPolicy(access.DriftReport)
		synctest.Wait() // the loop may be between two turns
		_, err = s.decide("70", access.DriftRemove, "")
		wantKind(s.t, err, fault.Conflict)
		s.panel.Edit(func(rows map[string]model.Record) {
			for id, r := range rows {
				if r.Ref == "GHp1" {
					r.Name = "Somebody Else"
					rows[id] = r
				}
			}
		})
		s.audit()
		_, err = s.decide("1", access.DriftRemove, "")
		wantKind(s.t, err, fault.Conflict)
		if out, err := s.decide("1", access.DriftKeep, ""); err != nil || !out.Done {
			t.Errorf("a hand edit under report: %+v %v", out, err)
		}
		s.loop.SetPolicy("")
		_, err = s.decide("1", access.DriftKeep, "")
		wantKind(s.t, err, fault.Conflict)
	})
}

// TestTheVendorsRowsAreNotTakenOver, whatever somebody on site decides.
func TestTheVendorsRowsAreNotTakenOver(t *testing.T) {
	haunted(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) { rows["72"] = model.Record{Name: "Theirs", ReadOnly: true} })
		s.audit()
		before := len(s.mutating())
		_, err := s.decide("72", access.DriftRemove, "")
		wantKind(s.t, err, fault.Unsupported)
		if n := len(s.mutating()) - before; n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestAListOfAnOlderProgramIsTakenOver: what was let be stays, and the cloud is told each row by its name.
func TestAListOfAnOlderProgramIsTakenOver(t *testing.T) {
	haunted(t, func(s *site) {
		s.stop()
		first := time.Now().Add(-time.Hour)
		for i := range s.drift {
			d := &s.drift[i]
			d.Entry, d.Told, d.First, d.Ignore = "", false, first, "old reason"
		}
		s.events = nil
		s.start()
		if n, err := s.loop.Ignore(s.t.Context(), "70", "new reason"); n != 1 || err != nil || len(s.rowsTold("70")) != 0 {
			t.Errorf("%d lines, %v, told %v: it has no name yet", n, err, s.rowsTold("70"))
		}
		s.audit()
		if d := s.line("70"); d.Entry == "" || d.Ignore != "new reason" || !d.First.Equal(first) || s.line("71").Ignore != "old reason" {
			t.Errorf("%+v", s.drift)
		}
		if told := s.rowsTold("70"); len(told) != 1 || told[0].Act != access.DriftKeep || told[0].Gone {
			t.Errorf("told %+v", told)
		}
	})
}

// bare is a panel whose driver does only what each must.
type bare struct{ driver.Panel }

func TestADeviceThatCannotTakeOverSaysSo(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) { rows["70"] = model.Record{Name: "Old"} })
		s.startWith(func(c *Config) { c.Panel = bare{s.panel} })
		s.until(time.Now().Add(time.Minute))
		_, err := s.decide("70", access.DriftRemove, "")
		wantKind(s.t, err, fault.Unsupported)
		if d := s.line("70"); d.Act != "" || d.Entry == "" {
			t.Errorf("the line is %+v", d)
		}
	})
}

// TestTowardsG4_AMendedRowEndsItsLine, without waiting for the next read-back.
func TestTowardsG4_AMendedRowEndsItsLine(t *testing.T) {
	haunted(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			r := rows["1"]
			r.Name = "Somebody Else"
			rows["1"] = r
		})
		s.audit()
		if s.line("1").Entry != "" || s.loop.Status().Drift[access.DriftEdit] != 0 {
			t.Errorf("the list has %v", s.astray())
		}
		if told := s.rowsTold("1"); len(told) != 2 || told[0].Gone || !told[1].Gone {
			t.Errorf("told %+v", told)
		}
	})
}

// TestAFullStoreRefusesADecision: what cannot be kept is not done.
func TestAFullStoreRefusesADecision(t *testing.T) {
	haunted(t, func(s *site) {
		s.mu.Lock()
		s.full = errors.New("no room")
		s.mu.Unlock()
		if _, err := s.decide("70", access.DriftRemove, ""); err == nil {
			t.Error("a decision that cannot be kept was taken")
		}
		s.until(time.Now().Add(time.Minute))
		s.opens("7070", true)
	})
}
