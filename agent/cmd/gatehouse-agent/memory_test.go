package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGiveBackOnceForEveryBurst(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	var b burst
	for i, look := range []struct {
		grows uint64 // since the look before
		over  bool
	}{
		{9 * mb, false}, // starting
		{5 * mb, false}, // still loading
		{1000, true},    // quiet: the start has ended
		{0, false},
		{quietBytes, false},
		{quietBytes, false},
		{quietBytes, false},
		{quietBytes, true}, // many scrapes make a burst as well
		{quietBytes + 1, false},
		{0, false}, // too little to be worth it
		{mb, false},
		{0, true},
	} {
		if got := b.over(b.last + look.grows); got != look.over {
			t.Errorf("look %d, %d bytes more: over is %v", i, look.grows, got)
		}
	}
}

func TestGiveBackLooksUntilItIsEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var total, freed atomic.Uint64
		total.Store(64 << 20)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			giveBack(ctx, total.Load, func() { freed.Add(1) })
		}()
		<-time.After(lookAtMemory + time.Millisecond)
		if freed.Load() != 1 {
			t.Errorf("given back %d times after the start, want once", freed.Load())
		}
		<-time.After(time.Hour)
		if freed.Load() != 1 {
			t.Errorf("given back %d times in a quiet hour, want none more", freed.Load()-1)
		}
		stop()
		<-done
	})
}

func TestLeanReturnsWhatTheWorkDoes(t *testing.T) {
	t.Parallel()
	want := errors.New("the files cannot be closed")
	before := allocated()
	err := lean(t.Context(), func(context.Context) error { return want })
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	if after := allocated(); before == 0 || after < before {
		t.Errorf("allocated was %d and is %d", before, after)
	}
}
