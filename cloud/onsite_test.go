package cloud

import (
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestTowardsG4_WhatAGatewayToldReachesThePage: by its signed events and its reply, for one gateway, for
// a property, and on the page; nothing of it stays when the gateway says that it is gone.
func TestTowardsG4_WhatAGatewayToldReachesThePage(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	b, other := enrol(t, c, "maples"), enrol(t, c, "maples")
	load(t, c, export(t, residents(3)...))
	row := func(gone bool) access.Event {
		return access.Event{Kind: access.EventDrift, At: c.now(), Device: "lobby-1", Drift: access.DriftGhost, Person: "p000001", Message: "nobody's", Row: &access.DriftNote{Entry: "e-1", First: c.now(), Gone: gone}}
	}
	hold := func(gone bool) access.Event {
		return access.Event{Kind: access.EventHeld, At: c.now(), Hold: &access.HoldNote{People: []access.PersonID{"p000002"}, Cause: access.HoldBrake, Gone: gone}}
	}
	tellEvents(t, c, b.ID, row(false), hold(false), access.Event{Kind: access.EventCommand, At: c.now(), Command: "c1", Message: "audit: refused", Fault: "invalid"})
	if err := (intakeStore{c.store}).SaveReply(t.Context(), b.ID, protocol.Reply{ID: "c1", Result: "refused", Message: "no such device"}, c.now()); err != nil {
		t.Fatal(err)
	}
	told := func(property access.PropertyID, gw access.GatewayID) OnSite {
		t.Helper()
		out, err := c.OnSite(t.Context(), property, gw)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	site := told("", b.ID)
	if len(site.Found) != 1 || site.Found[0].Name != "Ben Miller" || len(site.Waiting) != 1 || site.Waiting[0].Person != "p000002" || len(site.Replies) != 1 || site.Replies[0].Message != "no such device" {
		t.Errorf("%+v", site)
	}
	if none := told("", other.ID); len(none.Found)+len(none.Waiting)+len(none.Replies) != 0 {
		t.Errorf("of another gateway: %+v", none)
	}
	page, err := reader{c}.Property(t.Context(), "maples")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range page.Gateways {
		if want := map[bool]int{true: 1}[g.ID == b.ID]; len(g.Found) != want || len(g.Waits) != want || len(g.Replies) != want {
			t.Errorf("gateway %s shows %+v", g.ID, g)
		}
	}
	tellEvents(t, c, b.ID, row(true), hold(true))
	if site = told("maples", ""); len(site.Found)+len(site.Waiting) != 0 || len(site.Replies) != 1 {
		t.Errorf("when it is gone: %+v", site)
	}
	if _, err := c.OnSite(t.Context(), "elms", ""); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
	if _, err := c.OnSite(t.Context(), "", "nobody"); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
}
