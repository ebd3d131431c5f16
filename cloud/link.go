package cloud

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/tls"
	"net/url"
	"time"

	"gatehouse/cloud/internal/broker"
	"gatehouse/cloud/internal/brokerlink"
	"gatehouse/cloud/internal/pki"
	"gatehouse/cloud/internal/publish"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// ownName is the name in the embedded broker's certificate by which the cloud itself knows it: the address may be one that
// is not in it, when the broker listens on another than gateways dial.
const ownName = "localhost"

// brokerAt is where the cloud finds its broker, the name by which it must know it ("": the address's host), how to stop
// what was started, and how to cut off who is admitted no longer.
type brokerAt struct {
	address, name string
	stop          func() error
	recheck       func()
}

// startBroker starts the embedded broker, or nothing when the configuration names one that stands beside the cloud.
func (c *Cloud) startBroker() (brokerAt, error) {
	if c.cfg.Broker != "" {
		return brokerAt{c.cfg.Broker, "", func() error { return nil }, func() {}}, nil
	}
	b, err := c.embedded()
	if err != nil {
		return brokerAt{}, err
	}
	return brokerAt{"tls://" + b.Addr().String(), ownName, b.Close, b.Recheck}, nil
}

func (c *Cloud) embedded() (*broker.Broker, error) {
	u, err := url.Parse(c.cfg.BrokerAddress)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "read", "broker_address", err)
	}
	cert, err := c.ca.Server([]string{u.Hostname(), ownName, "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	return broker.Start(broker.Config{
		Listen: c.cfg.BrokerListen, Cloud: pki.CloudName, Log: c.log,
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: c.ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12, Time: c.now},
		Known: func(id access.GatewayID, serial string) (bool, error) {
			return c.store.Admits(context.WithoutCancel(c.ctx), id, serial)
		},
	})
}

// How often it is looked whether somebody is admitted no longer, and how often who is connected is looked at then: who was
// let in a moment before may not be among them at first.
const (
	expelEvery = time.Second
	expelTimes = 3
)

// expel cuts off, soon after any process changed it, who is admitted no longer.
func (c *Cloud) expel(ctx context.Context, recheck func()) error {
	tick := time.NewTicker(expelEvery)
	defer tick.Stop()
	var seen uint64
	left := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n, err := c.store.Admissions(ctx)
		if err == nil && n != seen {
			seen, left = n, expelTimes
		}
		if left > 0 {
			recheck()
			left--
		}
	}
}

// listener is given what gateways say, and what they said before the cloud came to the broker.
type listener interface {
	Offer(topic string, payload []byte)
	OfferKept(topic string, payload []byte)
}

// linkConfig is how the cloud joins the broker at an address, under the name that its certificate has.
func (c *Cloud) linkConfig(address, name string, in listener, fresh func()) (brokerlink.Config, error) {
	cert, err := c.ca.Cloud()
	return brokerlink.Config{
		Address: address, ServerName: name, CA: c.ca.Pool(), Certificate: cert, Name: pki.CloudName,
		Receive: in.Offer, Kept: in.OfferKept, Fresh: fresh, Now: c.now, Log: c.log,
	}, err
}

// publishStore is the store as the publisher sees it.
type publishStore struct{ *store.Store }

func change(u access.Update) publish.Change {
	return publish.Change{Put: u.Put, Gone: u.Gone, To: u.Position, DigestKey: u.DigestKey, Digest: u.Digest, Meant: u.Meant}
}

// barred: what would be published is older than what it has, or nobody may have it there.
func barred(g store.Gateway) bool { return g.Ahead.Revision != 0 || !g.Revoked.IsZero() }

func (s publishStore) Since(ctx context.Context, gw access.GatewayID, base uint64) (publish.Change, bool, error) {
	g, err := s.Gateway(ctx, gw)
	if err != nil || barred(g) {
		return publish.Change{}, false, err
	}
	u, ok, err := s.Store.Since(ctx, gw, access.Position{Epoch: g.Published.Epoch, Revision: base})
	return change(u), ok, err
}

func (s publishStore) Snapshot(ctx context.Context, gw access.GatewayID) (publish.Change, error) {
	g, err := s.Gateway(ctx, gw)
	if err != nil || barred(g) {
		return publish.Change{}, err
	}
	u, err := s.Store.Snapshot(ctx, gw)
	return change(u), err
}

func (s publishStore) Position(ctx context.Context, gw access.GatewayID) (access.Position, error) {
	g, err := s.Gateway(ctx, gw)
	if g.Published.Revision == 0 || barred(g) {
		return access.Position{}, err
	}
	return g.Published, err
}

func (s publishStore) Meant(ctx context.Context, gw access.GatewayID) (access.Position, error) {
	g, err := s.Gateway(ctx, gw)
	return g.Meant, err
}

func (s publishStore) Acked(ctx context.Context, gw access.GatewayID) (access.Position, error) {
	g, err := s.Gateway(ctx, gw)
	return g.Stored, err
}

func (s publishStore) Through(ctx context.Context, gw access.GatewayID) (uint64, error) {
	g, err := s.Gateway(ctx, gw)
	return g.Events, err
}

func (s publishStore) Gateways(ctx context.Context) ([]access.GatewayID, error) {
	gws, err := s.Store.Gateways(ctx)
	ids := make([]access.GatewayID, len(gws))
	for i, g := range gws {
		ids[i] = g.ID
	}
	return ids, err
}

func (s publishStore) Sealing(ctx context.Context, gw access.GatewayID) (*ecdh.PublicKey, error) {
	g, err := s.Gateway(ctx, gw)
	if err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPublicKey(g.Sealing)
}

// intakeStore is the store as the intake sees it.
type intakeStore struct{ *store.Store }

func (s intakeStore) Signing(ctx context.Context, gw access.GatewayID) ([]ed25519.PublicKey, error) {
	all, err := s.Store.Signing(ctx, gw)
	out := make([]ed25519.PublicKey, len(all))
	for i, key := range all {
		out[i] = key
	}
	return out, err
}

func (s intakeStore) SaveStatus(ctx context.Context, gw access.GatewayID, st protocol.Status, at time.Time) error {
	return s.Store.SaveStatus(ctx, store.Fence{}, gw, store.Status{Online: st.Online, Boot: st.Boot, Number: st.Number, At: at})
}

func (s intakeStore) SaveHello(ctx context.Context, gw access.GatewayID, h protocol.Hello, at time.Time) error {
	var settings store.InForce
	if f := h.Settings; f != nil {
		settings = store.InForce{Known: true, Revision: f.Revision, Refused: f.Refused, Message: f.Message}
	}
	return s.Store.SaveHello(ctx, store.Fence{}, gw, store.Hello{
		Protocol: h.Protocol, Software: h.Software, Position: access.Position{Epoch: h.Epoch, Revision: h.Revision}, Digest: h.Digest,
		Boot: h.Boot, Clock: store.Clock{Trusted: h.Clock.Trusted, Source: h.Clock.Source, Now: h.Clock.Now}, Waiting: h.Waiting, Held: h.Held, At: at, Settings: settings,
	})
}

func (s intakeStore) SaveAck(ctx context.Context, gw access.GatewayID, a protocol.Ack, at time.Time) error {
	return s.Store.SaveAck(ctx, store.Fence{}, gw, a.Position, a.Digest, at)
}

func (s intakeStore) SaveInventory(ctx context.Context, gw access.GatewayID, inv protocol.Inventory, at time.Time) error {
	return s.Store.SaveInventory(ctx, store.Fence{}, gw, inv.Number, inv.Devices, at)
}

func (s intakeStore) SaveReply(ctx context.Context, gw access.GatewayID, r protocol.Reply, at time.Time) error {
	return s.Store.SaveReply(ctx, store.Fence{}, store.CommandReply{Gateway: gw, ID: r.ID, Result: r.Result, Fault: r.Fault, Message: r.Message, At: at})
}

func (s intakeStore) SaveEvents(ctx context.Context, gw access.GatewayID, e protocol.Events, at time.Time) (uint64, error) {
	raw := make([][]byte, len(e.Raw))
	for i, r := range e.Raw {
		raw[i] = r
	}
	var signed *store.Checkpoint
	if c := e.Checkpoint; c != nil {
		signed = &store.Checkpoint{Number: c.Number, Link: c.Link, At: c.At, Signature: c.Signature}
	}
	return s.Store.SaveEvents(ctx, store.Fence{}, gw, store.Events{First: e.First, Prev: e.Prev, Raw: raw, Received: at, Checkpoint: signed})
}
