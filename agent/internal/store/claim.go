package store

import (
	"slices"
	"time"

	"gatehouse/protocol/access"
)

// claim is what of a grant or of a credential decides whether somebody gets in.
type claim struct {
	id string
	access.Window
	ends  access.EndReason
	to    target
	rank  rank // of a credential; none: it is a grant
	known bool // false: it is there and cannot be read or makes no sense; nobody loses access by it
}

// rank is how good a way in is. Panels take PINs and cards; not every one has an app.
type rank uint8

const (
	rankNone rank = iota
	rankApp
	rankKey
)

// view reads whose an item is and, of a grant or credential, what it gives. The id of anything else
// is "".
func view(it access.Item) (access.PersonID, claim) {
	if it.Kind != access.KindGrant && it.Kind != access.KindCredential {
		return owner(it), claim{}
	}
	n, err := access.Decode(it)
	if err != nil {
		return owner(it), unread(it.Key)
	}
	if g, ok := n.(access.Grant); ok {
		return g.Person, claim{id: it.ID, Window: g.Window, ends: g.Ends, to: leadsTo(g), known: true}
	}
	c := n.(access.Credential)
	if c.Kind == access.Mobile {
		return c.Person, claim{id: it.ID, rank: rankApp, known: true}
	}
	return c.Person, claim{id: it.ID, rank: rankKey, known: true}
}

// unread is what stands for a grant or credential that cannot be read.
func unread(k access.Key) claim {
	if k.Kind == access.KindCredential {
		return claim{id: k.ID, rank: rankKey}
	}
	return claim{id: k.ID}
}

// claims says whether items of a kind are claims.
func claims(k access.Kind) bool { return k == access.KindGrant || k == access.KindCredential }

func find(list []claim, o claim) int {
	return slices.IndexFunc(list, func(c claim) bool { return c.id == o.id && (c.rank == rankNone) == (o.rank == rankNone) })
}

// open says that it is a grant that is open.
func (c claim) open(at time.Time) bool { return c.rank == rankNone && (!c.known || c.Contains(at)) }

// over says that the grant has an end that has come by at.
func (c claim) over(at time.Time) bool { return c.known && !c.Until.IsZero() && !c.Until.After(at) }

// explicit says that somebody ended this grant by name.
func (c claim) explicit() bool { return c.ends == access.EndRevoked || c.ends == access.EndByStaff }

// best is the best credential among claims.
func best(list []claim) (r rank) {
	for _, c := range list {
		r = max(r, c.rank)
	}
	return r
}
