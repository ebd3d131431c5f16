package crashtest

import (
	"iter"
	"math/bits"
	"math/rand/v2"
	"path/filepath"
)

// few is how many pending operations of a file are tried in every combination.
const few = 12

// Options of Walk.
type Options struct {
	Seed uint64 // of what is drawn by lot; the same seed gives the same images
}

// Walk lays out in into, one after another, the images that a cut may leave at every moment of the recorded operations
// on dir, and calls visit for each; at is the number of operations that had begun. An image that was shown for an
// earlier moment is shown again only where something was told since. Of more than 12 pending operations on one file it
// shows a selection: every prefix, all but one, one alone, and as many drawn by lot. It returns how many images there
// were, and ends with visit's first error.
func Walk(ops []Op, dir, into string, o Options, visit func(at int) error) (images int, err error) {
	d, out := NewDisk(dir), folder{into, map[string]laid{}}
	lot := lotOf(o)
	for i, op := range ops {
		if !d.Do(op) && op.Kind != Send {
			continue
		}
		for c := range d.choices(op, lot) {
			if err := out.lay(d.image(c)); err != nil {
				return images, err
			}
			images++
			if err := visit(i + 1); err != nil {
				return images, err
			}
		}
	}
	return images, nil
}

// WalkSends is Walk for one question: what is sure to be there at the moment something leaves? It shows only the image
// that has lost everything it may lose, before each Send that is chosen.
func WalkSends(ops []Op, dir, into string, chosen func(at int) bool, visit func(at int) error) error {
	d, out := NewDisk(dir), folder{into, map[string]laid{}}
	for i, op := range ops {
		d.Do(op)
		if op.Kind != Send || !chosen(i) {
			continue
		}
		if err := out.lay(d.Sure()); err != nil {
			return err
		}
		if err := visit(i); err != nil {
			return err
		}
	}
	return nil
}

// choices are those that the operation made possible. Of the files it did not touch either everything pending is lost or
// nothing, and so of the names: each combination of the two.
func (d *Disk) choices(op Op, lot *rand.Rand) iter.Seq[choice] {
	return func(yield func(choice) bool) {
		focus, last := d.now[filepath.Base(op.Path)], false
		if op.Kind == Write || op.Kind == Truncate {
			last = focus != nil && len(focus.pending) > 0
		} else if op.Kind == Send || op.Kind == Sync {
			focus = nil
		}
		for _, rest := range d.rests(focus) {
			for keep := range d.focused(focus, last, lot) {
				if !yield(d.choose(focus, keep, rest)) {
					return
				}
			}
		}
	}
}

// rest is what becomes of the files an operation did not touch, and of the names.
type rest struct{ files, names part }

func (d *Disk) rests(focus *inode) []rest {
	out := []rest{{nothing, nothing}}
	for _, f := range d.now {
		if f != focus && len(f.pending) > 0 {
			out = append(out, rest{whole, nothing})
			break
		}
	}
	if len(d.pending) > 0 {
		for _, r := range out {
			out = append(out, rest{r.files, whole})
		}
	}
	return out
}

func (d *Disk) choose(focus *inode, keep []part, r rest) choice {
	c := choice{files: map[*inode][]part{focus: keep}}
	for _, f := range d.now {
		for range f.pending {
			if f != focus {
				c.files[f] = append(c.files[f], r.files)
			}
		}
	}
	for range d.pending {
		c.names = append(c.names, r.names)
	}
	return c
}

// focused are the ways to keep the pending operations of a file; when the last one is new, only those that keep some of
// it, the others having been shown before it.
func (d *Disk) focused(f *inode, last bool, lot *rand.Rand) iter.Seq[[]part] {
	return func(yield func([]part) bool) {
		if f == nil || len(f.pending) == 0 {
			yield(nil)
			return
		}
		n := len(f.pending)
		masks := everyOf(n)
		if n > few {
			masks = selected(n, lot)
		}
		for m := range masks {
			if last {
				m |= 1 << (n - 1)
			}
			if !yield(spread(m, n)) || !yield(tear(spread(m, n), f.pending[n-1], lot)) {
				return
			}
		}
	}
}

func spread(mask uint64, n int) []part {
	keep := make([]part, n)
	for i := range keep {
		if mask>>i&1 == 1 {
			keep[i] = whole
		}
	}
	return keep
}

// tear leaves of the last operation the first sectors, the last ones, or some.
func tear(keep []part, op Op, lot *rand.Rand) []part {
	sectors := (len(op.Data) + sector - 1) / sector
	if sectors < 2 {
		return keep
	}
	cut := 1 + lot.IntN(min(sectors, 64)-1)
	first := whole >> (64 - cut)
	keep[len(keep)-1] = []part{first, ^first, part(lot.Uint64())}[lot.IntN(3)]
	return keep
}

// everyOf are all combinations of n operations that hold the last.
func everyOf(n int) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for m := uint64(0); m < 1<<(n-1); m++ {
			if !yield(m) {
				return
			}
		}
	}
}

// selected are every prefix of many operations, all but one, one alone, and as many drawn by lot.
func selected(n int, lot *rand.Rand) iter.Seq[uint64] {
	n = min(n, 63)
	all := uint64(1)<<n - 1
	return func(yield func(uint64) bool) {
		for i := range n {
			for _, m := range []uint64{all >> i, all &^ (1 << i), 1 << i, lot.Uint64() & all, bits.Reverse64(lot.Uint64()) & all} {
				if !yield(m) {
					return
				}
			}
		}
	}
}

func lotOf(o Options) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, 0)) }
