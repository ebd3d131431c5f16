package prototest

import (
	"log/slog"
	"net"
	"sync"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// gate is mochi's listener. It can be shut completely before the broker is closed: mochi v2.7.9 counts a new connection
// while it already waits for the count to fall (a data race between attachClient and Close).
type gate struct {
	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	shutd bool
	conns map[net.Conn]struct{}
}

func newGate(ln net.Listener) *gate { return &gate{ln: ln, conns: map[net.Conn]struct{}{}} }

// ID names the listener.
func (*gate) ID() string { return "loopback" }

// Address is where it listens.
func (g *gate) Address() string { return g.ln.Addr().String() }

// Protocol is TCP, with or without TLS on top.
func (*gate) Protocol() string { return "tcp" }

// Init has nothing to do.
func (*gate) Init(*slog.Logger) error { return nil }

// Serve accepts connections until the gate is shut.
func (g *gate) Serve(establish listeners.EstablishFn) {
	for {
		c, err := g.ln.Accept()
		if err != nil {
			return
		}
		if !g.enter(c) {
			_ = c.Close()
			continue
		}
		go func() {
			defer g.leave(c)
			_ = establish(g.ID(), c) // why a client left is the client's story
		}()
	}
}

// Close is called by the broker when it closes; shut has done it all by then.
func (g *gate) Close(listeners.CloseFn) { g.shut() }

func (g *gate) enter(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shutd {
		g.wg.Add(1)
		g.conns[c] = struct{}{}
	}
	return !g.shutd
}

func (g *gate) leave(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	g.wg.Done()
}

// shut cuts every connection and comes back when all are gone.
func (g *gate) shut() {
	_ = g.ln.Close() // closed twice is closed
	g.mu.Lock()
	g.shutd = true
	for c := range g.conns {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.wg.Wait()
}
