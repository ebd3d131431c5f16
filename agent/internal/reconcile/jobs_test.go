package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func release(ctx context.Context, p driver.Panel) error {
	return p.(driver.DoorReleaser).Release(ctx, "A")
}

// ask runs a job beside the test; it gives its error when it is done.
func (s *site) ask(ctx context.Context, f func(context.Context, driver.Panel) error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.loop.Do(ctx, f) }()
	return done
}

// TestG2_ADoorOpensAfterTheRevocation: a job goes between rounds of a bulk load, and behind a removal.
func TestG2_ADoorOpensAfterTheRevocation(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("gone", "4444", from(time.Now()))
		s.start()
		for i := range 100 {
			s.move(access.PersonID("n"+itoa4(i)), itoa4(1000+i), from(time.Now()))
		}
		var done <-chan error
		sent := 0
		s.panel.OnRequest(func(r memory.Request) {
			if r.Ref == "GHn0050" && sent == 0 {
				sent = len(s.mutating())
				done = s.ask(s.t.Context(), release)
				synctest.Wait()
				s.drop("gone")
				s.loop.Changed(false, "gone")
			}
		})
		s.loop.Changed(true)
		s.until(time.Now().Add(time.Second))
		if err := <-done; err != nil {
			t.Error(err)
		}
		if next := s.mutating()[sent:]; next[0].What != "remove" || next[1].What != "release" {
			t.Errorf("after the bulk load's request in flight went %s and %s", next[0].What, next[1].What)
		}
	})
}

// TestJobsAndTrouble: a job in an audit ends it, a panic is its own error, one that cannot be had ends by its own
// deadline, and one behind a removal that cannot be made is refused.
func TestJobsAndTrouble(t *testing.T) {
	inBubble(t, func(s *site) {
		s.move("p1", "1111", from(time.Now()))
		s.startWith(func(c *Config) { c.Panel = slowList{s.panel} })
		s.loop.AuditNow()
		s.until(time.Now().Add(time.Second))
		began := time.Now()
		if err := <-s.ask(s.t.Context(), release); err != nil || time.Since(began) > time.Second {
			t.Errorf("beside an audit: %v after %s", err, time.Since(began))
		}
		if err := <-s.ask(s.t.Context(), func(context.Context, driver.Panel) error { panic("no") }); !isFallen(err) {
			t.Errorf("a panic: %v", err)
		}
		s.panel.Fail(func(memory.Request) error { return fault.New(fault.Unreachable, "ask", "panel", "no route") })
		s.drop("p1")
		s.changed("p1")
		if err := <-s.ask(s.t.Context(), release); fault.KindOf(err) != fault.Unreachable {
			t.Errorf("behind a removal that cannot be made: %v", err)
		}
		s.panel.Fail(nil)
		s.until(time.Now().Add(5 * time.Minute))
		s.stop()
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		defer cancel()
		if err := <-s.ask(ctx, release); fault.KindOf(err) != fault.Timeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("from a loop that does not run: %v", err)
		}
	})
}

// TestTowardsE3_ThePlanIsWhatIsDone: what Plan prints is what then happens, strangers' PINs and time included.
func TestTowardsE3_ThePlanIsWhatIsDone(t *testing.T) {
	inBubble(t, func(s *site) {
		s.panel.Edit(func(rows map[string]model.Record) {
			rows["9"] = model.Record{Name: "Caretaker", PIN: access.NewSecret("7171"), Relays: []string{"A"}}
		})
		now := time.Now()
		s.start()
		s.move("clash", "7171", from(now.Add(time.Hour)))
		s.move("ends", "1111", access.Window{From: now, Until: now.Add(time.Hour)})
		s.move("starts", "2222", from(now.Add(time.Hour)))
		s.changed("clash", "ends", "starts")
		pl, err := s.loop.Plan(s.t.Context(), now.Add(time.Hour))
		if err != nil || len(pl.Steps) != 2 || pl.Steps[0].Op != access.OpRemove || pl.Steps[1].Person != "starts" || len(pl.Refusals) != 1 {
			t.Fatalf("%v, %+v", err, pl)
		}
		before := len(s.mutating())
		s.until(now.Add(time.Hour + time.Second))
		var did []string
		for _, r := range s.mutating()[before:] {
			did = append(did, r.What+" "+string(r.Ref))
		}
		if len(did) != 2 || did[0] != "remove GHends" || did[1] != "add GHstarts" {
			t.Errorf("planned %+v, did %v", pl.Steps, did)
		}
		if pl, err := s.loop.Plan(s.t.Context(), time.Time{}); err != nil || len(pl.Steps) != 0 {
			t.Errorf("afterwards: %v, %+v", err, pl.Steps)
		}
	})
}
