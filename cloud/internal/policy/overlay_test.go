package policy

import (
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// TestTowardsG11_WhatWasAdoptedStandsInTheState: a revocation ends every grant of the person, a grant opens its door.
func TestTowardsG11_WhatWasAdoptedStandsInTheState(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	window := func(from, until time.Duration) access.Window {
		return access.Window{From: now.Add(from), Until: now.Add(until)}
	}
	grant := func(id access.GrantID, who access.PersonID, w access.Window) access.Grant {
		return access.Grant{ID: id, Person: who, Group: "common", Window: w, Ends: access.EndMoveOut, Reason: "lives here"}
	}
	items := []access.Noun{
		access.Person{ID: "p1", Kind: access.Resident, Last: "Lee"}, access.Person{ID: "p2", Kind: access.Resident, Last: "Ray"},
		grant("over", "p1", window(-9*time.Hour, -8*time.Hour)), grant("now", "p1", window(-9*time.Hour, 9*time.Hour)),
		grant("later", "p1", window(2*time.Hour, 3*time.Hour)), grant("other", "p2", window(-9*time.Hour, 9*time.Hour)),
	}
	byHand := []ByHand{
		{ID: "gw1-o1", Kind: access.OverlayRevoke, Person: "p1", Made: now, Reason: "again"},
		{ID: "gw1-o2", Kind: access.OverlayRevoke, Person: "p1", Made: now.Add(-time.Hour), Reason: "threat"},
		{ID: "gw1-o3", Kind: access.OverlayGrant, Person: "p2", Door: "pool", Window: window(0, time.Hour), Reason: "lost phone"},
		{ID: "gw1-o4", Kind: access.OverlayGrant, Person: "p7", Door: "pool", Window: window(0, time.Hour)},
		{ID: "gw1-o5", Kind: access.OverlayGrant, Person: "p2", Door: "pool", Window: window(-60*24*time.Hour, -59*24*time.Hour)},
	}
	got := map[access.GrantID]access.Grant{}
	for _, n := range Adopt(items, byHand, now) {
		if g, ok := n.(access.Grant); ok {
			got[g.ID] = g
			if err := g.Validate(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(got) != 4 || got["over"].Ends != access.EndMoveOut || got["other"].Ends != access.EndMoveOut {
		t.Errorf("grants: %+v", got)
	}
	if g := got["now"]; g.Ends != access.EndRevoked || !g.Until.Equal(now.Add(-time.Hour)) {
		t.Errorf("who was revoked: %+v", g)
	}
	if g := got["hand-gw1-o3"]; g.Door != "pool" || g.Person != "p2" || g.Ends != access.EndByStaff {
		t.Errorf("who was let in: %+v", g)
	}
	if same := Adopt(items, nil, now); len(same) != len(items) {
		t.Errorf("nothing adopted changes %d items", len(same))
	}
}
