package broker

import (
	"net"
	"sync"
	"time"
)

// loginTime is how long a connection may take to say who it is. The MQTT library sets no deadline
// before it has read CONNECT.
const loginTime = 20 * time.Second

// listener knows every open connection, so that closing it closes them all. The MQTT library knows
// only those that have logged in, and waits for the others for ever.
type listener struct {
	net.Listener

	mu     sync.Mutex
	open   map[*conn]struct{}
	closed bool
}

type conn struct {
	net.Conn
	ln *listener
}

func newListener(ln net.Listener) *listener {
	return &listener{Listener: ln, open: map[*conn]struct{}{}}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{raw, l}
		if raw.SetDeadline(time.Now().Add(loginTime)) == nil && l.add(c) {
			return c, nil
		}
		_ = raw.Close() // it is of no use any more
	}
}

func (l *listener) add(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.open[c] = struct{}{}
	return true
}

// Close ends the listener and every connection that came from it.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	open := l.open
	l.open = map[*conn]struct{}{}
	l.mu.Unlock()
	for c := range open {
		_ = c.Conn.Close() // a second closing is harmless
	}
	return err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.ln.mu.Lock()
	delete(c.ln.open, c)
	c.ln.mu.Unlock()
	return c.Conn.Close()
}
