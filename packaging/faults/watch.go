package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// watch shows PINs at the doors all the time: of people who have always lived there, and of those who moved out last.
// What happened then stands in the panels' own door logs.
type watch struct {
	panels []*panel
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	steady  []string
	leaving []string
	refused []refusedEntry
}

const (
	showEvery   = 40 * time.Millisecond
	lastLeavers = 6
)

func newWatch(h *house) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{panels: h.panels, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		for n := 0; ctx.Err() == nil; n++ {
			w.show(ctx, n)
			pause(ctx, showEvery)
		}
	}()
	return w
}

// follow takes in who lives there, once they are on the panels.
func (w *watch) follow(t *town) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steady, w.leaving = nil, nil
	for _, r := range t.people {
		switch {
		case r.steady:
			w.steady = append(w.steady, fmt.Sprint(r.pin))
		case r.status == "Past" || r.status == "Notice":
			w.leaving = append(w.leaving, fmt.Sprint(r.pin))
		}
	}
	w.leaving = w.leaving[max(0, len(w.leaving)-lastLeavers):]
}

func (w *watch) show(ctx context.Context, n int) {
	w.mu.Lock()
	pins := slices.Clone(w.leaving)
	if len(w.steady) > 0 {
		pins = append(pins, w.steady[n%len(w.steady)])
	}
	w.mu.Unlock()
	if len(pins) == 0 {
		return
	}
	pin := pins[n%len(pins)]
	steady := n%len(pins) == len(pins)-1
	for _, p := range w.panels {
		var told struct{ Granted bool }
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		err := call(ctx, p.control+"/present", map[string]string{"pin": pin}, &told)
		cancel()
		if err == nil && steady && !told.Granted {
			w.mu.Lock()
			w.refused = append(w.refused, refusedEntry{time.Now(), p.device, pin})
			w.mu.Unlock()
		}
	}
}

func (w *watch) lockouts() []refusedEntry {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.refused)
}

func (w *watch) close() {
	w.cancel()
	<-w.ended
}
