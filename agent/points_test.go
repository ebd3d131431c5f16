package agent

import (
	"errors"
	"slices"
	"testing"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/protocol/access"
)

// TestTheStepsOfAChangePassTheirPoints: what packaging/faults kills the program at is passed in the order of the work.
func TestTheStepsOfAChangePassTheirPoints(t *testing.T) {
	t.Parallel()
	var passed []string
	b := &box{point: func(p string) { passed = append(passed, p) }}
	intended, done := &access.LedgerEntry{State: access.Intended}, &access.LedgerEntry{State: access.Settled}
	store := func() error { passed = append(passed, "stored"); return nil }
	must(t, b.passing(intended, nil, store))
	must(t, b.passing(intended, []access.Event{{Kind: access.EventWritten}}, store))
	must(t, b.passing(done, []access.Event{{Kind: access.EventConfirmed}}, store))
	must(t, b.passing(nil, []access.Event{{Kind: access.EventStarted}}, store))
	want := []string{"stored", pointJournalled, pointApplied, "stored", "stored", pointRecorded, "stored"}
	if !slices.Equal(passed, want) {
		t.Errorf("passed %q, want %q", passed, want)
	}
}

// confirming is an outbox that confirms, or fails to.
type confirming struct {
	cloudlink.Outbox
	err error
}

func (c confirming) Confirm(uint64) error { return c.err }

func TestAReceiptPassesItsPointOnlyWhenItIsStored(t *testing.T) {
	t.Parallel()
	passed := 0
	b := &box{point: func(p string) {
		if p == pointConfirmed {
			passed++
		}
	}}
	must(t, b.pointed(confirming{}).Confirm(7))
	if err := b.pointed(confirming{err: errors.New("disk")}).Confirm(8); err == nil || passed != 1 {
		t.Errorf("passed %d times, error %v", passed, err)
	}
	if _, same := (&box{}).pointed(confirming{}).(confirming); !same {
		t.Error("in production something stands between")
	}
}
