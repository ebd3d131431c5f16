package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// link stands between a gateway and its broker: it counts the bytes on the wire, TLS and all, and can be cut.
type link struct {
	ln     net.Listener
	target string

	mu       sync.Mutex
	down     bool
	conns    map[net.Conn]struct{}
	bytes    int64     // from the broker to the gateway
	burst    time.Time // when the first large piece after mark came
	marked   bool
	accepted int
}

func openLink(target string) (*link, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{ln: ln, target: target, conns: map[net.Conn]struct{}{}}
	go l.serve()
	return l, nil
}

func (l *link) address() string { return l.ln.Addr().String() }

// Close ends the link and all connections through it.
func (l *link) Close() error {
	err := l.ln.Close()
	l.cut()
	return err
}

func (l *link) serve() {
	for {
		c, err := l.ln.Accept()
		if err != nil {
			return
		}
		go l.carry(c)
	}
}

// carry copies both ways until either end is closed.
func (l *link) carry(c net.Conn) {
	defer c.Close()
	out, err := net.Dial("tcp", l.target) //nolint:noctx // loopback
	if err != nil {
		return
	}
	defer out.Close()
	if !l.hold(c, out) {
		return
	}
	defer l.drop(c, out)
	go func() {
		_, _ = io.Copy(out, c) // its end closes both
		_ = out.Close()
	}()
	_, _ = io.Copy(counted{c, l}, out)
}

// burstSize is the least that one read of a state is; receipts, answers and pings are smaller.
const burstSize = 2048

// counted counts what goes to the gateway.
type counted struct {
	net.Conn
	l *link
}

func (c counted) Write(b []byte) (int, error) {
	c.l.mu.Lock()
	if c.l.bytes += int64(len(b)); !c.l.marked && len(b) >= burstSize {
		c.l.marked, c.l.burst = true, time.Now()
	}
	c.l.mu.Unlock()
	return c.Conn.Write(b)
}

func (l *link) hold(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return false
	}
	l.accepted++
	for _, c := range conns {
		l.conns[c] = struct{}{}
	}
	return true
}

func (l *link) drop(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		delete(l.conns, c)
	}
}

// mark counts from zero again.
func (l *link) mark() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes, l.marked = 0, false
}

// since is how many bytes went to the gateway since mark, and when the first large piece of them did.
func (l *link) since() (n int64, first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes, l.burst
}

// cut closes every connection; new ones are served.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

// shut cuts, and closes every new connection, too, until it is opened.
func (l *link) shut() {
	l.mu.Lock()
	l.down = true
	l.mu.Unlock()
	l.cut()
}

func (l *link) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}
