package store

import (
	"maps"
	"slices"

	"gatehouse/protocol/access"
)

// holding is one person's list of items, and grants, while they change.
type holding struct {
	before, now []access.Key
	old, grants []grant // before and after; complete once fill was called
	loaded      bool    // before was read
	blind       bool    // before could not be read: it may have named anything
	touched     bool    // the bytes of an item changed
}

func (c *change) holding(p access.PersonID) *holding {
	h := c.people[p]
	if h == nil {
		h = &holding{}
		c.people[p] = h
	}
	return h
}

// had notes a grant that p had before the change, has one that p has after it.
func (c *change) had(p access.PersonID, g grant) {
	if p != "" && g.id != "" {
		h := c.holding(p)
		h.old = append(h.old, g)
	}
}

func (c *change) has(p access.PersonID, g grant) {
	if p != "" && g.id != "" {
		h := c.holding(p)
		h.grants = append(h.grants, g)
	}
}

// dropNew takes back what has noted; false when it did not.
func (h *holding) dropNew(id string) bool {
	i := find(h.grants, id)
	if i >= 0 {
		h.grants = slices.Delete(h.grants, i, i+1)
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
		slices.SortFunc(h.now, compareKeys)
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

// fill adds the grants that a change listed and did not touch. What a snapshot found unreadable is
// one that nobody knows; a delta reads what it left alone.
func (c *change) fill(h *holding) error {
	for _, k := range h.before {
		if k.Kind != access.KindGrant || find(h.old, k.ID) >= 0 {
			continue
		}
		g := grant{id: k.ID}
		if !c.u.Snapshot() {
			d, err := c.items(k.Kind)
			if err != nil {
				return err
			}
			if v, err := d.get(k.ID); c.w.note(err) == nil && v != nil {
				_, g = view(access.Item{Key: k, Value: v})
			}
			h.grants = append(h.grants, g)
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
	if err != nil {
		return 0, err
	}
	for _, p := range slices.Sorted(maps.Keys(c.people)) {
		h := c.people[p]
		moved := !slices.Equal(h.before, h.now)
		if !moved && !h.touched {
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
		if err := c.fill(h); err != nil {
			return 0, err
		}
		if h.loses(p, c.o.Now, c.u.Issued) {
			out.Lost = append(out.Lost, p)
		}
		if err := saveList(d, p, h); err != nil {
			return 0, err
		}
	}
	return gained, nil
}

func saveList(d drawer, p access.PersonID, h *holding) error {
	if len(h.now) == 0 {
		return d.delete(string(p))
	}
	return d.put(string(p), encodeKeys(h.now))
}
