package industrystd

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// Link is a line to a lock system: TCP, or a serial port of 8 data bits. Read waits for at least one byte and Write until
// all are handed on; both end when ctx does and then return an error that is context.Cause(ctx), ctx.Err() or
// os.ErrDeadlineExceeded. Any other error means that the line is gone. A Link serves one Session call at a time.
type Link interface {
	Read(ctx context.Context, p []byte) (int, error)
	Write(ctx context.Context, p []byte) (int, error)
}

// OverConn makes a Link of a connection. The caller closes conn; nothing else may use its deadlines meanwhile.
func OverConn(conn net.Conn) Link { return connLink{conn} }

type connLink struct{ conn net.Conn }

func (l connLink) Read(ctx context.Context, p []byte) (int, error) {
	return within(ctx, l.conn.SetReadDeadline, func() (int, error) { return l.conn.Read(p) })
}

func (l connLink) Write(ctx context.Context, p []byte) (int, error) {
	return within(ctx, l.conn.SetWriteDeadline, func() (int, error) { return l.conn.Write(p) })
}

// within makes do return when ctx ends, by a deadline in the past.
func within(ctx context.Context, deadline func(time.Time) error, do func() (int, error)) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = deadline(time.Unix(1, 0)) // on a closed connection, do returns by itself
	})
	n, err := do()
	if stop() {
		return n, err
	}
	<-ended
	if e := deadline(time.Time{}); e != nil && err == nil {
		err = e
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	return n, err
}
