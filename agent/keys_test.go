package agent

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// renew makes the gateway's next keys, twice, and returns them as a cloud may know them.
func (h *house) renew() prototest.Gateway {
	h.t.Helper()
	must(h.t, EnrollRenew(h.cfg, quiet()))
	k := h.keys()
	must(h.t, EnrollRenew(h.cfg, quiet()))
	if again := h.keys(); again.Next == nil || string(again.Next.Signing) != string(k.Next.Signing) {
		h.t.Error("asked again, other keys were made")
	}
	sealing, err := ecdh.X25519().NewPrivateKey(k.Next.Sealing)
	must(h.t, err)
	return prototest.Gateway{ID: h.gw.ID, Signing: ed25519.NewKeyFromSeed(k.Next.Signing), Sealing: sealing}
}

// certificate is what a cloud makes of announced keys.
func (h *house) certificate(s protocol.Succession, cn string) string {
	h.t.Helper()
	must(h.t, s.Check(h.gw.ID, prototest.Public(h.gw.Signing)))
	block, _ := pem.Decode([]byte(s.CSR))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	must(h.t, err)
	return string(mustJSON(h.t, access.Certificate{ID: access.GatewayItem, PEM: h.ca.Issue(h.t, cn, csr.PublicKey), Signing: s.Signing, Sealing: s.Sealing}))
}

// signedBy waits for a hello that a key signed.
func (h *house) signedBy(hellos *prototest.Reader[prototest.Up[protocol.Hello]], key ed25519.PrivateKey) protocol.Hello {
	h.t.Helper()
	return hellos.Find(h.t, "a hello by the other key", func(u prototest.Up[protocol.Hello]) bool {
		return u.Header.Signer == protocol.SignerID(key)
	}).Body
}

// TestTowardsG7_TheGatewaysKeysChangeWithoutAVisit: made at the box, told in every hello, taken over when the state has
// the certificate, whatever is sealed to which key meanwhile, and still there after a restart.
func TestTowardsG7_TheGatewaysKeysChangeWithoutAVisit(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	h.cfg.Hello = time.Second
	next := h.renew()
	hellos, story := h.cloud.Hellos.Read(), h.story()
	h.start()
	told := hellos.Next(t, "the first hello").Body.Next
	if told == nil || string(told.Signing) != string(prototest.Public(next.Signing)) {
		t.Fatalf("told %+v", told)
	}
	story.until(access.EventConfirmed, access.OpAdd, "p1")

	h.keeper.Own(access.KindCertificate, h.certificate(*told, "gw-9"))
	if e := story.until(access.EventSettings, "", ""); e.Fault != "invalid" || !strings.Contains(e.Message, "gw-9") {
		t.Errorf("another gateway's certificate: %+v", e)
	}
	h.cloud.Know(next) // from now on sealed to the next key, before the gateway knows that it holds
	h.keeper.Own(access.KindCertificate, h.certificate(*told, "gw-1"))
	if e := story.until(access.EventSettings, "", ""); e.Fault != "" || !strings.Contains(e.Message, "own keys") {
		t.Errorf("told %+v", e)
	}
	if hello := h.signedBy(hellos, next.Signing); hello.Next != nil {
		t.Errorf("the keys took over and are announced still: %+v", hello.Next)
	}
	late, err := h.cloud.Seal(h.gw, protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: 1 << 40}) // to the old key
	must(t, err)
	h.broker.Inject(t, protocol.DownTopic(h.gw.ID, protocol.TypeReceipt), late)
	h.logs.wait(t, "a message was refused", `"receipt_ahead"`) // it was opened

	h.stop()
	hellos = h.cloud.Hellos.Tail()
	h.start()
	h.signedBy(hellos, next.Signing)
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	if r := h.agent.box.id.ring.Load(); len(r.past) != 1 || len(r.also) != 1 {
		t.Errorf("keys of before: %d that signed, %d that open", len(r.past), len(r.also))
	}
	must(t, h.agent.retire(time.Now().Add(time.Minute)))
	if r := h.agent.box.id.ring.Load(); len(r.also) != 1 {
		t.Error("the old key is forgotten while something sealed to it may be under way")
	}
	must(t, h.agent.retire(time.Now().Add(2*time.Hour)))
	if r := h.agent.box.id.ring.Load(); len(r.also) != 0 {
		t.Error("the old sealing key is kept")
	}
	h.stop()
	if k := h.keys(); k.Next != nil || k.Old != nil || len(k.Past) != 1 || k.Certificate == "" {
		t.Errorf("stored: next %v, old %v, %d before", k.Next != nil, k.Old != nil, len(k.Past))
	}
	var r OutboxReport
	must(t, json.Unmarshal([]byte(h.ask(AskOutbox)), &r))
	if !r.OK {
		t.Errorf("outbox %+v", r)
	}
	h.replaced(next)
}

// replaced enrols the gateway anew by hand: the bundle goes before what came over the wire.
func (h *house) replaced(by prototest.Gateway) {
	h.t.Helper()
	req := h.request("gw-1")
	if string(req.Signing) != string(prototest.Public(by.Signing)) {
		h.t.Error("the request is by keys of before")
	}
	other := prototest.NewSigningKey(h.t)
	_, err := EnrollAccept(h.cfg, h.bundle(req, other, nil), quiet())
	must(h.t, err)
	a, err := New(h.t.Context(), h.cfg, Deps{Log: quiet(), Source: trusted()})
	must(h.t, err)
	defer func() { must(h.t, a.Close()) }()
	if r := a.box.id.ring.Load(); len(r.trusted) != 1 || !r.trusted[0].Equal(prototest.Public(other)) {
		h.t.Error("the new bundle's cloud is not trusted")
	}
}

// TestTowardsG7_TheCloudsKeysChangeWithoutAVisit: listed beside the old one, then alone; never to a list that would leave
// the gateway deaf.
func TestTowardsG7_TheCloudsKeysChangeWithoutAVisit(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(places()...)
	story := h.story()
	first, second := h.cloud.Signing, prototest.NewSigningKey(t)
	list := func(keys ...ed25519.PrivateKey) {
		k := access.CloudKeys{ID: access.GatewayItem}
		for _, key := range keys {
			k.Keys = append(k.Keys, prototest.Public(key))
		}
		h.keeper.Own(access.KindCloudKeys, string(mustJSON(t, k)))
	}
	told := func(fault, says string) {
		t.Helper()
		if e := story.until(access.EventSettings, "", ""); e.Fault != fault || !strings.Contains(e.Message, says) {
			t.Errorf("told %+v, want %q with %q", e, fault, says)
		}
	}
	h.start()
	list(second)
	told("invalid", "none of the listed keys")
	list(first, second)
	told("", "signing keys changed")
	h.cloud.SignWith(second)
	h.keeper.Change(items(t, resident(1, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	list(second)
	told("", "signing keys changed")
	h.stop()
	h.start()
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	h.cloud.SignWith(first)
	h.keeper.Change(items(t, resident(3, since(time.Hour))...), nil)
	h.logs.wait(t, "a message was refused", `"unknown_key"`)
	if h.opens("10003") {
		t.Error("the key that was taken away is obeyed")
	}
}

// TestRenewNeedsAnEnrolledGateway.
func TestRenewNeedsAnEnrolledGateway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if err := EnrollRenew(h.cfg, quiet()); fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.RemedyOf(err), "enroll request") {
		t.Errorf("%v", err)
	}
}
