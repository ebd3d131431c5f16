package prototest

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/goleak"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

func TestMain(m *testing.M) {
	Warm()
	goleak.VerifyTestMain(m)
}

// client connects as id and fails the test unless that goes as expected.
func client(t *testing.T, in Entry, id string, admitted bool, options ...func(*paho.ClientOptions)) paho.Client {
	t.Helper()
	o := paho.NewClientOptions().AddBroker(in.URL).SetClientID(id).SetTLSConfig(in.TLS).SetProtocolVersion(4).SetAutoReconnect(false)
	for _, change := range options {
		change(o)
	}
	c := paho.NewClient(o)
	token := c.Connect()
	if !token.WaitTimeout(patience) || (token.Error() == nil) != admitted {
		t.Fatalf("%s on %s: admitted %t, want %t: %v", id, in.URL, token.Error() == nil, admitted, token.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

func granted(t *testing.T, c paho.Client, filter string) bool {
	t.Helper()
	token := c.Subscribe(filter, 1, func(paho.Client, paho.Message) {}).(*paho.SubscribeToken)
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	return token.Result()[filter] <= 1
}

func TestBrokerShowsAGatewayItsOwnBranchOnly(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	gw := client(t, s.As(t, "gw1"), "gw1", true)
	for filter, want := range map[string]bool{
		protocol.AllDown("gw1"): true, protocol.AllDown("gw2"): false, protocol.AllUp: false, "#": false, "gatehouse/v1/gw1/up/+": false,
	} {
		if got := granted(t, gw, filter); got != want {
			t.Errorf("subscribe to %s: %t, want %t", filter, got, want)
		}
	}
	if got := granted(t, client(t, s.As(t, CloudName), CloudName, true), protocol.AllUp); !got {
		t.Error("the cloud hears nothing")
	}
	for _, topic := range []string{"gatehouse/v1/gw2/up/hello", "gatehouse/v1/gw1/down/state"} {
		c := client(t, s.As(t, "gw1"), "gw1", true)
		c.Publish(topic, 1, false, "x").WaitTimeout(100 * time.Millisecond)
	}
	client(t, s.As(t, "gw1"), "gw1", true).Publish("gatehouse/v1/gw1/up/hello", 1, false, "mine").WaitTimeout(patience)
	s.Messages.Read().Find(t, "the gateway's own", func(m Message) bool { return string(m.Payload) == "mine" })
	for _, m := range s.Messages.All() {
		if string(m.Payload) == "x" {
			t.Errorf("taken on %s", m.Topic)
		}
	}
}

func TestBrokerTiesTheClientIDToTheCertificate(t *testing.T) {
	t.Parallel()
	ca := NewCA(t)
	s := Broker(t, TLS(ca))
	client(t, s.As(t, "gw1"), "gw1", true)
	client(t, s.As(t, "gw1"), "gw2", false)
	client(t, Entry{URL: s.URL(), TLS: NewCA(t).Client(t, "gw1")}, "gw1", false)
	bare := ca.Client(t, "gw1")
	bare.Certificates = nil
	client(t, Entry{URL: s.URL(), TLS: bare}, "gw1", false)
	if n := len(s.Connects.All()); n != 1 {
		t.Errorf("%d were let in", n)
	}
}

func TestBrokerKeepsTheProductsLimits(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	c := client(t, s.As(t, "gw1"), "gw1", true)
	if token := c.Publish("gatehouse/v1/gw1/up/event", 1, false, make([]byte, 300<<10)); token.WaitTimeout(200*time.Millisecond) && token.Error() == nil {
		t.Error("300 KiB were taken")
	}
	client(t, s.As(t, "gw1"), "gw1", false, func(o *paho.ClientOptions) { o.SetProtocolVersion(3) })
}

func TestBrokerRecordsWillsAndForgetsOnRestart(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	client(t, s.As(t, "gw1"), "gw1", true, func(o *paho.ClientOptions) { o.SetWill(protocol.StatusTopic("gw1"), "gone", 1, true) })
	if !s.Kick("gw1") || s.Kick("gw9") {
		t.Error("kicked the wrong one")
	}
	m := s.Messages.Read().Find(t, "the will", func(m Message) bool { return m.Will })
	if string(m.Payload) != "gone" || !m.Retained || m.Client != "gw1" {
		t.Errorf("will %+v", m)
	}
	addr := s.Addr()
	s.Stop()
	s.Stop()
	if s.Kick("gw1") {
		t.Error("kicked on a stopped broker")
	}
	s.Start(t)
	if s.Addr() != addr {
		t.Errorf("now at %s, was %s", s.Addr(), addr)
	}
	cloud := NewCloud(t, s.As(t, CloudName))
	s.Inject(t, protocol.StatusTopic("gw1"), []byte(`{"boot":"b2"}`))
	if st := cloud.Statuses.Read().Next(t, "a status"); st.Boot != "b2" {
		t.Errorf("status %+v: the old one was kept", st)
	}
}

func TestCloudVerifiesSortsAndComesBack(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	g := NewGateway(t, "gw1")
	cloud := NewCloud(t, s.As(t, CloudName), g)
	up := func(typ protocol.Type, msg []byte) { s.Inject(t, protocol.UpTopic("gw1", typ), msg) }
	up(protocol.TypeHello, g.Up(t, protocol.TypeHello, protocol.Hello{Boot: "b1"}))
	up(protocol.TypeAck, g.Up(t, protocol.TypeAck, protocol.Ack{Position: access.Position{Epoch: 1, Revision: 2}}))
	up(protocol.TypeReply, g.Up(t, protocol.TypeReply, protocol.Reply{ID: "c1"}))
	up(protocol.TypeInventory, g.Up(t, protocol.TypeInventory, protocol.Inventory{Number: 4}))
	if cloud.Hellos.Read().Next(t, "a hello").Body.Boot != "b1" || cloud.Acks.Read().Next(t, "an ack").Body.Revision != 2 ||
		cloud.Replies.Read().Next(t, "a reply").Body.ID != "c1" || cloud.Inventories.Read().Next(t, "an inventory").Body.Number != 4 {
		t.Error("a body was changed")
	}
	refused := cloud.Refused.Read()
	up(protocol.TypeHello, NewGateway(t, "gw1").Up(t, protocol.TypeHello, protocol.Hello{}))
	up(protocol.TypeAck, g.Up(t, protocol.TypeHello, protocol.Hello{}))
	for _, want := range []protocol.Reason{protocol.UnknownKey, protocol.WrongType} {
		if err := refused.Next(t, "a refusal"); protocol.ReasonOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	online := cloud.Online.Tail()
	s.Stop()
	s.Start(t)
	online.Next(t, "the cloud back")
}

// listen is a gateway that only listens; it opens what comes down.
func listen(t *testing.T, s *Server, g Gateway, cloud *Cloud) *Log[Up[[]byte]] {
	t.Helper()
	log, opener := NewLog[Up[[]byte]](), g.Opener(Public(cloud.Signing))
	c := client(t, s.As(t, string(g.ID)), string(g.ID), true)
	token := c.Subscribe(protocol.AllDown(g.ID), 1, func(_ paho.Client, m paho.Message) {
		h, body, err := opener.Open(m.Payload())
		if err != nil {
			t.Errorf("%s: %v", m.Topic(), err)
		}
		log.Add(Up[[]byte]{g.ID, h, body})
	})
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	return log
}

func TestKeeperAnswersWithWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	g := NewGateway(t, "gw1")
	cloud := NewCloud(t, s.As(t, CloudName), g)
	people := People(t, 400)
	keeper := cloud.Keep(g, people)
	down := listen(t, s, g, cloud).Read()
	ask := func(p access.Position, d access.Digest) (h protocol.Header, body protocol.State) {
		t.Helper()
		s.Inject(t, protocol.UpTopic("gw1", protocol.TypeHello), g.Up(t, protocol.TypeHello, protocol.Hello{Epoch: p.Epoch, Revision: p.Revision, Digest: d, Nonce: "n"}))
		m := down.Next(t, "an answer")
		body, err := protocol.Decode[protocol.State](m.Body)
		if err != nil || body.Nonce != "n" {
			t.Errorf("%v, nonce %q", err, body.Nonce)
		}
		return m.Header, body
	}
	h, _ := ask(access.Position{}, access.Digest{})
	if h.Base != 0 || h.Of < 2 || h.Chunk != 1 {
		t.Errorf("a new gateway gets %+v", h)
	}
	for range h.Of - 1 {
		down.Next(t, "another chunk")
	}
	old, digest := keeper.At()
	if h, body := ask(old, digest); h.Base != h.Revision || len(body.Put) != 0 {
		t.Errorf("an up-to-date gateway gets %+v", h)
	}
	pos, _ := keeper.Change(nil, []access.Key{people[9].Key})
	down.Next(t, "the delta")
	if h, body := ask(old, digest); h.Base != old.Revision || h.Revision != pos.Revision || len(body.Gone) != 1 {
		t.Errorf("a gateway that missed one gets %+v", h)
	}
	want := DigestOf(keeper.key, slices.Delete(slices.Clone(people), 9, 10))
	if _, d := keeper.At(); d != want {
		t.Error("the digest is not that of the items")
	}
}

// TestKeeperResumesAgreesAndBeginsAnEpoch: only the chunks that a gateway lacks are sent, unless the keeper is one of before;
// an agreement comes with "nothing new"; a restored cloud answers everybody with a snapshot.
func TestKeeperResumesAgreesAndBeginsAnEpoch(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	g := NewGateway(t, "gw1")
	cloud := NewCloud(t, s.As(t, CloudName), g)
	keeper := cloud.Keep(g, People(t, 400))
	down := listen(t, s, g, cloud).Read()
	ask := func(h protocol.Hello) (protocol.Header, protocol.State) {
		t.Helper()
		s.Inject(t, protocol.UpTopic("gw1", protocol.TypeHello), g.Up(t, protocol.TypeHello, h))
		m := down.Next(t, "an answer")
		body, err := protocol.Decode[protocol.State](m.Body)
		must(t, err)
		return m.Header, body
	}
	first, _ := ask(protocol.Hello{})
	for range first.Of - 1 {
		down.Next(t, "the rest of a snapshot")
	}
	pos, digest := keeper.At()
	have := &protocol.Staged{Position: pos, Of: first.Of}
	for i := 1; i < first.Of; i++ {
		have.Have = append(have.Have, i)
	}
	if h, _ := ask(protocol.Hello{Staged: have}); h.Chunk != first.Of {
		t.Errorf("a gateway that lacks chunk %d gets chunk %d", first.Of, h.Chunk)
	}
	keeper.Meant(pos)
	if _, body := ask(protocol.Hello{Epoch: pos.Epoch, Revision: pos.Revision, Digest: digest}); body.Meant != pos {
		t.Errorf("agreed up to %v, told %v", pos, body.Meant)
	}
	keeper.Forgetful()
	if h, _ := ask(protocol.Hello{Staged: have}); h.Chunk != 1 {
		t.Errorf("a keeper of before begins at chunk %d", h.Chunk)
	}
	for range first.Of - 1 {
		down.Next(t, "the rest of a snapshot")
	}
	keeper.Epoch(access.Position{Epoch: 2, Revision: 1}, People(t, 1))
	if h, _ := ask(protocol.Hello{Epoch: pos.Epoch, Revision: pos.Revision, Digest: digest}); h.Epoch != 2 || h.Revision != 1 || h.Base != 0 {
		t.Errorf("after the restore: %+v", h)
	}
}

func TestKeeperKeepsEventsOnce(t *testing.T) {
	t.Parallel()
	s := Broker(t)
	g := NewGateway(t, "gw1")
	cloud := NewCloud(t, s.As(t, CloudName), g)
	keeper := cloud.Keep(g, nil)
	down := listen(t, s, g, cloud).Read()
	var raw []json.RawMessage
	links := []access.Link{{}}
	for _, e := range []string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`} {
		raw = append(raw, json.RawMessage(e))
		links = append(links, access.Chain(links[len(links)-1], []byte(e)))
	}
	receipt := func(from, to int) uint64 {
		t.Helper()
		s.Inject(t, protocol.UpTopic("gw1", protocol.TypeEvent), g.Up(t, protocol.TypeEvent, protocol.Events{First: uint64(from), Prev: links[from-1], Raw: raw[from-1 : to]}))
		r, err := protocol.Decode[protocol.Receipt](down.Next(t, "a receipt").Body)
		if err != nil {
			t.Error(err)
		}
		return r.Through
	}
	for i, c := range []struct {
		from, to int
		through  uint64
	}{{1, 2, 2}, {1, 2, 2}, {4, 4, 2}, {2, 3, 3}, {4, 4, 4}} {
		if got := receipt(c.from, c.to); got != c.through {
			t.Errorf("%d: events %d to %d: through %d, want %d", i, c.from, c.to, got, c.through)
		}
	}
	var kept []uint64
	for _, k := range keeper.Kept.All() {
		kept = append(kept, k.Number)
	}
	if !slices.Equal(kept, []uint64{1, 2, 3, 4}) || len(keeper.Bad.All()) != 0 {
		t.Errorf("kept %v, bad %v", kept, keeper.Bad.All())
	}
	links[4] = access.Link{9}
	raw = append(raw, json.RawMessage(`{"n":5}`))
	receipt(5, 5)
	if bad := keeper.Bad.All(); len(bad) != 1 || !strings.Contains(bad[0].Error(), "event 5") {
		t.Errorf("a broken chain: %v", bad)
	}
}

// echoServer sends back what it gets.
func echoServer(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return ln.Addr().String()
}

func echo(t *testing.T, c net.Conn, n int, within time.Duration) error {
	t.Helper()
	must(t, c.SetDeadline(time.Now().Add(within)))
	if _, err := c.Write(make([]byte, n)); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, n))
	return err
}

func TestProxyFails(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echoServer(t))
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", p.Addr())
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		must(t, echo(t, c, 100, patience))
		return c
	}
	timeout := func(err error) bool {
		var n net.Error
		return errors.As(err, &n) && n.Timeout()
	}
	c := dial()
	p.Blackhole()
	if err := echo(t, c, 1, 50*time.Millisecond); !timeout(err) {
		t.Errorf("through a hole: %v", err)
	}
	p.Heal()
	if err := echo(t, c, 1, patience); err != nil {
		t.Errorf("healed: %v", err)
	}
	p.Throttle(1000)
	began := time.Now()
	_ = echo(t, c, 32<<10, 300*time.Millisecond) // what is read ahead passes at once
	if err := echo(t, c, 16<<10, 100*time.Millisecond); !timeout(err) || time.Since(began) < 100*time.Millisecond {
		t.Errorf("16 KiB at 1000 B/s: %v", err)
	}
	p.Heal()
	c = dial()
	p.Delay(30 * time.Millisecond)
	began = time.Now()
	if err := echo(t, c, 1, patience); err != nil || time.Since(began) < 60*time.Millisecond {
		t.Errorf("delayed twice: %v after %s", err, time.Since(began))
	}
	p.Heal()
	if p.Reset() == 0 {
		t.Error("nothing to reset")
	}
	if err := echo(t, c, 1, patience); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after a reset: %v", err)
	}
	c = dial()
	p.HalfClose()
	if err := echo(t, c, 1, patience); !errors.Is(err, io.EOF) {
		t.Errorf("after a half close: %v", err)
	}
	p.Refuse()
	c, err := net.Dial("tcp", p.Addr())
	must(t, err)
	defer func() { _ = c.Close() }()
	if err := echo(t, c, 1, patience); err == nil || timeout(err) {
		t.Errorf("refused: %v", err)
	}
}

func TestReaderSkipsAndTailBeginsNow(t *testing.T) {
	l := NewLog[int]()
	l.Add(1)
	tail := l.Tail()
	l.Add(2)
	l.Add(3)
	r := l.Read()
	if r.Next(t, "x") != 1 || r.Find(t, "x", func(n int) bool { return n > 2 }) != 3 || tail.Next(t, "x") != 2 {
		t.Error("a reader lost its place")
	}
	late := make(chan int)
	go func() { late <- r.Next(t, "what is added later") }()
	l.Add(4)
	if got := <-late; got != 4 || !slices.Equal(l.All(), []int{1, 2, 3, 4}) {
		t.Errorf("got %d of %v", got, l.All())
	}
}

func TestCertificatesAndKeys(t *testing.T) {
	ca := NewCA(t)
	future := ca.CertificateFrom(t, "gw1", time.Now().Add(time.Hour))
	if future.Leaf.NotBefore.Before(time.Now()) || future.Leaf.Subject.CommonName != "gw1" {
		t.Errorf("%+v", future.Leaf)
	}
	g := NewGateway(t, "gw1")
	cloud := NewSigningKey(t)
	msg, err := Seal(cloud, g, protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: 3})
	must(t, err)
	h, body, err := g.Opener(Public(cloud)).Open(msg)
	if err != nil || h.Type != protocol.TypeReceipt || h.Issued.IsZero() || string(body) != `{"through":3}` {
		t.Errorf("%+v %s %v", h, body, err)
	}
	people := People(t, 2)
	if len(people) != 14 || DigestOf([]byte("k"), people) == DigestOf([]byte("k"), people[1:]) {
		t.Errorf("%d items", len(people))
	}
}
