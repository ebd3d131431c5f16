package wrap

import (
	"context"
	"net"
	"sync"
	"time"
)

// Dialer makes a connection, as net.Dialer.DialContext does.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Fence stands between one instance of a driver and the network. Once it is shut the instance can
// send nothing more, whatever it is still doing: one that was given up because it hangs must not
// wake up later and undo what its successor did. It sits at the dialer, below TLS, pacing and every
// vendor's protocol.
type Fence struct {
	dial Dialer

	mu    sync.Mutex
	shut  bool
	conns map[*fenced]struct{}
}

// NewFence makes an open fence. A nil dial is a plain dialer that gives up after five seconds.
func NewFence(dial Dialer) *Fence {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1}).DialContext
	}
	return &Fence{dial: dial, conns: map[*fenced]struct{}{}}
}

// Dial connects while the fence is open; after Shut the error is net.ErrClosed.
func (f *Fence) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if f.closed() {
		return nil, net.ErrClosed
	}
	conn, err := f.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &fenced{Conn: conn, fence: f}
	f.mu.Lock()
	if !f.shut {
		f.conns[c] = struct{}{}
		f.mu.Unlock()
		return c, nil
	}
	f.mu.Unlock()
	_ = conn.Close() // nothing was sent on it
	return nil, net.ErrClosed
}

func (f *Fence) closed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shut
}

// Shut cuts every connection and refuses new ones. When it returns nothing more is sent: what waits
// in the system's buffers is dropped.
func (f *Fence) Shut() {
	f.mu.Lock()
	f.shut = true
	conns := f.conns
	f.conns = map[*fenced]struct{}{}
	f.mu.Unlock()
	for c := range conns {
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the connection is lost either way
		}
		_ = c.Conn.Close()
	}
}

// fenced is a connection that its fence knows.
type fenced struct {
	net.Conn
	fence *Fence
}

func (c *fenced) Close() error {
	c.fence.mu.Lock()
	delete(c.fence.conns, c)
	c.fence.mu.Unlock()
	return c.Conn.Close()
}
