package reconcile

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// astray shows the kept list shortly.
func (s *site) astray() (out []string) {
	for _, d := range s.drift {
		out = append(out, fmt.Sprintf("%s %s %s: %s", d.Kind, d.Person, d.Native, d.What))
	}
	slices.Sort(out)
	return out
}

func (s *site) audit() {
	s.loop.AuditNow()
	s.until(time.Now().Add(time.Second))
}

// meddle makes one row of each kind of drift.
func (s *site) meddle() {
	s.panel.Edit(func(rows map[string]model.Record) {
		for id, r := range rows {
			switch r.Ref {
			case "GHp1":
				r.Name = "Somebody Else"
				rows[id] = r
			case "GHp2":
				delete(rows, id)
			}
		}
		rows["70"] = model.Record{Ref: "GHold", Name: "Ghost", PIN: access.NewSecret("7070"), Relays: []string{"A"}}
		rows["71"] = model.Record{Name: "Caretaker", PIN: access.NewSecret("7171"), Relays: []string{"A"}}
	})
}

// TestTowardsG4_DriftIsListedAndToldOnce: ghosts, strangers, hand edits and missing rows, each with one event, and kept
// with the time when it was first seen.
func TestTowardsG4_DriftIsListedAndToldOnce(t *testing.T) {
	inBubble(t, func(s *site) {
		for i := range 3 {
			s.move(access.PersonID(fmt.Sprint("p", i)), fmt.Sprint("111", i), from(time.Now()))
		}
		s.report = true
		s.ledgerOf("p0", "p1", "p2")
		s.start()
		s.until(time.Now().Add(2 * time.Minute))
		if len(s.drift) != 0 {
			t.Errorf("nobody meddled, and the list is %v", s.astray())
		}
		s.meddle()
		s.audit()
		want := []string{
			"edit p1 2: the name differs", "ghost old 70: it carries a reference of ours, but no record of ours and nobody who should have it",
			"missing p2 3: the row that this gateway wrote is gone", "stranger  71: not written by this gateway",
		}
		if diff := cmp.Diff(want, s.astray()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		first := time.Now()
		s.until(time.Now().Add(48 * time.Hour))
		told := map[access.DriftKind]int{}
		for _, e := range s.told() {
			if e.Kind == access.EventDrift {
				told[e.Drift]++
			}
		}
		if diff := cmp.Diff(map[access.DriftKind]int{access.DriftEdit: 1, access.DriftGhost: 1, access.DriftMissing: 1, access.DriftStranger: 1}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		for _, d := range s.drift {
			if d.First.After(first) || !d.Last.After(first) || d.Device != "front" {
				t.Errorf("%+v was first seen before %s and last after it", d, first)
			}
		}
		if st := s.loop.Status(); st.Drift[access.DriftGhost] != 1 || st.Strangers != 2 {
			t.Errorf("status counts %v, %d strangers", st.Drift, st.Strangers)
		}
		s.drift[0].Ignore = "the caretaker knows"
		s.audit()
		if s.drift[0].Ignore == "" {
			t.Error("what a person let be is open again")
		}
		if n := len(s.mutating()); n != 3 {
			t.Errorf("%d requests changed a panel that is only reported on", n-3)
		}
	})
}

// ledgerOf writes people by a loop that manages, and ends it.
func (s *site) ledgerOf(people ...access.PersonID) {
	report := s.report
	s.report = false
	s.start()
	if len(s.ledger) != len(people) {
		s.t.Fatalf("the ledger has %d entries", len(s.ledger))
	}
	s.stop()
	s.report = report
}

// TestTowardsG4_PoliciesAtRunTime: report writes nothing, repair puts our own rows right, and neither touches others'.
func TestTowardsG4_PoliciesAtRunTime(t *testing.T) {
	inBubble(t, func(s *site) {
		for i := range 3 {
			s.move(access.PersonID(fmt.Sprint("p", i)), fmt.Sprint("111", i), from(time.Now()))
		}
		s.start()
		s.loop.SetPolicy(access.DriftReport)
		s.meddle()
		s.audit()
		before := len(s.mutating())
		s.move("p4", "4444", from(time.Now()))
		s.changed("p4")
		s.until(time.Now().Add(time.Hour))
		if n := len(s.mutating()) - before; n != 0 {
			t.Errorf("%d requests under report", n)
		}
		s.loop.SetPolicy("")
		s.audit()
		s.audit()
		for _, pin := range []string{"1111", "1112", "4444", "7070", "7171"} {
			s.opens(pin, true)
		}
		want := []string{"ghost old 70: it carries a reference of ours, but no record of ours and nobody who should have it", "stranger  71: not written by this gateway"}
		if diff := cmp.Diff(want, s.astray()); diff != "" {
			t.Errorf("after the repair (-want +got):\n%s", diff)
		}
	})
}

// TestTowardsG4_TheFileWinsOverThePolicy: a device that its own configuration only reports on is not managed by the cloud.
func TestTowardsG4_TheFileWinsOverThePolicy(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.report = true
		s.start()
		s.loop.SetPolicy(access.DriftRepair)
		s.until(time.Now().Add(time.Hour))
		s.opens("1111", false)
	})
}

// TestTowardsG4_AdoptTakesARowAsItStands: nothing is written, and from then on the row is ours to take away.
func TestTowardsG4_AdoptTakesARowAsItStands(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.stop()
		clear(s.ledger) // the box is a new one
		s.mark, s.seen, s.events = nil, nil, nil
		before := len(s.mutating())
		s.startWith(func(c *Config) {})
		s.loop.SetPolicy(access.DriftAdopt)
		s.until(time.Now().Add(5 * time.Minute))
		if n := len(s.mutating()) - before; n != 0 || s.ledger["p1"].State != access.Settled {
			t.Errorf("%d requests, the ledger has %+v", n, s.ledger["p1"])
		}
		s.drop("p1")
		s.changed("p1")
		s.opens("1111", false)
	})
}

// TestTheIntervalOfAuditsChangesAtRunTime: the next one comes as soon as the new interval says.
func TestTheIntervalOfAuditsChangesAtRunTime(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.start()
		s.until(time.Now().Add(5 * time.Minute))
		s.loop.SetAudit(time.Hour)
		s.until(time.Now().Add(5*time.Hour + time.Minute))
		lists := 0
		for _, r := range s.panel.Log() {
			if r.What == "list" {
				lists++
			}
		}
		if lists < 5 || lists > 7 {
			t.Errorf("%d read-backs in five hours", lists)
		}
	})
}

// TestManyStrangersAreNotManyEvents: a panel that was kept by hand for years is told of in a bounded number of events.
func TestManyStrangersAreNotManyEvents(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			for i := range 1000 {
				rows[fmt.Sprint(i+1)] = model.Record{Name: "Old", PIN: access.NewSecret(fmt.Sprint(10000 + i)), Relays: []string{"A"}}
			}
		})
		s.start()
		s.until(time.Now().Add(25 * time.Hour))
		n := 0
		for _, e := range s.told() {
			if e.Kind == access.EventDrift {
				n++
			}
		}
		if n != mostDrift+1 || len(s.drift) != 1000 {
			t.Errorf("%d events, %d in the list", n, len(s.drift))
		}
	})
}
