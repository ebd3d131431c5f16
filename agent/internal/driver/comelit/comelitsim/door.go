package comelitsim

import (
	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// Causes of a RELEASE. 0 and 8 are known (§1.5); 1 is assumed for an address nobody has.
const (
	causeDone   byte = 0
	causeNobody byte = 1
	causeBusy   byte = 8
)

const (
	howAPI      = "api"
	howCall     = "call"
	howActuator = "actuator"
)

// openDoor is the opening without a call: 13 bytes, source our address, destination the door's (§1.5).
func (p *Panel) openDoor(c *conn, x *exchange, k viper.Packet) {
	if len(k.Body) != 13 || viper.Address(k.Body[2:12]) != k.Dest {
		p.pass(c, x, "door: body")
		return
	}
	if p.on(FaultRegisterFirst) && !p.isRegistered(c) {
		p.pass(c, x, "door: not registered")
		return
	}
	c.used = true
	door, known := p.doorAt(k.Dest.String(), -1, int(k.Body[12]))
	switch {
	case !known:
		p.reply(c, x, viper.Ack, nil)
		p.release(c, x, causeNobody)
	case p.bites(FaultDoorDead):
	case p.bites(FaultDoorMute):
		p.opened(c, door, howAPI)
	default:
		cause := p.doorCause()
		if cause == causeDone {
			p.opened(c, door, howAPI)
		} else {
			p.shut(c, door, howAPI)
		}
		p.reply(c, x, viper.Ack, nil)
		p.release(c, x, cause)
	}
}

// doorCause is busy while it rings (§7.7).
func (p *Panel) doorCause() byte {
	if a := p.faults.Bite(FaultDoorCause); a != nil {
		return byte(a.Count)
	}
	if p.ringing() {
		return causeBusy
	}
	return causeDone
}

// actuate switches an output of an I/O module (§1.5). A device's answer is unknown: it is played like a door's.
func (p *Panel) actuate(c *conn, x *exchange, k viper.Packet) {
	if len(k.Body) != 4 {
		p.pass(c, x, "actuator: body")
		return
	}
	if p.on(FaultRegisterFirst) && !p.isRegistered(c) {
		p.pass(c, x, "actuator: not registered")
		return
	}
	c.used = true
	door, known := p.doorAt(k.Dest.String(), int(k.Body[2]), int(k.Body[3]))
	if known {
		p.opened(c, door, howActuator)
	}
	if p.bites(FaultActuatorMute) {
		return
	}
	p.reply(c, x, viper.Ack, nil)
	if known {
		p.release(c, x, causeDone)
	} else {
		p.release(c, x, causeNobody)
	}
}

func (p *Panel) isRegistered(c *conn) bool {
	s := p.sessions[c.user]
	return s != nil && s.conn == c && p.now().Before(s.until)
}

func (p *Panel) opened(c *conn, d Door, how string) {
	p.note(Entry{Door: d.key(), Name: d.Name, Granted: true, By: p.label(c.user), How: how})
}

func (p *Panel) shut(c *conn, d Door, how string) {
	p.note(Entry{Door: d.key(), Name: d.Name, By: p.label(c.user), How: how})
}
