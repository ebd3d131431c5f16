package broker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/cloud/internal/broker"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

const cloud = "the-cloud"

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// rig is a broker with the people who may or may not come in.
type rig struct {
	t      *testing.T
	ca     *prototest.CA
	broker *broker.Broker

	mu     sync.Mutex
	known  []access.GatewayID
	broken error
}

func newRig(t *testing.T, known ...access.GatewayID) *rig {
	t.Helper()
	r := &rig{t: t, ca: prototest.NewCA(t), known: known}
	b, err := broker.Start(broker.Config{
		Listen: "127.0.0.1:0", TLS: r.tls(), Cloud: cloud, Known: r.isKnown, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.broker = b
	t.Cleanup(func() { _ = b.Close() })
	return r
}

func (r *rig) tls() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{r.ca.Certificate(r.t, "broker")},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: r.ca.Pool(), MinVersion: tls.VersionTLS12,
	}
}

func (r *rig) isKnown(gw access.GatewayID, _ string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.known, gw), r.broken
}

// breaks makes the question who is known fail; nil mends it.
func (r *rig) breaks(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = err
}

func (r *rig) revoke(gw access.GatewayID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = slices.DeleteFunc(r.known, func(k access.GatewayID) bool { return k == gw })
}

func (r *rig) url() string { return "tls://" + r.broker.Addr().String() }

// client is a paho client that knows what it received and when it was cut off.
type client struct {
	paho.Client
	t    *testing.T
	log  *prototest.Log[paho.Message]
	got  *prototest.Reader[paho.Message]
	lost chan error
}

// options are those of a client whose certificate says name.
func (r *rig) options(name string) *paho.ClientOptions {
	return paho.NewClientOptions().AddBroker(r.url()).SetClientID(name).SetProtocolVersion(4).
		SetTLSConfig(r.ca.Client(r.t, name)).SetAutoReconnect(false).SetConnectTimeout(patience).SetWriteTimeout(patience)
}

// dial tries to connect.
func (r *rig) dial(o *paho.ClientOptions) (*client, error) {
	log := prototest.NewLog[paho.Message]()
	c := &client{t: r.t, log: log, got: log.Read(), lost: make(chan error, 1)}
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { c.lost <- err })
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { log.Add(m) })
	c.Client = paho.NewClient(o)
	err := c.await(c.Connect())
	if err == nil {
		r.t.Cleanup(func() { c.Disconnect(0) })
	}
	return c, err
}

func (r *rig) join(name string) *client {
	r.t.Helper()
	return r.joinAs(name, name)
}

func (r *rig) joinAs(certificate, id string) *client {
	r.t.Helper()
	c, err := r.dial(r.options(certificate).SetClientID(id))
	if err != nil {
		r.t.Fatalf("%s: %v", id, err)
	}
	return c
}

func (c *client) await(tok paho.Token) error {
	c.t.Helper()
	if !tok.WaitTimeout(patience) {
		c.t.Fatal("the broker does not answer")
	}
	return tok.Error()
}

// subscribe returns the code with which the broker answers.
func (c *client) subscribe(filter string) byte {
	c.t.Helper()
	tok, ok := c.Subscribe(filter, 1, nil).(*paho.SubscribeToken)
	if !ok {
		c.t.Fatal("not a subscription's token")
	}
	if err := c.await(tok); err != nil {
		c.t.Fatal(filter, err)
	}
	for _, code := range tok.Result() { // of the one filter; its name here lacks $share
		return code
	}
	c.t.Fatal("no answer for ", filter)
	return 0
}

func (c *client) publish(topic string, qos byte, retained bool, payload string) error {
	c.t.Helper()
	return c.await(c.Publish(topic, qos, retained, payload))
}

// cut waits until the broker has cut the connection.
func (c *client) cut() {
	c.t.Helper()
	select {
	case <-c.lost: //nolint:errcheck // that it was lost is the point
	case <-time.After(patience):
		c.t.Fatal("still connected")
	}
}

// next waits for a message on a topic.
func (c *client) next(topic string) paho.Message {
	c.t.Helper()
	return c.got.Find(c.t, topic, func(m paho.Message) bool { return m.Topic() == topic })
}

// pair is a key with a certificate that it signed itself.
func pair(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (r *rig) raw() net.Conn {
	r.t.Helper()
	c, err := tls.Dial("tcp", r.broker.Addr().String(), r.ca.Client(r.t, "gw-a"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}
