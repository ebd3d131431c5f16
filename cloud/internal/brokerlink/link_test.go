package brokerlink

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// patience is how long a test waits for what must come. It bounds failures only.
const patience = 10 * time.Second

// rig is a broker with certificates, and what a link to it said and heard.
type rig struct {
	t      *testing.T
	ca     *prototest.CA
	broker *prototest.Server
	deny   atomic.Pointer[func(topic string, write bool) bool] // what the broker forbids the cloud
	heard  *prototest.Log[string]
	fresh  *prototest.Log[struct{}]

	mu  sync.Mutex
	log bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, ca: prototest.NewCA(t), heard: prototest.NewLog[string](), fresh: prototest.NewLog[struct{}]()}
	r.forbid(func(string, bool) bool { return false })
	r.broker = prototest.Broker(t, prototest.TLS(r.ca), prototest.Deny(func(client, topic string, write bool) bool {
		return client == prototest.CloudName && (*r.deny.Load())(topic, write)
	}))
	return r
}

func (r *rig) forbid(deny func(topic string, write bool) bool) { r.deny.Store(&deny) }

// Write collects the log.
func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *rig) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// config is that of a link without patience.
func (r *rig) config(change ...func(*Config)) Config {
	r.t.Helper()
	cfg := Config{
		Address: r.broker.URL(), CA: r.ca.Pool(), Certificate: r.ca.Certificate(r.t, prototest.CloudName), Name: prototest.CloudName,
		Receive: func(topic string, payload []byte) { r.heard.Add(topic + " " + string(payload)) },
		Kept:    func(topic string, payload []byte) { r.heard.Add("kept " + topic + " " + string(payload)) },
		Fresh:   func() { r.fresh.Add(struct{}{}) },
		Now:     time.Now, Log: slog.New(slog.NewTextHandler(r, nil)),
		Limits: Limits{Echo: 300 * time.Millisecond, EchoEvery: 20 * time.Millisecond, Again: 20 * time.Millisecond, Retry: 20 * time.Millisecond},
	}
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

// run runs a link until the test ends, or the returned function is called, which waits for its end.
func (r *rig) run(cfg Config) (*Link, func()) {
	r.t.Helper()
	l, err := New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.t.Cleanup(stop)
	return l, stop
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func connected(t *testing.T, l *Link) {
	t.Helper()
	eventually(t, "connected", func() bool { return l.State().Connected })
	if st := l.State(); st.Err != nil || st.Since.IsZero() || st.CertificateEnds.IsZero() {
		t.Errorf("the state is %+v", st)
	}
}

// fails waits for a failure and returns it.
func fails(t *testing.T, l *Link, kind fault.Kind, words ...string) {
	t.Helper()
	eventually(t, "a failure", func() bool { return l.State().Err != nil })
	st := l.State()
	if st.Connected || fault.KindOf(st.Err) != kind {
		t.Errorf("%v: connected %v, kind %v, want %v", st.Err, st.Connected, fault.KindOf(st.Err), kind)
	}
	for _, w := range words {
		if text := st.Err.Error() + " " + fault.RemedyOf(st.Err); !strings.Contains(text, w) {
			t.Errorf("%q is not said in %q", w, text)
		}
	}
}

func TestItHearsGatewaysAndSpeaksToThem(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.broker.Keep(t, protocol.StatusTopic("gw1"), []byte("before"))
	l, stop := r.run(r.config())
	connected(t, l)
	heard := r.heard.Read()
	if got := heard.Next(t, "what the broker kept"); got != "kept gatehouse/v1/gw1/status before" {
		t.Errorf("heard %q", got)
	}
	r.broker.Inject(t, protocol.UpTopic("gw1", protocol.TypeHello), []byte("hello"))
	r.broker.Inject(t, protocol.StatusTopic("gw1"), []byte("online"))
	for _, want := range []string{"gatehouse/v1/gw1/up/hello hello", "gatehouse/v1/gw1/status online"} {
		if got := heard.Next(t, want); got != want { // nothing before: test messages are not passed on
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	payload := []byte("state")
	if err := l.Send(t.Context(), protocol.DownTopic("gw1", protocol.TypeState), payload); err != nil {
		t.Fatal(err)
	}
	r.broker.Messages.Read().Find(t, "what was sent", func(m prototest.Message) bool {
		return m.Topic == "gatehouse/v1/gw1/down/state" && string(m.Payload) == "state" && m.QoS == 1 && !m.Retained
	})
	stop()
	if l.State().Connected {
		t.Error("connected after the end")
	}
	if err := l.Send(t.Context(), "x", nil); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("sending after the end: %v", err)
	}
}

// TestTowardsG12_ASubscriptionThatIsDeniedIsSaid: refused with 0x80, or granted and without effect, at first or later; the
// link tries on until it is allowed, and speaks meanwhile.
func TestTowardsG12_ASubscriptionThatIsDeniedIsSaid(t *testing.T) {
	t.Parallel()
	nothing := func(string, bool) bool { return false }
	for name, tt := range map[string]struct {
		deny func(topic string, write bool) bool
		says string
	}{
		"refused":        {func(topic string, write bool) bool { return topic == protocol.AllUp && !write }, "the broker refuses it"},
		"status refused": {func(topic string, write bool) bool { return topic == protocol.AllStatus && !write }, "the broker refuses it"},
		"granted":        {func(topic string, write bool) bool { return !write && topic == "gatehouse/v1/cloud/up/echo" }, "hear gatehouse/v1/cloud/up/echo: "},
		"status granted": {func(topic string, write bool) bool { return !write && topic == "gatehouse/v1/cloud/status" }, "hear gatehouse/v1/cloud/status: "},
		"both granted": {func(topic string, write bool) bool { return !write && strings.HasPrefix(topic, "gatehouse/v1/cloud/") },
			"hear gatehouse/v1/cloud/up/echo and gatehouse/v1/cloud/status: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.forbid(tt.deny)
			l, _ := r.run(r.config())
			fails(t, l, fault.Denied, tt.says, "let cloud read gatehouse/v1/+/up/+ and gatehouse/v1/+/status", "reload the broker")
			if err := l.Send(t.Context(), protocol.DownTopic("gw1", protocol.TypeState), []byte("x")); err != nil {
				t.Errorf("it cannot speak: %v", err)
			}
			r.forbid(nothing)
			connected(t, l)
			r.forbid(tt.deny)
			if name == "refused" || name == "status refused" {
				return // this broker asks for filters when they are subscribed only
			}
			eventually(t, "noticed under the open connection", func() bool { return !l.State().Connected })
			r.forbid(nothing)
			connected(t, l)
			if n := len(r.broker.Connects.All()); n != 1 {
				t.Errorf("%d connections for it", n)
			}
			if n := strings.Count(r.said(), "not connected to the broker"); n != 2 {
				t.Errorf("it is logged %d times, want once at each begin:\n%s", n, r.said())
			}
		})
	}
}

// TestTowardsG12_ABrokerThatEndsTheConnectionOverATestMessage is one that answers a forbidden message so, as the embedded one does.
func TestTowardsG12_ABrokerThatEndsTheConnectionOverATestMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.forbid(func(topic string, write bool) bool { return write && topic == "gatehouse/v1/cloud/up/echo" })
	l, _ := r.run(r.config())
	fails(t, l, fault.Denied, "closed the connection over it", "write gatehouse/v1/cloud/up/echo")
	r.forbid(func(string, bool) bool { return false })
	connected(t, l)
}

// TestAConnectionThatIsLostIsMadeAnew, and the publisher is told once on each.
func TestAConnectionThatIsLostIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	l, _ := r.run(r.config())
	for i := range 3 {
		connected(t, l)
		if n := len(r.fresh.All()); n != i+1 {
			t.Errorf("told %d times on connection %d", n, i+1)
		}
		r.broker.Stop()
		eventually(t, "the loss is noticed", func() bool { return !l.State().Connected && l.State().Err != nil })
		if err := l.Send(t.Context(), "x", nil); err == nil {
			t.Error("sent without a connection")
		}
		r.broker.Start(t)
	}
	connected(t, l)
}

// TestAConnectionThatIsTakenAwayAgainAndAgain is what a second cloud with the same name does.
func TestAConnectionThatIsTakenAwayAgainAndAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	l, _ := r.run(r.config())
	for range 3 {
		connected(t, l)
		r.broker.Kick(prototest.CloudName)
		eventually(t, "lost", func() bool { return !l.State().Connected })
	}
	if said := r.said(); !strings.Contains(said, "a second cloud with the same authority") {
		t.Errorf("it does not say what may be wrong:\n%s", said)
	}
}

func TestTowardsG12_WhyABrokerIsNotJoined(t *testing.T) {
	t.Parallel()
	plain := prototest.Broker(t)
	for name, tt := range map[string]struct {
		change func(*rig, *Config)
		kind   fault.Kind
		words  []string
	}{
		"another authority's broker": {func(r *rig, c *Config) { c.CA = prototest.NewCA(r.t).Pool() }, fault.Denied, []string{"signed by unknown authority", "broker certificate"}},
		"another name":               {func(_ *rig, c *Config) { c.ServerName = "broker.example.com" }, fault.Denied, []string{"is for localhost, 127.0.0.1 and not for broker.example.com", "--name"}},
		"another authority's cloud":  {func(r *rig, c *Config) { c.Certificate = prototest.NewCA(r.t).Certificate(r.t, c.Name) }, fault.Denied, []string{"remote error", "pki/ca.pem"}},
		"no certificate":             {func(_ *rig, c *Config) { c.Certificate = tls.Certificate{} }, fault.Denied, []string{"certificate required", "does not take the cloud's certificate"}},
		"a name that is not let in":  {func(_ *rig, c *Config) { c.Name = "somebody" }, fault.Denied, []string{"not Authorized", "use_identity_as_username"}},
		"no TLS":                     {func(_ *rig, c *Config) { c.Address = "tls://" + plain.Addr() }, fault.Unreachable, []string{"closed the connection"}},
		"nobody":                     {func(r *rig, _ *Config) { r.broker.Stop() }, fault.Unreachable, []string{"connection refused", "See that the broker runs"}},
		"silence":                    {func(r *rig, c *Config) { c.Address, c.Limits.Connect = "tls://"+silent(r.t), 50*time.Millisecond }, fault.Timeout, []string{"deadline exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			cfg := r.config()
			tt.change(r, &cfg)
			l, _ := r.run(cfg)
			fails(t, l, tt.kind, tt.words...)
			eventually(t, "it tries on", func() bool { return l.State().Err != nil && strings.Contains(r.said(), "not connected") })
		})
	}
}

// silent is an address where connections are taken and nothing is ever said.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// TestClosingEndsItAtOnce, whatever it is waiting for.
func TestClosingEndsItAtOnce(t *testing.T) {
	t.Parallel()
	long := func(c *Config) {
		c.Limits = Limits{Connect: time.Hour, Answer: time.Hour, Echo: time.Hour, EchoEvery: time.Hour, Again: time.Hour, Retry: time.Hour}
	}
	for name, tt := range map[string]struct {
		prepare func(*rig, *Config)
		waiting func(*rig, *Link) bool
	}{
		"the next test":         {func(*rig, *Config) {}, func(_ *rig, l *Link) bool { return l.State().Connected }},
		"the next subscription": {func(r *rig, _ *Config) { r.forbid(func(topic string, _ bool) bool { return topic == protocol.AllUp }) }, func(_ *rig, l *Link) bool { return l.State().Err != nil }},
		"a test message": {func(r *rig, _ *Config) {
			r.forbid(func(topic string, write bool) bool { return !write && strings.HasPrefix(topic, "gatehouse/v1/cloud/") })
		},
			func(r *rig, _ *Link) bool { return len(r.fresh.All()) > 0 }},
		"the next connection": {func(r *rig, _ *Config) { r.broker.Stop() }, func(_ *rig, l *Link) bool { return l.State().Err != nil }},
		"a broker that says nothing": {func(r *rig, c *Config) { c.Address = "tls://" + silent(r.t) },
			func(_ *rig, l *Link) bool { return !l.State().Since.IsZero() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			cfg := r.config(long)
			tt.prepare(r, &cfg)
			l, stop := r.run(cfg)
			eventually(t, "it waits", func() bool { return tt.waiting(r, l) })
			began := time.Now()
			stop()
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestANetworkThatTakesNothingCostsTheConnection: nobody is told when the other end has gone.
func TestANetworkThatTakesNothingCostsTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := prototest.NewProxy(t, r.broker.Addr())
	l, _ := r.run(r.config(func(c *Config) { c.Address, c.Limits.Answer = "tls://"+p.Addr(), 200*time.Millisecond }))
	connected(t, l)
	p.Blackhole()
	eventually(t, "noticed", func() bool { return !l.State().Connected })
	if err := l.Send(t.Context(), protocol.DownTopic("gw1", protocol.TypeState), []byte("x")); err == nil {
		t.Error("sent into a hole")
	}
	p.Reset()
	p.Heal()
	connected(t, l)
}

func TestTowardsG12_ACertificateThatEndsIsAnnouncedOnceADay(t *testing.T) {
	t.Parallel()
	r := newRig(t) // its broker's certificate is good for a day
	var ahead atomic.Int64
	l, _ := r.run(r.config(func(c *Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		c.Limits.Look = time.Nanosecond
	}))
	connected(t, l)
	warnings := func() int { return strings.Count(r.said(), "certificate ends soon") }
	eventually(t, "a warning", func() bool { return warnings() == 1 })
	n := len(r.broker.Messages.All())
	eventually(t, "ten more tests", func() bool { return len(r.broker.Messages.All()) > n+20 })
	if got := warnings(); got != 1 {
		t.Errorf("%d warnings on one day", got)
	}
	ahead.Store(int64(25 * time.Hour))
	eventually(t, "a warning on the next day", func() bool { return warnings() == 2 })
	if !strings.Contains(r.said(), "broker certificate --force") {
		t.Error("it does not say what to do")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "tcp://127.0.0.1:1883", "tls://127.0.0.1", "tls://:8883", "127.0.0.1:8883", "tls://%zz:1"} {
		if _, err := New(Config{Address: address, Name: "cloud"}); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := New(Config{Address: "tls://127.0.0.1:8883", Name: "a/b"}); fault.KindOf(err) != fault.Invalid || err == nil {
		t.Errorf("a name that is a path: %v", err)
	}
	l, err := New(Config{Address: "tls://broker.example.com:8883", Name: "cloud"})
	if err != nil || l.cfg.ServerName != "broker.example.com" || l.Address() != "tls://broker.example.com:8883" {
		t.Errorf("%+v, %v", l, err)
	}
	for what, d := range map[string]time.Duration{"Connect": l.cfg.Limits.Connect, "Answer": l.cfg.Limits.Answer, "Echo": l.cfg.Limits.Echo, "Look": l.cfg.Limits.Look} {
		if d <= 0 {
			t.Errorf("%s is %s by default", what, d)
		}
	}
}
