package industrystd_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/firmware-bridge/industrystd"
)

// readFunc is a Link that swallows what is written and reads as a test says.
type readFunc func(ctx context.Context, p []byte) (int, error)

func (f readFunc) Read(ctx context.Context, p []byte) (int, error) { return f(ctx, p) }

func (readFunc) Write(context.Context, []byte) error { return nil }

// writeFunc is a Link on which nothing comes.
type writeFunc func(ctx context.Context, p []byte) error

func (writeFunc) Read(ctx context.Context, _ []byte) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (f writeFunc) Write(ctx context.Context, p []byte) error { return f(ctx, p) }

// TestSession_OddLinks: no link, however it behaves, makes a job go round for ever or come out as done.
func TestSession_OddLinks(t *testing.T) {
	t.Parallel()
	j, _ := newKey(t)
	broken := errors.New("input/output error")
	for name, v := range map[string]struct {
		link  industrystd.Link
		cause industrystd.Cause
		want  error
	}{
		"nothing, at once, for ever": {readFunc(func(context.Context, []byte) (int, error) { return 0, nil }), industrystd.HungUp, io.ErrNoProgress},
		"end of file":                {readFunc(func(context.Context, []byte) (int, error) { return 0, io.EOF }), industrystd.HungUp, io.EOF},
		"its own deadline error":     {readFunc(func(context.Context, []byte) (int, error) { return 0, os.ErrDeadlineExceeded }), industrystd.Silent, os.ErrDeadlineExceeded},
		"a write fails":              {writeFunc(func(context.Context, []byte) error { return broken }), industrystd.HungUp, broken},
		"a peer that never drains": {writeFunc(func(ctx context.Context, _ []byte) error {
			<-ctx.Done()
			return ctx.Err()
		}), industrystd.Silent, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := salto()
				r := s.Do(t.Context(), v.link, j)
				ended(t, r, industrystd.Refused, v.cause)
				if !errors.Is(r.Err, v.want) || framesSent(r) != 0 {
					t.Errorf("%v, %d frames; want %v before any frame", r.Err, framesSent(r), v.want)
				}
			})
		})
	}
}

// TestSession_FrameHalfWritten: how much left is not known for certain, so neither is the outcome.
func TestSession_FrameHalfWritten(t *testing.T) {
	t.Parallel()
	j, _ := newKey(t)
	synctest.Test(t, func(t *testing.T) {
		link := &ackingLink{fail: errors.New("unplugged")}
		s := salto()
		r := s.Do(t.Context(), link, j)
		ended(t, r, industrystd.Unknown, industrystd.HungUp, "line broke")
		if framesSent(r) != 1 {
			t.Errorf("%d frames sent", framesSent(r))
		}
	})
}

// ackingLink answers ENQ with ACK and fails to take a frame.
type ackingLink struct {
	acks int
	fail error
}

func (l *ackingLink) Read(ctx context.Context, p []byte) (int, error) {
	if l.acks == 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	l.acks--
	return copy(p, []byte{0x06}), nil
}

func (l *ackingLink) Write(_ context.Context, p []byte) error {
	if len(p) > 1 {
		return l.fail
	}
	l.acks++
	return nil
}

func TestOverConn_ContextEndsAReadAndTheLineStaysGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		link := industrystd.OverConn(near)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began, p := time.Now(), make([]byte, 4)
		if n, err := link.Read(ctx, p); n != 0 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("read %d, %v after %v", n, err, time.Since(began))
		}
		if err := link.Write(ctx, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a write after the end: %v", err)
		}
		go func() { _, _ = far.Write([]byte("late")) }()
		if n, err := link.Read(t.Context(), p); n != 4 || err != nil || !bytes.Equal(p, []byte("late")) {
			t.Errorf("the next read: %q, %v", p[:n], err)
		}
	})
}

func TestOverConn_CancelledWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-time.After(time.Second); cancel() }()
		link := industrystd.OverConn(near)
		if err := link.Write(ctx, []byte("nobody reads")); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want it cancelled", err)
		}
		far.Close()
		if err := link.Write(t.Context(), []byte("x")); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write to a closed line: %v", err)
		}
	})
}

// TestTowardsE3_OverTCP runs a job over a real connection.
func TestTowardsE3_OverTCP(t *testing.T) {
	t.Parallel()
	j, frame := newKey(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	over := make(chan *peer)
	go func() {
		p := &peer{}
		defer func() { over <- p }()
		conn, err := ln.Accept()
		if err != nil {
			p.wrong = append(p.wrong, err.Error())
			return
		}
		p.conn = conn
		p.accept(frame)
		p.say(framed("CN|1|04A1B2C3D4E580")...)
		p.hangUp()
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := salto()
	ended(t, s.Do(t.Context(), industrystd.OverConn(conn), j), industrystd.Done, industrystd.NoCause)
	if p := <-over; len(p.wrong) > 0 {
		t.Error(p.wrong)
	}
}
