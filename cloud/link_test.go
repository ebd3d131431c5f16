package cloud

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// patience is how long a test waits for what must come. It bounds failures only.
const patience = 10 * time.Second

// serving is a cloud that serves.
type serving struct {
	*Cloud
	page string // its address
	end  func() // stops it and waits
}

// serve opens the installation and serves until the test ends, or end is called.
func (r *rig) serve() *serving {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	seen := len(r.log.String())
	c, err := Open(ctx, r.load(), r.deps())
	if err != nil {
		r.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Serve(ctx) }()
	s := &serving{Cloud: c}
	ended := false
	s.end = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Serve: %v", err)
		}
		if err := c.Close(); err != nil {
			r.t.Errorf("Close: %v", err)
		}
	}
	r.t.Cleanup(s.end)
	eventually(r.t, "the cloud runs", func() bool {
		_, after, ok := strings.Cut(r.log.String()[seen:], `msg="cloud runs" page=`)
		s.page, _, _ = strings.Cut(after, " ")
		return ok
	})
	return s
}

// hears waits until the cloud hears its broker: who speaks earlier is not heard, and says it again later.
func (s *serving) hears(r *rig) *serving {
	r.t.Helper()
	eventually(r.t, "the cloud hears its broker", func() bool {
		_, body := get(r.t, s.page+"/metrics")
		return strings.Contains(body, "gatehouse_broker_connected 1")
	})
	return s
}

// eventually asks until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

// freeAddress is an address on loopback that was free a moment ago.
func freeAddress(t testing.TB, host string) string {
	t.Helper()
	ln, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// withBroker is a configuration whose broker has a port of its own, so that it comes back there.
func withBroker(t testing.TB, text string) string {
	return "broker_listen = \"" + freeAddress(t, "127.0.0.1") + "\"\n" + text
}

// down is one message that came down, verified and opened.
type down struct {
	protocol.Header
	Body, Raw []byte
	At        time.Time
}

// line is a gateway's connection.
type line struct {
	t      *testing.T
	box    *box
	client mqtt.Client
	down   *prototest.Reader[down]
	chain  access.Link // after the last event sent
	next   uint64      // number of the next event
}

// mute connects a gateway to the broker as its bundle says. It hears nothing.
func (b *box) mute(t *testing.T) *line {
	t.Helper()
	client, err := b.connect(b.tls(t), string(b.ID))
	if err != nil {
		t.Fatalf("connect %s: %v", b.ID, err)
	}
	t.Cleanup(func() { client.Disconnect(0) })
	return &line{t: t, box: b, client: client, next: 1}
}

// dial connects a gateway that hears what comes down.
func (b *box) dial(t *testing.T) *line {
	t.Helper()
	l, log, opener := b.mute(t), prototest.NewLog[down](), b.opener()
	l.down = log.Read()
	tok := l.client.Subscribe(protocol.AllDown(b.ID), 1, func(_ mqtt.Client, m mqtt.Message) {
		h, body, err := opener.Open(m.Payload())
		if err != nil {
			t.Errorf("%s: %v", m.Topic(), err)
		}
		log.Add(down{h, body, m.Payload(), time.Now()})
	})
	if !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatalf("subscribe: %v", tok.Error())
	}
	return l
}

func (b *box) connect(with *tls.Config, name string) (mqtt.Client, error) {
	o := mqtt.NewClientOptions().AddBroker(b.bundle.Broker).SetClientID(name).SetProtocolVersion(4).SetTLSConfig(with).
		SetAutoReconnect(false).SetConnectTimeout(patience)
	client := mqtt.NewClient(o)
	tok := client.Connect()
	tok.WaitTimeout(patience)
	return client, tok.Error()
}

func (l *line) send(typ protocol.Type, body any) {
	l.t.Helper()
	tok := l.client.Publish(protocol.UpTopic(l.box.ID, typ), 1, false, l.box.Up(l.t, typ, body))
	if !tok.WaitTimeout(patience) || tok.Error() != nil {
		l.t.Fatalf("publish: %v", tok.Error())
	}
}

func (l *line) hello(have access.Position, digest access.Digest, nonce string) {
	l.t.Helper()
	l.send(protocol.TypeHello, protocol.Hello{
		Protocol: protocol.Version, Software: "9.9", Epoch: have.Epoch, Revision: have.Revision, Digest: digest, Boot: "boot", Nonce: nonce,
		Clock: protocol.Clock{Trusted: true, Source: "ntp", Now: time.Now()},
	})
}

// state waits for the next state, all its chunks, and puts them together.
func (l *line) state(what string) (down, protocol.State) {
	l.t.Helper()
	first := l.down.Find(l.t, what, func(d down) bool { return d.Type == protocol.TypeState })
	whole := l.decode(first)
	for range first.Of - 1 {
		part := l.decode(l.down.Find(l.t, what+", next chunk", func(d down) bool { return d.Type == protocol.TypeState }))
		whole.Put, whole.Gone = append(whole.Put, part.Put...), append(whole.Gone, part.Gone...)
	}
	return first, whole
}

func (l *line) decode(d down) protocol.State {
	l.t.Helper()
	s, err := protocol.Decode[protocol.State](d.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// events sends events as the next in the chain.
func (l *line) events(all ...access.Event) protocol.Events {
	l.t.Helper()
	batch := protocol.Events{First: l.next, Prev: l.chain}
	for _, e := range all {
		e.Number = l.next
		raw, err := json.Marshal(e)
		if err != nil {
			l.t.Fatal(err)
		}
		batch.Raw = append(batch.Raw, raw)
		l.chain, l.next = access.Chain(l.chain, raw), l.next+1
	}
	l.send(protocol.TypeEvent, batch)
	return batch
}

func (l *line) receipt(what string) uint64 {
	l.t.Helper()
	d := l.down.Find(l.t, what, func(d down) bool { return d.Type == protocol.TypeReceipt })
	r, err := protocol.Decode[protocol.Receipt](d.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return r.Through
}

func position(d down) access.Position { return access.Position{Epoch: d.Epoch, Revision: d.Revision} }
