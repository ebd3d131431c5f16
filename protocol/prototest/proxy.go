package prototest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy on loopback whose network can be made to fail. Every change acts on the connections that are
// open and on those to come, until Heal.
type Proxy struct {
	target string
	ln     net.Listener
	wg     sync.WaitGroup
	end    chan struct{}

	mu    sync.Mutex
	calm  *sync.Cond
	dead  bool // nothing flows, nothing is closed
	slow  int  // bytes a second; 0 no limit
	late  time.Duration
	deny  bool
	pairs map[*pair]struct{}
}

type pair struct{ client, server *net.TCPConn }

// NewProxy starts a proxy in front of target; it ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := OpenProxy(target)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// OpenProxy starts a proxy in front of target outside a test. Close must follow.
func OpenProxy(target string) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, ln: ln, end: make(chan struct{}), pairs: map[*pair]struct{}{}}
	p.calm = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Blackhole stops every byte in both directions without closing anything: the peer is gone and nobody was told.
func (p *Proxy) Blackhole() { p.set(func() { p.dead = true }) }

// Throttle lets at most n bytes a second through, each way.
func (p *Proxy) Throttle(n int) { p.set(func() { p.slow = n }) }

// Delay holds every portion of bytes back for d, each way: a long line. Portions do not overlap.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.late = d }) }

// Refuse closes new connections at once.
func (p *Proxy) Refuse() { p.set(func() { p.deny = true }) }

// Heal ends every failure. Bytes held back by Blackhole flow then.
func (p *Proxy) Heal() { p.set(func() { p.dead, p.slow, p.deny, p.late = false, 0, false, 0 }) }

// Reset breaks every open connection with a TCP reset on both sides and reports how many there were.
func (p *Proxy) Reset() int {
	return p.each(func(q *pair) {
		for _, c := range []*net.TCPConn{q.client, q.server} {
			_ = c.SetLinger(0) // an error means that it is closed already
			_ = c.Close()
		}
	})
}

// HalfClose ends the stream towards the clients, who may go on sending, and reports how many there were.
func (p *Proxy) HalfClose() int {
	return p.each(func(q *pair) { _ = q.client.CloseWrite() })
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.calm.Broadcast()
}

func (p *Proxy) each(do func(*pair)) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for q := range p.pairs {
		do(q)
	}
	return len(p.pairs)
}

// Close ends it and breaks what goes through it.
func (p *Proxy) Close() {
	close(p.end)
	_ = p.ln.Close()
	p.Heal()
	p.Reset()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c.(*net.TCPConn)) })
	}
}

func (p *Proxy) serve(client *net.TCPConn) {
	defer func() { _ = client.Close() }()
	p.mu.Lock()
	deny := p.deny
	p.mu.Unlock()
	if deny {
		return
	}
	c, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	q := &pair{client, c.(*net.TCPConn)}
	defer func() { _ = q.server.Close() }()
	p.set(func() { p.pairs[q] = struct{}{} })
	defer p.set(func() { delete(p.pairs, q) })
	select {
	case <-p.end: // closed between accept and here
		return
	default:
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(q.server, q.client) })
	both.Go(func() { p.copy(q.client, q.server) })
	both.Wait()
}

// copy passes bytes on as the proxy's state allows and ends to's stream when from's ends.
func (p *Proxy) copy(to, from *net.TCPConn) {
	defer func() {
		p.portion(0) // an end is not told through a hole either
		_ = to.CloseWrite()
	}()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf[:p.portion(len(buf))])
		if n > 0 {
			p.hold()
			p.portion(0) // a hole opened while we read
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold waits for as long as bytes are under way.
func (p *Proxy) hold() {
	p.mu.Lock()
	late := p.late
	p.mu.Unlock()
	if late == 0 {
		return
	}
	select {
	case <-time.After(late):
	case <-p.end:
	}
}

// portion waits while nothing may flow, paces a throttled stream and returns how much may be read at once.
func (p *Proxy) portion(most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.dead {
		p.calm.Wait()
	}
	const ticks = 50 // portions a second
	if p.slow == 0 || most == 0 {
		return most
	}
	slow := p.slow
	p.mu.Unlock()
	select {
	case <-time.After(time.Second / ticks):
	case <-p.end:
	}
	p.mu.Lock()
	return min(most, max(1, slow/ticks))
}
