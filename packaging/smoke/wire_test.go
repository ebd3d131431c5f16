package smoke

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// hostile is a broker that may say what it likes to a real gateway process, and a cloud's key.
type hostile struct {
	site
	broker  *prototest.Server
	cloud   ed25519.PrivateKey
	sealing *ecdh.PublicKey
	signing ed25519.PublicKey
	metrics string // address
	key     []byte // of the digest
	items   []access.Item
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	s := newSite(t)
	ca := prototest.NewCA(t)
	h := &hostile{
		site: s, broker: prototest.Broker(t, prototest.TLS(ca), prototest.MaxPacket(0)), cloud: prototest.NewSigningKey(t),
		key: bytes.Repeat([]byte{7}, 32), items: prototest.People(t, 3),
	}
	p, local := s.panel(), freePort(t)
	h.metrics = fmt.Sprintf("http://127.0.0.1:%d/metrics", local)
	s.write("agent.toml", fmt.Sprintf("state_dir = \"agent\"\nforce_state_dir = true\nlisten = \"127.0.0.1:%d\"\nreconnect_max = \"200ms\"\n[[device]]\nid = \"front\"\nkind = \"akuvox\"\nurl = %q\npace = \"0s\"\ndoors = { lobby = \"A\" }\n", local, p.url))
	s.must("gatehouse-agent", "enroll", "request", "--config", "@agent.toml", "--out", "@request")
	req, csr, err := protocol.ParseEnrollRequest([]byte(s.read("request")))
	if err != nil {
		t.Fatal(err)
	}
	h.signing = req.Signing
	if h.sealing, err = ecdh.X25519().NewPublicKey(req.Sealing); err != nil {
		t.Fatal(err)
	}
	bundle, err := json.Marshal(protocol.NewEnrollBundle(protocol.EnrollBundle{
		Gateway: "gw1", Property: "maples", Broker: h.broker.URL(), ServerName: "localhost",
		Certificate: ca.Issue(t, "gw1", csr.PublicKey), CA: ca.PEM(), CloudKeys: [][]byte{prototest.Public(h.cloud)},
	}))
	if err != nil {
		t.Fatal(err)
	}
	s.write("bundle", string(bundle))
	s.must("gatehouse-agent", "enroll", "accept", "--config", "@agent.toml", "@bundle")
	return h
}

// message makes a state; change spoils it.
func (h *hostile) message(base, revision uint64, body protocol.State, change func(*protocol.Header, *ed25519.PrivateKey)) []byte {
	h.t.Helper()
	header := protocol.Header{Type: protocol.TypeState, Gateway: "gw1", Epoch: 1, Revision: revision, Base: base, Chunk: 1, Of: 1, Issued: time.Now()}
	key := h.cloud
	if change != nil {
		change(&header, &key)
	}
	body.DigestKey, body.Digest = h.key, prototest.DigestOf(h.key, h.items)
	raw, err := protocol.SealDown(header, body, key, h.sealing)
	if err != nil {
		h.t.Fatal(err)
	}
	return raw
}

func (h *hostile) say(raw []byte) {
	h.t.Helper()
	h.broker.Inject(h.t, protocol.DownTopic("gw1", protocol.TypeState), raw)
}

// hears waits for the next message of a type that the gateway signs.
func hears[T any](h *hostile, r *prototest.Reader[prototest.Message], typ protocol.Type) T {
	h.t.Helper()
	m := r.Find(h.t, string(typ), func(m prototest.Message) bool { return m.Topic == protocol.UpTopic("gw1", typ) })
	_, body, err := protocol.OpenUp("gw1", []ed25519.PublicKey{h.signing}, m.Payload)
	if err != nil {
		h.t.Fatal(err)
	}
	v, err := protocol.Decode[T](body)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *hostile) digest() string {
	return h.must("gatehouse-agent", "state", "digest", "--config", "@agent.toml", "--json").stdout
}

// refused waits until the gateway has counted a refusal for a reason.
func (h *hostile) refused(reason protocol.Reason) {
	h.t.Helper()
	eventually(h.t, "a counted refusal: "+string(reason), patience, func() error {
		var text string
		if err := call(h.t, h.metrics, nil, &text); err != nil {
			return err
		}
		if !strings.Contains(text, fmt.Sprintf("gatehouse_cloudlink_refused_messages_total{reason=%q}", reason)) {
			return fmt.Errorf("not in the metrics: %q", regexp.MustCompile(`refused_messages_total{.*`).FindAllString(text, -1))
		}
		return nil
	})
}

// TestG7_BadMessagesAreCountedAndChangeNothing says to a gateway process everything that its broker
// could: each is a counted refusal, its state stays, and a good message afterwards is still taken.
func TestG7_BadMessagesAreCountedAndChangeNothing(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	heard := h.broker.Messages.Read()
	agent := h.start("agent.log", nil, "gatehouse-agent", "run", "--config", "@agent.toml")
	hello := hears[protocol.Hello](h, heard, protocol.TypeHello)
	h.say(h.message(0, 5, protocol.State{Put: h.items, Nonce: hello.Nonce}, nil))
	if ack := hears[protocol.Ack](h, heard, protocol.TypeAck); ack.Revision != 5 || ack.Digest != prototest.DigestOf(h.key, h.items) {
		t.Fatalf("ack: %+v", ack)
	}
	before := h.digest()
	good := func() []byte { return h.message(5, 6, protocol.State{Gone: []access.Key{h.items[0].Key}}, nil) }
	empty := protocol.State{Gone: []access.Key{h.items[2].Key}}
	stranger := prototest.NewSigningKey(t)
	for _, bad := range []struct {
		why protocol.Reason
		raw []byte
	}{
		{protocol.Malformed, []byte("{\"payload")},
		{protocol.Oversized, slices.Concat(good(), bytes.Repeat([]byte(" "), protocol.MaxMessage))},
		{protocol.UnknownKey, h.message(5, 6, empty, func(_ *protocol.Header, k *ed25519.PrivateKey) { *k = stranger })},
		{protocol.BadSignature, forged(t, good())},
		{protocol.WrongGateway, h.message(5, 6, empty, func(d *protocol.Header, _ *ed25519.PrivateKey) { d.Gateway = "gw2" })},
		{protocol.WrongType, h.message(5, 6, empty, func(d *protocol.Header, _ *ed25519.PrivateKey) { d.Type = protocol.TypeCommand })},
		{protocol.Stale, h.message(5, 6, empty, func(d *protocol.Header, _ *ed25519.PrivateKey) { d.Issued = d.Issued.AddDate(0, 0, -2) })},
		{protocol.Replay, h.message(0, 4, empty, nil)},
		{protocol.Foreign, h.message(5, 6, empty, func(d *protocol.Header, _ *ed25519.PrivateKey) { d.Epoch = 9 })},
		{protocol.Gap, h.message(7, 8, empty, nil)},
		{protocol.BadDigest, h.message(5, 6, empty, nil)},
	} {
		h.say(bad.raw)
		h.refused(bad.why)
		if after := h.digest(); after != before {
			t.Fatalf("%s: the state was %s and is %s", bad.why, before, after)
		}
	}
	h.items = h.items[:len(h.items)-1]
	last := prototest.People(t, 3)
	h.say(h.message(5, 6, protocol.State{Gone: []access.Key{last[len(last)-1].Key}}, nil))
	if ack := hears[protocol.Ack](h, heard, protocol.TypeAck); ack.Revision != 6 {
		t.Errorf("a good message after the bad ones: %+v", ack)
	}
	select {
	case <-agent.done:
		t.Error("the gateway ended")
	default:
	}
	if log, err := os.ReadFile(h.path("agent.log")); err != nil || bytes.Contains(log, []byte("panic")) {
		t.Errorf("the gateway's log: %v", err)
	}
}

// forged is a message whose signature is another's under the right key's name.
func forged(t *testing.T, msg []byte) []byte {
	t.Helper()
	var envelope map[string]any
	if err := json.Unmarshal(msg, &envelope); err != nil {
		t.Fatal(err)
	}
	sig := envelope["signatures"].([]any)[0].(map[string]any)
	text := []rune(sig["sig"].(string))
	text[5] = map[bool]rune{true: 'B', false: 'A'}[text[5] == 'A']
	sig["sig"] = string(text)
	raw, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
