package agent

import (
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// TestE4_E2_APinOpensAndEndsThroughTheWholeAgent follows one resident through broker, files and panel, and through a
// restart of the agent.
func TestE4_E2_APinOpensAndEndsThroughTheWholeAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	acks, story := h.cloud.Acks.Read(), h.story()
	h.start()
	h.acked(acks)
	written := story.until(access.EventWritten, access.OpAdd, "p1")
	confirmed := story.until(access.EventConfirmed, access.OpAdd, "p1")
	if written.Device != "front" || written.Revision != 1 || confirmed.Grade != access.Exact {
		t.Errorf("written %+v\nconfirmed %+v", written, confirmed)
	}
	if !h.opens("10001") || h.opens("10002") {
		t.Error("the resident's PIN must open the lobby, and no other")
	}

	one := items(t, resident(1, since(time.Hour))...)
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), keysOf(one))
	h.acked(acks)
	gone := story.until(access.EventConfirmed, access.OpRemove, "p1")
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	if gone.Revision != 2 || h.opens("10001") || !h.opens("10002") {
		t.Errorf("after the change: %+v", gone)
	}
	h.restartedAgent(story)
}

// acked waits for the next "stored" and holds it against what the cloud published.
func (h *house) acked(acks *prototest.Reader[prototest.Up[protocol.Ack]]) {
	h.t.Helper()
	pos, digest := h.keeper.At()
	ack := acks.Find(h.t, "the ack of the newest revision", func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos })
	if ack.Body.Digest != digest || ack.Gateway != h.gw.ID {
		h.t.Errorf("acked %+v by %s, published digest %s", ack.Body, ack.Gateway, digest)
	}
}

// restartedAgent stops and starts the agent: nothing is lost, nothing is done or told twice.
func (h *house) restartedAgent(story *story) {
	h.t.Helper()
	h.stop()
	var left OutboxReport
	must(h.t, json.Unmarshal([]byte(h.ask(AskOutbox)), &left))
	first := left.First
	if first == 0 { // the cloud has confirmed every one
		first = uint64(len(h.keeper.Kept.All())) + 1
	}
	done, seen, hellos, acks := len(h.sim.Mutating()), len(h.broker.Messages.All()), h.cloud.Hellos.Tail(), h.cloud.Acks.Tail()
	h.start()
	pos, digest := h.keeper.At()
	if hello := hellos.Next(h.t, "the hello after the restart").Body; hello.Digest != digest || hello.Revision != pos.Revision || hello.Epoch != pos.Epoch {
		h.t.Errorf("the restarted agent stands at %+v, the cloud at %v %s", hello, pos, digest)
	}
	if e := story.until(access.EventStarted, "", ""); e.Revision != pos.Revision || e.Message != "v1" {
		h.t.Errorf("started: %+v", e)
	}
	h.keeper.Change(items(h.t, resident(3, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p3")
	h.acked(acks)
	if n := len(h.sim.Mutating()) - done; n != 1 {
		h.t.Errorf("%d changes were made at the panel since the restart, want the one of p3", n)
	}
	if got := h.firstAfter(seen); got < first {
		h.t.Errorf("event %d was sent again although it was confirmed; the oldest that was not is %d", got, first)
	}
	if bad := h.keeper.Bad.All(); len(bad) > 0 {
		h.t.Errorf("the chain does not join: %v", bad)
	}
	if !h.opens("10002") || !h.opens("10003") {
		h.t.Error("the PINs do not open after the restart")
	}
}

// firstAfter is the lowest number among the events sent after the first n messages at the broker.
func (h *house) firstAfter(n int) uint64 {
	h.t.Helper()
	var numbers []uint64
	for _, m := range h.broker.Messages.All()[n:] {
		if m.Topic != protocol.UpTopic(h.gw.ID, protocol.TypeEvent) {
			continue
		}
		_, body, err := protocol.OpenUp(h.gw.ID, []ed25519.PublicKey{prototest.Public(h.gw.Signing)}, m.Payload)
		must(h.t, err)
		e, err := protocol.Decode[protocol.Events](body)
		must(h.t, err)
		numbers = append(numbers, e.First)
	}
	return slices.Min(numbers)
}

// TestG10_EventsOfADeafCloudComeOnceAndInOrder: the cloud is away through several starts of the agent, and gets every
// event once, in order, when it is back.
func TestG10_EventsOfADeafCloudComeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(places()...)
	story := h.story()
	h.start()
	story.until(access.EventStarted, "", "")
	h.keeper.Mute(true)
	events := h.cloud.Events.Tail()
	for range 3 {
		h.stop()
		h.start()
		events.Next(t, "events that nobody receipts")
	}
	h.stop()
	h.keeper.Mute(false)
	h.start()
	for range 4 {
		story.until(access.EventStarted, "", "")
	}
	if bad := h.keeper.Bad.All(); len(bad) > 0 {
		t.Errorf("the chain does not join: %v", bad)
	}
	var r OutboxReport
	must(t, json.Unmarshal([]byte(h.ask(AskOutbox)), &r))
	if !r.OK || !r.ChainOK || r.Lost != 0 || r.Events > 0 && r.Last+1 < story.next {
		t.Errorf("outbox %+v, the cloud has events up to %d", r, story.next-1)
	}
}

// forgery is a message that must change nothing.
type forgery struct {
	reason string
	make   func(t *testing.T, h *house) []byte
}

// forgeries are messages by a broker or a neighbour who means no good, and by a cloud that was rolled back.
func forgeries() []forgery {
	intruder := func(h *house) access.Item { return items(h.t, resident(66, since(time.Hour))...)[2] }
	state := func(h *house, at protocol.Header) (protocol.Header, protocol.State) {
		at.Chunk, at.Of = 1, 1
		return at, protocol.State{DigestKey: make([]byte, 32), Put: []access.Item{intruder(h)}}
	}
	seal := func(t *testing.T, key ed25519.PrivateKey, to prototest.Gateway, h protocol.Header, s protocol.State) []byte {
		t.Helper()
		msg, err := prototest.Seal(key, to, protocol.TypeState, h, s)
		must(t, err)
		return msg
	}
	next := protocol.Header{Epoch: 1, Revision: 9}
	return []forgery{
		{"unknown_key", func(t *testing.T, h *house) []byte {
			hd, s := state(h, next)
			return seal(t, prototest.NewSigningKey(t), h.gw, hd, s)
		}},
		{"bad_signature", func(t *testing.T, h *house) []byte {
			hd, s := state(h, next)
			return spoiled(t, seal(t, h.cloud.Signing, h.gw, hd, s))
		}},
		{"wrong_gateway", func(t *testing.T, h *house) []byte {
			hd, s := state(h, next)
			return seal(t, h.cloud.Signing, prototest.Gateway{ID: "gw-2", Sealing: h.gw.Sealing}, hd, s)
		}},
		{"wrong_recipient", func(t *testing.T, h *house) []byte {
			hd, s := state(h, next)
			return seal(t, h.cloud.Signing, prototest.NewGateway(t, h.gw.ID), hd, s)
		}},
		{"replay", func(t *testing.T, h *house) []byte {
			hd, s := state(h, protocol.Header{Epoch: 1, Revision: 1})
			return seal(t, h.cloud.Signing, h.gw, hd, s)
		}},
		{"foreign", func(t *testing.T, h *house) []byte {
			hd, s := state(h, protocol.Header{Epoch: 2, Revision: 3, Base: 2}) // a change: a snapshot of a later epoch is taken
			return seal(t, h.cloud.Signing, h.gw, hd, s)
		}},
		{"stale", func(t *testing.T, h *house) []byte {
			hd, s := state(h, protocol.Header{Epoch: 1, Revision: 9, Issued: time.Now().Add(-time.Hour)})
			return seal(t, h.cloud.Signing, h.gw, hd, s)
		}},
		{"bad_digest", func(t *testing.T, h *house) []byte {
			hd, s := state(h, next)
			return seal(t, h.cloud.Signing, h.gw, hd, s)
		}},
		{"oversized", func(*testing.T, *house) []byte { return make([]byte, protocol.MaxMessage+1) }},
		{"malformed", func(*testing.T, *house) []byte { return []byte("open sesame") }},
	}
}

// spoiled changes one bit of the signed bytes.
func spoiled(t *testing.T, msg []byte) []byte {
	t.Helper()
	var e map[string]any
	must(t, json.Unmarshal(msg, &e))
	p := e["payload"].(string)
	other := byte('A')
	if p[len(p)/2] == other {
		other = 'B'
	}
	e["payload"] = p[:len(p)/2] + string(other) + p[len(p)/2+1:]
	out, err := json.Marshal(e)
	must(t, err)
	return out
}

// TestG7_ForgedMessagesAreCountedAndChangeNothing sends every forgery past a broker that lets all pass.
func TestG7_ForgedMessagesAreCountedAndChangeNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	h.keeper.Change(items(t, access.Unit{ID: "u2", Name: "102"}), nil) // so that there is an older revision
	h.acked(h.cloud.Acks.Read())
	before, done := h.ask(AskDump), len(h.sim.Mutating())
	for _, f := range forgeries() {
		h.broker.Inject(t, protocol.DownTopic(h.gw.ID, protocol.TypeState), f.make(t, h))
		h.logs.wait(t, "a message was refused", `"reason":"`+f.reason+`"`)
		if got := h.metric(`gatehouse_cloudlink_refused_messages_total{reason="` + f.reason + `"}`); got != "1" {
			t.Errorf("%s is counted %s, want 1", f.reason, got)
		}
		same(t, "the state after "+f.reason, before, h.ask(AskDump))
	}
	if n := len(h.sim.Mutating()); n != done || h.opens("10066") || !h.opens("10001") {
		t.Errorf("%d changes at the panel, %d before", n, done)
	}
	// It was the messages that were bad, not the link.
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	if h.opens("10066") || !h.opens("10002") {
		t.Error("the good change after the bad ones did not come to the panel as it was")
	}
}
