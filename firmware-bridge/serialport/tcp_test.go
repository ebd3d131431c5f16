package serialport

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// server is a device server in raw mode with one connection, on loopback.
func server(t *testing.T, o Options) (Link, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err := ParseAddress("tcp://" + ln.Addr().String())
	l, err2 := Open(t.Context(), must(t, a, err), o)
	must(t, l, err2)
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), conn.Close() })
	return l, conn
}

func tell(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestTCPCarriesEveryByte(t *testing.T) {
	t.Parallel()
	c := &Counters{}
	l, conn := server(t, Options{Counters: c})
	if err := l.Write(within(t, patienceTCP), []byte("\x02\xff\xf0\x00\x03")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if n, err := conn.Read(b); string(b[:n]) != "\x02\xff\xf0\x00\x03" || err != nil {
		t.Errorf("%x %v", b[:n], err)
	}
	tell(t, conn, "\x06\x02\xff\xff\x11\x13")
	if got := reads(t, l, 6, patienceTCP); got != "\x06\x02\xff\xff\x11\x13" {
		t.Errorf("%x", got)
	}
	if c.Opens.Load() != 1 || c.BytesOut.Load() != 5 || c.BytesIn.Load() != 6 || !l.(*tcpLink).proven() {
		t.Errorf("%d opened, %d out, %d in", c.Opens.Load(), c.BytesOut.Load(), c.BytesIn.Load())
	}
}

const patienceTCP = 10 * time.Second

func TestTCPSilenceLeavesTheLineUsable(t *testing.T) {
	t.Parallel()
	c := &Counters{}
	l, conn := server(t, Options{Counters: c})
	_, err := l.Read(within(t, 20*time.Millisecond), make([]byte, 8))
	wantKind(t, err, ErrTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	went := make(chan error)
	go func() {
		_, err := l.Read(ctx, make([]byte, 8))
		went <- err
	}()
	cancel()
	if err := <-went; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	tell(t, conn, "\x15")
	if got := reads(t, l, 1, patienceTCP); got != "\x15" || c.ReadTimeouts.Load() != 1 {
		t.Errorf("%x, %d timeouts", got, c.ReadTimeouts.Load())
	}
}

func TestTCPFlush(t *testing.T) {
	t.Parallel()
	l, conn := server(t, Options{})
	tell(t, conn, "garbage")
	if got := reads(t, l, 1, patienceTCP); got != "g" {
		t.Fatal(got)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	tell(t, conn, "\x06")
	if got := reads(t, l, 1, patienceTCP); got != "\x06" {
		t.Errorf("%q was left", got)
	}
	_ = conn.Close()
	for range 1 << 10 { // until the end has arrived
		if err := l.Flush(); err != nil {
			wantKind(t, err, ErrUnplugged)
			return
		}
	}
	t.Error("a flush does not see that the server is gone")
}

func TestTCPServerGone(t *testing.T) {
	t.Parallel()
	c := &Counters{}
	l, conn := server(t, Options{Counters: c})
	_ = conn.Close()
	_, err := l.Read(within(t, patienceTCP), make([]byte, 8))
	wantKind(t, err, ErrUnplugged)
	wantKind(t, l.Write(t.Context(), []byte("x")), ErrUnplugged)
	if c.Unplugged.Load() != 1 {
		t.Errorf("%d counted", c.Unplugged.Load())
	}
	a := l.(*tcpLink).address
	_, err = Open(t.Context(), a, Options{Counters: c})
	if wantKind(t, err, ErrUnplugged); c.OpenFailures.Load() != 1 {
		t.Errorf("%d failures", c.OpenFailures.Load())
	}
}

func TestTCPWriteThatIsNotTaken(t *testing.T) {
	t.Parallel()
	c := &Counters{}
	l, _ := server(t, Options{WriteTimeout: 50 * time.Millisecond, Counters: c})
	var err error
	for err == nil { // the system takes some MiB
		err = l.Write(t.Context(), make([]byte, Longest))
	}
	if wantKind(t, err, ErrTimeout); c.WriteTimeouts.Load() != 1 {
		t.Errorf("%d counted", c.WriteTimeouts.Load())
	}
	_, err = l.Read(t.Context(), make([]byte, 1))
	wantKind(t, err, ErrTimeout)
	if err := l.Write(t.Context(), make([]byte, Longest+1)); err == nil {
		t.Error("a frame that is too long was taken")
	}
}

func TestTCPClose(t *testing.T) {
	t.Parallel()
	l, _ := server(t, Options{})
	went := make(chan error)
	go func() {
		_, err := l.Read(t.Context(), make([]byte, 8))
		went <- err
	}()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-went, ErrClosed)
	wantKind(t, l.Write(t.Context(), []byte("x")), ErrClosed)
	wantKind(t, l.Flush(), ErrClosed)
}

func TestTCPOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, Address{Host: "127.0.0.1:9"}, Options{})
	if wantKind(t, err, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
