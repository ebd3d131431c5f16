package comelit

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/firmware-bridge/icona"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// discoverPatience is for the answer by UDP, which may be blocked on the way.
const discoverPatience = 4 * time.Second

// identity asks the bridge what the device is and which doors the slot sees; the MAC comes by UDP where that answers.
func (b *bridge) identity(ctx context.Context) (id model.Identity, relays []string, err error) {
	const op = "ask the bridge of"
	l, back, err := b.borrow(ctx, toLook)
	if err != nil {
		return id, nil, b.fails(op, err)
	}
	defer back()
	s, err := l.session.Server(ctx)
	if err != nil {
		return id, nil, b.fails(op, err)
	}
	id = model.Identity{Model: s.Model, Firmware: s.Version, MAC: icona.MACOf(s.Serial)}
	if d, err := b.discover(ctx); err == nil { // else what the bridge said has to do
		id.MAC = cmp.Or(d.MAC, id.MAC)
		id.Model = cmp.Or(id.Model, d.Model)
	}
	return id, l.relays(), nil
}

// discover asks by UDP, this one device and nobody else (§2).
func (b *bridge) discover(ctx context.Context) (icona.Device, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverPatience)
	defer cancel()
	conn, err := b.dial(ctx, "udp", net.JoinHostPort(b.host, strconv.Itoa(icona.DiscoverPort)))
	if err != nil {
		return icona.Device{}, err
	}
	defer conn.Close()
	return icona.Discover(ctx, conn)
}

// Redeem implements driver.Redeemer: it turns an activation code of the device's Users page into the token of its slot
// (§1.4, R). A code serves once. A Timeout means that it may be used up.
func (p *Panel) Redeem(ctx context.Context, code access.Secret, name string) (access.Secret, error) {
	const op = "redeem an activation code on"
	b := p.bridge
	s, err := b.start(ctx)
	if err != nil {
		return access.Secret{}, b.fails(op, err)
	}
	defer s.Close()
	token, err := s.Redeem(ctx, code.Reveal(), name)
	if err != nil {
		return access.Secret{}, b.notRedeemed(op, err)
	}
	return access.NewSecret(token), nil
}

// notRedeemed tells a code that is refused from one that may be used up.
func (b *bridge) notRedeemed(op string, err error) error {
	const remedy = "Make a new activation code on the device's Users page, for an enabled app slot that nobody has activated."
	switch k := fault.KindOf(b.fails(op, err)); {
	case k == fault.Denied:
		return fault.New(fault.Denied, op, b.subject, "the bridge does not take the code: %w", err).WithRemedy(remedy)
	case errors.Is(err, icona.ErrUnanswered), errors.Is(err, icona.ErrAnswer):
		return fault.New(fault.Timeout, op, b.subject, "sent, and no token came back, so the code may be used up: %w", err).WithRemedy(remedy)
	}
	return b.fails(op, err)
}
