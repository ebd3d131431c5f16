package cloud

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// replace gives a gateway's place to a new box.
func replace(t testing.TB, c *Cloud, gw access.GatewayID) *box {
	t.Helper()
	b := newBox(t)
	var err error
	if b.ID, b.raw, err = c.ReplaceGateway(t.Context(), gw, b.request(t)); err != nil {
		t.Fatalf("ReplaceGateway: %v", err)
	}
	if b.bundle, err = protocol.ParseEnrollBundle(b.raw); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTowardsG15_ANewBoxTakesThePlaceOfTheOldOne: same id, other keys, and what it must know of the old one, also of 10,000 records.
func TestTowardsG15_ANewBoxTakesThePlaceOfTheOldOne(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	old := enrol(t, c, "maples")
	load(t, c, export(t, residents(3)...))
	in := intakeStore{c.store}
	pos := known(t, c, old.ID).Published
	panel := access.Device{ID: "lobby", Kind: "akuvox", URL: "http://10.0.0.7", Doors: map[access.DoorID]string{"lobby": "A"}}
	if err := in.SaveInventory(t.Context(), old.ID, protocol.Inventory{Number: 7, Devices: []access.Device{panel}}, c.now()); err != nil {
		t.Fatal(err)
	}
	if err := in.SaveAck(t.Context(), old.ID, protocol.Ack{Position: pos}, c.now()); err != nil {
		t.Fatal(err)
	}
	events := []access.Event{{Kind: access.EventConfirmed, Op: access.OpRemove, Person: "p000002", Device: "lobby", At: c.now()}}
	for i := range 5000 {
		events = append(events, access.Event{Kind: access.EventWritten, Op: access.OpAdd, Person: access.PersonID(fmt.Sprintf("p%d", 100+i)), Device: "lobby", At: c.now()})
	}
	tellEvents(t, c, old.ID, events...)
	link, err := c.store.Audit(t.Context(), old.ID, 5000, 1)
	if err != nil || len(link) != 1 {
		t.Fatal(err)
	}
	_, _, err = c.ReplaceGateway(t.Context(), old.ID, old.request(t))
	wantFault(t, err, fault.Conflict, "these keys are gateway "+string(old.ID), "empty state directory")
	_, _, err = c.ReplaceGateway(t.Context(), "gw9", newBox(t).request(t))
	wantFault(t, err, fault.Invalid, "no such gateway")

	b := replace(t, c, old.ID)
	was := b.bundle.Replaces
	if b.ID != old.ID || b.bundle.Property != "maples" || was == nil {
		t.Fatalf("bundle: %+v", b.bundle)
	}
	if was.Event != 5001 || was.Link != link[0].Link || was.Floor != pos || len(was.Devices) != 1 || was.Devices[0].URL != panel.URL {
		t.Errorf("what it must know: event %d, floor %v, devices %+v", was.Event, was.Floor, was.Devices)
	}
	if n := len(was.Ledger["lobby"]); n != 5000 {
		t.Errorf("%d people in the ledger, want 5000 without who is gone", n)
	}
	g := known(t, c, b.ID)
	if g.Stored.Revision != 0 || g.Inventory != 0 || g.Events != 5001 || g.Published != pos {
		t.Errorf("the gateway: %+v", g)
	}
	keys, err := in.Signing(t.Context(), b.ID)
	if err != nil || len(keys) != 1 || !keys[0].Equal(prototest.Public(b.Signing)) {
		t.Errorf("keys: %v %v", keys, err)
	}
}

// TestTowardsG15_TheOldBoxIsRefused, at the broker by its certificate and at the cloud by its signature.
func TestTowardsG15_TheOldBoxIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve()
	old := enrol(t, s.Cloud, "maples")
	again := *old // the installer lost the bundle and made another
	if _, raw, err := s.AddGateway(t.Context(), "maples", old.request(t)); err != nil {
		t.Fatal(err)
	} else if again.bundle, err = protocol.ParseEnrollBundle(raw); err != nil {
		t.Fatal(err)
	}
	still := old.mute(t) // connected, while it is replaced
	b := replace(t, s.Cloud, old.ID)
	hello := old.Up(t, protocol.TypeHello, protocol.Hello{Protocol: protocol.Version, Epoch: 1, Revision: 99, Boot: "boot", Nonce: "old"})
	still.client.Publish(protocol.UpTopic(old.ID, protocol.TypeHello), 1, false, hello).WaitTimeout(patience) // it may have been cut off by now
	for name, box := range map[string]*box{"the old box": old, "its other bundle": &again} {
		if client, err := box.connect(box.tls(t), string(old.ID)); err == nil {
			client.Disconnect(0)
			t.Errorf("%s is let in", name)
		}
	}
	l := b.dial(t)
	eventually(t, "the new box is heard", func() bool {
		l.hello(access.Position{}, access.Digest{}, "new")
		return !known(t, s.Cloud, b.ID).Told.At.IsZero()
	})
	if d, state := l.state("its state"); d.Base != 0 || len(state.Put) == 0 {
		t.Errorf("from %d: %d items", d.Base, len(state.Put))
	}
	if g := known(t, s.Cloud, b.ID); g.Ahead.Revision != 0 {
		t.Errorf("the old box was believed: %v", g.Ahead)
	}
}
