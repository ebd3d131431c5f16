package comelitsim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// ringBusy is how long an unanswered ring keeps the panel busy: about a minute (§1.5).
const ringBusy = time.Minute

// repeats are the times at which a ring that nobody acknowledges is sent (§1.5).
func repeats() []time.Duration {
	return []time.Duration{0, 600 * time.Millisecond, 1200 * time.Millisecond, 3400 * time.Millisecond, 7500 * time.Millisecond}
}

// ring is the one call that can be in progress.
type ring struct {
	id       [4]byte
	unit     int
	door     Door
	legs     map[*conn]*leg
	started  time.Time
	answered bool
}

// leg is the ring on one connection. The panel opened it, so the client's packets carry the id with the highest bit
// flipped.
type leg struct {
	handle   uint16
	id       uint16
	seq, ack byte
	source   viper.Address
	dest     viper.Address
	sent     int
	acked    bool
}

// ringing says whether a ring keeps the panel busy. An unanswered one ends by itself and is never released.
func (p *Panel) ringing() bool {
	if p.ring != nil && !p.ring.answered && p.now().Sub(p.ring.started) >= ringBusy {
		p.ring = nil
	}
	return p.ring != nil
}

// startRing makes the legs to every session of the unit.
func (p *Panel) startRing(unit int, d Door) *ring {
	r := &ring{unit: unit, door: d, legs: map[*conn]*leg{}, started: p.now()}
	binary.BigEndian.PutUint32(r.id[:], rand.Uint32())
	p.ring = r
	for who, s := range p.sessions {
		if who.unit != unit || s.conn == nil || !p.now().Before(s.until) {
			continue
		}
		if p.bites(FaultMediaChannel) {
			p.send(s.conn, viper.Frame{Body: viper.OpenBody([4]byte{'R', 'T', 'P', 'C'}, 0x5001)})
		}
		r.legs[s.conn] = &leg{
			handle: s.call.handle, id: uint16(rand.UintN(0x8000)), seq: byte(rand.UintN(256)), ack: byte(rand.UintN(256)),
			source: viper.MakeAddress(apartment(unit)), dest: viper.MakeAddress(who.address()),
		}
	}
	p.wakeAll()
	return r
}

// repeat sends the ring on a leg as often as is due and says when to look again.
func (p *Panel) repeat(c *conn, l *leg) time.Time {
	if !p.ringing() {
		return time.Time{}
	}
	plan := repeats()
	for !l.acked && l.sent < len(plan) {
		at := p.ring.started.Add(plan[l.sent])
		if p.now().Before(at) {
			return at
		}
		l.sent++
		p.stats.Bridge["rings sent"]++
		p.sendLeg(c, l, viper.Syn, p.ring.invite(p.on(FaultShortOrigin), p.on(FaultFloorCall)))
	}
	return time.Time{}
}

// invite is the 40 bytes of §1.5, tagged as from an entrance or from the apartment's own door.
func (r *ring) invite(short, floor bool) []byte {
	origin := r.door.Address
	if short {
		origin = origin[1:]
	}
	from, to := viper.MakeAddress(origin), viper.MakeAddress(apartment(r.unit))
	b := append([]byte{0, byte(viper.Invite)}, from[:]...)
	b = append(b, to[:]...)
	b = append(b, 1, 0)
	b = append(b, r.id[:]...)
	b = append(b, from[:]...)
	if floor {
		return append(b, 'F', 'F')
	}
	return append(b, 'P', 'P')
}

// sendLeg sends a packet on a leg. Repetitions of the opening are the same packet, sequence included.
func (p *Panel) sendLeg(c *conn, l *leg, flags byte, body []byte) {
	k := viper.Packet{Flags: flags, Connection: l.id, Seq: l.seq, Ack: l.ack, Body: body, Source: l.source, Dest: l.dest}
	if flags != viper.Syn && len(body) > 0 {
		l.seq++
	}
	p.send(c, viper.Frame{Handle: l.handle, Body: k.Bytes()})
}

// legOf finds the leg a client's packet belongs to.
func (p *Panel) legOf(c *conn, connection uint16) *leg {
	if !p.ringing() {
		return nil
	}
	if l := p.ring.legs[c]; l != nil && l.id^viper.PeerBit == connection {
		return l
	}
	return nil
}

// onLeg handles what a client says in a ring. Anything it says acknowledges the ring.
func (p *Panel) onLeg(c *conn, l *leg, k viper.Packet) {
	if !l.acked {
		l.acked = true
		l.seq++
	}
	switch {
	case k.Flags == viper.Ack:
		return
	case k.Flags == viper.Fin:
		delete(p.ring.legs, c)
		return
	}
	l.ack = k.Seq + 1
	p.sendLeg(c, l, viper.Ack, nil)
	switch k.Opcode() {
	case viper.OpenDoor:
		p.openInCall(c, k)
	case viper.VoiceStatus:
		p.answerRing(c, k)
	case viper.Release:
		p.stats.Bridge["hung up"]++
		delete(p.ring.legs, c)
		if p.ring.answered {
			p.ring = nil
		}
	}
}

// openInCall opens during the ring, on its own connection: the one way while the panel is busy (§1.5).
func (p *Panel) openInCall(c *conn, k viper.Packet) {
	if len(k.Body) != 13 {
		p.ignore("door: body")
		return
	}
	door, known := p.doorAt(viper.Address(k.Body[2:12]).String(), -1, int(k.Body[12]))
	if !known {
		p.ignore("door: nobody")
		return
	}
	p.opened(c, door, howCall)
}

// answerRing takes the call; it ends for the others.
func (p *Panel) answerRing(c *conn, k viper.Packet) {
	if len(k.Body) != 14 || k.Body[12] != 1 {
		p.ignore("voice status")
		return
	}
	p.ring.answered = true
	for other, l := range p.ring.legs {
		if other != c {
			p.endLeg(other, l, causeDone)
			delete(p.ring.legs, other)
		}
	}
}

func (p *Panel) endLeg(c *conn, l *leg, cause byte) {
	if !l.acked {
		l.acked = true
		l.seq++
	}
	p.sendLeg(c, l, viper.Data, []byte{0, byte(viper.Release), cause})
}
