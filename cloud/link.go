package cloud

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/cloud/internal/broker"
	"gatehouse/cloud/internal/pki"
	"gatehouse/cloud/internal/publish"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// ownName is the name in the broker's certificate by which the cloud itself knows it.
const ownName = "localhost"

// startBroker starts the embedded broker.
func (c *Cloud) startBroker() (*broker.Broker, error) {
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
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: c.ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
		Known: func(id access.GatewayID) bool {
			_, err := c.store.Gateway(context.WithoutCancel(c.ctx), id)
			return err == nil
		},
	})
}

// session is the cloud's own connection to the broker.
type session struct{ client mqtt.Client }

const (
	sendTimeout = 15 * time.Second
	keepAlive   = 20 * time.Second

	subscribeAgain = 2 * time.Second
)

// connect opens the session; it stays and reconnects by itself until closed. Handlers only hand
// messages over, so nothing blocks the client.
func (c *Cloud) connect(address string, offer func(topic string, payload []byte), connected func()) (*session, error) {
	cert, err := c.ca.Cloud()
	if err != nil {
		return nil, err
	}
	o := mqtt.NewClientOptions().AddBroker(address).SetClientID(pki.CloudName).SetProtocolVersion(4).
		SetCleanSession(true).SetAutoReconnect(true).SetConnectRetry(true).SetConnectRetryInterval(2 * time.Second).
		SetMaxReconnectInterval(10 * time.Second).SetKeepAlive(keepAlive).SetWriteTimeout(sendTimeout).SetOrderMatters(true).
		// The address may be one that is not in the broker's certificate, when it listens on another than gateways dial.
		SetTLSConfig(&tls.Config{RootCAs: c.ca.Pool(), ServerName: ownName, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { offer(m.Topic(), m.Payload()) })
	o.SetOnConnectHandler(func(cl mqtt.Client) {
		for told := false; cl.IsConnectionOpen(); told = true {
			err := subscribe(cl)
			if err == nil {
				connected()
				return
			}
			if !told {
				c.log.Error("the broker does not let the cloud listen; nothing that gateways say arrives; trying on", "err", err)
			}
			time.Sleep(subscribeAgain) // in a goroutine of the client's own, and no longer than the connection
		}
	})
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.log.Warn("connection to the broker lost", "err", err) })
	s := &session{mqtt.NewClient(o)}
	s.client.Connect() // completes when the broker answers; until then sending says so
	return s, nil
}

func subscribe(cl mqtt.Client) error {
	tok := cl.SubscribeMultiple(map[string]byte{protocol.AllUp: 1, protocol.AllStatus: 1}, nil)
	if !tok.WaitTimeout(sendTimeout) {
		return errors.New("no answer to the subscription")
	}
	if err := tok.Error(); err != nil {
		return err
	}
	if sub, ok := tok.(*mqtt.SubscribeToken); ok {
		for topic, code := range sub.Result() {
			if code > 2 {
				return errors.New("subscription refused: " + topic)
			}
		}
	}
	return nil
}

// send publishes and waits until the broker took it. While there is no connection it fails at
// once: what to send is decided anew later.
func (s *session) send(ctx context.Context, topic string, payload []byte) error {
	if !s.client.IsConnectionOpen() {
		return fault.New(fault.Unreachable, "publish", topic, "no connection to the broker")
	}
	tok := s.client.Publish(topic, 1, false, payload)
	timer := time.NewTimer(sendTimeout)
	defer timer.Stop()
	select {
	case <-tok.Done():
		return fault.Wrap(fault.Unreachable, "publish", topic, tok.Error())
	case <-timer.C:
		return fault.New(fault.Timeout, "publish", topic, "the broker did not take it within %s", sendTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) close() { s.client.Disconnect(250) }

// publishStore is the store as the publisher sees it.
type publishStore struct{ *store.Store }

func change(u access.Update) publish.Change {
	return publish.Change{Put: u.Put, Gone: u.Gone, To: u.Position, DigestKey: u.DigestKey, Digest: u.Digest, Meant: u.Meant}
}

func (s publishStore) Since(ctx context.Context, gw access.GatewayID, base uint64) (publish.Change, bool, error) {
	g, err := s.Gateway(ctx, gw)
	if err != nil {
		return publish.Change{}, false, err
	}
	u, ok, err := s.Store.Since(ctx, gw, access.Position{Epoch: g.Published.Epoch, Revision: base})
	return change(u), ok, err
}

func (s publishStore) Snapshot(ctx context.Context, gw access.GatewayID) (publish.Change, error) {
	u, err := s.Store.Snapshot(ctx, gw)
	return change(u), err
}

func (s publishStore) Position(ctx context.Context, gw access.GatewayID) (access.Position, error) {
	g, err := s.Gateway(ctx, gw)
	if g.Published.Revision == 0 {
		return access.Position{}, err
	}
	return g.Published, err
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
	g, err := s.Gateway(ctx, gw)
	switch {
	case fault.KindOf(err) == fault.Invalid: // not enrolled: no key to trust, and no failure of ours
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []ed25519.PublicKey{g.Signing}, nil
}

func (s intakeStore) SaveStatus(ctx context.Context, gw access.GatewayID, st protocol.Status, at time.Time) error {
	return s.Store.SaveStatus(ctx, store.Fence{}, gw, store.Status{Online: st.Online, Boot: st.Boot, Number: st.Number, At: at})
}

func (s intakeStore) SaveHello(ctx context.Context, gw access.GatewayID, h protocol.Hello, at time.Time) error {
	return s.Store.SaveHello(ctx, store.Fence{}, gw, store.Hello{
		Protocol: h.Protocol, Software: h.Software, Position: access.Position{Epoch: h.Epoch, Revision: h.Revision}, Digest: h.Digest,
		Boot: h.Boot, Clock: store.Clock{Trusted: h.Clock.Trusted, Source: h.Clock.Source, Now: h.Clock.Now}, Waiting: h.Waiting, At: at,
	})
}

func (s intakeStore) SaveAck(ctx context.Context, gw access.GatewayID, a protocol.Ack, at time.Time) error {
	return s.Store.SaveAck(ctx, store.Fence{}, gw, a.Position, a.Digest, at)
}

func (s intakeStore) SaveInventory(ctx context.Context, gw access.GatewayID, inv protocol.Inventory, at time.Time) error {
	return s.Store.SaveInventory(ctx, store.Fence{}, gw, inv.Number, inv.Devices, at)
}

func (s intakeStore) SaveEvents(ctx context.Context, gw access.GatewayID, e protocol.Events, at time.Time) (uint64, error) {
	raw := make([][]byte, len(e.Raw))
	for i, r := range e.Raw {
		raw[i] = r
	}
	return s.Store.SaveEvents(ctx, store.Fence{}, gw, store.Events{First: e.First, Prev: e.Prev, Raw: raw, Received: at})
}
