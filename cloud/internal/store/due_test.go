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
			if err := s.SetSyncDue(t.Context(), Fence{}, property, want); err != nil {
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
		if err := s.SetSyncDue(t.Context(), mine, property, noon()); fault.KindOf(err) != fault.Conflict {
			t.Errorf("under a lost lease: %v, want a conflict", err)
		}
		if due, err := s.SyncDue(t.Context(), property); err != nil || !due.IsZero() {
			t.Errorf("due %v, %v; want nothing saved", due, err)
		}
	})
}
