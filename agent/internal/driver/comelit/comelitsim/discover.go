package comelitsim

import (
	"bytes"
	"context"
	"net"
)

// infoSize is the length of the answer to INFO (§2).
const infoSize = 160

// ServeDiscovery answers unicast INFO and SCAN (§2) until ctx ends, closes the socket, and returns nil when ctx ended
// it. Every answer goes to who asked and to nobody else.
func (p *Panel) ServeDiscovery(ctx context.Context, pc net.PacketConn) error {
	end := func() { _ = pc.Close() } // twice does no harm
	stop := context.AfterFunc(ctx, end)
	defer stop()
	defer end()
	buf := make([]byte, 64)
	for {
		n, from, err := pc.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if out := p.discover(buf[:n]); out != nil {
			if _, err := pc.WriteTo(out, from); err != nil && ctx.Err() == nil {
				continue // who asked is gone
			}
		}
	}
}

// discover is the answer to one datagram; nil is none.
func (p *Panel) discover(b []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []byte
	switch {
	case bytes.Equal(b, []byte("INFO\x00\x00\x00\x00\x00\x00\x00\x00")):
		out = info()
	case bytes.Equal(b, []byte("SCAN\x00\x00\x00\x00\x00\xff\xff\xff")):
		out = []byte("here")
	default:
		p.ignore("datagram")
		return nil
	}
	p.stats.Bridge["discovery"]++
	switch {
	case p.down() || p.silent() || p.bites(FaultUDPMute):
		return nil
	case len(out) == infoSize && p.bites(FaultUDPShort):
		return out[:100]
	}
	return out
}

// info is the 160 bytes of §2; what they call unknown is zero.
func info() []byte {
	b := make([]byte, infoSize)
	copy(b, "info")
	copy(b[4:14], apartment(0))
	copy(b[14:20], hardwareAddress())
	copy(b[20:24], modelID)
	copy(b[24:28], modelID)
	copy(b[32:112], "ViP gateway "+firmware)
	copy(b[112:116], "ViP_")
	copy(b[116:152], "Simulated building")
	copy(b[156:160], modelID)
	return b
}
