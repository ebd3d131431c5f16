package store

import (
	"bytes"
	"errors"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// change is one switch of the state, in one transaction.
type change struct {
	w       *Wanted
	tx      *bolt.Tx
	u       access.Update
	o       ApplyOptions
	drawers map[access.Kind]drawer
	digest  access.Digest
	people  map[access.PersonID]*holding
	places  bool
	own     bool
	settled []access.Settlement

	moved map[access.Key][]byte // what of the places was otherwise before; nil: it was not there
	hurt  bool                  // some of that cannot be read
	led   *[2]reach             // see reaches
	named ByName
}

// change applies chunks to state s and writes the new state, or returns a refusal.
func (w *Wanted) change(tx *bolt.Tx, s state, u access.Update, o ApplyOptions, chunks []chunk) (Applied, error) {
	c := &change{w: w, tx: tx, u: u, o: o, drawers: map[access.Kind]drawer{}, people: map[access.PersonID]*holding{}, digest: s.Digest}
	err := w.soundIndex(tx, s)
	if err != nil {
		return Applied{}, err
	}
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
	placed, err := c.place(s)
	if err != nil {
		return Applied{}, err
	}
	out := Applied{Done: true, Position: u.Position, Places: c.places, Own: c.own, Settled: c.settled, Total: s.Granted}
	gained, err := c.savePeople(&out)
	if err != nil {
		return Applied{}, err
	}
	if err := c.ask(s, out.Lost, placed); err != nil {
		return Applied{}, err
	}
	next := state{Position: u.Position, Digest: u.Digest, DigestKey: u.DigestKey, Granted: s.Granted + gained - out.Removed}
	if u.Snapshot() { // everybody is in hand: count, so that an error cannot last
		next.Granted = c.granted()
	}
	return out, errors.Join(c.reindex(s, next, out.People), c.saveState(next))
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
	who, g := view(it)
	if who != "" {
		h := c.holding(who)
		h.now = append(h.now, it.Key)
	}
	c.has(who, g)
	old, err := d.get(it.ID)
	switch {
	case err == nil && old != nil && bytes.Equal(old, it.Value):
		c.had(who, g)
		return nil
	case err == nil && old != nil:
		c.had(view(access.Item{Key: it.Key, Value: old}))
	}
	c.touch(it.Kind, who)
	c.was(it.Key, old, err)
	c.settle(it)
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
			if key := (access.Key{Kind: kind, ID: id}); claims(kind) || !personal(kind) {
				old, err := d.get(id)
				c.was(key, old, err)
				if err == nil && claims(kind) {
					c.had(view(access.Item{Key: key, Value: old}))
				}
			}
			// Whose it was shows in the lists; what is in no list belonged to nobody.
			if !personal(kind) {
				c.touch(kind, "")
			}
			if err := d.delete(id); err != nil {
				return err
			}
		}
		return nil
	})
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
	who, g := view(old)
	c.touch(old.Kind, who)
	c.was(old.Key, old.Value, nil)
	if who != "" && !c.holding(who).dropNew(g) { // else this very update had put it
		c.had(who, g)
	}
	return c.list(who, func(keys []access.Key) []access.Key { return dropKey(keys, old.Key) })
}

func (c *change) putIn(d drawer, it access.Item) error {
	c.digest.Toggle(c.u.DigestKey, it)
	who, g := view(it)
	c.touch(it.Kind, who)
	c.was(it.Key, nil, nil)
	c.settle(it)
	if err := c.list(who, func(keys []access.Key) []access.Key { return addKey(keys, it.Key) }); err != nil {
		return err
	}
	c.has(who, g)
	return d.put(it.ID, it.Value)
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
