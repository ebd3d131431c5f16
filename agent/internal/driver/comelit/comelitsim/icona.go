package comelitsim

import (
	"context"
	"errors"
	"net"
	"sync"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// ServeICONA is the bridge's TCP side (§1). It accepts until ctx ends or the listener fails, closes the listener and
// every connection, waits for its goroutines, and returns nil when ctx ended it.
func (p *Panel) ServeICONA(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var served sync.WaitGroup
	defer served.Wait()
	defer cancel() // before the wait: it is what ends the connections
	for {
		nc, err := l.Accept()
		if err != nil {
			l.Close()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		served.Go(func() { p.serveConn(ctx, nc) })
	}
}

// serveConn owns one connection: this goroutine reads, a second one writes, both end before it returns.
func (p *Panel) serveConn(ctx context.Context, nc net.Conn) {
	c := newConn(nc)
	if !p.join(c) {
		c.reset()
		return
	}
	stop := context.AfterFunc(ctx, c.hangUp)
	defer stop()
	var pump sync.WaitGroup
	pump.Go(func() { p.pump(c) })
	p.read(c)
	p.leave(c)
	c.hangUp()
	pump.Wait()
}

// join takes a connection in; it says false while the panel restarts or has too many.
func (p *Panel) join(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down() || len(p.conns) >= maxConns {
		return false
	}
	p.conns[c] = true
	p.stats.Bridge["connections"]++
	return true
}

// leave forgets a connection and what it held.
func (p *Panel) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	p.dropSession(c)
}

// read takes frames until the connection ends. Bytes that are no frame are answered with a close of handle 0, which
// devices do (§1.2); as nothing after them can be told apart, the connection ends then.
func (p *Panel) read(c *conn) {
	for {
		f, err := viper.ReadFrame(c.nc)
		if errors.Is(err, viper.ErrHeader) {
			p.garbage(c)
			c.finish()
			return
		}
		if err != nil {
			return
		}
		p.take(c, f)
	}
}

func (p *Panel) garbage(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ignore("not a frame")
	if !p.silent() {
		p.send(c, viper.Frame{Body: viper.CloseBody(0)})
	}
}

// take handles one frame.
func (p *Panel) take(c *conn, f viper.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent() || !p.conns[c] {
		p.ignore("silent")
		return
	}
	if f.Handle == 0 {
		p.manage(c, f.Body)
		return
	}
	switch name := c.channels[f.Handle]; {
	case name == "":
		p.ignore("unknown handle")
		p.send(c, viper.Frame{Body: viper.CloseBody(0)})
	case name == "CTPP":
		p.ctp(c, f)
	case len(f.Body) > 0 && f.Body[0] == '{':
		p.json(c, name, f)
	default:
		p.ignore("not JSON")
	}
}
