package comelitsim

import (
	"encoding/binary"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// maxLease is what every client asks for: 0x0e10 seconds (§1.5).
const maxLease = time.Hour

// session is a slot's registration: as long as it lives, rings of its unit come to its connection.
type session struct {
	who     place
	conn    *conn // nil after it was lost and the session is stale
	call    *exchange
	echo    [2]byte // the two bytes of the request that come back
	until   time.Time
	renewAt time.Time // zero: not planned
	ackDue  bool
	finDue  bool
}

// register answers a registration, or ignores it while somebody else holds the session (§7.1).
func (p *Panel) register(c *conn, x *exchange, k viper.Packet) {
	why := refuseRegister(c, k)
	if why == "" && p.taken(c) {
		why = "register: session taken"
	}
	if why != "" {
		p.pass(c, x, why)
		return
	}
	lease := min(time.Duration(binary.LittleEndian.Uint16(k.Body[14:]))*time.Second, maxLease)
	s := &session{who: c.user, conn: c, call: x, echo: [2]byte(k.Body[2:4]), until: p.now().Add(lease)}
	if old := p.sessions[c.user]; old != nil && old.conn == c && old.call.id != x.id {
		c.forget(old.call.id)
	}
	p.dropSession(c)
	p.sessions[c.user] = s
	p.stats.Bridge["registers"]++
	p.reply(c, x, viper.Ack, nil)
	p.registered(s)
	p.wakeAll()
}

// refuseRegister checks the 17 bytes of §1.5.
func refuseRegister(c *conn, k viper.Packet) string {
	own := c.user.address()
	switch {
	case len(k.Body) != 17:
		return "register: length"
	case k.Source.String() != own || viper.Address(k.Body[4:14]).String() != own:
		return "register: not the slot's own address"
	case k.Dest.String() != apartment(c.user.unit):
		return "register: not to the apartment"
	case binary.LittleEndian.Uint16(k.Body[14:]) == 0 || k.Body[16] != 0:
		return "register: lease"
	}
	return ""
}

// taken says whether a live session of somebody else stands in the way.
func (p *Panel) taken(c *conn) bool {
	for who, s := range p.sessions {
		other := s.conn != c && p.now().Before(s.until)
		if other && (who == c.user || !p.on(FaultManySessions)) {
			return true
		}
	}
	return false
}

// registered sends the answer, the first time and as a renewal.
func (p *Panel) registered(s *session) {
	body := append([]byte{0, byte(viper.Registered), s.echo[0], s.echo[1]}, make([]byte, 12)...)
	p.reply(s.conn, s.call, viper.Answer, body)
}

// dropSession ends what a connection holds; with the stale-session fault it stays taken for a while.
func (p *Panel) dropSession(c *conn) {
	if p.ring != nil {
		delete(p.ring.legs, c)
	}
	for who, s := range p.sessions {
		if s.conn != c {
			continue
		}
		if a := p.faults.On(FaultStaleSession); a != nil {
			s.conn, s.until = nil, p.now().Add(a.Duration)
			continue
		}
		delete(p.sessions, who)
	}
}

// lapseAll ends every registration in silence: sockets stay up (§7.6).
func (p *Panel) lapseAll() {
	for _, s := range p.sessions {
		s.until = p.now()
	}
}

// sessionOn finds the live session that an exchange registered.
func (p *Panel) sessionOn(x *exchange) *session {
	for _, s := range p.sessions {
		if s.call == x {
			return s
		}
	}
	return nil
}

func (p *Panel) ackRegistration(_ *conn, x *exchange) {
	if s := p.sessionOn(x); s != nil {
		s.ackDue = false
	}
}

func (p *Panel) finRegistration(_ *conn, x *exchange) {
	if s := p.sessionOn(x); s != nil {
		s.finDue = false
	}
}

// renew repeats the answer when it is time. A renewal that was not answered with ack and FIN before the next is due
// ends the registration without a word (§1.5). It returns when to look again; zero means never.
func (p *Panel) renew(s *session) time.Time {
	a := p.faults.On(FaultRenewal)
	now := p.now()
	if a == nil || a.Duration <= 0 || !now.Before(s.until) {
		s.renewAt = time.Time{}
		return s.renewAt
	}
	switch {
	case s.renewAt.IsZero():
		s.renewAt = now.Add(a.Duration)
	case now.Before(s.renewAt):
	case s.ackDue || s.finDue:
		s.until, s.renewAt = now, time.Time{}
		p.stats.Bridge["lapsed"]++
	default:
		s.ackDue, s.finDue = true, true
		s.renewAt = now.Add(a.Duration)
		p.stats.Bridge["renewals"]++
		p.registered(s)
	}
	return s.renewAt
}

// due does what has fallen due for a connection and says how long nothing else will.
func (p *Panel) due(c *conn) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.now().Add(time.Hour)
	soonest := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	for _, s := range p.sessions {
		if s.conn == c {
			soonest(p.renew(s))
		}
	}
	if p.ring != nil && p.ring.legs[c] != nil {
		soonest(p.repeat(c, p.ring.legs[c]))
	}
	return max(next.Sub(p.now()), 0)
}
