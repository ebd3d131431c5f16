package icona

import (
	"context"
	"math/rand/v2"
)

// Attach opens CTPP for the slot that the session has logged in to, so that packets can be sent. Calling it again does
// nothing.
func (s *Session) Attach(ctx context.Context, c Configuration) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	return s.attach(ctx, c)
}

func (s *Session) attach(ctx context.Context, c Configuration) error {
	own, ok := c.Own()
	to, ok2 := MakeAddress(c.Unit)
	if !ok || !ok2 {
		return ErrDetached
	}
	if _, err := s.channel(ctx, CTPP, own.String()); err != nil {
		return err
	}
	s.own, s.to = own, to
	return nil
}

// Register asks for rings for the hour and keeps asking before each is over. While somebody else holds the device's one
// session there is no answer (§7.1): the error is ErrSilent, and the session over.
func (s *Session) Register(ctx context.Context, c Configuration) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	if err := s.attach(ctx, c); err != nil {
		return err
	}
	_, err := s.call(ctx, Packet{From: s.own, To: s.to, Body: RegisterBody(s.own)})
	return err
}

// Open opens a door once, or switches an actuator once. A nil error says that the device answered, by the cause of a
// RELEASE: CauseDone is success; for an actuator what the answer means is unproven (§1.5). ErrUnanswered: it may have
// opened. Any other error: nothing was sent.
func (s *Session) Open(ctx context.Context, d Door) (cause byte, err error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.end()
	if s.own == (Address{}) {
		return 0, ErrDetached
	}
	body := DoorBody(d.Address, d.Output)
	if d.Actuator() {
		body = ActuatorBody(byte(d.Module), d.Output)
	}
	a, err := s.call(ctx, Packet{From: s.own, To: d.Address, Body: body})
	return a.cause, err
}

// call sends a packet on a connection of its own.
func (s *Session) call(ctx context.Context, k Packet) (answer, error) {
	k.Flags, k.Connection = Syn, newConnection()
	k.Seq, k.Ack = byte(rand.Uint32()), byte(rand.Uint32()) // any will do (§1.5)
	return s.do(ctx, s.opt.Answer, &job{kind: calling, handle: s.handles[CTPP], call: k})
}

// newConnection is a number of 15 bits.
func newConnection() uint16 { return uint16(rand.Uint32()) &^ PeerBit }
