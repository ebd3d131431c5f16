package cloudlink

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

type hello = protocol.Hello

func TestConnectionBeginsWithStatusHelloInventoryAndEvents(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.outbox.add(3, 0)
	s.inventory.add(access.Device{ID: "d1", Kind: "akuvox", Doors: map[access.DoorID]string{"lobby": "A"}})
	keeper := s.cloud.Keep(s.gateway, prototest.People(t, 3))
	s.run(t)

	h := s.cloud.Hellos.Read().Next(t, "the first hello").Body
	if h.Epoch != 0 || h.Revision != 0 || h.Boot != "boot-7" || h.Software != "1.2.3" || h.Protocol != 1 || h.Nonce == "" || !h.Clock.Trusted || h.Waiting != 3 {
		t.Errorf("hello %+v", h)
	}
	s.stored(t, 1)
	ack := s.cloud.Acks.Read().Next(t, "the ack").Body
	pos, digest := keeper.At()
	if ack.Position != pos || ack.Digest != digest || s.wanted.count() != 20 {
		t.Errorf("ack %+v, want %v %v; %d items", ack, pos, digest, s.wanted.count())
	}
	if d := s.cloud.Inventories.Read().Next(t, "the inventory").Body; d.Number != 2 || d.Devices[0].ID != "d1" {
		t.Errorf("inventory %+v", d)
	}
	kept := keeper.Kept.Read()
	for n := uint64(1); n <= 3; n++ {
		if k := kept.Next(t, "an event"); k.Number != n {
			t.Errorf("event %d, want %d", k.Number, n)
		}
	}
	var kinds []string
	for _, m := range s.broker.Messages.All() {
		if m.Client == "gw1" {
			kinds = append(kinds, strings.TrimPrefix(m.Topic, "gatehouse/v1/gw1/"))
			if m.QoS != 1 || m.Retained != strings.HasSuffix(m.Topic, "/status") {
				t.Errorf("%s at QoS %d, retained %t", m.Topic, m.QoS, m.Retained)
			}
		}
	}
	if !slices.Equal(kinds[:2], []string{"status", "up/hello"}) || !slices.Contains(kinds, "up/inventory") || !slices.Contains(kinds, "up/event") {
		t.Errorf("sent %v", kinds)
	}
	c := s.broker.Connects.All()[1] // the first is the cloud's
	if c.Client != "gw1" || c.Clean || c.Protocol != 4 || !strings.Contains(c.Will, `"online":false,"boot":"boot-7","number":1`) {
		t.Errorf("connected as %+v", c)
	}
	if st := s.link.Status(); !st.Connected || st.LastError != "" || time.Since(st.LastContact) > time.Minute {
		t.Errorf("status %+v", st)
	}
	if s.metric(t, "gatehouse_cloudlink_connected") != 1 || s.metric(t, "gatehouse_cloudlink_bytes_total", "in") < 1000 || s.metric(t, "gatehouse_cloudlink_messages_total", "out", "hello") != 1 {
		t.Error("metrics do not show the connection")
	}
	if bad := append(s.cloud.Refused.All(), keeper.Bad.All()...); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestSnapshotInChunksThenDelta(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	nonce := s.cloud.Hellos.Read().Next(t, "a hello").Body.Nonce
	people := prototest.People(t, 400)
	msgs := s.cloud.Snapshot(t, s.gateway, at(1, 7), key, people, nonce)
	if len(msgs) < 2 {
		t.Fatalf("%d chunks are no test", len(msgs))
	}
	s.stored(t, 1)
	acks := s.cloud.Acks.Read()
	if a := acks.Next(t, "an ack").Body; a.Position != at(1, 7) || a.Digest != prototest.DigestOf(key, people) {
		t.Errorf("ack %+v", a)
	}
	gone := people[len(people)-1]
	rest := people[:len(people)-1]
	s.cloud.Send(t, s.gateway, protocol.TypeState, protocol.Header{Epoch: 1, Revision: 8, Base: 7, Chunk: 1, Of: 1},
		protocol.State{DigestKey: key, Digest: prototest.DigestOf(key, rest), Gone: []access.Key{gone.Key}})
	if a := acks.Next(t, "an ack of the delta").Body; a.Position != at(1, 8) || s.wanted.count() != len(rest) {
		t.Errorf("ack %+v with %d items", a, s.wanted.count())
	}
}

func TestGapAndBadDigestAskAtOnce(t *testing.T) {
	t.Parallel()
	for reason, send := range map[string]protocol.State{
		"gap":        {DigestKey: key},
		"bad_digest": {DigestKey: key, Digest: access.Digest{1}},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.run(t)
			hellos := s.cloud.Hellos.Read()
			hellos.Next(t, "the first hello")
			s.cloud.Snapshot(t, s.gateway, at(1, 3), key, nil, "")
			s.stored(t, 1)
			base := map[string]uint64{"gap": 5, "bad_digest": 3}[reason]
			s.cloud.Send(t, s.gateway, protocol.TypeState, protocol.Header{Epoch: 1, Revision: 6, Base: base, Chunk: 1, Of: 1}, send)
			h := hellos.Next(t, "a hello because of the "+reason).Body
			if h.Revision != 3 || s.refusedFor(t, reason) != 1 {
				t.Errorf("hello %+v, refused %v", h, s.refusedFor(t, reason))
			}
		})
	}
}

// TestBadMessagesAreCountedAndChangeNothing sends everything that must be refused and then one good message.
func TestBadMessagesAreCountedAndChangeNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	s.cloud.Snapshot(t, s.gateway, at(1, 3), key, nil, "")
	s.stored(t, 1)

	other := prototest.NewGateway(t, "gw2")
	header := protocol.Header{Epoch: 1, Revision: 4, Base: 3, Chunk: 1, Of: 1}
	body := protocol.State{DigestKey: key}
	signing := s.cloud.Signing
	seal := func(signing ed25519.PrivateKey, g prototest.Gateway, h protocol.Header) []byte {
		t.Helper()
		msg, err := prototest.Seal(signing, g, protocol.TypeState, h, body)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	withHeader := func(change func(*protocol.Header)) protocol.Header {
		h := header
		change(&h)
		return h
	}
	good := seal(signing, s.gateway, header)
	asOther := prototest.Gateway{ID: "gw1", Sealing: other.Sealing}
	bad := map[string][]byte{
		"unknown_key":     seal(prototest.NewSigningKey(t), s.gateway, header),
		"bad_signature":   spoil(t, good),
		"wrong_gateway":   seal(signing, other, header),
		"wrong_recipient": seal(signing, asOther, header),
		"replay":          seal(signing, s.gateway, withHeader(func(h *protocol.Header) { h.Revision, h.Base = 2, 1 })),
		"foreign":         seal(signing, s.gateway, withHeader(func(h *protocol.Header) { h.Epoch = 2 })),
		"stale":           seal(signing, s.gateway, withHeader(func(h *protocol.Header) { h.Issued = time.Now().Add(-11 * time.Minute) })),
		"oversized":       noise(t, protocol.MaxMessage+1),
		"malformed":       []byte(`{"payloadType":`),
	}
	for _, msg := range bad {
		s.broker.Inject(t, protocol.DownTopic("gw1", protocol.TypeState), msg)
	}
	receipt, err := s.cloud.Seal(s.gateway, protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: 1})
	if err != nil {
		t.Fatal(err)
	}
	ahead := receipt // no event was ever made
	bad["wrong_type"], bad["unknown_type"], bad["receipt_ahead"] = receipt, good, ahead
	s.broker.Inject(t, protocol.DownTopic("gw1", protocol.TypeState), receipt)
	s.broker.Inject(t, protocol.DownTopic("gw1", "policy"), good)
	s.broker.Inject(t, protocol.DownTopic("gw1", protocol.TypeReceipt), ahead)

	before := s.wanted.applied
	s.broker.Inject(t, protocol.DownTopic("gw1", protocol.TypeState), good)
	s.stored(t, 1)
	if s.wanted.applied != before+1 || s.wanted.Position() != at(1, 4) {
		t.Errorf("applied %d, at %v", s.wanted.applied-before, s.wanted.Position())
	}
	for reason := range bad {
		if n := s.refusedFor(t, reason); n != 1 {
			t.Errorf("%s: counted %v", reason, n)
		}
	}
	if n := s.refusedFor(t, ""); n != 0 {
		t.Errorf("%v refused without a reason", n)
	}
}

// spoil changes the signature of a message.
func spoil(t *testing.T, msg []byte) []byte {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(msg, &e); err != nil {
		t.Fatal(err)
	}
	sig := e["signatures"].([]any)[0].(map[string]any)
	raw, err := base64.StdEncoding.DecodeString(sig["sig"].(string))
	if err != nil {
		t.Fatal(err)
	}
	raw[0] ^= 1
	sig["sig"] = base64.StdEncoding.EncodeToString(raw)
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func noise(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOldMessageSentAgainChangesNothingAndIsAcknowledged(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	s.cloud.Snapshot(t, s.gateway, at(1, 3), key, nil, "")
	acks := s.cloud.Acks.Read()
	acks.Next(t, "the first ack")
	msg, err := s.cloud.Seal(s.gateway, protocol.TypeState, protocol.Header{Epoch: 1, Revision: 4, Base: 3, Chunk: 1, Of: 1}, protocol.State{DigestKey: key})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.broker.Inject(t, protocol.DownTopic("gw1", protocol.TypeState), msg)
		if a := acks.Next(t, "an ack, also of the repetition").Body; a.Position != at(1, 4) {
			t.Errorf("ack %+v", a)
		}
	}
	s.lines.Read().Find(t, "a line about the repetition", func(l string) bool { return strings.Contains(l, "reason=replay") })
	if s.wanted.applied != 2 || s.refusedFor(t, "replay") != 1 {
		t.Errorf("applied %d, refused %v", s.wanted.applied, s.refusedFor(t, "replay"))
	}
}

func TestRefusedSubscriptionIsNoConnection(t *testing.T) {
	t.Parallel()
	allowed := make(chan struct{})
	broker := prototest.Broker(t, prototest.Deny(func(client, topic string, write bool) bool {
		select {
		case <-allowed:
			return false
		default:
			return client == "gw1" && !write
		}
	}))
	g := prototest.NewGateway(t, "gw1")
	cloud := prototest.NewCloud(t, broker.As(t, prototest.CloudName), g)
	b := newBox(t, g, broker.URL(), cloud.Signing)
	b.run(t)
	b.lines.Read().Find(t, "a line about the subscription", func(l string) bool { return strings.Contains(l, "refuses the subscription") })
	if st := b.link.Status(); st.Connected || !strings.Contains(st.LastError, "access list") {
		t.Errorf("status %+v", st)
	}
	if n := len(cloud.Hellos.All()); n != 0 {
		t.Errorf("%d hellos although it hears nothing", n)
	}
	for _, st := range cloud.Statuses.All() {
		if st.Online {
			t.Errorf("it says that it is online and hears nothing: %+v", st)
		}
	}
	close(allowed)
	cloud.Hellos.Read().Next(t, "a hello once it may")
}

func TestBrokerRestartLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, limits(func(l *Limits) { l.Receipt = 300 * time.Millisecond }))
	keeper := s.cloud.Keep(s.gateway, prototest.People(t, 2))
	s.outbox.add(500, 400)
	s.run(t)
	s.stored(t, 1)
	online := s.cloud.Online.Tail()
	for round := range 3 {
		s.broker.Stop()
		s.outbox.add(500, 400)
		keeper.Change(prototest.People(t, 3+round), nil)
		s.broker.Start(t)
		online.Next(t, "the cloud back")
	}
	kept := keeper.Kept.Read()
	for n := uint64(1); n <= 2000; n++ {
		if k := kept.Next(t, fmt.Sprintf("event %d", n)); k.Number != n {
			t.Fatalf("event %d, want %d", k.Number, n)
		}
	}
	pos, _ := keeper.At()
	s.cloud.Acks.Read().Find(t, "the last revision", func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos })
	if bad := keeper.Bad.All(); len(bad) > 0 {
		t.Error(bad)
	}
}

// The broker may deliver them in any order (mochi sorts by the second), so a hello has to mend what came too early.
func TestMessagesThatWaitedAtTheBrokerAreTakenBeforeAnySubscription(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	keeper := s.cloud.Keep(s.gateway, nil)
	stop := s.run(t)
	s.stored(t, 1)
	acks := s.cloud.Acks.Read()
	acks.Next(t, "an ack")
	stop()
	people := prototest.People(t, 40)
	for i := range people {
		keeper.Change(people[i:i+1], nil)
	}
	s.build(t)
	s.run(t)
	pos, digest := keeper.At()
	acks.Find(t, "an ack of the newest revision", func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos && a.Body.Digest == digest })
	if in := s.metric(t, "gatehouse_cloudlink_messages_total", "in", "state"); in < 40 {
		t.Errorf("%v messages came, 40 waited at the broker", in)
	}
}

func TestReceiptsEmptyTheOutboxAndItsWantIsMended(t *testing.T) {
	t.Parallel()
	s := newScene(t, limits(func(l *Limits) { l.Receipt, l.Hello = 100*time.Millisecond, 400*time.Millisecond }))
	keeper := s.cloud.Keep(s.gateway, nil)
	keeper.Mute(true) // takes nothing, receipts nothing, as a cloud that lost them
	s.outbox.add(2, 0)
	s.run(t)
	events := s.cloud.Events.Read()
	for range 3 {
		if e := events.Next(t, "the events again").Body; e.First != 1 || len(e.Raw) != 2 {
			t.Errorf("first %d, %d events", e.First, len(e.Raw))
		}
	}
	keeper.Mute(false)
	kept := keeper.Kept.Read()
	kept.Next(t, "event 1")
	kept.Next(t, "event 2")
	s.outbox.add(1, 0)
	if k := kept.Next(t, "event 3"); k.Number != 3 {
		t.Errorf("event %d", k.Number)
	}
	s.cloud.Hellos.Tail().Find(t, "a hello that says nothing waits", func(h prototest.Up[hello]) bool { return h.Body.Waiting == 0 })
	if s.outbox.left() != 0 {
		t.Errorf("%d events are left", s.outbox.left())
	}
}

func TestCommandsAreAnswered(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	command := protocol.Command{ID: "c1", Do: "audit", Deadline: time.Now().Add(time.Minute)}
	s.cloud.Send(t, s.gateway, protocol.TypeCommand, protocol.Header{}, command)
	got := s.cloud.Replies.Read().Next(t, "a reply").Body
	got.At = time.Time{}
	if diff := cmp.Diff(protocol.Reply{ID: "c1", Result: "done", Message: "audit"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInventoryIsToldWhenItChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	lists := s.cloud.Inventories.Read()
	lists.Next(t, "the first inventory")
	s.inventory.add(access.Device{ID: "d1", Kind: "akuvox"})
	if i := lists.Next(t, "the second inventory").Body; i.Number != 2 || len(i.Devices) != 1 {
		t.Errorf("inventory %+v", i)
	}
}

// TestStatusesOfARestartedProcessAreNewer: the cloud takes a lower number of the same boot for a late last will.
func TestStatusesOfARestartedProcessAreNewer(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(c *Config) { c.Before = 40_000 })
	stop := s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	if st := s.cloud.Statuses.Read().Next(t, "online"); !st.Online || st.Boot != "boot-7" || st.Number != 40_001 {
		t.Errorf("status %+v, want number 40001", st)
	}
	stop()
}

func TestGoodbyeIsRetainedAndSendsNoWill(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	stop := s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	began := time.Now()
	stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s to leave", took)
	}
	statuses := s.cloud.Statuses.Read()
	if st := statuses.Next(t, "online"); !st.Online || st.Number != 1 {
		t.Errorf("first status %+v", st)
	}
	offline := func(st protocol.Status) bool { return !st.Online }
	if st := statuses.Find(t, "offline", offline); st.Boot != "boot-7" || st.Number != 1 {
		t.Errorf("last status %+v", st)
	}
	for _, m := range s.broker.Messages.All() {
		if m.Will {
			t.Errorf("a will was sent: %s; %q", m.Payload, s.lines.All())
		}
	}
	if st := s.link.Status(); st.Connected || st.LastError != "" || s.metric(t, "gatehouse_cloudlink_connected") != 0 {
		t.Errorf("status %+v after the end", st)
	}
}

func TestWillIsSentWhenTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	s.cloud.Hellos.Read().Next(t, "a hello")
	if !s.broker.Kick("gw1") {
		t.Fatal("it is not connected")
	}
	m := s.broker.Messages.Read().Find(t, "a will", func(m prototest.Message) bool { return m.Will })
	if !m.Retained || !strings.Contains(string(m.Payload), `"online":false`) {
		t.Errorf("will %+v", m)
	}
	s.cloud.Statuses.Read().Find(t, "online again", func(st protocol.Status) bool { return st.Online && st.Number == 2 })
}

func TestTwoBoxesWithOneIdAreFound(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	twin := newBox(t, s.gateway, s.broker.URL(), s.cloud.Signing)
	twin.run(t)
	line := s.lines.Read().Find(t, "words about the other box", func(l string) bool { return strings.HasPrefix(l, "two boxes") })
	if !strings.Contains(line, `"gw1"`) || !strings.Contains(s.link.Status().LastError, "another box probably uses the gateway id") {
		t.Errorf("%s; %+v", line, s.link.Status())
	}
	if s.metric(t, "gatehouse_cloudlink_short_connections_total") < twinLosses {
		t.Error("not counted")
	}
}

func TestPacketAboveTheLimitCostsTheSessionNotTheGateway(t *testing.T) {
	t.Parallel()
	broker := prototest.Broker(t, prototest.MaxPacket(0))
	g := prototest.NewGateway(t, "gw1")
	cloud := prototest.NewCloud(t, broker.As(t, prototest.CloudName), g)
	b := newBox(t, g, broker.URL(), cloud.Signing)
	b.run(t)
	hellos := cloud.Hellos.Read()
	hellos.Next(t, "a hello")
	broker.Inject(t, protocol.DownTopic("gw1", protocol.TypeState), noise(t, 1<<20))
	hellos.Next(t, "a hello after the giant")
	cloud.Snapshot(t, g, at(1, 1), key, nil, "")
	b.stored(t, 1)
	last := broker.Connects.All()
	if c := last[len(last)-1]; !c.Clean || b.refusedFor(t, "oversized") != 1 {
		t.Errorf("connected as %+v, counted %v", c, b.refusedFor(t, "oversized"))
	}
}
