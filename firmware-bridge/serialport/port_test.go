package serialport

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// virtual runs a test on a made-up line at the given speed, in virtual time.
func virtual(t *testing.T, baud int, test func(*testing.T, *port, *madeUp, *Counters)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, m, c := At("/dev/ttyUSB0"), newMadeUp(), &Counters{}
		a.Baud = baud
		p := newPort(a, m, Options{Counters: c})
		test(t, p, m, c)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestReadEndsWithItsContext(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		began := time.Now()
		_, err := p.Read(within(t, 3*time.Second), make([]byte, 8))
		wantKind(t, err, ErrTimeout)
		if d := time.Since(began); d < 3*time.Second || d > 3*time.Second+Tick {
			t.Errorf("a read of 3 s took %s", d)
		}
		if n := c.ReadTimeouts.Load(); n != 1 || c.Idle.Load() < 30 || c.Idle.Load() > 31 || c.Unplugged.Load() != 0 {
			t.Errorf("%d timeouts, %d ticks", n, c.Idle.Load())
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = p.Read(ctx, make([]byte, 8))
		if wantKind(t, err, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		m.in <- 6
		if got := reads(t, p, 1, time.Second); got != "\x06" {
			t.Errorf("the line is not usable after a silence: %q", got)
		}
		if n, err := p.Read(t.Context(), nil); n != 0 || err != nil {
			t.Errorf("no room: %d %v", n, err)
		}
	})
}

// At 300 baud a byte takes 33 ms, and slow encoders pause between bytes: neither is a silence.
func TestReadCollectsASlowFrame(t *testing.T) {
	const frame = "\x02LT\xb31\xb3E4\x03\x17"
	for _, gap := range []time.Duration{33 * time.Millisecond, Tick, 1900 * time.Millisecond} {
		t.Run(gap.String(), func(t *testing.T) {
			virtual(t, 300, func(t *testing.T, p *port, m *madeUp, c *Counters) {
				go func() {
					for _, b := range []byte(frame) {
						<-time.After(gap)
						m.in <- b
					}
				}()
				for i := range frame {
					b := make([]byte, 64)
					n, err := p.Read(within(t, 2*time.Second), b) // the longest gap inside a frame
					if err != nil || n != 1 || b[0] != frame[i] {
						t.Fatalf("byte %d: %q %v", i, b[:n], err)
					}
				}
				if c.BytesIn.Load() != uint64(len(frame)) || c.Unplugged.Load()+c.ReadTimeouts.Load() != 0 {
					t.Errorf("%d bytes, %d unplugged, %d timeouts", c.BytesIn.Load(), c.Unplugged.Load(), c.ReadTimeouts.Load())
				}
			})
		})
	}
}

// A port whose plug was pulled reads nothing at once, for ever: it must not be taken for a silence
// again and again at full speed.
func TestReadTellsAnUnpluggedPortFromASilence(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		asked := 0
		m.reading = func() (int, error) { asked++; return 0, io.EOF }
		began := time.Now()
		_, err := p.Read(within(t, time.Minute), make([]byte, 8))
		wantKind(t, err, ErrUnplugged)
		if time.Since(began) != 0 || asked != 3 || m.closed != 1 || c.Unplugged.Load() != 1 {
			t.Errorf("after %s, %d reads, %d closes, %d counted", time.Since(began), asked, m.closed, c.Unplugged.Load())
		}
		var e *Error
		if errors.As(err, &e); !strings.Contains(e.Remedy, "device ports") || !strings.Contains(err.Error(), "/dev/ttyUSB0") {
			t.Errorf("it does not say what to do: %v %q", err, e.Remedy)
		}
		_, err = p.Read(t.Context(), make([]byte, 8))
		wantKind(t, err, ErrUnplugged)
		wantKind(t, p.Write(t.Context(), []byte("x")), ErrUnplugged)
		wantKind(t, p.Flush(), ErrUnplugged)
		if asked != 3 || len(m.sent) != 0 || m.flushed != 0 || c.Unplugged.Load() != 1 {
			t.Error("a spent line was touched")
		}
	})
}

func TestTwoQuickReadsAreNoPulledPlug(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		asked := 0
		m.reading = func() (int, error) {
			if asked++; asked%3 == 0 {
				<-time.After(Tick)
			}
			return 0, io.EOF
		}
		_, err := p.Read(within(t, 2*time.Second), make([]byte, 8))
		wantKind(t, err, ErrTimeout)
	})
}

func TestReadNoticesThatTheNameMeansAnotherDevice(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		began := time.Now()
		m.present = func() error {
			if time.Since(began) < time.Second {
				return nil
			}
			return &Error{Kind: ErrUnplugged, Cause: errors.New("another device")}
		}
		_, err := p.Read(within(t, time.Minute), make([]byte, 8))
		wantKind(t, err, ErrUnplugged)
		if d := time.Since(began); d > time.Second+2*Tick {
			t.Errorf("noticed after %s", d)
		}
	})
}

func TestReadOfABrokenPort(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		m.reading = func() (int, error) { return 0, errors.New("parity on fire") }
		_, err := p.Read(t.Context(), make([]byte, 8))
		if wantKind(t, err, nil); !strings.Contains(err.Error(), "read /dev/ttyUSB0: parity on fire") {
			t.Error(err)
		}
		if err := p.Write(t.Context(), []byte("x")); err == nil || len(m.sent) != 0 {
			t.Errorf("a spent line was written to: %v", err)
		}
	})
}

// sends takes as long as the line needs at a speed, as the system's sending queue does.
func sends(a Address) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		select {
		case <-time.After(a.SendTime(n)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The longest frame at 300 baud is 34 s on the line: longer than the write timeout, and in order.
func TestWriteGivesASlowLineItsTime(t *testing.T) {
	virtual(t, 300, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		m.writing = sends(p.address)
		began := time.Now()
		if err := p.Write(t.Context(), make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began).Round(time.Second); d != 34*time.Second || c.BytesOut.Load() != 1024 {
			t.Errorf("took %s, %d bytes", d, c.BytesOut.Load())
		}
		began = time.Now()
		wantKind(t, p.Write(within(t, time.Second), make([]byte, 1024)), ErrTimeout)
		if d := time.Since(began); d != time.Second {
			t.Errorf("the context's deadline came after %s", d)
		}
	})
}

func TestWriteThatIsNotTakenSpendsTheLine(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		m.writing = func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		wantKind(t, p.Write(t.Context(), []byte("\x05")), ErrTimeout)
		if d := time.Since(began); d < 5*time.Second || d > 5*time.Second+10*time.Millisecond || c.WriteTimeouts.Load() != 1 {
			t.Errorf("took %s, %d counted", d, c.WriteTimeouts.Load())
		}
		if m.closed != 1 {
			t.Error("half a frame may be on the line and the port is still open")
		}
		_, err := p.Read(t.Context(), make([]byte, 1))
		wantKind(t, err, ErrTimeout)
	})
}

func TestWriteOfTooMuchSendsNothing(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		wantKind(t, p.Write(t.Context(), make([]byte, Longest+1)), nil)
		if err := p.Write(t.Context(), []byte("ok")); err != nil || string(m.sent) != "ok" {
			t.Errorf("%q %v", m.sent, err)
		}
		if err := p.Flush(); err != nil || m.flushed != 1 {
			t.Errorf("flush: %v", err)
		}
	})
}

func TestCloseWakesTheReader(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		read := make(chan error)
		go func() {
			_, err := p.Read(t.Context(), make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		wantKind(t, <-read, ErrClosed)
		if err := p.Close(); err != nil || m.closed != 1 {
			t.Errorf("again: %v, closed %d times", err, m.closed)
		}
		wantKind(t, p.Write(t.Context(), []byte("x")), ErrClosed)
		wantKind(t, p.Flush(), ErrClosed)
	})
}

// A broken adapter's driver may not come back from closing. Close does.
func TestCloseAlwaysReturns(t *testing.T) {
	virtual(t, 9600, func(t *testing.T, p *port, m *madeUp, c *Counters) {
		letGo := make(chan struct{})
		m.closing = func() { <-letGo }
		began := time.Now()
		wantKind(t, p.Close(), ErrTimeout)
		if d := time.Since(began); d != CloseLimit {
			t.Errorf("after %s", d)
		}
		close(letGo) // the goroutine that waits must end, or the test does not
	})
}

// A pseudo-terminal has no sending queue, so it is made up here: 30 bytes at 300 baud are one second.
func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, began, asked := At("/dev/ttyUSB0"), time.Now(), 0
		a.Baud = 300
		queued := func() (int, error) {
			asked++
			return max(0, 30-int(time.Since(began)/a.SendTime(1))), nil
		}
		if err := drain(t.Context(), a, queued); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < time.Second || d > time.Second+Tick || asked > 20 {
			t.Errorf("left after %s, asked %d times", d, asked)
		}
		began = time.Now()
		if err := drain(within(t, Tick/2), a, queued); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != Tick/2 {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		gone := errors.New("gone")
		if err := drain(t.Context(), a, func() (int, error) { return 0, gone }); !errors.Is(err, gone) {
			t.Errorf("%v", err)
		}
	})
}
