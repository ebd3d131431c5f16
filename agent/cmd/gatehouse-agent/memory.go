package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A gateway works in bursts: a load, an audit, a start; then for hours next to nothing. Go keeps what a
// burst needed for the next one, which on a box of 128 MB is memory that nobody else has. So the
// program looks every few seconds whether it has gone quiet, and then gives back what it does not use.
// That costs one collection for each burst, and nothing while it works.
const (
	lookAtMemory = 3 * time.Second
	quietBytes   = 256 << 10 // allocated from one look to the next: at most this is quiet; a scrape may be among it
	burstBytes   = 1 << 20   // allocated since memory was given back last: less is not worth a collection
)

// burst follows how much was ever allocated, from look to look.
type burst struct {
	last  uint64 // at the last look
	given uint64 // when memory was given back last
}

// over reports whether a burst has ended since the last look.
func (b *burst) over(allocated uint64) bool {
	quiet := allocated-b.last <= quietBytes
	b.last = allocated
	if !quiet || allocated-b.given < burstBytes {
		return false
	}
	b.given = allocated
	return true
}

// giveBack calls free after every burst until ctx ends.
func giveBack(ctx context.Context, allocated func() uint64, free func()) {
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for b := (burst{last: allocated()}); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if b.over(allocated()) {
			free()
		}
	}
}

// allocated is how many bytes this process has allocated since it started, those that are free again included.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a runtime without it: nothing is given back early
	}
	return s[0].Value.Uint64()
}

// lean runs work and keeps the process small meanwhile.
func lean(ctx context.Context, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		giveBack(ctx, allocated, debug.FreeOSMemory)
	}()
	defer func() { stop(); <-done }()
	return work(ctx)
}
