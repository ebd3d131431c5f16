package store

import (
	"bytes"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// change is one switch of the state, in one transaction.
type change struct {
	w       *Wanted
	tx      *bolt.Tx
	u       access.Update
	drawers map[access.Kind]drawer
	digest  access.Digest
	people  map[access.PersonID]*holding
	places  bool
}

// holding is one person's list of items while it changes.
type holding struct {
	before, now []access.Key
	loaded      bool // before was read
	touched     bool // the bytes of an item changed
}

// change applies chunks to state s and writes the new state, or returns a refusal.
func (w *Wanted) change(tx *bolt.Tx, s state, u access.Update, chunks []chunk) (Applied, error) {
	c := &change{w: w, tx: tx, u: u, drawers: map[access.Kind]drawer{}, people: map[access.PersonID]*holding{}, digest: s.Digest}
	var err error
	if u.Snapshot() {
		err = c.replace(chunks)
	} else {
		err = c.amend(chunks, bytes.Equal(u.DigestKey, s.DigestKey))
	}
	if err != nil {
		return Applied{}, err
	}
	if c.digest != u.Digest {
		return Applied{}, refuse(BadDigest, "revision %d would be %s, the cloud says %s", u.Revision, c.digest, u.Digest)
	}
	out := Applied{Done: true, Position: u.Position, Places: c.places, Total: s.Granted}
	gained, err := c.savePeople(&out)
	if err != nil {
		return Applied{}, err
	}
	next := state{Position: u.Position, Digest: u.Digest, DigestKey: u.DigestKey, Granted: s.Granted + gained - out.Removed}
	if u.Snapshot() { // everybody is in hand: count, so that an error cannot last
		next.Granted = c.granted()
	}
	return out, c.saveState(next)
}

// saveState also drops staged chunks that the new position has overtaken.
func (c *change) saveState(next state) error {
	head, err := c.w.makeDrawer(c.tx, bucketState)
	if err != nil {
		return err
	}
	var st stage
	if err := getJSON(head, "stage", &st); err != nil || !next.Before(st.Position) {
		if err := c.w.dropStage(c.tx); err != nil {
			return err
		}
	}
	return putJSON(head, "position", next)
}

// items is the drawer of one kind.
func (c *change) items(kind access.Kind) (drawer, error) {
	if d, ok := c.drawers[kind]; ok {
		return d, nil
	}
	d, err := c.w.makeDrawer(c.tx, bucketItems, string(kind))
	c.drawers[kind] = d
	return d, err
}

func (c *change) holding(p access.PersonID) *holding {
	h := c.people[p]
	if h == nil {
		h = &holding{}
		c.people[p] = h
	}
	return h
}

// touch notes that an item changed that belongs to p, or to nobody.
func (c *change) touch(p access.PersonID) {
	if p == "" {
		c.places = true
		return
	}
	c.holding(p).touched = true
}

// replace makes the state exactly what the chunks put. Values that stay the same are not written
// again, and nothing stored before needs to be readable: a snapshot heals every damage.
func (c *change) replace(chunks []chunk) error {
	c.digest = access.Digest{}
	seen := map[access.Key]bool{}
	for _, ch := range chunks {
		for _, it := range ch.put {
			if seen[it.Key] {
				return refuse(Malformed, "%s %s comes twice in one snapshot", it.Kind, it.ID)
			}
			seen[it.Key] = true
			if err := c.write(it); err != nil {
				return err
			}
		}
	}
	if err := c.sweep(seen); err != nil {
		return err
	}
	return c.loadAll()
}

// write stores one item of a snapshot.
func (c *change) write(it access.Item) error {
	d, err := c.items(it.Kind)
	if err != nil {
		return err
	}
	c.digest.Toggle(c.u.DigestKey, it)
	who := owner(it)
	if who != "" {
		h := c.holding(who)
		h.now = append(h.now, it.Key)
	}
	if old, err := d.get(it.ID); err == nil && old != nil && bytes.Equal(old, it.Value) {
		return nil
	}
	c.touch(who)
	return d.put(it.ID, it.Value)
}

// sweep deletes what a snapshot did not name.
func (c *change) sweep(seen map[access.Key]bool) error {
	return eachBucket(c.tx, func(kind access.Kind) error {
		d, err := c.items(kind)
		if err != nil {
			return err
		}
		var gone []string
		err = d.b.ForEach(func(k, _ []byte) error {
			if key := (access.Key{Kind: kind, ID: string(k)}); !seen[key] {
				gone = append(gone, key.ID)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range gone {
			// Whose it was shows in the lists; what is in no list belonged to nobody.
			c.places = c.places || !personal(kind)
			if err := d.delete(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// owner is the person an item belongs to, "" when it names nobody that can be.
func owner(it access.Item) access.PersonID {
	if p := access.Owner(it); access.ValidID(string(p)) {
		return p
	}
	return ""
}

func personal(k access.Kind) bool {
	return k == access.KindPerson || k == access.KindResidency || k == access.KindCredential || k == access.KindGrant
}

// eachBucket calls fn for every kind that was ever stored.
func eachBucket(tx *bolt.Tx, fn func(access.Kind) error) error {
	items := tx.Bucket([]byte(bucketItems))
	if items == nil {
		return nil
	}
	var kinds []access.Kind
	err := items.ForEachBucket(func(k []byte) error {
		kinds = append(kinds, access.Kind(k))
		return nil
	})
	for _, k := range kinds {
		if err == nil {
			err = fn(k)
		}
	}
	return err
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
		h.touched = h.touched || err != nil
		return nil
	})
}

// amend applies a delta: in each chunk what goes before what comes. Everything it replaces must be
// readable, else the digest cannot be carried on.
func (c *change) amend(chunks []chunk, sameKey bool) error {
	for _, ch := range chunks {
		for _, k := range ch.gone {
			if err := c.swap(access.Item{Key: k}, true); err != nil {
				return err
			}
		}
		for _, it := range ch.put {
			if err := c.swap(it, false); err != nil {
				return err
			}
		}
	}
	if sameKey {
		return nil
	}
	return c.rehash()
}

// swap puts one item in another's place, or takes it away.
func (c *change) swap(it access.Item, gone bool) error {
	d, err := c.items(it.Kind)
	if err != nil {
		return err
	}
	value, err := d.get(it.ID)
	if err != nil {
		return c.needSnapshot(err)
	}
	if old := (access.Item{Key: it.Key, Value: value}); value != nil {
		if !gone && old.Same(it) {
			return nil
		}
		if err := c.takeOut(old); err != nil {
			return err
		}
	}
	if gone {
		return d.delete(it.ID)
	}
	return c.putIn(d, it)
}

func (c *change) takeOut(old access.Item) error {
	c.digest.Toggle(c.u.DigestKey, old)
	who := owner(old)
	c.touch(who)
	return c.list(who, func(keys []access.Key) []access.Key { return dropKey(keys, old.Key) })
}

func (c *change) putIn(d drawer, it access.Item) error {
	c.digest.Toggle(c.u.DigestKey, it)
	who := owner(it)
	c.touch(who)
	if err := c.list(who, func(keys []access.Key) []access.Key { return addKey(keys, it.Key) }); err != nil {
		return err
	}
	return d.put(it.ID, it.Value)
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

func (c *change) needSnapshot(err error) error {
	return &Refusal{Gap, err}
}

// rehash computes the digest from the beginning, for a new key.
func (c *change) rehash() error {
	c.digest = access.Digest{}
	return eachBucket(c.tx, func(kind access.Kind) error {
		d, err := c.items(kind)
		if err != nil {
			return err
		}
		return d.b.ForEach(func(k, v []byte) error {
			plain, err := d.open(d.name, string(k), v)
			if err != nil {
				return c.needSnapshot(err)
			}
			c.digest.Toggle(c.u.DigestKey, access.Item{Key: access.Key{Kind: kind, ID: string(k)}, Value: plain})
			return nil
		})
	})
}

func (c *change) granted() (n int) {
	for _, h := range c.people {
		if hasGrant(h.now) {
			n++
		}
	}
	return n
}

// savePeople writes the lists that changed, and counts.
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
