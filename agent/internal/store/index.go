package store

import (
	"errors"
	"slices"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access"
)

// Buckets of the index, inside bucketIndex. Its head lies beside them.
const (
	bucketIndex  = "index"
	indexMarks   = "marks"   // person → mark
	indexEdges   = "edges"   // instant and person → nothing
	indexChanges = "changes" // revision → who changed in it
)

// indexHead says for which state the index was made.
type indexHead struct {
	access.Position
	Digest access.Digest `json:"digest"`
	Base   uint64        `json:"base"`  // the list of changes is complete behind this revision
	First  stamp         `json:"first"` // of everybody who has no mark
	Kept   int           `json:"kept"`  // revisions in the list of changes
	Names  int           `json:"names"` // people in it, counted once a revision
}

func (h indexHead) fits(s state) bool {
	return s.empty() || h.Position == s.Position && h.Digest == s.Digest
}

// index is the index in one transaction.
type index struct {
	w                           *Wanted
	head                        indexHead
	heads, marks, edges, change drawer

	// Edges that come and go, until flush. Thousands in the order of people would each be pushed into
	// the middle of one long page; in the order of the bucket they are appended.
	come, gone []string
}

func (w *Wanted) viewIndex(tx *bolt.Tx) (*index, error) {
	x := &index{w: w, heads: w.drawer(tx, bucketIndex), marks: w.drawer(tx, bucketIndex, indexMarks),
		edges: w.drawer(tx, bucketIndex, indexEdges), change: w.drawer(tx, bucketIndex, indexChanges)}
	return x, getJSON(x.heads, "head", &x.head)
}

func (w *Wanted) makeIndex(tx *bolt.Tx) (*index, error) {
	x := &index{w: w}
	for name, d := range map[string]*drawer{indexMarks: &x.marks, indexEdges: &x.edges, indexChanges: &x.change} {
		var err error
		if *d, err = w.makeDrawer(tx, bucketIndex, name); err != nil {
			return nil, err
		}
	}
	x.heads = w.drawer(tx, bucketIndex)
	return x, getJSON(x.heads, "head", &x.head)
}

// ensureIndex makes the index where there is none that fits, as in a file of an older program. It
// reads everybody, once; without it everything works, at the cost of reading everybody often.
func (w *Wanted) ensureIndex() error {
	var sound bool
	err := w.View(func(tx *bolt.Tx) error {
		s, err := w.readState(tx)
		if err != nil {
			return err
		}
		x, err := w.viewIndex(tx)
		sound = err == nil && x.head.fits(s)
		return nil
	})
	if err != nil || sound && !w.crooked.Load() {
		return err
	}
	return w.Update(func(tx *bolt.Tx) error {
		s, err := w.readState(tx)
		if err != nil {
			return err
		}
		return w.rebuild(tx, s)
	})
}

// rebuild makes the index from the items. When somebody changed last is then not known.
func (w *Wanted) rebuild(tx *bolt.Tx, s state) error {
	if err := tx.DeleteBucket([]byte(bucketIndex)); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
		return err
	}
	x, err := w.makeIndex(tx)
	if err != nil {
		return err
	}
	people := w.drawer(tx, bucketPeople)
	if people.b != nil {
		err = people.b.ForEach(func(k, _ []byte) error {
			p := access.PersonID(k)
			return x.set(p, w.readMark(tx, p))
		})
	}
	if err != nil {
		return err
	}
	w.opts.log().Info("index of the wanted state made anew", "revision", s.Revision)
	x.head.Base = s.Revision
	tx.OnCommit(func() { w.crooked.Store(false) })
	return x.save(s)
}

// readMark makes somebody's mark from their items. What cannot be read counts as a grant.
func (w *Wanted) readMark(tx *bolt.Tx, p access.PersonID) mark {
	keys, err := w.list(tx, p)
	if w.note(err) != nil {
		return mark{named: true, unknown: true}
	}
	return markOf(p, keys, w.claimsOf(tx, keys), stamp{})
}

// soundIndex makes sure that a change begins with an index that fits what it changes.
func (w *Wanted) soundIndex(tx *bolt.Tx, s state) error {
	x, err := w.viewIndex(tx)
	if err == nil && x.head.fits(s) && !w.crooked.Load() {
		return nil
	}
	return w.rebuild(tx, s)
}

// reindex brings the index to the state that a change has made. Where the index itself is damaged
// it is made anew.
func (c *change) reindex(s, next state, changed []access.PersonID) error {
	x, err := c.w.makeIndex(c.tx)
	if err == nil {
		err = c.amendIndex(x, s, next, changed)
	}
	if isDamage(err) {
		c.w.opts.log().Warn("the index of the wanted state is damaged: made anew", "err", err)
		return c.w.rebuild(c.tx, next)
	}
	return err
}

func (c *change) amendIndex(x *index, s, next state, changed []access.PersonID) error {
	now := stamp{next.Revision, c.u.Issued, c.o.Now}
	var err error
	switch {
	case s.empty():
		x.head = indexHead{Base: next.Revision, First: now}
	case next.Epoch != s.Epoch:
		err = c.forgetChanges(x, next.Revision)
	case next.Position == s.Position: // mended: who had looked at it before must look again
		err = c.forgetChanges(x, next.Revision+1)
	}
	if err != nil {
		return err
	}
	for _, p := range changed {
		h := c.people[p]
		if err := x.set(p, markOf(p, h.now, h.claims, now)); err != nil {
			return err
		}
	}
	if !s.empty() && len(changed) > 0 {
		if err := x.note(c.w.drawer(c.tx, bucketPeople), next.Revision, changed); err != nil {
			return err
		}
	}
	return x.save(next)
}

// save writes what waits, and the head: from now on the index is that of s.
func (x *index) save(s state) error {
	if err := x.flush(); err != nil {
		return err
	}
	x.head.Position, x.head.Digest = s.Position, s.Digest
	return putJSON(x.heads, "head", x.head)
}

// set puts m in the place of p's mark; save will put p's edges in that of the old ones.
func (x *index) set(p access.PersonID, m mark) error {
	var old mark
	v := x.marks.b.Get([]byte(p))
	if v != nil {
		var err error
		if old, err = openMark(x.marks, string(p), v); err != nil {
			return err
		}
	}
	if !slices.EqualFunc(old.windows, m.windows, sameWindow) {
		was, is := old.edges(p), m.edges(p)
		x.gone = append(x.gone, without(was, is)...)
		x.come = append(x.come, without(is, was)...)
	}
	if v == nil && m.plain(x.head.First) {
		return nil
	}
	return x.marks.put(string(p), encodeMark(m))
}

// without gives what of one sorted list does not stand in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(e string) bool {
		_, found := slices.BinarySearch(other, e)
		return found
	})
}

// flush writes the edges that came and went.
func (x *index) flush() error {
	slices.Sort(x.gone)
	for _, e := range slices.Backward(x.gone) {
		if err := x.edges.delete(e); err != nil {
			return err
		}
	}
	slices.Sort(x.come)
	for _, e := range x.come {
		if err := x.edges.put(e, nil); err != nil {
			return err
		}
	}
	x.come, x.gone = nil, nil
	return nil
}
