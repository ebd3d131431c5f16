package policy

import (
	"slices"
	"time"

	"gatehouse/protocol/access"
)

// ByHand is what somebody did at a gateway by hand and somebody here adopted: it stands in the wanted
// state from then on, whatever the records say, until it is lifted (row G11).
type ByHand struct {
	ID     string // unique within the property
	Kind   access.OverlayKind
	Person access.PersonID
	Door   access.DoorID // of a grant
	access.Window
	Reason string
	Made   time.Time // from when a revocation acts
}

// Adopt puts what was done by hand into a decision's items: grants first, then revocations, which end
// every grant of the person. A grant to somebody who is not in the state, or that ended Keep ago, is
// left out.
func Adopt(items []access.Noun, done []ByHand, now time.Time) []access.Noun {
	if len(done) == 0 {
		return items
	}
	here, revoked := map[access.PersonID]bool{}, map[access.PersonID]ByHand{}
	for _, n := range items {
		if p, ok := n.(access.Person); ok {
			here[p.ID] = true
		}
	}
	var grants []access.Grant
	for _, d := range done {
		switch {
		case d.Kind == access.OverlayRevoke:
			if old, known := revoked[d.Person]; !known || d.Made.Before(old.Made) {
				revoked[d.Person] = d
			}
		case here[d.Person] && d.Until.After(now.Add(-Keep)):
			g := access.Grant{ID: access.GrantID(join("hand-", d.ID)), Person: d.Person, Door: d.Door, Window: d.Window, Ends: access.EndByStaff, Reason: "let in by hand at the gateway: " + d.Reason}
			if g.Validate() == nil {
				grants = append(grants, g)
			}
		}
	}
	out := make([]access.Noun, 0, len(items)+len(grants))
	for _, n := range slices.Concat(items, nouns(sortedBy(grants, func(g access.Grant) string { return string(g.ID) }))) {
		g, ok := n.(access.Grant)
		if d, ended := revoked[g.Person]; ok && ended {
			if !g.From.Before(d.Made) {
				continue // it would only begin after
			}
			if g.Until.IsZero() || g.Until.After(d.Made) {
				g.Until, g.Ends, g.Reason = d.Made, access.EndRevoked, "revoked by hand at the gateway: "+d.Reason
			}
			n = g
		}
		out = append(out, n)
	}
	return out
}
