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
	// Lost are the people who had access before and have none after, sorted, though no end that was
	// known before has come and nobody revoked them by name.
	Lost []access.PersonID
	Open int // how many people had access before
}

// soon is how far ahead of our clock an end counts as now: a cut that a cloud with a faster clock
// dates "now" must not slip through as one that was announced.
const soon = access.LateAfter

// grant is what of a grant decides whether somebody has access.
type grant struct {
	id string
	access.Window
	ends  access.EndReason
	known bool // false: it is there and cannot be read or makes no sense; nobody loses access by it
}

// view reads whose an item is and, of a grant, what it gives. The id of anything else is "".
func view(it access.Item) (access.PersonID, grant) {
	if it.Kind != access.KindGrant {
		return owner(it), grant{}
	}
	if n, err := access.Decode(it); err == nil {
		g := n.(access.Grant)
		return g.Person, grant{it.ID, g.Window, g.Ends, true}
	}
	return owner(it), grant{id: it.ID}
}

func find(list []grant, id string) int {
	return slices.IndexFunc(list, func(g grant) bool { return g.id == id })
}

func (g grant) open(at time.Time) bool { return !g.known || g.Contains(at) }

// over says that the grant has an end that has come by at.
func (g grant) over(at time.Time) bool { return g.known && !g.Until.IsZero() && !g.Until.After(at) }

// explicit says that somebody ended this grant by name.
func (g grant) explicit() bool { return g.ends == access.EndRevoked || g.ends == access.EndByStaff }

// loses says whether p had access at now, has none after the change that the cloud made at issued,
// and that this is news: not an end which the old bytes announced, not a revocation by name.
func (h *holding) loses(p access.PersonID, now, issued time.Time) bool {
	if len(h.old) == 0 && !h.blind {
		return false
	}
	after := now
	if issued.After(after) {
		after = issued
	}
	after = after.Add(soon)
	who := access.Key{Kind: access.KindPerson, ID: string(p)}
	stays := hasKey(h.now, who)
	if stays && slices.ContainsFunc(h.grants, func(g grant) bool { return g.open(after) }) {
		return false
	}
	if h.blind {
		return true
	}
	return hasKey(h.before, who) && slices.ContainsFunc(h.old, func(g grant) bool {
		if !g.open(now) || g.over(now.Add(soon)) {
			return false
		}
		i := find(h.grants, g.id)
		return !stays || i < 0 || !h.grants[i].explicit() || !h.grants[i].over(after)
	})
}

func hasKey(keys []access.Key, k access.Key) bool {
	_, found := slices.BinarySearchFunc(keys, k, compareKeys)
	return found
}

// ask calls Hold where the change takes access away and nobody agreed to that, or comes from a
// restored cloud.
func (c *change) ask(s state, lost []access.PersonID) error {
	known := s.Position
	if known.Before(c.o.Floor) {
		known = c.o.Floor
	}
	l := Loss{At: c.u.Position, Meant: c.u.Meant, Epoch: known.Epoch != 0 && c.u.Epoch > known.Epoch, Lost: lost}
	unmeant := len(lost) > 0 && l.Meant.Before(l.At)
	if c.o.Hold == nil || !unmeant && !l.Epoch {
		return nil
	}
	var err error
	if l.Open, err = c.w.countOpen(c.tx, s, c.o.Now); err != nil {
		return err
	}
	return c.o.Hold(l)
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
