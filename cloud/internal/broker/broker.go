// Package broker is the MQTT broker inside gatehouse-cloud: enough for one machine and for the
// demo, with mutual TLS and a gateway's certificate deciding what it may see. Beyond one machine
// any MQTT 3.1.1 broker takes its place; nothing else may depend on this package.
package broker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config is how the broker listens and whom it knows.
type Config struct {
	Listen string      // host:port, TLS only
	TLS    *tls.Config // must require and verify client certificates
	Cloud  string      // common name that may do everything
	// Known says whether a gateway is enrolled and its certificate, by its serial number in hex, is not
	// revoked; it is asked at every connect and by Recheck. An error lets nobody in and cuts nobody off.
	Known func(gw access.GatewayID, serial string) (bool, error)
	Log   *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	cfg    Config
	server *mqtt.Server
	ln     *listener
	close  func() error
}

const (
	maxPacket  = 256 << 10
	maxSession = 7 * 24 * 3600 // seconds
	version311 = 4             // MQTT 3.1.1: the contract's, and without MQTT 5's topic aliases and delayed wills
)

// Start listens and serves until Close. A TLS configuration that would let clients in without a
// certificate is Invalid.
func Start(cfg Config) (*Broker, error) {
	if cfg.TLS == nil || cfg.TLS.ClientAuth != tls.RequireAndVerifyClientCert || cfg.TLS.ClientCAs == nil {
		return nil, fault.New(fault.Invalid, "start", "broker", "its TLS configuration does not require client certificates of our authority")
	}
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MaximumPacketSize, caps.MaximumQos, caps.MinimumProtocolVersion = maxPacket, 1, version311
	caps.MaximumSessionExpiryInterval = maxSession
	s := mqtt.New(&mqtt.Options{Capabilities: caps, Logger: slog.New(tidy{cfg.Log.Handler()})})
	if err := s.AddHook(&hook{cfg: cfg}, nil); err != nil {
		return nil, fault.Wrap(fault.Internal, "start", "broker", err)
	}
	tcp, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fault.New(fault.Unreachable, "listen for gateways on", cfg.Listen, "%w", err).
			WithRemedy("Choose another address with broker_listen, or stop the program that uses this one.")
	}
	ln := newListener(tcp)
	err = s.AddListener(listeners.NewNet("gateways", tls.NewListener(ln, cfg.TLS)))
	if err == nil {
		err = s.Serve()
	}
	if err != nil {
		_ = ln.Close() // nobody has come yet
		return nil, fault.Wrap(fault.Internal, "start", "broker", err)
	}
	return &Broker{cfg, s, ln, sync.OnceValue(s.Close)}, nil
}

// Addr is where the broker listens.
func (b *Broker) Addr() net.Addr { return b.ln.Addr() }

// Close cuts every connection, also those that have not said who they are, and waits until all are
// gone. Closing again does nothing.
func (b *Broker) Close() error {
	_ = b.ln.Close() // first: the library would write a farewell to everybody, and wait for who does not read
	return b.close()
}

// Recheck cuts off every gateway that would not be let in any more.
func (b *Broker) Recheck() {
	for _, cl := range b.server.Clients.GetAll() {
		name := commonName(cl.Net.Conn)
		if cl.Closed() || name == "" || name == b.cfg.Cloud {
			continue
		}
		if known, err := b.cfg.Known(access.GatewayID(name), serial(cl.Net.Conn)); err == nil && !known {
			b.cfg.Log.Warn("cut off a gateway that is not admitted any more", "certificate", name, "remote", cl.Net.Remote)
			cl.Stop(packets.ErrNotAuthorized) // without a farewell, which could wait for who does not read
		}
	}
}

// hook decides who may connect and who may see what.
type hook struct {
	mqtt.HookBase
	cfg Config
}

// ID implements mqtt.Hook.
func (h *hook) ID() string { return "gatehouse-access" }

// Provides implements mqtt.Hook.
func (h *hook) Provides(b byte) bool {
	return bytes.Contains([]byte{mqtt.OnConnectAuthenticate, mqtt.OnACLCheck}, []byte{b})
}

// OnConnectAuthenticate lets a client in under its certificate's name only: taking over another
// gateway's session would otherwise need nothing but its id. Nobody asks OnACLCheck about a last
// will, so it is looked at here.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	name := commonName(cl.Net.Conn)
	why := h.refuse(name, serial(cl.Net.Conn), pk)
	if why == "" {
		return true
	}
	h.cfg.Log.Warn("refused a connection to the broker", "why", why, "certificate", name,
		"client_id", pk.Connect.ClientIdentifier, "remote", cl.Net.Remote)
	return false
}

// refuse says why a connection is refused; "" lets it in.
func (h *hook) refuse(name, serial string, pk packets.Packet) string {
	gw := access.GatewayID(name)
	switch {
	case name == "":
		return "no certificate"
	case pk.ProtocolVersion != version311:
		return "not MQTT 3.1.1"
	case name == h.cfg.Cloud:
		return ""
	case pk.Connect.ClientIdentifier != name:
		return "a client id that is not the certificate's name"
	case pk.Connect.WillFlag && !protocol.May(gw, pk.Connect.WillTopic, true):
		return "a last will for a topic that is not its own"
	}
	switch known, err := h.cfg.Known(gw, serial); {
	case err != nil:
		return "who is enrolled cannot be looked up: " + err.Error()
	case !known:
		return "a gateway that is not enrolled, or revoked, or with a certificate of before"
	}
	return ""
}

// OnACLCheck shows a gateway its own branch only.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	name := commonName(cl.Net.Conn)
	return name != "" && (name == h.cfg.Cloud || protocol.May(access.GatewayID(name), topic, write))
}

func commonName(c net.Conn) string {
	if cert := certificate(c); cert != nil {
		return cert.Subject.CommonName
	}
	return ""
}

func serial(c net.Conn) string {
	if cert := certificate(c); cert != nil {
		return cert.SerialNumber.Text(16)
	}
	return ""
}

// certificate is the client's; nil without one.
func certificate(c net.Conn) *x509.Certificate {
	t, ok := c.(*tls.Conn)
	if !ok || len(t.ConnectionState().PeerCertificates) == 0 {
		return nil
	}
	return t.ConnectionState().PeerCertificates[0]
}
