package serialport

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// bench is a Keeper in virtual time whose lines are made up.
type bench struct {
	*Keeper
	fail  error // of the next attempts
	tried []time.Duration
	lines []*madeUp
	began time.Time
}

func newBench(chance float64) *bench {
	b := &bench{Keeper: NewKeeper(At("/dev/ttyUSB0"), Options{Counters: &Counters{}}), began: time.Now()}
	b.chance = func() float64 { return chance }
	b.open = func(_ context.Context, a Address, o Options) (Link, error) {
		b.tried = append(b.tried, time.Since(b.began))
		if b.fail != nil {
			return nil, b.fail
		}
		b.lines = append(b.lines, newMadeUp())
		return newPort(a, b.lines[len(b.lines)-1], o), nil
	}
	return b
}

func seconds(s ...float64) (out []time.Duration) {
	for _, x := range s {
		out = append(out, time.Duration(x*float64(time.Second)))
	}
	return out
}

func TestKeeperTriesEverMoreSlowly(t *testing.T) {
	t.Parallel()
	for chance, want := range map[float64][]time.Duration{
		0:     seconds(0, .5, 1, 2, 4, 8, 16, 20, 20),
		0.999: seconds(0, .75, 1.5, 3, 6, 12, 24, 30, 30),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(chance)
			b.fail = &Error{Op: "open", Line: "x", Kind: ErrUnplugged}
			for range want {
				_, err := b.Link(t.Context())
				wantKind(t, err, ErrUnplugged)
			}
			for i := range want {
				pause := b.tried[i]
				if i > 0 {
					pause -= b.tried[i-1]
				}
				if d := pause - want[i]; d > 0 || d < -50*time.Millisecond {
					t.Errorf("chance %v: attempt %d after %s, want %s", chance, i+1, pause, want[i])
				}
			}
		})
	}
}

func TestKeeperGivesOneLineUntilItIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(0)
		first, err := b.Link(t.Context())
		must(t, first, err)
		if again, err := b.Link(t.Context()); again != first || err != nil || len(b.tried) != 1 {
			t.Fatalf("another line without need: %v", err)
		}
		b.lines[0].in <- 6
		reads(t, first, 1, time.Second)
		if err := b.Drop(first); err != nil || b.lines[0].closed != 1 {
			t.Errorf("drop: %v", err)
		}
		second, err := b.Link(t.Context())
		if err != nil || second == first || b.opts.Counters.Reopens.Load() != 1 {
			t.Fatalf("%v, %d reopened", err, b.opts.Counters.Reopens.Load())
		}
		if err := b.Drop(first); err != nil || b.lines[1].closed != 0 {
			t.Error("dropping the old line closed the new one")
		}
		if err := b.Close(); err != nil || b.lines[1].closed != 1 {
			t.Errorf("close: %v", err)
		}
	})
}

// A loose plug opens well each time and is dead at once: that is no success.
func TestKeeperIsNotFooledByALoosePlug(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(0)
		for range 5 {
			l, err := b.Link(t.Context())
			if err := b.Drop(must(t, l, err)); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.tried[4] - b.tried[3]; got != 4*time.Second {
			t.Errorf("the fifth line after %s, want 4s", got)
		}
		l, err := b.Link(t.Context())
		must(t, l, err)
		<-time.After(steady) // it holds: the row ends
		if err := b.Drop(l); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		l, err = b.Link(t.Context())
		if must(t, l, err); time.Since(before) != backOffMin {
			t.Errorf("after a line that held: %s", time.Since(before))
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestKeeperWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(0)
		b.fail = errors.New("nothing there")
		for range 4 {
			_, _ = b.Link(t.Context()) // the wait is 4 s now
		}
		_, err := b.Link(within(t, time.Second))
		wantKind(t, err, ErrTimeout)
		time.AfterFunc(time.Second, func() { _ = b.Close() })
		before := time.Now()
		_, err = b.Link(t.Context())
		wantKind(t, err, ErrClosed)
		if d := time.Since(before); d != time.Second || len(b.tried) != 4 {
			t.Errorf("after %s, %d attempts", d, len(b.tried))
		}
		_, err = b.Link(t.Context())
		wantKind(t, err, ErrClosed)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestKeeperClosedWhileItOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, m := NewKeeper(At("/dev/ttyUSB0"), Options{}), newMadeUp()
		k.open = func(ctx context.Context, a Address, o Options) (Link, error) {
			<-ctx.Done() // a device server that does not answer
			return newPort(a, m, o), nil
		}
		time.AfterFunc(time.Minute, func() { _ = k.Close() })
		_, err := k.Link(t.Context())
		wantKind(t, err, ErrClosed)
		if m.closed != 1 {
			t.Error("a line opened for nobody stays open")
		}
	})
}
