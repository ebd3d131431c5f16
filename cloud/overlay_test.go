package cloud

import (
	"slices"
	"testing"
	"time"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// tellEvents takes in events as a gateway's next.
func tellEvents(t testing.TB, c *Cloud, gw access.GatewayID, all ...access.Event) {
	t.Helper()
	g := known(t, c, gw)
	prev := access.Link{}
	if stored, err := c.store.Audit(t.Context(), gw, g.Events-min(g.Events, 1), 1); err != nil {
		t.Fatal(err)
	} else if len(stored) > 0 {
		prev = stored[0].Link
	}
	batch := chained(t, g.Events+1, prev, all...)
	through, err := intakeStore{c.store}.SaveEvents(t.Context(), gw, batch, c.now())
	if err != nil || through != g.Events+uint64(len(all)) {
		t.Fatalf("through %d: %v", through, err)
	}
}

// items are those of a kind in a gateway's state.
func items(t testing.TB, c *Cloud, gw access.GatewayID, kind access.Kind) (out []access.Noun) {
	t.Helper()
	u, err := c.store.Snapshot(t.Context(), gw)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range u.Put {
		if it.Kind == kind {
			n, err := access.Decode(it)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	return out
}

// TestTowardsG11_ALocalRevokeIsKeptThroughSyncsUntilLifted, and the settlement goes once the gateway let go of its own.
func TestTowardsG11_ALocalRevokeIsKeptThroughSyncsUntilLifted(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	b, other := enrol(t, c, "maples"), enrol(t, c, "maples")
	load(t, c, export(t, residents(3)...))
	note := &access.OverlayNote{ID: "o1", Kind: access.OverlayRevoke, By: "p000002", Reason: "threat"}
	person := access.PersonID("p000001")
	tellEvents(t, c, b.ID, access.Event{Kind: access.EventOverlay, At: c.now().Add(-time.Minute), Person: person, Overlay: note})
	load(t, c, export(t, residents(4)...))
	if w := wants(t, c, b.ID); len(w.names) != 4 || len(items(t, c, b.ID, access.KindSettlement)) != 0 {
		t.Errorf("nobody decided yet: %v", w.names)
	}
	if got := conflicts(t, c); got["overlay"].Kind != "" {
		t.Errorf("the question is stored: %v", got)
	}
	if _, err := c.SettleOverlay(t.Context(), b.ID, "o1", "adopt"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, gw := range []access.GatewayID{b.ID, other.ID} {
			w := wants(t, c, gw)
			if len(w.names) != 3 || slices.Contains(w.names, called(1)) || w.grants[called(1)].Ends != access.EndRevoked {
				t.Errorf("%s after adoption: %v %+v", gw, w.names, w.grants[called(1)])
			}
		}
		if g := known(t, c, b.ID); g.Meant != g.Published {
			t.Errorf("what somebody adopted is not meant: %v of %v", g.Meant, g.Published)
		}
		load(t, c, export(t, residents(4)...)) // the records say they live there
	}
	if got := items(t, c, b.ID, access.KindSettlement); len(got) != 1 || got[0] != (access.Settlement{ID: "o1", Person: person, State: access.OverlayAdopted}) {
		t.Errorf("settlements: %v", got)
	}
	if got := items(t, c, other.ID, access.KindSettlement); len(got) != 0 {
		t.Errorf("the other gateway is told %v", got)
	}
	gone := *note
	gone.Gone = true
	tellEvents(t, c, b.ID, access.Event{Kind: access.EventOverlay, At: c.now(), Person: person, Overlay: &gone})
	if o, err := c.SettleOverlay(t.Context(), b.ID, "o1", "lift"); err != nil || o.State != store.OverlayLifted {
		t.Fatalf("lifted: %+v %v", o, err)
	}
	if w := wants(t, c, b.ID); len(w.names) != 4 || len(items(t, c, b.ID, access.KindSettlement)) != 0 {
		t.Errorf("after lifting: %v", w.names)
	}
	_, err := c.SettleOverlay(t.Context(), b.ID, "o1", "forget")
	wantFault(t, err, fault.Invalid, "want adopt, reject or lift")
	_, err = c.SettleOverlay(t.Context(), "gw9", "o1", "lift")
	wantFault(t, err, fault.Invalid, "no such gateway")
}

// TestTowardsE6_SettingsTravelWithTheState, and what became of them is shown.
func TestTowardsE6_SettingsTravelWithTheState(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	b := enrol(t, r.open(), "maples")
	r.configure(maples + "[property.gateway]\nhello_every = \"1m\"\ndrift = { lobby = \"report\" }\n")
	c := r.open()
	got := items(t, c, b.ID, access.KindSettings)
	if len(got) != 1 || got[0].(access.Settings).Hello != access.Span(time.Minute) || got[0].(access.Settings).Drift["lobby"] != access.DriftReport {
		t.Fatalf("settings: %+v", got)
	}
	revision := known(t, c, b.ID).Published.Revision
	hello := protocol.Hello{Settings: &protocol.InForce{Revision: revision - 1, Refused: revision, Message: "drift.lobby: no such device"}}
	if err := (intakeStore{c.store}).SaveHello(t.Context(), b.ID, hello, c.now()); err != nil {
		t.Fatal(err)
	}
	view, err := reader{c}.Property(t.Context(), "maples")
	if err != nil {
		t.Fatal(err)
	}
	if s := view.Gateways[0].Settings; !s.Known || s.Wanted != revision || s.Refused != revision || s.Message == "" {
		t.Errorf("shown: %+v, want revision %d refused", s, revision)
	}
	r.configure(maples)
	if got = items(t, r.open(), b.ID, access.KindSettings); len(got) != 0 {
		t.Errorf("without the table: %+v", got)
	}
}

// chained are events as a gateway numbers and joins them.
func chained(t testing.TB, first uint64, prev access.Link, all ...access.Event) protocol.Events {
	t.Helper()
	batch := protocol.Events{First: first, Prev: prev}
	for i, e := range all {
		e.Number = first + uint64(i)
		e.Recorded = e.At
		batch.Raw = append(batch.Raw, encodeEvent(t, e))
	}
	return batch
}
