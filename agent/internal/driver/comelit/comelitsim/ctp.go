package comelitsim

import (
	"math/rand/v2"
	"slices"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// callsMax bounds the CTP connections remembered per TCP connection; the oldest goes first.
const callsMax = 64

// exchange is a CTP connection that the client opened.
type exchange struct {
	handle   uint16 // of the channel
	id       uint16 // the client's; answers carry it with the highest bit flipped
	opcode   uint16
	firstSeq byte
	seq, ack byte // ours
	to, from viper.Address
	sent     [][]byte // for a repeated opening
}

// ctp handles a body on CTPP. A device ignores what is no packet (§1.6).
func (p *Panel) ctp(c *conn, f viper.Frame) {
	k, err := viper.ParsePacket(f.Body)
	if err != nil {
		p.ignore("not a packet")
		return
	}
	if l := p.legOf(c, k.Connection); l != nil && k.Flags != viper.Syn {
		p.onLeg(c, l, k)
		return
	}
	x := c.calls[k.Connection]
	switch {
	case k.Flags == viper.Syn:
		p.syn(c, f.Handle, k, x)
	case x == nil:
		p.ignore("no such connection")
	case k.Flags == viper.Ack:
		p.ackRegistration(c, x)
	case k.Flags == viper.Fin:
		p.finRegistration(c, x)
		if x.opcode != viper.Register { // renewals still come on it
			c.forget(x.id)
		}
	default:
		p.ignore("data outside a call")
	}
}

// syn opens a connection. The same opening again is a repetition: it is answered again and not done again.
func (p *Panel) syn(c *conn, handle uint16, k viper.Packet, x *exchange) {
	if x != nil && x.firstSeq == k.Seq && x.opcode == k.Opcode() {
		p.stats.Bridge["repeated"]++
		for _, b := range x.sent {
			p.send(c, viper.Frame{Handle: handle, Body: b})
		}
		return
	}
	if why := p.refusePacket(c, k); why != "" {
		p.ignore(why)
		return
	}
	x = &exchange{
		handle: handle, id: k.Connection, opcode: k.Opcode(), firstSeq: k.Seq, seq: byte(rand.UintN(256)), ack: k.Seq + 1,
		to: k.Source, from: k.Dest,
	}
	c.remember(x)
	switch x.opcode {
	case viper.Register:
		p.register(c, x, k)
	case viper.OpenDoor:
		p.openDoor(c, x, k)
	case viper.Actuator:
		p.actuate(c, x, k)
	case viper.Invite:
		p.reply(c, x, viper.Ack, nil)
		p.release(c, x, causeBusy) // media is not played: every call is refused as if busy
	default:
		p.reply(c, x, viper.Ack, nil)
	}
}

// refusePacket says why an opening is passed over; empty when it is not.
func (p *Panel) refusePacket(c *conn, k viper.Packet) string {
	switch {
	case k.Connection&viper.PeerBit != 0:
		return "connection id over 15 bits"
	case !k.Source.Valid() || !k.Dest.Valid():
		return "address"
	case p.on(FaultStrictSource) && k.Source.String() != c.user.address():
		return "source"
	case c.used && p.on(FaultWorksOnce) && k.Opcode() != viper.Register:
		return "works once"
	}
	return ""
}

// remember keeps an exchange, in place of the oldest when there are many. A registration stays: register forgets the
// one before it.
func (c *conn) remember(x *exchange) {
	c.forget(x.id)
	c.calls[x.id] = x
	if x.opcode == viper.Register {
		return
	}
	if c.recent = append(c.recent, x.id); len(c.recent) > callsMax {
		c.forget(c.recent[0])
	}
}

func (c *conn) forget(id uint16) {
	delete(c.calls, id)
	c.recent = slices.DeleteFunc(c.recent, func(r uint16) bool { return r == id })
}

// pass passes an opening over as if it had never come: sent again, it is looked at again.
func (p *Panel) pass(c *conn, x *exchange, why string) {
	c.forget(x.id)
	p.ignore(why)
}

// reply sends a packet on an exchange and keeps it for a repetition.
func (p *Panel) reply(c *conn, x *exchange, flags byte, body []byte) {
	k := viper.Packet{
		Flags: flags, Connection: x.id ^ viper.PeerBit, Seq: x.seq, Ack: x.ack, Body: body, Source: x.from, Dest: x.to,
	}
	if len(body) > 0 {
		x.seq++
	}
	b := k.Bytes()
	if len(x.sent) < 4 {
		x.sent = append(x.sent, b)
	}
	p.send(c, viper.Frame{Handle: x.handle, Body: b})
}

// release answers with a cause; 0 is success (§1.5).
func (p *Panel) release(c *conn, x *exchange, cause byte) {
	p.reply(c, x, viper.Answer, []byte{0, byte(viper.Release), cause})
}
