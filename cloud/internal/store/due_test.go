package store

import (
	"testing"
	"time"

	"gatehouse/protocol/access/fault"
)

func TestTowardsS1_SyncDue(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		property := must(s.Gateway(t.Context(), "gw1"))(t).Property
		if due, err := s.SyncDue(t.Context(), property); err != nil || !due.IsZero() {
			t.Fatalf("before anybody said: %v, %v", due, err)
		}
		for _, want := range []time.Time{noon(), noon().Add(-time.Hour), noon().Add(time.Minute)} {
			if err := s.SetSyncDue(t.Context(), Fence{}, property, want.AddDate(1, 0, 0), want); err != nil {
				t.Fatal(err)
			}
			if due, err := s.SyncDue(t.Context(), property); err != nil || !due.Equal(want) {
				t.Errorf("due %v (%v), want %v", due, err, want)
			}
		}
	})
}

// TestTowardsS1_SyncDueUnderALostLease: who lost the lease may not move the next sync.
func TestTowardsS1_SyncDueUnderALostLease(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		property := must(s.Gateway(t.Context(), "gw1"))(t).Property
		mine, held, err := s.Lease(t.Context(), "sync", "me", noon(), time.Minute)
		if err != nil || !held {
			t.Fatal(held, err)
		}
		if _, held, err := s.Lease(t.Context(), "sync", "other", noon().Add(time.Hour), time.Minute); err != nil || !held {
			t.Fatal(held, err)
		}
		if err := s.SetSyncDue(t.Context(), mine, property, noon(), noon()); fault.KindOf(err) != fault.Conflict {
			t.Errorf("under a lost lease: %v, want a conflict", err)
		}
		if due, err := s.SyncDue(t.Context(), property); err != nil || !due.IsZero() {
			t.Errorf("due %v, %v; want nothing saved", due, err)
		}
	})
}

// TestTowardsS2_AskedDuringARun: somebody who asks while a run is going on gets one more.
func TestTowardsS2_AskedDuringARun(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		property := must(s.Gateway(t.Context(), "gw1"))(t).Property
		began, asked, next := noon(), noon().Add(time.Second), noon().Add(time.Hour)
		finish := func(began time.Time) time.Time {
			t.Helper()
			if err := s.SetSyncDue(t.Context(), Fence{}, property, began, next); err != nil {
				t.Fatal(err)
			}
			return must(s.SyncDue(t.Context(), property))(t)
		}
		if err := s.AskSync(t.Context(), property, asked); err != nil {
			t.Fatal(err)
		}
		if due := finish(began); !due.Equal(asked) {
			t.Errorf("after the run that was going on: due %v, want as asked %v", due, asked)
		}
		if due := finish(asked); !due.Equal(next) {
			t.Errorf("after the run that was asked for: due %v, want %v", due, next)
		}
	})
}

func TestLeased(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		held := func(now time.Time) bool { return must(s.Leased(t.Context(), "sync", now))(t) }
		if held(noon()) {
			t.Error("nobody took it")
		}
		f, _, err := s.Lease(t.Context(), "sync", "me", noon(), time.Minute)
		if err != nil || !held(noon()) || held(noon().Add(time.Minute)) {
			t.Errorf("%v; taken: %v, run out: %v", err, held(noon()), held(noon().Add(time.Minute)))
		}
		if err := s.Release(t.Context(), f); err != nil || held(noon()) {
			t.Errorf("given back, and still held: %v", err)
		}
	})
}
