package cloudlink

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

func TestMain(m *testing.M) {
	prototest.Warm()
	// A publication whose connection ends in the same instant waits in the library until its write timeout is over.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/eclipse/paho%2emqtt%2egolang.(*client).Publish"))
}

// gentle are limits for tests with real sockets: quick to retry, slow to give up.
var gentle = Limits{Retry: time.Millisecond, RetryMax: 20 * time.Millisecond, KeepAlive: 2 * time.Second, Ping: time.Second,
	Write: 2 * time.Second, PubAck: 4 * time.Second, Connect: 4 * time.Second, Urgent: time.Millisecond, Receipt: 500 * time.Millisecond}

// box is a gateway with a link and everything the link needs.
type box struct {
	link      *Link
	gateway   prototest.Gateway
	wanted    *memWanted
	outbox    *memOutbox
	clock     *memClock
	inventory *memInventory
	commands  memCommands
	contacts  *prototest.Log[time.Time] // when the cloud said that nothing is missing
	more      func(*protocol.Hello)
	states    chan struct{} // one for every stored revision
	lines     *prototest.Log[string]
	registry  *prometheus.Registry
	cfg       Config
}

// newBox makes a box for gateway gw1 that trusts a cloud's key; the options change its configuration.
func newBox(t *testing.T, g prototest.Gateway, url string, trust ed25519.PrivateKey, options ...func(*Config)) *box {
	t.Helper()
	b := &box{
		gateway: g, wanted: &memWanted{}, outbox: newOutbox(), clock: &memClock{trusted: true},
		inventory: &memInventory{number: 1, changed: make(chan struct{}, 8)}, commands: memCommands{make(chan string, 64)},
		states: make(chan struct{}, 1024), lines: prototest.NewLog[string](), contacts: prototest.NewLog[time.Time](), registry: prometheus.NewPedanticRegistry(),
		cfg: Config{
			Gateway: g.ID, Broker: url, Signing: g.Signing, Sealing: g.Sealing,
			Trusted: []ed25519.PublicKey{prototest.Public(trust)}, Software: "1.2.3", Boot: "boot-7", Limits: gentle,
		},
	}
	for _, o := range options {
		o(&b.cfg)
	}
	b.build(t)
	return b
}

// build makes the link, or makes it again, as after a restart of the program.
func (b *box) build(t *testing.T) {
	t.Helper()
	link, err := New(b.cfg, Deps{
		Wanted: b.wanted, Outbox: b.outbox, Clock: b.clock, Inventory: b.inventory, Commands: b.commands,
		OnState: func() { b.states <- struct{}{} }, OnContact: b.contacts.Add, Hello: b.more,
	}, slog.New(lineHandler{b.lines}))
	if err != nil {
		t.Fatal(err)
	}
	b.link = link
	b.registry = prometheus.NewPedanticRegistry()
	b.registry.MustRegister(link.Collectors()...)
}

// run starts the link and returns what stops it and waits for it. It is stopped with the test at the latest.
func (b *box) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.link.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

// stored waits until n more revisions were stored.
func (b *box) stored(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-b.states:
		case <-time.After(10 * time.Second):
			t.Fatalf("no revision was stored; at %v", b.wanted.Position())
		}
	}
}

// metric sums what a metric counts, of the samples whose labels contain every given value.
func (b *box) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	samples:
		for _, m := range f.GetMetric() {
			have := map[string]bool{}
			for _, p := range m.GetLabel() {
				have[p.GetValue()] = true
			}
			for _, want := range labels {
				if !have[want] {
					continue samples
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func (b *box) refusedFor(t *testing.T, reason string) float64 {
	t.Helper()
	return b.metric(t, "gatehouse_cloudlink_refused_messages_total", reason)
}

// lineHandler collects log lines as "message key=value …".
type lineHandler struct{ lines *prototest.Log[string] }

func (lineHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h lineHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h lineHandler) WithGroup(string) slog.Handler          { return h }

func (h lineHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	h.lines.Add(line)
	return nil
}

// secure lets a box in through TLS.
func secure(t *testing.T, ca *prototest.CA, cn string) func(*Config) {
	cert := ca.Certificate(t, cn)
	return func(c *Config) {
		c.CA = ca.Pool()
		c.Certificate = func() (tls.Certificate, error) { return cert, nil }
	}
}

func limits(change func(*Limits)) func(*Config) { return func(c *Config) { change(&c.Limits) } }

// scene is the usual set: a broker, a cloud, a gateway.
type scene struct {
	broker *prototest.Server
	cloud  *prototest.Cloud
	*box
}

func newScene(t *testing.T, options ...func(*Config)) *scene {
	t.Helper()
	broker := prototest.Broker(t)
	g := prototest.NewGateway(t, "gw1")
	cloud := prototest.NewCloud(t, broker.As(t, prototest.CloudName), g)
	return &scene{broker, cloud, newBox(t, g, broker.URL(), cloud.Signing, options...)}
}

var key = []byte("a digest key of thirty-two bytes")

func at(epoch, revision uint64) access.Position {
	return access.Position{Epoch: epoch, Revision: revision}
}
