package store

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// Edges calls f, once and in order of ids, with everybody who has a grant that begins or ends after
// from and not after to, until f ends it. A zero from is before everything. It reads nobody, and
// holds no transaction while f runs. Where the index is damaged and cannot be made anew it calls f
// with everybody: one too many costs a look, one too few keeps a door open.
func (w *Wanted) Edges(from, to time.Time, f func(access.PersonID) error) error {
	people, err := w.edges(from, to)
	if w.mend(err) {
		people, err = w.edges(from, to)
	}
	if isDamage(err) {
		lists := func(tx *bolt.Tx) drawer { return w.drawer(tx, bucketPeople) }
		return w.walk(lists, func(k string) error { return f(access.PersonID(k)) })
	}
	if err != nil {
		return err
	}
	for _, p := range people {
		if err := f(p); err != nil {
			return err
		}
	}
	return nil
}

// mend makes a damaged index anew; false when it is not damaged, or that failed.
func (w *Wanted) mend(err error) bool {
	if !isDamage(err) {
		return false
	}
	w.opts.log().Warn("the index of the wanted state is damaged", "err", err)
	w.crooked.Store(true)
	if err := w.ensureIndex(); err != nil {
		w.opts.log().Error("the index of the wanted state cannot be made anew: everybody is looked at", "err", err)
		return false
	}
	return true
}

// soundView runs fn on an index that fits the state, or returns an error that is damage.
func (w *Wanted) soundView(fn func(*index, state) error) error {
	return w.View(func(tx *bolt.Tx) error {
		s, err := w.readState(tx)
		if err != nil || s.empty() {
			return err
		}
		x, err := w.viewIndex(tx)
		switch {
		case err != nil:
			return err
		case !x.head.fits(s) || w.crooked.Load():
			return &Unreadable{base(w.path), bucketIndex, errTorn}
		}
		return fn(x, s)
	})
}

func (w *Wanted) edges(from, to time.Time) ([]access.PersonID, error) {
	first, last := edgeKey(from), edgeKey(to)
	found := map[access.PersonID]bool{}
	err := w.soundView(func(x *index, _ state) error {
		if x.edges.b == nil {
			return nil
		}
		c := x.edges.b.Cursor()
		for k, v := c.Seek([]byte(first)); k != nil; k, v = c.Next() {
			key := string(k)
			p, err := cutEdge(key)
			if err != nil {
				return &Unreadable{x.edges.file, x.edges.name, err}
			}
			if key[:edgeLen] > last {
				return nil
			}
			if _, err := x.edges.open(x.edges.name, key, v); err != nil {
				return err
			}
			if key[:edgeLen] > first {
				found[p] = true
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(found)), err
}

// ChangedSince calls f, once and in order of ids, with everybody of whom an item changed, came or
// went in a revision after rev, until f ends it. ok is false, and f not called, when that is not
// known: rev is further back than the list of changes reaches, or ahead of what is stored, or
// something damaged was mended since; then everybody may have changed. rev is of the epoch that
// the stored position is in: whoever remembers another epoch must not ask.
func (w *Wanted) ChangedSince(rev uint64, f func(access.PersonID) error) (ok bool, err error) {
	people, ok, err := w.changedSince(rev)
	if w.mend(err) {
		return false, nil
	}
	if err != nil || !ok {
		return false, err
	}
	for _, p := range people {
		if err := f(p); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (w *Wanted) changedSince(rev uint64) (_ []access.PersonID, ok bool, err error) {
	found := map[access.PersonID]bool{}
	err = w.soundView(func(x *index, s state) error {
		if rev < x.head.Base || rev > s.Revision {
			return nil
		}
		ok = true
		if x.change.b == nil {
			return nil
		}
		c := x.change.b.Cursor()
		for k, _ := c.Last(); len(k) == 8 && binary.BigEndian.Uint64(k) > rev; k, _ = c.Prev() {
			people, err := x.named(string(k))
			if err != nil {
				return err
			}
			for _, p := range people {
				found[p] = true
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(found)), ok && err == nil, err
}

// Since tells in which revision somebody's items changed last, when the cloud made it and when it
// was stored here: for somebody whose access was taken away, when that was asked for and known. It
// is the first revision that the store had for whom nothing has changed since, and for those who
// left longer ago than the list of changes reaches; zero where it is not known, as after an index
// was made anew. The revision may be of an earlier epoch.
func (w *Wanted) Since(p access.PersonID) (rev uint64, issued, stored time.Time, err error) {
	at, err := w.since(p)
	if w.mend(err) {
		at, err = w.since(p)
	}
	return at.Revision, at.Issued, at.Stored, err
}

func (w *Wanted) since(p access.PersonID) (at stamp, err error) {
	err = w.soundView(func(x *index, _ state) error {
		at = x.head.First
		if x.marks.b == nil {
			return nil
		}
		if v := x.marks.b.Get([]byte(p)); v != nil {
			m, err := openMark(x.marks, string(p), v)
			at = m.stamp
			return err
		}
		return nil
	})
	return at, err
}
