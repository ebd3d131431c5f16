package store

import (
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// Loss is what an update would take away, told before it is stored.
type Loss struct {
	At, Meant access.Position
	// Epoch says that a cloud in a later epoch speaks: one restored from a backup.
	Epoch bool
	// Lost are the people who could open a door before and can open none after, sorted, though no end
	// that was known before has come and nobody revoked them by name. To open a door takes a grant that
	// leads to one and a PIN or a card, or the app.
	Lost []access.PersonID
	Open int // how many people had a grant that was open before, or stood on devices where nothing was stored
}

// ByName is what an update does to people whom somebody revokes, or revoked, by name.
type ByName struct {
	At, Meant access.Position
	Revoked   []Revoked // grants that end by somebody's word, each by this update; Since is left to the caller
	// Back are, of the people in ApplyOptions.Watch, the grants that are not over now and were before.
	Back map[access.PersonID][]access.GrantID
}

// soon is how far ahead of our clock an end counts as now: a cut that a cloud with a faster clock
// dates "now" must not slip through as one that was announced.
const soon = access.LateAfter

// loses says whether p could open a door at now, can open none after the change that the cloud made
// at issued, and that this is news: not an end which the old bytes announced, not a revocation by
// name. Who is left with the app alone and had a PIN or a card has lost it too: not every panel has
// an app.
func (c *change) loses(p access.PersonID, h *holding) bool {
	if len(h.old) == 0 && !h.blind {
		return false
	}
	now, after := c.o.Now, c.after()
	who := access.Key{Kind: access.KindPerson, ID: string(p)}
	stays, had, has := hasKey(h.now, who), best(h.old), rankNone
	if stays {
		has = best(h.claims)
	}
	gives := func(g claim) bool { return g.open(after) }
	gave := func(g claim) bool { return g.open(now) && !g.over(now.Add(soon)) }
	switch {
	case h.blind:
		had = rankApp
	case had == rankNone || !hasKey(h.before, who) || !slices.ContainsFunc(h.old, gave):
		return false
	}
	if has >= had && len(c.moved) == 0 && h.still(gave, gives) {
		return false
	}
	before, then := c.reaches()
	if has >= had && slices.ContainsFunc(h.claims, func(g claim) bool { return gives(g) && then.leads(g) }) {
		return false
	}
	if h.placed && slices.ContainsFunc(h.claims, func(g claim) bool { return g.explicit() && g.over(after) }) {
		return false
	}
	return h.blind || slices.ContainsFunc(h.old, func(g claim) bool {
		if !gave(g) || !before.leads(g) {
			return false
		}
		i := find(h.claims, g)
		return !stays || i < 0 || !h.claims[i].explicit() || !h.claims[i].over(after)
	})
}

// after is the instant at which what somebody has left is judged.
func (c *change) after() time.Time {
	if c.u.Issued.After(c.o.Now) {
		return c.u.Issued.Add(soon)
	}
	return c.o.Now.Add(soon)
}

// still says that every grant that was open is matched by one that is open and leads to the same: so
// nobody needs to look where that is.
func (h *holding) still(gave, gives func(claim) bool) bool {
	return !slices.ContainsFunc(h.old, func(o claim) bool {
		return gave(o) && !slices.ContainsFunc(h.claims, func(n claim) bool { return gives(n) && (n.to == o.to || !n.known) })
	})
}

func hasKey(keys []access.Key, k access.Key) bool {
	_, found := slices.BinarySearchFunc(keys, k, compareKeys)
	return found
}

// ask calls Hold where the change takes access away and nobody agreed to that, or comes from a
// restored cloud.
func (c *change) ask(s state, lost []access.PersonID, placed int) error {
	known := s.Position
	if known.Before(c.o.Floor) {
		known = c.o.Floor
	}
	l := Loss{At: c.u.Position, Meant: c.u.Meant, Epoch: known.Epoch != 0 && c.u.Epoch > known.Epoch, Lost: lost}
	unmeant := len(lost) > 0 && l.Meant.Before(l.At)
	if c.o.Hold == nil || !unmeant && !l.Epoch {
		return c.tellByName()
	}
	var err error
	if l.Open, err = c.w.countOpen(c.tx, s, c.o.Now); err != nil {
		return err
	}
	l.Open += placed
	if err := c.o.Hold(l); err != nil {
		return err
	}
	return c.tellByName()
}

// place has the people on devices judged where nothing is stored, and counts them.
func (c *change) place(s state) (int, error) {
	if !s.empty() || c.o.Placed == nil || c.u.Position == c.o.Floor && c.u.Digest == c.o.FloorDigest {
		return 0, nil
	}
	people, err := c.o.Placed()
	for _, p := range people {
		h := c.holding(p)
		h.blind, h.placed, h.touched, h.loaded = true, true, true, true
	}
	return len(people), err
}

// countOpen counts who has access at an instant, by the index: before a change has touched it.
// Whom the index has no mark for has grants without dates, or none.
func (w *Wanted) countOpen(tx *bolt.Tx, s state, at time.Time) (int, error) {
	n := s.Granted
	d := w.drawer(tx, bucketIndex, indexMarks)
	if d.b == nil {
		return n, nil
	}
	err := d.b.ForEach(func(k, v []byte) error {
		m, err := openMark(d, string(k), v)
		switch {
		case err != nil: // counts as access
			w.crooked.Store(true)
		case m.granted() && !m.open(at):
			n--
		}
		return nil
	})
	return n, err
}

// byName notes what the change does to p by somebody's word.
func (c *change) byName(p access.PersonID, h *holding) {
	if c.o.ByName == nil {
		return
	}
	after, here := c.after(), access.Key{Kind: access.KindPerson, ID: string(p)}
	lives := func(g claim) bool { return g.rank == rankNone && !g.over(after) }
	r := Revoked{Person: p, All: !hasKey(h.now, here) || !slices.ContainsFunc(h.claims, lives)}
	var back []access.GrantID
	for _, g := range h.claims {
		i := find(h.old, g)
		switch {
		case g.rank != rankNone:
		case lives(g) && hasKey(h.now, here) && (i < 0 || !lives(h.old[i]) || !hasKey(h.before, here)):
			back = append(back, access.GrantID(g.id))
		case g.explicit() && g.over(after) && (i < 0 && g.ends == access.EndRevoked || i >= 0 && lives(h.old[i])):
			// One that came to its announced end is no revocation: a grant by hand for some hours ends by staff too.
			r.Grants = append(r.Grants, access.GrantID(g.id))
		}
	}
	if len(r.Grants) > 0 {
		c.named.Revoked = append(c.named.Revoked, r)
	}
	if len(back) > 0 && c.o.Watch[p] {
		if c.named.Back == nil {
			c.named.Back = map[access.PersonID][]access.GrantID{}
		}
		c.named.Back[p] = back
	}
}

// tellByName calls ByName where there is something to tell.
func (c *change) tellByName() error {
	if len(c.named.Revoked)+len(c.named.Back) == 0 {
		return nil
	}
	c.named.At, c.named.Meant = c.u.Position, c.u.Meant
	return c.o.ByName(c.named)
}
