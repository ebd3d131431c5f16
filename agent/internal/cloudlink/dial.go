package cloudlink

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
)

// dialer makes sessions.
type dialer struct {
	cfg    Config
	broker *url.URL
	now    func() time.Time // what certificates are judged by
	count  func(direction string, n int)
}

// dial makes one attempt: TCP, TLS, CONNECT, CONNACK. It returns within the connect limit and leaves nothing behind on failure.
func (d dialer) dial(ctx context.Context, g greeting) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Limits.Connect)
	defer cancel()
	s := &pahoSession{pubAck: d.cfg.Limits.PubAck, gone: make(chan struct{})}
	s.client = mqtt.NewClient(d.options(ctx, s, g))
	// Before Connect: what the broker kept for the session arrives before any subscription, and a message without
	// a handler would never be acknowledged.
	s.client.AddRoute(protocol.AllDown(d.cfg.Gateway), handler(g))
	abort := context.AfterFunc(ctx, func() { s.fail(ctx.Err()) })
	token := s.client.Connect()
	<-token.Done() // ends: the attempt has a deadline, and abort closes the connection
	if err := token.Error(); err != nil || !abort() {
		if s.err() != nil {
			err = s.err() // nearer to the cause than paho's words
		}
		s.close(0)
		return nil, d.explain(err)
	}
	return s, nil
}

func handler(g greeting) mqtt.MessageHandler {
	return func(_ mqtt.Client, m mqtt.Message) { g.receive(m.Topic(), m.Payload()) }
}

// options are paho's; see the package comment for why it does not reconnect.
func (d dialer) options(ctx context.Context, s *pahoSession, g greeting) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions()
	o.Servers = []*url.URL{d.broker}
	o.SetClientID(string(d.cfg.Gateway))
	o.SetProtocolVersion(4) // unset, a refused CONNECT is tried again as MQTT 3.1
	o.SetCleanSession(g.clean)
	o.SetAutoReconnect(false).SetConnectRetry(false)
	o.SetOrderMatters(true)
	o.SetStore(mqtt.NewOrderedMemoryStore())
	o.SetConnectTimeout(d.cfg.Limits.Connect)
	o.SetWriteTimeout(d.cfg.Limits.Write)
	o.SetKeepAlive(d.cfg.Limits.KeepAlive)
	o.SetPingTimeout(d.cfg.Limits.Ping)
	o.SetBinaryWill(protocol.StatusTopic(d.cfg.Gateway), g.will, 1, true)
	o.SetDefaultPublishHandler(handler(g))
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.fail(err) })
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		raw, err := d.open(ctx)
		if err != nil {
			s.fail(err)
			return nil, err
		}
		c := newConn(raw, d.cfg.Limits.Write, d.count, func(err error) { s.fail(words(err)) })
		if err := s.attach(c); err != nil {
			_ = c.Close()
			return nil, err
		}
		return c, nil
	})
	return o
}

// open dials TCP, and TLS where the address says so. It does not look at proxy variables of the environment.
func (d dialer) open(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Control: userTimeout(d.cfg.Limits.KeepAlive), KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: d.cfg.Limits.KeepAlive, Interval: d.cfg.Limits.Ping, Count: 3,
	}}
	raw, err := dialer.DialContext(ctx, "tcp", d.broker.Host)
	if err != nil || d.broker.Scheme != "tls" {
		return raw, err
	}
	config, err := d.tls()
	if err == nil {
		secure := tls.Client(raw, config)
		if err = secure.HandshakeContext(ctx); err == nil {
			return secure, nil
		}
	}
	_ = raw.Close()
	return nil, err
}

// tls reads the gateway's certificate afresh for every attempt, so that a renewed one is used.
func (d dialer) tls() (*tls.Config, error) {
	cert, err := d.cfg.Certificate()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "read", "client certificate", err)
	}
	name := d.cfg.ServerName
	if name == "" {
		name = d.broker.Hostname()
	}
	return &tls.Config{
		ServerName: name, RootCAs: d.cfg.CA, Certificates: []tls.Certificate{cert},
		MinVersion: tls.VersionTLS12, Time: d.now,
	}, nil
}

// words gives the network's ends a meaning. A connection that was closed on this side without a cause was closed by
// paho, which does so when a ping stays unanswered.
func words(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errEnded
	case errors.Is(err, net.ErrClosed):
		return errNoPong
	}
	return err
}

// explain makes a failed attempt a fault.
func (d dialer) explain(err error) error {
	kind, remedy := fault.Unreachable, "check the network, the broker's address and its port"
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		kind = fault.Timeout
	case errors.As(err, &certificate):
		kind, remedy = fault.Denied, "check the broker's certificate, its name, the CA and the gateway's clock"
	case errors.As(err, &network) && network.Op == "remote error": // how crypto/tls reports the peer's alert
		kind, remedy = fault.Denied, "the broker refuses the gateway's certificate: check its CA and validity, or enrol again"
	case refused(err):
		kind, remedy = fault.Denied, "the broker does not let this gateway in: its id must be the certificate's common name and the broker must know it"
	}
	return fault.New(kind, "connect to", d.broker.Host, "%w", err).WithRemedy("%s", remedy)
}

// refused says whether a broker answered CONNECT with a refusal (CONNACK codes 1 to 5).
func refused(err error) bool {
	for code, known := range packets.ConnErrors {
		if code >= packets.ErrRefusedBadProtocolVersion && code <= packets.ErrRefusedNotAuthorised && errors.Is(err, known) {
			return true
		}
	}
	return false
}
