package store

import (
	"errors"
	"maps"
	"slices"
	"sort"

	"gatehouse/protocol/access"
)

// holding is one person's list of items, and claims, while they change.
type holding struct {
	before, now []access.Key
	old, claims []claim // before and after; complete once fill was called
	loaded      bool    // before was read
	blind       bool    // before could not be read: it may have named anything
	touched     bool    // the bytes of an item changed
	shaken      bool    // what a grant led to changed
	placed      bool    // nothing was stored, and p stands on a device
}

func (c *change) holding(p access.PersonID) *holding {
	h := c.people[p]
	if h == nil {
		h = &holding{}
		c.people[p] = h
	}
	return h
}

// had notes a claim that p had before the change, has one that p has after it.
func (c *change) had(p access.PersonID, g claim) {
	if p != "" && g.id != "" {
		h := c.holding(p)
		h.old = append(h.old, g)
	}
}

func (c *change) has(p access.PersonID, g claim) {
	if p != "" && g.id != "" {
		h := c.holding(p)
		h.claims = append(h.claims, g)
	}
}

// dropNew takes back what has noted; false when it did not.
func (h *holding) dropNew(g claim) bool {
	i := find(h.claims, g)
	if i >= 0 {
		h.claims = slices.Delete(h.claims, i, i+1)
	}
	return i >= 0
}

// owner is the person an item belongs to, "" when it names nobody that can be.
func owner(it access.Item) access.PersonID {
	if p := access.Owner(it); access.ValidID(string(p)) {
		return p
	}
	return ""
}

func personal(k access.Kind) bool {
	switch k {
	case access.KindPerson, access.KindResidency, access.KindCredential, access.KindGrant, access.KindSettlement:
		return true
	}
	return false
}

// touch notes that an item changed that belongs to p, to the gateway itself, or to nobody.
func (c *change) touch(kind access.Kind, p access.PersonID) {
	switch {
	case p != "":
		c.holding(p).touched = true
	case slices.Contains(access.OwnKinds, kind):
		c.own = true
	default:
		c.places = true
	}
}

// settle notes a new settlement. One that makes no sense settles nothing.
func (c *change) settle(it access.Item) {
	if it.Kind != access.KindSettlement {
		return
	}
	if n, err := access.Decode(it); err == nil {
		c.settled = append(c.settled, n.(access.Settlement))
	}
}

// loadAll reads every person's old list, so that those whom a snapshot leaves out are seen. A list
// that cannot be read counts as changed.
func (c *change) loadAll() error {
	for _, h := range c.people {
		sort.Slice(h.now, func(i, j int) bool { return compareKeys(h.now[i], h.now[j]) < 0 })
		h.loaded = true
	}
	d := c.w.drawer(c.tx, bucketPeople)
	if d.b == nil {
		return nil
	}
	return d.b.ForEach(func(k, v []byte) error {
		h := c.holding(access.PersonID(k))
		h.loaded = true
		plain, err := d.open(d.name, string(k), v)
		if err == nil {
			h.before, err = decodeKeys(plain)
		}
		h.blind = err != nil
		h.touched = h.touched || h.blind
		return nil
	})
}

// list edits a person's list, reading it first.
func (c *change) list(p access.PersonID, edit func([]access.Key) []access.Key) error {
	if p == "" {
		return nil
	}
	h := c.holding(p)
	if !h.loaded {
		keys, err := c.w.list(c.tx, p)
		if err != nil {
			return c.needSnapshot(err)
		}
		h.before, h.now, h.loaded = keys, slices.Clone(keys), true
	}
	h.now = edit(h.now)
	return nil
}

// fill adds the claims that a change listed and did not touch. What a snapshot found unreadable is
// one that nobody knows; a delta reads what it left alone.
func (c *change) fill(h *holding) error {
	for _, k := range h.before {
		if !claims(k.Kind) || find(h.old, unread(k)) >= 0 {
			continue
		}
		g := unread(k)
		if !c.u.Snapshot() {
			d, err := c.items(k.Kind)
			if err != nil {
				return err
			}
			g = c.w.claim(d, k)
			h.claims = append(h.claims, g)
		}
		h.old = append(h.old, g)
	}
	return nil
}

func (c *change) granted() (n int) {
	for _, h := range c.people {
		if hasGrant(h.now) {
			n++
		}
	}
	return n
}

// savePeople writes the lists that changed, counts, and finds out who lost access.
func (c *change) savePeople(out *Applied) (gained int, err error) {
	d, err := c.w.makeDrawer(c.tx, bucketPeople)
	if err := errors.Join(err, c.shake()); err != nil {
		return 0, err
	}
	for _, p := range slices.Sorted(maps.Keys(c.people)) {
		h := c.people[p]
		if !h.touched && slices.Equal(h.before, h.now) {
			if err := c.judge(out, p, h, h.shaken); err != nil {
				return 0, err
			}
			continue
		}
		out.People = append(out.People, p)
		had, has := hasGrant(h.before), hasGrant(h.now)
		switch {
		case had && !has:
			out.Removed++
		case has && !had:
			gained++
		}
		if err := errors.Join(c.judge(out, p, h, true), saveList(d, p, h)); err != nil {
			return 0, err
		}
	}
	return gained, nil
}

// judge finds out what becomes of p's access, if anything may.
func (c *change) judge(out *Applied, p access.PersonID, h *holding, may bool) error {
	if !may {
		return nil
	}
	if err := c.fill(h); err != nil {
		return err
	}
	if c.loses(p, h) {
		out.Lost = append(out.Lost, p)
	}
	c.byName(p, h)
	return nil
}

func saveList(d drawer, p access.PersonID, h *holding) error {
	if len(h.now) == 0 {
		return d.delete(string(p))
	}
	return d.put(string(p), encodeKeys(h.now))
}
