package industrystd

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// Link is a line to a lock system: TCP, or a serial port of 8 data bits; serialport.Link is one. Read waits for at
// least one byte, Write until all have left. Both end when ctx does, without losing a byte that came; an error while
// ctx still stands means that the line is gone. A Link serves one Session call at a time.
type Link interface {
	Read(ctx context.Context, p []byte) (int, error)
	Write(ctx context.Context, p []byte) error
}

// OverConn makes a Link of a connection. The caller closes conn; nothing else may use its deadlines meanwhile.
func OverConn(conn net.Conn) Link { return connLink{conn} }

type connLink struct{ conn net.Conn }

func (l connLink) Read(ctx context.Context, p []byte) (int, error) {
	return within(ctx, l.conn.SetReadDeadline, func() (int, error) { return l.conn.Read(p) })
}

func (l connLink) Write(ctx context.Context, p []byte) error {
	_, err := within(ctx, l.conn.SetWriteDeadline, func() (int, error) { return l.conn.Write(p) })
	return err
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
