package prototest

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	mqtt "github.com/mochi-mqtt/server/v2"
)

// CloudName is the client id, and on TLS the common name, that may speak on every gateway's branch.
const CloudName = "cloud"

// Server is a broker on loopback with the product's authorisation. It records every message it accepts.
type Server struct {
	Messages *Log[Message] // every message the broker accepted, wills included, in order
	Connects *Log[Connect] // every client that was let in

	ca        *CA
	tls       *tls.Config
	deny      func(client, topic string, write bool) bool
	maxPacket uint32

	mu   sync.Mutex
	addr string
	mq   *mqtt.Server // nil while stopped
	gate *gate
}

// Option changes a Broker.
type Option func(*Server)

// TLS makes the broker speak TLS and ask every client for a certificate of ca; the client id must be its common name.
func TLS(ca *CA) Option { return func(s *Server) { s.ca = ca } }

// MaxPacket replaces the limit of 256 KiB a packet; 0 means none.
func MaxPacket(n uint32) Option { return func(s *Server) { s.maxPacket = n } }

// Deny refuses more than the product's rules do. It is called from the broker's goroutines.
func Deny(deny func(client, topic string, write bool) bool) Option {
	return func(s *Server) { s.deny = deny }
}

// Broker starts a broker on a free loopback port; it ends with the test. Without options it speaks plain TCP.
func Broker(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{
		Messages: NewLog[Message](), Connects: NewLog[Connect](), maxPacket: 256 << 10, addr: "127.0.0.1:0",
		deny: func(string, string, bool) bool { return false },
	}
	for _, o := range options {
		o(s)
	}
	if s.ca != nil {
		s.tls = s.ca.server(t)
	}
	s.Start(t)
	t.Cleanup(s.Stop)
	return s
}

// Start starts a stopped broker on the same port. Like a broker without a disk it has forgotten everything.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	ln, err := net.Listen("tcp", s.addr)
	must(t, err)
	s.addr = ln.Addr().String()
	if s.tls != nil {
		ln = tls.NewListener(ln, s.tls)
	}
	s.mq = mqtt.New(&mqtt.Options{
		Capabilities: s.capabilities(), Logger: slog.New(slog.DiscardHandler),
		InlineClient: true, SysTopicResendInterval: 3600,
	})
	must(t, s.mq.AddHook(&hook{server: s}, nil))
	s.gate = newGate(ln)
	must(t, s.mq.AddListener(s.gate))
	must(t, s.mq.Serve())
}

// capabilities are the limits of the product's embedded broker.
func (s *Server) capabilities() *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumPacketSize, c.MaximumQos, c.MinimumProtocolVersion = s.maxPacket, 1, 4
	c.MaximumSessionExpiryInterval = 7 * 24 * 3600
	return c
}

// Stop ends the broker and cuts every connection. Stopping twice is allowed.
func (s *Server) Stop() {
	s.mu.Lock()
	mq, gate := s.mq, s.gate
	s.mq = nil
	s.mu.Unlock()
	if mq != nil {
		gate.shut()
		_ = mq.Close() // it always returns nil
	}
}

// Addr is the broker's host:port.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// URL is tcp://host:port, or tls://host:port.
func (s *Server) URL() string {
	if s.tls != nil {
		return "tls://" + s.Addr()
	}
	return "tcp://" + s.Addr()
}

// As is how the client of that name gets in.
func (s *Server) As(t testing.TB, name string) Entry {
	t.Helper()
	if s.ca == nil {
		return Entry{URL: s.URL()}
	}
	return Entry{URL: s.URL(), TLS: s.ca.Client(t, name)}
}

// Entry is an address with what it takes to be let in.
type Entry struct {
	URL string
	TLS *tls.Config // nil for plain TCP
}

func (e Entry) open(uri *url.URL, o paho.ClientOptions) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: o.ConnectTimeout}
	if e.TLS == nil {
		return dialer.Dial("tcp", uri.Host)
	}
	return tls.DialWithDialer(dialer, "tcp", uri.Host, e.TLS)
}

// Kick cuts a client's connection without a word and reports whether there was one.
func (s *Server) Kick(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mq == nil {
		return false
	}
	cl, ok := s.mq.Clients.Get(client)
	if !ok || cl.Closed() {
		return false
	}
	_ = cl.Net.Conn.Close() // already closed is as good
	return true
}

// Inject delivers bytes as only the broker itself can: no rule is asked. It is how tests play a hostile broker.
func (s *Server) Inject(t testing.TB, topic string, payload []byte) {
	t.Helper()
	s.inject(t, topic, payload, false)
}

// Keep is Inject of a message that the broker keeps for whoever subscribes later.
func (s *Server) Keep(t testing.TB, topic string, payload []byte) {
	t.Helper()
	s.inject(t, topic, payload, true)
}

func (s *Server) inject(t testing.TB, topic string, payload []byte, retain bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	must(t, s.mq.Publish(topic, payload, retain, 1))
}
