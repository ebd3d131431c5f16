package osservice

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kardianos/service"

	"gatehouse/protocol/access/fault"
)

// run is a work that is being run in a bubble.
type run struct {
	end    context.CancelFunc
	result chan error
	log    *text
}

// text is a log that two goroutines may use.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// begin runs the work as Run does; with managed as it does under a service manager.
func begin(t *testing.T, getenv func(string) string, managed bool, work Work) run {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := run{cancel, make(chan error, 1), &text{}}
	p := &program{log: slog.New(slog.NewTextHandler(r.log, nil)), notify: notifierOf(getenv), work: work, ended: make(chan struct{})}
	go func() {
		if managed {
			r.result <- p.underManager(ctx)
			return
		}
		p.start(ctx)
		p.wait(ctx)
		r.result <- p.stop()
	}()
	synctest.Wait()
	return r
}

func (r run) over(t *testing.T) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-r.result:
		return err
	default:
		t.Fatal("it still runs")
		return nil
	}
}

func well() (string, error) { return "", nil }

func TestTowardsE1_ReadyWhenDoorsAreEnforcedAndNotBefore(t *testing.T) {
	for _, managed := range []bool{false, true} {
		f := listen(t)
		synctest.Test(t, func(t *testing.T) {
			enforced := make(chan struct{})
			r := begin(t, f.env(0), managed, func(ctx context.Context, ready func(Alive)) error {
				<-enforced
				ready(well)
				ready(well) // a second time is nothing
				<-ctx.Done()
				return nil
			})
			after(time.Minute)
			if got := f.heard(); len(got) != 0 {
				t.Errorf("said %q before doors were enforced", got)
			}
			close(enforced)
			synctest.Wait()
			if diff := cmp.Diff([]string{"READY=1\nSTATUS=enforcing doors"}, f.heard()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			r.end()
			if err := r.over(t); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"STOPPING=1"}, f.heard()); diff != "" {
				t.Errorf("at the end (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTowardsE1_WatchdogOnlyWhileAlive(t *testing.T) {
	f := listen(t)
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		var says atomic.Pointer[string]
		full, nothing := "the disk that holds /var/lib/gatehouse is 91 % full", ""
		says.Store(&nothing)
		r := begin(t, f.env(time.Minute), true, func(ctx context.Context, ready func(Alive)) error {
			ready(func() (string, error) {
				if dead.Load() {
					return "", errors.New("panel lobby is late by 9s")
				}
				return *says.Load(), nil
			})
			<-ctx.Done()
			return nil
		})
		if got := count(f.during(5*time.Minute+time.Second), "WATCHDOG=1"); got != 16 { // at once and every 20 s
			t.Errorf("%d pings in five minutes, want 16", got)
		}
		dead.Store(true)
		got := f.during(5 * time.Minute)
		if count(got, "WATCHDOG=1") != 0 || count(got, "STATUS=not alive: panel lobby is late by 9s") != 1 {
			t.Errorf("not alive, and said %q", got)
		}
		if n := strings.Count(r.log.String(), "level=ERROR"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, r.log)
		}
		dead.Store(false)
		after(21 * time.Second)
		if got := f.heard(); count(got, "WATCHDOG=1") != 1 || count(got, "STATUS=enforcing doors") != 1 {
			t.Errorf("alive again, and said %q", got)
		}
		says.Store(&full)
		if got := f.during(time.Minute); count(got, "WATCHDOG=1") != 3 || count(got, "STATUS=enforcing doors; "+full) != 1 {
			t.Errorf("the disk fills, and said %q", got)
		}
		says.Store(&nothing)
		if got := f.during(time.Minute); count(got, "STATUS=enforcing doors") != 1 {
			t.Errorf("the disk has room, and said %q", got)
		}
		r.end()
		if err := r.over(t); err != nil {
			t.Error(err)
		}
	})
}

// TestAHangingProofIsNoProof: a store that does not answer keeps the ping away, and does not keep the
// program from ending.
func TestAHangingProofIsNoProof(t *testing.T) {
	f := listen(t)
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		r := begin(t, f.env(time.Minute), false, func(ctx context.Context, ready func(Alive)) error {
			ready(func() (string, error) { <-hang; return "", nil })
			<-ctx.Done()
			return nil
		})
		after(10 * time.Minute)
		if n := count(f.heard(), "WATCHDOG=1"); n != 0 {
			t.Errorf("%d pings", n)
		}
		r.end()
		after(grace + time.Second)
		if err := r.over(t); fault.KindOf(err) != fault.Timeout {
			t.Errorf("ended with %v", err)
		}
		close(hang)
	})
}

func TestWithoutAProofNoPing(t *testing.T) {
	f := listen(t)
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, f.env(time.Minute), false, func(ctx context.Context, ready func(Alive)) error {
			ready(nil)
			<-ctx.Done()
			return nil
		})
		after(time.Hour)
		if got := f.heard(); count(got, "WATCHDOG=1") != 0 || count(got, "READY=1") != 1 {
			t.Errorf("said %q", got)
		}
		r.end()
		_ = r.over(t)
	})
}

// TestItEndsWithTheWork: the library alone would wait for a signal.
func TestItEndsWithTheWork(t *testing.T) {
	for _, managed := range []bool{false, true} {
		f := listen(t)
		synctest.Test(t, func(t *testing.T) {
			broken := errors.New("site.db: no space left")
			r := begin(t, f.env(time.Minute), managed, func(_ context.Context, ready func(Alive)) error {
				ready(well)
				after(time.Minute)
				return broken
			})
			after(time.Minute)
			if err := r.over(t); !errors.Is(err, broken) {
				t.Errorf("ended with %v", err)
			}
			if got := f.heard(); got[len(got)-1] != "STOPPING=1" {
				t.Errorf("the last word was %q", got[len(got)-1])
			}
		})
	}
}

func TestStopHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		r := begin(t, env(nil), true, func(context.Context, func(Alive)) error { <-forever; return nil })
		r.end()
		began := time.Now()
		after(grace + time.Millisecond)
		if err := r.over(t); fault.KindOf(err) != fault.Timeout || fault.RemedyOf(err) == "" {
			t.Errorf("ended with %v", err)
		}
		if d := time.Since(began); d > 16*time.Second {
			t.Errorf("it took %s, and systemd kills at 20 s", d)
		}
		close(forever)
	})
}

// TestStartReturnsAtOnce: the library does not tell the manager anything before it does.
func TestStartReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		p := &program{log: slog.New(slog.DiscardHandler), ended: make(chan struct{}), work: func(context.Context, func(Alive)) error { <-forever; return nil }}
		began := time.Now()
		if err := (hooks{p, t.Context()}).Start(nil); err != nil || time.Since(began) != 0 {
			t.Errorf("start took %s: %v", time.Since(began), err)
		}
		close(forever)
		if err := (hooks{p, t.Context()}).Stop(nil); err != nil {
			t.Error(err)
		}
	})
}

// TestADeafManagerIsNoTrouble: doors are enforced all the same.
func TestADeafManagerIsNoTrouble(t *testing.T) {
	gone := t.TempDir() + "/gone"
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, env(map[string]string{"NOTIFY_SOCKET": gone}), false, func(ctx context.Context, ready func(Alive)) error {
			ready(well)
			<-ctx.Done()
			return nil
		})
		r.end()
		if err := r.over(t); err != nil {
			t.Error(err)
		}
		if !strings.Contains(r.log.String(), "the service manager was not told") {
			t.Errorf("log: %s", r.log)
		}
	})
}

func TestRunInTheForeground(t *testing.T) {
	if !service.Interactive() {
		t.Log("this test runs under a service manager, so this is the other way")
	}
	done := errors.New("done")
	err := Run(t.Context(), Options{Log: slog.New(slog.DiscardHandler), Getenv: env(nil)}, func(_ context.Context, ready func(Alive)) error {
		ready(well)
		return done
	})
	if !errors.Is(err, done) {
		t.Errorf("ended with %v", err)
	}
}

func after(d time.Duration) { <-time.After(d) }
