package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestUpdate_RollbackLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		before := must(s.Changes(t.Context()))(t)
		boom := errors.New("boom")
		everything := func(ctx context.Context, tx *Tx) error {
			if _, err := tx.Roster(ctx, "maples"); err != nil {
				return err
			}
			if _, err := tx.SaveRoster(ctx, maplesRoster()); err != nil {
				return err
			}
			if err := tx.SetDoors(ctx, "maples", []access.Door{{ID: "lobby", Name: "Lobby"}}); err != nil {
				return err
			}
			if _, err := tx.AddRun(ctx, Run{Property: "maples"}); err != nil {
				return err
			}
			if err := tx.SetConflicts(ctx, "maples", []model.Conflict{{Kind: "bad_pin", Subject: "p1"}}, true, noon()); err != nil {
				return err
			}
			_, changed, err := tx.SetState(ctx, "gw1", manyItems(3), Terms{Now: noon()})
			if err == nil && !changed {
				t.Error("nothing changed, so the test shows nothing")
			}
			return err
		}
		err := s.Update(t.Context(), func(tx *Tx) error { return errors.Join(everything(t.Context(), tx), boom) })
		if !errors.Is(err, boom) {
			t.Errorf("the work's error came back as %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Update(t.Context(), func(tx *Tx) error { _ = everything(t.Context(), tx); panic("boom") })
		}()
		gone, cancel := context.WithCancel(t.Context())
		err = s.Update(gone, func(tx *Tx) error { err := everything(gone, tx); cancel(); return err })
		wantKind(t, err, fault.Timeout, "context canceled")

		r := must(s.Roster(t.Context(), "maples"))(t)
		wantSame(t, "roster", r, model.Roster{Property: maples()})
		g := must(s.Gateway(t.Context(), "gw1"))(t)
		wantSame(t, "position", g.Published, access.Position{Epoch: 1})
		if len(must(s.Runs(t.Context(), "maples", 9))(t))+len(must(s.Conflicts(t.Context(), "maples"))(t)) != 0 {
			t.Error("a run or a conflict was left behind")
		}
		if after := must(s.Changes(t.Context()))(t); after != before {
			t.Errorf("changes went from %d to %d", before, after)
		}
	})
}

func TestNewIDs_NeverTwice(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		a, b := withGateway(t, dsn), openStore(t, dsn)
		var lock sync.Mutex
		seen := map[string]bool{}
		var wait sync.WaitGroup
		for i := range 8 {
			s := []*Store{a, b}[i%2]
			wait.Go(func() {
				for range 10 {
					err := s.Update(t.Context(), func(tx *Tx) error {
						ids, err := tx.NewIDs(t.Context(), "maples", PersonIDs, 3)
						lock.Lock()
						defer lock.Unlock()
						for _, id := range ids {
							if seen[id] {
								t.Errorf("%s was given twice", id)
							}
							seen[id] = true
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if len(seen) != 240 || !seen["p000001"] || !seen["p000240"] {
			t.Errorf("%d ids, want p000001 to p000240", len(seen))
		}
	})
}

func TestNewID_CountsPerPropertyAndKind(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := openStore(t, dsn)
		for _, c := range []struct {
			property access.PropertyID
			kind     string
			want     string
		}{
			{"maples", PersonIDs, "p000001"}, {"maples", PersonIDs, "p000002"}, {"maples", UnitIDs, "u1"}, {"oaks", PersonIDs, "p000001"}, {"", GatewayIDs, "gw1"}, {"maples", PersonIDs, "p000003"},
		} {
			s.update(t, func(ctx context.Context, tx *Tx) error {
				got, err := tx.NewID(ctx, c.property, c.kind)
				if got != c.want {
					t.Errorf("%s %s: %s, want %s", c.property, c.kind, got, c.want)
				}
				return err
			})
		}
	})
}

// Two writers that take two properties in opposite order: SQLite lets one wait from the start,
// PostgreSQL undoes one, which then runs again.
func TestUpdate_RunsAgainAfterADeadlock(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		a, b := openStore(t, dsn), openStore(t, dsn)
		oaks := maples()
		oaks.ID = "oaks"
		a.update(t, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.UpsertProperty(ctx, maples()), tx.UpsertProperty(ctx, oaks))
		})
		var both sync.WaitGroup // on SQLite the second cannot even begin before the first is done
		both.Add(2)
		cross := func(s *Store, first, second access.PropertyID) error {
			again := false
			return s.Update(t.Context(), func(tx *Tx) error {
				if err := tx.takeProperty(t.Context(), first); err != nil {
					return err
				}
				if !again && s.write == s.read {
					both.Done()
					both.Wait()
				}
				again = true
				return tx.takeProperty(t.Context(), second)
			})
		}
		var wait sync.WaitGroup
		errs := make([]error, 2)
		wait.Go(func() { errs[0] = cross(a, "maples", "oaks") })
		wait.Go(func() { errs[1] = cross(b, "oaks", "maples") })
		wait.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Errorf("a writer gave up: %v", err)
		}
	})
}

func TestLease_OneOwnerAtATime(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := openStore(t, dsn)
		take := func(owner string, after time.Duration) (Fence, bool) {
			t.Helper()
			f, held, err := s.Lease(t.Context(), "gateway/gw1", owner, noon().Add(after), 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			return f, held
		}
		a, held := take("a", 0)
		if !held || a.Number != 1 {
			t.Fatalf("the first gets %v %v, want fence 1", a, held)
		}
		if f, held := take("b", 9*time.Second); held || f != (Fence{}) {
			t.Errorf("while a holds it, b gets %v %v", f, held)
		}
		if again, held := take("a", 9*time.Second); !held || again != a {
			t.Errorf("renewing gives %v %v, want the same fence", again, held)
		}
		if _, held := take("b", 18*time.Second); held {
			t.Error("a renewal did not move the end")
		}
		b, held := take("b", 19*time.Second)
		if !held || b.Number != 2 {
			t.Errorf("after the end b gets %v %v, want fence 2", b, held)
		}
		if _, held := take("a", 20*time.Second); held {
			t.Error("a took back what b holds")
		}

		write := func(f Fence) error {
			return s.Update(t.Context(), func(tx *Tx) error {
				if err := tx.Guard(t.Context(), f); err != nil {
					return err
				}
				return tx.UpsertProperty(t.Context(), maples())
			})
		}
		wantKind(t, write(a), fault.Conflict, "taken the lease over")
		if got := must(s.Properties(t.Context()))(t); len(got) != 0 {
			t.Error("a write under a lost lease went through")
		}
		if err := errors.Join(write(b), write(Fence{})); err != nil {
			t.Errorf("under the running lease, and under none: %v", err)
		}
		if err := errors.Join(s.Release(t.Context(), a), s.Release(t.Context(), b)); err != nil {
			t.Fatal(err)
		}
		c, held := take("c", 21*time.Second)
		if !held || c.Number != 3 {
			t.Errorf("after the release c gets %v %v, want fence 3", c, held)
		}
	})
}

func TestLease_RaceHasOneWinner(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		stores := []*Store{openStore(t, dsn), openStore(t, dsn)}
		var lock sync.Mutex
		winners := 0
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				_, held, err := stores[i%2].Lease(t.Context(), "gateway/gw1", string(rune('a'+i)), noon(), time.Minute)
				lock.Lock()
				defer lock.Unlock()
				if err != nil {
					t.Error(err)
				}
				if held {
					winners++
				}
			})
		}
		wait.Wait()
		if winners != 1 {
			t.Errorf("%d hold the lease, want 1", winners)
		}
	})
}
