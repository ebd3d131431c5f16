package cloud

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// next makes the keys that are to take the place of the box's, and how it announces them.
func (b *box) next(t testing.TB) (*box, protocol.Succession) {
	t.Helper()
	n := newBox(t)
	n.ID, n.bundle = b.ID, b.bundle
	return n, protocol.NewSuccession(b.ID, prototest.Public(b.Signing), n.csr(t), n.Signing, n.Sealing.PublicKey())
}

func (b *box) csr(t testing.TB) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, b.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// certified is what the gateway's state says of its next keys; nil: nothing.
func certified(t testing.TB, c *Cloud, gw access.GatewayID) *access.Certificate {
	t.Helper()
	got := items(t, c, gw, access.KindCertificate)
	if len(got) == 0 {
		return nil
	}
	out := got[0].(access.Certificate)
	return &out
}

func announced(t testing.TB, c *Cloud, b *box, s protocol.Succession) error {
	t.Helper()
	return intakeCloud{intakeStore{c.store}, c}.Succeed(t.Context(), b.ID, prototest.Public(b.Signing), s, c.now())
}

func heardBy(t testing.TB, c *Cloud, b *box) {
	t.Helper()
	if err := (intakeCloud{intakeStore{c.store}, c}).Heard(t.Context(), b.ID, prototest.Public(b.Signing), c.now()); err != nil {
		t.Fatal(err)
	}
}

// signs are the ids of the keys whose signature counts.
func signs(t testing.TB, c *Cloud, gw access.GatewayID) (out []string) {
	t.Helper()
	keys, err := intakeStore{c.store}.Signing(t.Context(), gw)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		out = append(out, protocol.KeyID(k))
	}
	return out
}

// TestTowardsG7_AGatewaysKeysChangeOverTheBroker: announced, certified, told; both are let in until the next is heard, and
// the one before is then cut off, refused at the broker and refused by its signature.
func TestTowardsG7_AGatewaysKeysChangeOverTheBroker(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve().hears(r)
	old := enrol(t, s.Cloud, "maples")
	load(t, s.Cloud, export(t, residents(40)...))
	l := old.dial(t)
	pos, digest := l.firstState()
	n, next := old.next(t)
	tell := func(nonce string) {
		l.send(protocol.TypeHello, protocol.Hello{Protocol: protocol.Version, Epoch: pos.Epoch, Revision: pos.Revision, Digest: digest, Boot: "boot", Nonce: nonce, Next: &next})
	}
	tell("n1")
	_, state := l.state("the certificate")
	if len(state.Put) != 1 || state.Put[0].Kind != access.KindCertificate {
		t.Fatalf("told %v", state.Put)
	}
	c := certified(t, s.Cloud, old.ID)
	n.bundle.Certificate = c.PEM
	tell("n2") // it did not hear
	for state.Nonce != "n2" {
		_, state = l.state("the answer")
	}
	if !slices.ContainsFunc(state.Put, func(it access.Item) bool { return it.Kind == access.KindCertificate }) || certified(t, s.Cloud, old.ID).PEM != c.PEM {
		t.Error("asked again, another certificate was made")
	}
	for name, b := range map[string]*box{"old": old, "next": n} {
		if _, err := b.connect(b.tls(t), string(b.ID)); err != nil {
			t.Errorf("with the %s certificate it is not let in: %v", name, err)
		}
	}
	nl := n.dial(t)
	nl.next, nl.chain = l.next, l.chain
	now := time.Now()
	nl.events(access.Event{Kind: access.EventStarted, At: now, Recorded: now})
	if got := nl.receipt("of the next key's first message, sealed to it"); got != 1 {
		t.Errorf("receipt through %d", got)
	}
	if got := signs(t, s.Cloud, old.ID); len(got) != 1 || got[0] != protocol.SignerID(n.Signing) {
		t.Errorf("keys that count: %v", got)
	}
	if _, err := old.connect(old.tls(t), string(old.ID)); err == nil {
		t.Error("the certificate before is let in")
	}
	nl.client.Publish(protocol.UpTopic(old.ID, protocol.TypeHello), 1, false, old.Up(t, protocol.TypeHello, protocol.Hello{Nonce: "old", Next: &next})).WaitTimeout(patience)
	eventually(t, "what the old key signs is refused and counted", func() bool {
		_, body := get(t, s.page+"/metrics")
		return strings.Contains(body, `gatehouse_intake_refused_messages_total{reason="unknown_key"}`)
	})
	_, page := get(t, s.page+"/property/maples")
	for _, words := range []string{"Certificate ends", "it asked for next keys", "it was heard by its next keys"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
}

// TestTowardsG7_WhatIsWrongWithNextKeysChangesNothing, and each is refused by its reason and stands in the history.
func TestTowardsG7_WhatIsWrongWithNextKeysChangesNothing(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples+elms).open()
	b, other, before := enrol(t, c, "maples"), enrol(t, c, "elms"), newBox(t)
	gone, first := b.next(t)
	if err := announced(t, c, b, first); err != nil {
		t.Fatal(err)
	}
	heardBy(t, c, gone)
	before.Gateway, b.Gateway = b.Gateway, gone.Gateway
	_, good := b.next(t)
	with := func(change func(s *protocol.Succession)) protocol.Succession {
		s := good
		change(&s)
		return s
	}
	// own is a succession with another request, proven all the same.
	own := func(csr string) protocol.Succession {
		n := newBox(t)
		return protocol.NewSuccession(b.ID, prototest.Public(b.Signing), csr, n.Signing, n.Sealing.PublicKey())
	}
	foreign := func(gw access.GatewayID, under, of *box) protocol.Succession {
		return protocol.NewSuccession(gw, prototest.Public(under.Signing), of.csr(t), of.Signing, of.Sealing.PublicKey())
	}
	block, _ := pem.Decode([]byte(newBox(t).csr(t)))
	block.Bytes[len(block.Bytes)-1] ^= 1
	state, g := wants(t, c, b.ID), known(t, c, b.ID)
	for name, tt := range map[string]struct {
		s    protocol.Succession
		want protocol.Reason
	}{
		"a forged proof":               {with(func(s *protocol.Succession) { s.Proof = make([]byte, 64) }), protocol.BadSignature},
		"another sealing key":          {with(func(s *protocol.Succession) { s.Sealing = other.Sealing.PublicKey().Bytes() }), protocol.BadSignature},
		"another request":              {with(func(s *protocol.Succession) { s.CSR = other.csr(t) }), protocol.BadSignature},
		"no key":                       {protocol.Succession{}, protocol.Malformed},
		"made for another gateway":     {foreign(other.ID, b, newBox(t)), protocol.BadSignature},
		"made under another's key":     {foreign(b.ID, other, newBox(t)), protocol.BadSignature},
		"another gateway's own key":    {foreign(b.ID, b, other), protocol.WrongGateway},
		"the announcement of before":   {first, protocol.BadSignature},
		"back to the key of before":    {foreign(b.ID, b, before), protocol.Replay},
		"the present key":              {foreign(b.ID, b, b), protocol.Replay},
		"a request that is no PEM":     {own("hello"), protocol.Malformed},
		"a request that is none":       {own("-----BEGIN X-----\nAAAA\n-----END X-----\n"), protocol.Malformed},
		"a request that is not signed": {own(string(pem.EncodeToMemory(block))), protocol.BadSignature},
		"a request that is too long":   {own(strings.Repeat("x", maxRequest+1)), protocol.Oversized},
	} {
		err := announced(t, c, b, tt.s)
		if err == nil || protocol.ReasonOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		acts, wrong := c.store.Acts(t.Context(), b.ID)
		if wrong != nil || acts[0].What != store.ActRefused || !strings.Contains(acts[0].Words, string(tt.want)) {
			t.Errorf("%s: the history says %+v", name, acts[0])
		}
	}
	if d := cmp.Diff(g, known(t, c, b.ID)); d != "" || wants(t, c, b.ID).Position != state.Position || len(signs(t, c, b.ID)) != 1 {
		t.Errorf("something changed: %s", d)
	}
	if err := announced(t, c, b, good); err != nil || len(signs(t, c, b.ID)) != 2 {
		t.Errorf("the good one among them: %v", err)
	}
	late := protocol.NewSuccession(b.ID, prototest.Public(before.Signing), "", before.Signing, before.Sealing.PublicKey())
	if err := announced(t, c, before, late); protocol.ReasonOf(err) != protocol.UnknownKey && protocol.ReasonOf(err) != protocol.Replay {
		t.Errorf("asked for under the key of before: %v", err)
	}
}

// TestTowardsG7_AChangeGoesOnWhereTheCloudWasCut, after every step, with the same certificate.
func TestTowardsG7_AChangeGoesOnWhereTheCloudWasCut(t *testing.T) {
	t.Parallel()
	for cut := range 4 {
		r := newRig(t, maples)
		c, err := Open(t.Context(), r.load(), r.deps())
		if err != nil {
			t.Fatal(err)
		}
		b := enrol(t, c, "maples")
		n, next := b.next(t)
		steps := []func(c *Cloud, by *box){
			func(c *Cloud, _ *box) { // the hello is kept
				if err := (intakeStore{c.store}).SaveHello(t.Context(), b.ID, protocol.Hello{Next: &next}, c.now()); err != nil {
					t.Fatal(err)
				}
			},
			func(c *Cloud, _ *box) { // the keys are certified, not told
				if err := announced(t, c, b, next); err != nil {
					t.Fatal(err)
				}
			},
			func(c *Cloud, _ *box) { heardBy(t, c, n) }, // the change is kept, what came with it is not
		}
		for _, step := range steps[:cut] {
			step(c, b)
		}
		var made string
		if told := certified(t, c, b.ID); told != nil {
			made = told.PEM
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		c = r.open()
		if cut < len(steps) { // the gateway has not taken them up: it says it again
			steps[0](c, b)
			steps[1](c, b)
		}
		told := certified(t, c, b.ID)
		if told == nil || made != "" && told.PEM != made {
			t.Fatalf("cut after %d: told %v", cut, told)
		}
		steps[2](c, n)
		steps[2](c, n)
		if got := signs(t, c, b.ID); len(got) != 1 || got[0] != protocol.SignerID(n.Signing) {
			t.Errorf("cut after %d: keys that count %v", cut, got)
		}
		if err := announced(t, c, b, next); protocol.ReasonOf(err) != protocol.UnknownKey && protocol.ReasonOf(err) != protocol.Replay {
			t.Errorf("cut after %d: the announcement of before gives %v", cut, err)
		}
	}
}

// TestTowardsG7_AnEndedCertificateHasAWayBack: the same request, by hand, gives the same gateway a new one, also when its
// next keys have taken over at the box and nobody heard.
func TestTowardsG7_AnEndedCertificateHasAWayBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	c := r.open()
	b := enrol(t, c, "maples")
	n, next := b.next(t)
	if err := announced(t, c, b, next); err != nil {
		t.Fatal(err)
	}
	n.bundle.Certificate = certified(t, c, b.ID).PEM
	r.now = func() time.Time { return time.Now().AddDate(10, 1, 0) }
	s := r.serve()
	dial := func(b *box) error {
		config := b.tls(t)
		config.Time = r.now
		client, err := b.connect(config, string(b.ID))
		client.Disconnect(0)
		return err
	}
	if dial(b) == nil || dial(n) == nil {
		t.Error("let in with a certificate that has ended")
	}
	if _, page := get(t, s.page+"/property/maples"); !strings.Contains(page, "The certificate of gateway gw1 ended") || !strings.Contains(page, "enroll accept") {
		t.Error("the page does not say so")
	}
	for name, box := range map[string]*box{"its present keys": b, "its next ones": n} {
		id, raw, err := s.AddGateway(t.Context(), "maples", box.request(t))
		if err != nil || id != b.ID {
			t.Fatalf("%s: %s %v", name, id, err)
		}
		if box.bundle, err = protocol.ParseEnrollBundle(raw); err != nil {
			t.Fatal(err)
		}
		if err := dial(box); err != nil {
			t.Errorf("%s: not let in: %v", name, err)
		}
	}
	heardBy(t, s.Cloud, n)
	if err := dial(n); err != nil {
		t.Errorf("the bundle for the next keys went with the keys before: %v", err)
	}
	_, _, err := s.AddGateway(t.Context(), "maples", b.request(t))
	wantFault(t, err, fault.Conflict, "others took their place", "gateway add --replace gw1")
}

// TestTowardsG7_ARevokedGatewayIsCutOffAndToldNothing: while it is connected; another box has its place later.
func TestTowardsG7_ARevokedGatewayIsCutOffAndToldNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve().hears(r)
	b := enrol(t, s.Cloud, "maples")
	load(t, s.Cloud, export(t, residents(40)...))
	l := b.dial(t)
	l.firstState()
	command := r.open() // another process
	since, err := command.RevokeGateway(t.Context(), b.ID, "stolen from the cellar")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its connection is cut", func() bool { return !l.client.IsConnected() })
	if _, err := b.connect(b.tls(t), string(b.ID)); err == nil {
		t.Error("it is let in again")
	}
	if again, err := command.RevokeGateway(t.Context(), b.ID, "again"); err != nil || !again.Equal(since.UTC().Truncate(time.Millisecond)) {
		t.Errorf("revoked again since %s, %v, want %s", again, err, since)
	}
	ps := publishStore{s.store}
	if pos, err := ps.Position(t.Context(), b.ID); err != nil || pos.Revision != 0 {
		t.Errorf("to be published: %v %v", pos, err)
	}
	if c, err := ps.Snapshot(t.Context(), b.ID); err != nil || len(c.Put) != 0 {
		t.Errorf("a snapshot for it holds %d items, %v", len(c.Put), err)
	}
	_, page := get(t, s.page+"/property/maples")
	for _, words := range []string{"Gateway gw1 was revoked", "stolen from the cellar", "gateway add --replace gw1"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	_, _, err = command.AddGateway(t.Context(), "maples", b.request(t))
	wantFault(t, err, fault.Conflict, "which is revoked", "--replace gw1")
	n := replace(t, command, b.ID)
	nl := n.dial(t)
	nl.hello(access.Position{}, access.Digest{}, "new")
	if _, state := nl.state("its state"); len(state.Put) == 0 {
		t.Error("the new box is told nothing")
	}
	if got := known(t, s.Cloud, b.ID); !got.Revoked.IsZero() {
		t.Error("the new box is revoked")
	}
}

// TestGateways_AreListedByProperty.
func TestGateways_AreListedByProperty(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples+elms).open()
	a, b := enrol(t, c, "maples"), enrol(t, c, "elms")
	for property, want := range map[access.PropertyID]string{"": string(a.ID + b.ID), "maples": string(a.ID), "elms": string(b.ID)} {
		all, err := c.Gateways(t.Context(), property)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, g := range all {
			got += string(g.ID)
			if g.CertificateEnds.Before(noon().AddDate(9, 0, 0)) {
				t.Errorf("the certificate of %s ends %s", g.ID, g.CertificateEnds)
			}
		}
		if got != want {
			t.Errorf("of %q: %s, want %s", property, got, want)
		}
	}
	_, err := c.Gateways(t.Context(), "oaks")
	wantFault(t, err, fault.Invalid, "not in the configuration")
}
