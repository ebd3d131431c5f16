// Package supervise keeps the gateway's standing work going: each piece runs in a goroutine of its
// own, a panic in one is contained, counted and followed by a restart after a pause, and none of it
// touches the others. It also is what the watchdog asks: it says when a piece of the gateway's own
// work, or the supervisor itself, has stopped turning.
//
// It knows nothing of what it runs and imports nothing of the house; the agent's assembly hands in
// the work. Nothing below the assembly may import it.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// How long a piece of work that fell rests before it runs again, at first and at most; half of it is
// random, so that pieces that fell together do not come back together. One that ran for steady is
// taken for well again.
const (
	firstRest = time.Second
	lastRest  = 2 * time.Minute
	steady    = 10 * time.Minute
	lookEvery = time.Minute
	maxQuiet  = 5 * time.Minute // how long the supervisor itself may not turn
)

// Work is one piece of standing work.
type Work struct {
	Name string
	// Run works until ctx ends. It may be called again after it returned or panicked.
	Run func(ctx context.Context) error
	// Late is how long ago it should have turned: zero or less while it is well. It must return at
	// once, from any goroutine; nil is never late.
	Late func() time.Duration
	// Fell is told of every fall, from the work's own goroutine, before it rests; may be nil.
	Fell func(err error)
}

// Supervisor runs work. Make it with New.
type Supervisor struct {
	log *slog.Logger

	mu    sync.Mutex
	rand  *rand.Rand
	works map[string]*kept
	beat  time.Time // when Watch last turned; zero before it runs
}

type kept struct {
	late  func() time.Duration
	falls int
	said  bool // that it is late
}

// New makes a supervisor that has nothing to do. A nil r is seeded by the system.
func New(log *slog.Logger, r *rand.Rand) *Supervisor {
	if r == nil {
		r = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return &Supervisor{log: log, rand: r, works: map[string]*kept{}}
}

// Keep runs w until ctx ends, again and again. It returns when w has.
func (s *Supervisor) Keep(ctx context.Context, w Work) {
	k := &kept{late: w.Late}
	s.mu.Lock()
	s.works[w.Name] = k
	s.mu.Unlock()
	defer s.leave(k)
	for failures := 0; ; {
		began := time.Now()
		err := contain(func() error { return w.Run(ctx) })
		if ctx.Err() != nil {
			return
		}
		if failures++; time.Since(began) > steady {
			failures = 1
		}
		rest := s.rest(failures)
		s.fell(k, w, err, rest)
		if !pause(ctx, rest) {
			return
		}
	}
}

// leave says that work ended for good: it is late no more.
func (s *Supervisor) leave(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.late = nil
}

// errEnded stands for work that returned without being told to.
var errEnded = errors.New("it ended by itself")

func (s *Supervisor) fell(k *kept, w Work, err error, rest time.Duration) {
	if err == nil {
		err = errEnded
	}
	s.mu.Lock()
	k.falls++
	s.mu.Unlock()
	var p *Panic
	stack := ""
	if errors.As(err, &p) {
		stack = string(p.Stack)
	}
	s.log.Error("a part of the gateway fell and runs again soon; the others go on", "part", w.Name, "err", err, "rest", rest, "stack", stack)
	if w.Fell != nil {
		if err := contain(func() error { w.Fell(err); return nil }); err != nil {
			s.log.Error("telling of it failed", "part", w.Name, "err", err)
		}
	}
}

// Panic is a panic as an error.
type Panic struct {
	Value any
	Stack []byte
}

// Error says with what it panicked, without the stack. Of a value that is not the runtime's own only
// the type is told: it may hold anything.
func (p *Panic) Error() string {
	if err, ok := p.Value.(runtime.Error); ok {
		return "panic: " + err.Error()
	}
	return fmt.Sprintf("panic with a %T", p.Value)
}

func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	return f()
}

func (s *Supervisor) rest(failures int) time.Duration {
	d := lastRest
	if failures < 8 {
		d = min(firstRest<<(failures-1), lastRest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return d/2 + time.Duration(s.rand.Int64N(int64(d/2)+1))
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Falls is how often a piece of work was started again.
func (s *Supervisor) Falls(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.works[name]; k != nil {
		return k.falls
	}
	return 0
}

// Watch looks after the work until ctx ends, and says once when a piece is late.
func (s *Supervisor) Watch(ctx context.Context) {
	for {
		s.mu.Lock()
		s.beat = time.Now()
		for name, k := range s.works {
			late := k.late != nil && k.late() > 0
			if late && !k.said {
				s.log.Error("a part of the gateway has stopped turning", "part", name)
			}
			k.said = late
		}
		s.mu.Unlock()
		if !pause(ctx, lookEvery) {
			return
		}
	}
}

// Alive is nil while the supervisor turns and no work is late. A device that does not answer, or a
// driver that hangs, is neither: its loop goes on.
func (s *Supervisor) Alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.beat.IsZero() && time.Since(s.beat) > maxQuiet {
		return fmt.Errorf("the supervisor has not turned for %s", time.Since(s.beat))
	}
	for name, k := range s.works {
		if k.late == nil {
			continue
		}
		if late := k.late(); late > 0 {
			return fmt.Errorf("%s should have turned %s ago", name, late)
		}
	}
	return nil
}
