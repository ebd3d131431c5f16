package publish

import "gatehouse/protocol/access"

// flight is the change that was sent to a gateway last, chunk by chunk. A gateway subscribes before it
// says hello (agent/internal/cloudlink, begin), so a chunk that was begun after its hello arrived will
// reach it, or the connection ends and the next one begins with another hello. What was begun earlier
// may have found nobody there. Without this a gateway that connects while its state is being sent gets
// all of it once more. It belongs to whoever has the gateway's turn.
type flight struct {
	to    access.Position
	base  uint64
	begun []uint64 // by chunk: hellos that had arrived when it was begun, and one; 0: not sent
}

// reaches reports whether the gateway behind a hello is about to have a chunk.
func (f *flight) reaches(chunk int, hello uint64) bool {
	return hello != 0 && f.begun[chunk] > hello
}

// flightOf is the flight of just this change, a new one when another was sent last.
func (p *Publisher) flightOf(gw access.GatewayID, to access.Position, base uint64, of int) *flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.flights[gw]
	if f == nil || f.to != to || f.base != base || len(f.begun) != of {
		f = &flight{to: to, base: base, begun: make([]uint64, of)}
		p.flights[gw] = f
	}
	return f
}

// arrives numbers a hello.
func (p *Publisher) arrives() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hellos++
	return p.hellos
}

func (p *Publisher) hellosSoFar() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hellos
}
