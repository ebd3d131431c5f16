package cloud

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// known is a gateway as the store has it.
func known(t testing.TB, c *Cloud, gw access.GatewayID) store.Gateway {
	t.Helper()
	g, err := c.store.Gateway(t.Context(), gw)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTowardsG3_WhatASyncTakesIsMeantAndWhatTheConfigurationTakesIsNot until somebody agrees.
func TestTowardsG3_WhatASyncTakesIsMeantAndWhatTheConfigurationTakesIsNot(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	b := enrol(t, c, "maples")
	load(t, c, export(t, residents(9)...))
	gone := residents(9)
	gone[0] = with(gone[0], "status", "Past", "move_out", "2027-02-01")
	load(t, c, export(t, gone...))
	if g := known(t, c, b.ID); g.Meant != g.Published || g.Published.Revision != 3 {
		t.Errorf("after a sync: meant up to %v of %v", g.Meant, g.Published)
	}
	r.configure(strings.Replace(maples, "zone =", "types = [\"vendor\"]\nzone =", 1)) // somebody mistypes
	r.open()
	g := known(t, c, b.ID)
	if g.Meant.Revision != 3 || g.Published.Revision != 4 {
		t.Errorf("after a change of the configuration: meant up to %v of %v", g.Meant, g.Published)
	}
	wantFault(t, func() error { _, err := c.Agree(t.Context(), b.ID, 5); return err }(), fault.Invalid, "no revision 5")
	wantFault(t, func() error { _, err := c.Agree(t.Context(), "gw9", 0); return err }(), fault.Invalid, "gw9")
	if meant, err := c.Agree(t.Context(), b.ID, 0); err != nil || meant != g.Published {
		t.Errorf("agreed up to %v: %v", meant, err)
	}
}

// TestTowardsG7_ARestoredCloudWaitsForAWord, over the wire: nothing is published to a gateway that knows more; after
// restored it gets the whole state in a new epoch, and agreement comes as a message of its own.
func TestTowardsG7_ARestoredCloudWaitsForAWord(t *testing.T) {
	t.Parallel()
	r := newRig(t, withBroker(t, maples))
	r.now = time.Now
	s := r.serve()
	b := enrol(t, s.Cloud, "maples")
	wantFault(t, func() error { _, err := s.Restored(t.Context(), false); return err }(), fault.Conflict, "--force", "said hello")
	l := b.dial(t)
	eventually(t, "the evidence is kept", func() bool { // a hello before the cloud listens is lost: gateways repeat it
		l.hello(access.Position{Epoch: 1, Revision: 50}, access.Digest{}, "n1")
		return known(t, s.Cloud, b.ID).Ahead.Revision == 50
	})
	if through := l.receipt("the answer"); through != 0 {
		t.Errorf("receipt through %d", through)
	}
	load(t, s.Cloud, export(t, residents(3)...))
	view, err := reader{s.Cloud}.Property(context.WithoutCancel(t.Context()), "maples")
	if err != nil || !view.Gateways[0].Ahead || len(view.Conflicts) != 1 || !strings.Contains(view.Conflicts[0].Remedy, "gatehouse-cloud restored") {
		t.Errorf("the page shows %+v %+v: %v", view.Gateways, view.Conflicts, err)
	}
	epochs, err := s.Restored(t.Context(), false)
	if err != nil || epochs[b.ID] != 2 {
		t.Fatalf("restored: %v %v", epochs, err)
	}
	d, state := l.state("the state of the new epoch")
	if d.Epoch != 2 || d.Base != 0 || state.Meant.Epoch != 1 {
		t.Errorf("epoch %d from %d, meant up to %v", d.Epoch, d.Base, state.Meant)
	}
	l.send(protocol.TypeAck, protocol.Ack{Position: position(d), Digest: state.Digest})
	eventually(t, "the ack is taken in", func() bool { return known(t, s.Cloud, b.ID).Stored == position(d) })
	if _, err := s.Agree(t.Context(), b.ID, 0); err != nil {
		t.Fatal(err)
	}
	for d, state = l.state("the agreement"); state.Meant.Epoch == 1; d, state = l.state("the agreement") {
		// A hello repeated above may have brought the state twice.
	}
	if d.Base != d.Revision || state.Meant != position(d) {
		t.Errorf("the agreement came as %d from %d, meant up to %v", d.Revision, d.Base, state.Meant)
	}
}
