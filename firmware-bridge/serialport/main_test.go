package serialport

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// must gives v, or fails.
func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// kinds are all that a caller can ask for.
var kinds = []error{ErrTimeout, ErrUnplugged, ErrBusy, ErrClosed, ErrAddress}

// wantKind fails unless err is of one kind and no other, and names the line.
func wantKind(t testing.TB, err, kind error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Op == "" || e.Line == "" {
		t.Fatalf("got %v, want an Error that names what was done to what", err)
	}
	for _, k := range kinds {
		if is, want := errors.Is(err, k), errors.Is(kind, k); is != want {
			t.Errorf("%v: is it %q: %v, want %v", err, k, is, want)
		}
	}
}

// within is a context for one call.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// reads collects n bytes as a codec would: whatever Read gives at a time.
func reads(t testing.TB, l Link, n int, patience time.Duration) string {
	t.Helper()
	ctx, got := within(t, patience), make([]byte, 0, n)
	for len(got) < n {
		b := make([]byte, n-len(got))
		n, err := l.Read(ctx, b)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, b[:n]...)
	}
	return string(got)
}

// madeUp is a line in virtual time: bytes come when the test sends them, a read otherwise lasts a
// Tick, a write as long as the test wants.
type madeUp struct {
	in      chan byte
	reading func() (int, error)              // instead, when given
	writing func(context.Context, int) error // how long n bytes take
	present func() error
	closing func()
	sent    []byte
	flushed int
	closed  int
}

func newMadeUp() *madeUp { return &madeUp{in: make(chan byte, 1<<10)} }

func (m *madeUp) Read(p []byte) (int, error) {
	if m.reading != nil {
		return m.reading()
	}
	select {
	case p[0] = <-m.in:
		return 1, nil
	case <-time.After(Tick):
		return 0, io.EOF
	}
}

func (m *madeUp) Write(ctx context.Context, p []byte) error {
	m.sent = append(m.sent, p...)
	if m.writing == nil {
		return nil
	}
	return m.writing(ctx, len(p))
}

func (m *madeUp) Flush() error { m.flushed++; return nil }

func (m *madeUp) Present() error {
	if m.present == nil {
		return nil
	}
	return m.present()
}

func (m *madeUp) Close() error {
	m.closed++
	if m.closing != nil {
		m.closing()
	}
	return nil
}
