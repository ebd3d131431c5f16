package supervise

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func supervisor() *Supervisor {
	return New(slog.New(slog.DiscardHandler), rand.New(rand.NewPCG(1, 2)))
}

// TestAPanicIsContained: it runs again after a growing pause, and the other work does not notice.
func TestAPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := supervisor()
		var starts, told, other atomic.Int32
		done := make(chan struct{}, 2)
		go func() {
			s.Keep(ctx, Work{Name: "bad", Run: func(context.Context) error {
				n := starts.Add(1)
				return []error{nil}[n]
			}, Fell: func(err error) {
				if !strings.Contains(err.Error(), "index out of range") {
					t.Errorf("told %v", err)
				}
				told.Add(1)
				panic("4821")
			}})
			done <- struct{}{}
		}()
		go func() {
			s.Keep(ctx, Work{Name: "good", Run: func(ctx context.Context) error {
				other.Add(1)
				<-ctx.Done()
				return nil
			}})
			done <- struct{}{}
		}()
		<-time.After(time.Hour)
		if n := starts.Load(); n < 30 || n > 80 {
			t.Errorf("started %d times in an hour, want at the first pauses and then about every other minute", n)
		}
		if other.Load() != 1 || s.Falls("good") != 0 {
			t.Error("the other work was disturbed")
		}
		if n := s.Falls("bad"); n != int(starts.Load()) || n != int(told.Load()) {
			t.Errorf("%d falls counted, %d told, of %d", n, told.Load(), starts.Load())
		}
		cancel()
		<-done
		<-done
	})
}

// TestWorkThatEndsRunsAgain: also without a panic, and soon again after a long good time.
func TestWorkThatEndsRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := supervisor()
		starts := 0
		s.Keep(ctx, Work{Name: "w", Run: func(ctx context.Context) error {
			if starts++; starts == 20 {
				cancel()
				return nil
			}
			pause(ctx, steady+time.Second)
			if starts%2 == 0 {
				return errors.New("something")
			}
			return nil
		}})
		if got := s.Falls("w"); got != 19 {
			t.Errorf("%d falls, want 19", got)
		}
		if s.Falls("unknown") != 0 {
			t.Error("what never ran fell")
		}
	})
}

// TestE5_WorkThatWasToldToEndIsLateNoMore: as a device's that is forgotten.
func TestE5_WorkThatWasToldToEndIsLateNoMore(t *testing.T) {
	s := supervisor()
	ctx, cancel := context.WithCancel(t.Context())
	late := func() time.Duration { return time.Hour }
	s.Keep(ctx, Work{Name: "w", Late: late, Run: func(context.Context) error {
		if s.Alive() == nil {
			t.Error("work that is late counts as well")
		}
		cancel()
		return nil
	}})
	if err := s.Alive(); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

// TestTowardsE1_AliveIsTheSupervisorsTurn: late work and a supervisor that stands still are told; before it runs nothing is.
func TestTowardsE1_AliveIsTheSupervisorsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := supervisor()
		if err := s.Alive(); err != nil {
			t.Errorf("before it began: %v", err)
		}
		var late atomic.Int64
		wait := make(chan struct{})
		go func() {
			s.Keep(ctx, Work{Name: "panel front", Run: func(ctx context.Context) error { <-ctx.Done(); return nil }, Late: func() time.Duration { return time.Duration(late.Load()) }})
			close(wait)
		}()
		go s.Watch(ctx)
		<-time.After(time.Hour)
		if err := s.Alive(); err != nil {
			t.Errorf("while all is well: %v", err)
		}
		late.Store(int64(time.Minute))
		<-time.After(time.Minute)
		if err := s.Alive(); err == nil || !strings.Contains(err.Error(), "panel front") {
			t.Errorf("late work: %v", err)
		}
		late.Store(0)
		cancel()
		<-wait
		<-time.After(maxQuiet + time.Second)
		if err := s.Alive(); err == nil || !strings.Contains(err.Error(), "supervisor") {
			t.Errorf("a supervisor that stopped: %v", err)
		}
	})
}
