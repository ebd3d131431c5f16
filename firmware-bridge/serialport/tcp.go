package serialport

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// tcpLink is a Link through a device server in raw mode. No Telnet, no RFC 2217: every byte is the
// encoder's.
type tcpLink struct {
	address Address
	opts    Options
	conn    net.Conn
	writing sync.Mutex // one frame at a time
	fate    fate
}

var _ Link = (*tcpLink)(nil)

// keepAlive finds a device server that lost its power within half a minute, also on a line that is
// silent for days.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
}

func dial(ctx context.Context, a Address, o Options) (Link, error) {
	d := net.Dialer{Timeout: o.DialTimeout, KeepAliveConfig: keepAlive()}
	conn, err := d.DialContext(ctx, "tcp", a.Host)
	switch {
	case err == nil:
		return &tcpLink{address: a, opts: o, conn: conn, fate: fate{line: a.name()}}, nil
	case ctx.Err() != nil:
		return nil, ended(ctx, "open", a.name())
	}
	return nil, &Error{
		Op: "open", Line: a.name(), Kind: ErrUnplugged, Cause: err,
		Remedy: "Check the device server's address, that it is in raw TCP mode, and that no other program is connected: most take one only.",
	}
}

// Read is described at Link.
func (l *tcpLink) Read(ctx context.Context, b []byte) (int, error) {
	n, err := l.read(ctx, b)
	l.opts.Counters.read(n, err)
	return n, err
}

func (l *tcpLink) read(ctx context.Context, b []byte) (int, error) {
	if err := l.fate.usable(ctx, "read"); err != nil || len(b) == 0 {
		return 0, err
	}
	release := until(ctx, l.conn.SetReadDeadline)
	n, err := l.conn.Read(b)
	release()
	switch {
	case n > 0:
		l.fate.heard.Store(true)
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return 0, ended(ctx, "read", l.address.name())
	}
	return 0, l.fail("read", err)
}

// Write is described at Link. Over TCP a byte has left when the system took it: how fast the device
// server sends it on is not to be seen.
func (l *tcpLink) Write(ctx context.Context, b []byte) error {
	err := l.write(ctx, b)
	l.opts.Counters.wrote(len(b), err)
	return err
}

func (l *tcpLink) write(ctx context.Context, b []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.fate.usable(ctx, "write"); err != nil {
		return err
	}
	if len(b) > Longest {
		return &Error{Op: "write", Line: l.address.name(), Cause: errTooLong}
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.WriteTimeout)
	defer cancel()
	release := until(ctx, l.conn.SetWriteDeadline)
	_, err := l.conn.Write(b)
	release()
	if err == nil {
		return nil
	}
	return l.fail("write", errors.Join(err, ctx.Err()))
}

// maxFlush ends a Flush on a line that never falls silent.
const maxFlush = 64 << 10

// Flush is described at Link.
func (l *tcpLink) Flush() error {
	if err := l.fate.broken("flush"); err != nil {
		return err
	}
	var waste [1 << 10]byte
	for n := 0; n < maxFlush; {
		// A deadline that has passed would drop nothing: the read would not even look.
		if err := l.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return l.fail("flush", err)
		}
		got, err := l.conn.Read(waste[:])
		n += got
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return l.fail("flush", err)
		}
	}
	return nil
}

// Close is described at Link. A connection lets go at once.
func (l *tcpLink) Close() error {
	l.fate.close()
	if err := l.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// fail ends the line. Whatever ends a connection but our own Close or deadline, the device server is gone.
func (l *tcpLink) fail(op string, err error) error {
	e := &Error{Kind: ErrUnplugged, Cause: err, Remedy: "Check the device server and the network; it may also have given the line to another program."}
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind, e.Remedy = nil, ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Kind, e.Remedy = ErrTimeout, ""
	}
	err, first := l.fate.end(op, e)
	if first {
		if errors.Is(err, ErrUnplugged) {
			l.opts.Counters.Unplugged.Add(1)
		}
		_ = l.conn.Close() // the first error is the news
	}
	return err
}

func (l *tcpLink) proven() bool { return l.fate.proven() }
