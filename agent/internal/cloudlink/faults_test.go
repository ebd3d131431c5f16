package cloudlink

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// behindProxy is a scene whose gateway reaches the broker only through a proxy.
func behindProxy(t *testing.T, options ...func(*Config)) (*scene, *prototest.Proxy) {
	t.Helper()
	s := newScene(t, options...)
	p := prototest.NewProxy(t, s.broker.Addr())
	s.cfg.Broker = "tcp://" + p.Addr()
	s.build(t)
	return s, p
}

// lost waits for the log line about the end of a connection.
func lost(t *testing.T, b *box) string {
	t.Helper()
	return b.lines.Read().Find(t, "the end of the connection", func(l string) bool { return strings.HasPrefix(l, "no link to the cloud") })
}

func TestHalfOpenConnectionIsFoundAndReplaced(t *testing.T) {
	t.Parallel()
	s, p := behindProxy(t, limits(func(l *Limits) { l.Ping = 300 * time.Millisecond }))
	s.run(t)
	hellos := s.cloud.Hellos.Read()
	hellos.Next(t, "a hello")
	began := time.Now()
	p.Blackhole() // nothing is closed, nothing comes
	if l := lost(t, s.box); !strings.Contains(l, errNoPong.Error()) {
		t.Error(l)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("found after %s with a keep-alive of 2 s", took)
	}
	p.Heal()
	hellos.Next(t, "a hello on a new connection")
}

func TestBrokerThatTakesNothingCostsTheConnection(t *testing.T) {
	t.Parallel()
	s, p := behindProxy(t, limits(func(l *Limits) { l.PubAck, l.KeepAlive = 300*time.Millisecond, time.Minute }))
	s.run(t)
	s.cloud.Inventories.Read().Next(t, "an inventory")
	p.Blackhole()
	s.outbox.add(1, 0)
	if l := lost(t, s.box); !strings.Contains(l, errNoPuback.Error()) {
		t.Error(l)
	}
}

func TestResetAndHalfCloseReconnectAndLoseNothing(t *testing.T) {
	t.Parallel()
	s, p := behindProxy(t, limits(func(l *Limits) { l.Receipt = 300 * time.Millisecond }))
	keeper := s.cloud.Keep(s.gateway, nil)
	s.run(t)
	hellos := s.cloud.Hellos.Read()
	hellos.Next(t, "a hello")
	for _, cut := range []func() int{p.Reset, p.HalfClose, p.Reset} {
		s.outbox.add(300, 500)
		if cut() == 0 {
			t.Error("there was no connection to cut")
		}
		hellos.Next(t, "a hello after the cut")
	}
	kept := keeper.Kept.Read()
	for n := uint64(1); n <= 900; n++ {
		if k := kept.Next(t, "an event"); k.Number != n {
			t.Fatalf("event %d, want %d", k.Number, n)
		}
	}
	if bad := keeper.Bad.All(); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestSlowLineCarriesASnapshot(t *testing.T) {
	t.Parallel()
	s, p := behindProxy(t)
	p.Throttle(60 << 10)
	s.cloud.Keep(s.gateway, prototest.People(t, 100))
	s.run(t)
	s.stored(t, 1)
}

func TestShutdownOnABlackHoleIsQuick(t *testing.T) {
	t.Parallel()
	s, p := behindProxy(t, limits(func(l *Limits) { l.KeepAlive = time.Minute }))
	stop := s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	p.Blackhole()
	began := time.Now()
	stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s to stop", took)
	}
}

func TestShutdownWhileConnectingIsQuick(t *testing.T) {
	t.Parallel()
	s, p := behindProxy(t, limits(func(l *Limits) { l.Connect = time.Minute }))
	p.Blackhole() // TCP connects, CONNACK never comes
	stop := s.run(t)
	began := time.Now()
	stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %s to stop", took)
	}
}

// TestStuckHandlerDoesNotHoldTheLink covers a store that hangs: paho waits for its handler before it reports a loss.
func TestStuckHandlerDoesNotHoldTheLink(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	entered, release := make(chan struct{}), make(chan struct{})
	s.wanted.during = func(u access.Update) {
		if u.Revision == 1 {
			close(entered)
			<-release
		}
	}
	s.run(t)
	hellos := s.cloud.Hellos.Read()
	hellos.Next(t, "a hello")
	s.cloud.Snapshot(t, s.gateway, at(1, 1), key, nil, "")
	<-entered
	s.broker.Kick("gw1")
	// It reconnects while the store still hangs; what it says of itself has to wait for the store.
	s.cloud.Statuses.Read().Find(t, "online again", func(st protocol.Status) bool { return st.Online && st.Number >= 2 })
	close(release)
	hellos.Find(t, "a hello with what was stored", func(h prototest.Up[hello]) bool { return h.Body.Revision == 1 })
}

// TestBurstOfMessagesWhileSendingDoesNotDeadlock sends many messages at once: handlers that publish would hang here.
func TestBurstOfMessagesWhileSendingDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	keeper := s.cloud.Keep(s.gateway, nil)
	s.outbox.add(2000, 200)
	s.run(t)
	s.stored(t, 1)
	for i, it := range prototest.People(t, 30) {
		_ = i
		keeper.Change([]access.Item{it}, nil)
	}
	pos, _ := keeper.At()
	s.cloud.Acks.Read().Find(t, "the last ack", func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos })
	keeper.Kept.Read().Find(t, "the last event", func(k prototest.Kept) bool { return k.Number == 2000 })
}

// TestManyCyclesLeaveNothingBehind relies on the leak check at the end of the package.
func TestManyCyclesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	s := newScene(t, limits(func(l *Limits) { l.RetryMax = time.Millisecond }))
	s.run(t)
	hellos := s.cloud.Hellos.Read()
	for range 100 {
		hellos.Next(t, "a hello")
		s.broker.Kick("gw1")
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca := prototest.NewCA(t)
	broker := prototest.Broker(t, prototest.TLS(ca))
	g := prototest.NewGateway(t, "gw1")
	cloud := prototest.NewCloud(t, broker.As(t, prototest.CloudName), g)
	keeper := cloud.Keep(g, prototest.People(t, 2))
	b := newBox(t, g, broker.URL(), cloud.Signing, secure(t, ca, "gw1"))
	b.outbox.add(1, 0)
	b.run(t)
	b.stored(t, 1)
	keeper.Kept.Read().Next(t, "an event")
}

func TestRefusalsOfTLSAndBrokerAreSaidInWords(t *testing.T) {
	t.Parallel()
	ca, other := prototest.NewCA(t), prototest.NewCA(t)
	broker := prototest.Broker(t, prototest.TLS(ca))
	g := prototest.NewGateway(t, "gw1")
	key := prototest.NewSigningKey(t)
	for name, c := range map[string]struct {
		option func(*Config)
		want   string
	}{
		"a broker of another CA":     {func(c *Config) { secure(t, ca, "gw1")(c); c.CA = other.Pool() }, "certificate signed by unknown authority"},
		"a gateway of another CA":    {func(c *Config) { secure(t, other, "gw1")(c); c.CA = ca.Pool() }, "remote error: tls"},
		"another name":               {secure(t, ca, "gw2"), "not Authorized"},
		"a broker of another name":   {func(c *Config) { secure(t, ca, "gw1")(c); c.ServerName = "broker.example.com" }, "broker.example.com"},
		"a certificate that is gone": {func(c *Config) { c.Certificate = func() (tls.Certificate, error) { return tls.Certificate{}, errDisk } }, "client certificate"},
	} {
		b := newBox(t, g, broker.URL(), key, c.option)
		b.run(t)
		if l := lost(t, b); !strings.Contains(l, c.want) {
			t.Errorf("%s: %s", name, l)
		}
	}
}

// TestBoxThatWakesInThePastConnects has a wall clock before the broker's certificate and a better remembered time.
func TestBoxThatWakesInThePastConnects(t *testing.T) {
	t.Parallel()
	ca := prototest.NewCA(t)
	broker := prototest.Broker(t, prototest.TLS(ca))
	g := prototest.NewGateway(t, "gw1")
	cloud := prototest.NewCloud(t, broker.As(t, prototest.CloudName), g)
	b := newBox(t, g, broker.URL(), cloud.Signing, secure(t, ca, "gw1"))
	past := -20 * 365 * 24 * time.Hour
	b.link.deps.Now = func() time.Time { return time.Now().Add(past) }
	b.clock.set(past, false)
	stop := b.run(t)
	if l := lost(t, b); !strings.Contains(l, "not yet valid") {
		t.Error(l)
	}
	stop()
	b.clock.set(0, false)
	b.build(t)
	b.link.deps.Now = func() time.Time { return time.Now().Add(past) }
	b.run(t)
	cloud.Hellos.Read().Next(t, "a hello")
}

func TestNobodyThereIsAFaultWithARemedy(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	b := newBox(t, prototest.NewGateway(t, "gw1"), "tcp://"+addr, prototest.NewSigningKey(t))
	_, err = b.link.dial(t.Context(), greeting{receive: func(string, []byte) {}})
	checkFault(t, err, "unreachable", "check the network")

	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	b = newBox(t, b.gateway, "tcp://"+silent.Addr().String(), prototest.NewSigningKey(t), limits(func(l *Limits) { l.Connect = 100 * time.Millisecond }))
	_, err = b.link.dial(t.Context(), greeting{receive: func(string, []byte) {}})
	checkFault(t, err, "timeout", "check the network")
	if errors.Is(err, errClosed) {
		t.Error(err)
	}
}

// A proxy named in the environment would be asked for an address in the local network, and without a time limit.
func TestProxyVariablesOfTheEnvironmentAreIgnored(t *testing.T) {
	t.Setenv("ALL_PROXY", "socks5://127.0.0.1:1")
	t.Setenv("all_proxy", "socks5://127.0.0.1:1")
	s := newScene(t)
	s.run(t)
	s.broker.Connects.Read().Find(t, "the gateway", func(c prototest.Connect) bool { return c.Client == "gw1" })
}
