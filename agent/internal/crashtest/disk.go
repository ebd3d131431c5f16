package crashtest

import (
	"maps"
	"path/filepath"
	"slices"
)

const (
	block  = 4096
	sector = 512 // what a disk writes whole
)

// content is what stands in a file: its length and those blocks that are not zero. Blocks are never changed in place.
type content struct {
	size   int64
	blocks map[int64]*[block]byte
}

func (c content) clone() content { return content{c.size, maps.Clone(c.blocks)} }

// Bytes is the whole of it.
func (c content) bytes() []byte {
	out := make([]byte, c.size)
	for i, b := range c.blocks {
		if at := i * block; at < c.size {
			copy(out[at:], b[:])
		}
	}
	return out
}

// write puts data at off.
func (c *content) write(off int64, data []byte) {
	c.size = max(c.size, off+int64(len(data)))
	for len(data) > 0 {
		i, in := off/block, off%block
		n := min(int64(len(data)), block-in)
		b := new([block]byte)
		if old := c.blocks[i]; old != nil {
			*b = *old
		}
		copy(b[in:], data[:n])
		c.blocks[i] = b
		off, data = off+n, data[n:]
	}
}

func (c *content) truncate(size int64) {
	c.size = size
	for i, b := range c.blocks {
		switch cut := size - i*block; {
		case cut <= 0:
			delete(c.blocks, i)
		case cut < block:
			kept := new([block]byte)
			copy(kept[:cut], b[:cut])
			c.blocks[i] = kept
		}
	}
}

// part is what a cut leaves of one operation: all sectors, none, or those of a mask.
type part uint64

const (
	nothing part = 0
	whole   part = 1<<64 - 1
)

// do carries out what is left of a write or truncate.
func (c *content) do(op Op, keep part) {
	switch {
	case keep == nothing:
	case op.Kind == Truncate:
		c.truncate(op.Size)
	case keep == whole:
		c.write(op.Off, op.Data)
	default:
		for at := 0; at < len(op.Data); at += sector {
			if keep>>(at/sector%64)&1 == 1 {
				c.write(op.Off+int64(at), op.Data[at:min(at+sector, len(op.Data))])
			}
		}
	}
}

// inode is a file whatever its names: what is sure to be there, and what was done since.
type inode struct {
	sure    content
	pending []Op
	end     int64 // where the next appended write goes
}

func newInode() *inode { return &inode{sure: content{blocks: map[int64]*[block]byte{}}} }

// names is what stands in one directory.
type names map[string]*inode

func (n names) do(op Op) {
	at, to := filepath.Base(op.Path), filepath.Base(op.To)
	f := n[at]
	switch {
	case op.Kind == Remove:
		delete(n, at)
	case f == nil:
	case op.Kind == Rename:
		delete(n, at)
		n[to] = f
	case op.Kind == Link:
		n[to] = f
	}
}

// naming is a change of names that may be lost.
type naming struct {
	op  Op
	new *inode // made by a Create
}

func (c naming) do(n names) {
	if c.op.Kind == Create {
		n[filepath.Base(c.op.Path)] = c.new
		return
	}
	n.do(c.op)
}

// Disk keeps account of one directory: what is there now and what is sure to be there after a power cut.
type Disk struct {
	dir     string
	now     names
	sure    names
	pending []naming
}

// NewDisk is the account of an empty directory.
func NewDisk(dir string) *Disk { return &Disk{dir: dir, now: names{}, sure: names{}} }

// Do takes note of the next operation and says whether it was one of this directory.
func (d *Disk) Do(op Op) bool {
	switch {
	case op.Kind == Send:
		return false
	case op.Kind == Sync && op.Path == d.dir:
		d.syncNames(op)
	case filepath.Dir(op.Path) != d.dir:
		return false
	case op.Kind == Create:
		d.create(op)
	case op.Kind == Write || op.Kind == Truncate || op.Kind == Sync:
		d.change(op)
	default:
		d.now.do(op)
		d.pending = append(d.pending, naming{op: op})
	}
	return true
}

func (d *Disk) create(op Op) {
	if name := filepath.Base(op.Path); d.now[name] == nil {
		f := newInode()
		d.now[name] = f
		d.pending = append(d.pending, naming{op, f})
	}
}

func (d *Disk) change(op Op) {
	f := d.now[filepath.Base(op.Path)]
	if f == nil {
		return // its name is gone: nobody will see it
	}
	if op.Kind == Sync {
		f.sync(op)
		return
	}
	if op.Off == appended {
		op.Off = f.end
	}
	f.end = op.Off + int64(len(op.Data))
	f.pending = append(f.pending, op)
}

// sync makes sure what had come back before the sync began.
func (f *inode) sync(s Op) {
	f.sure = f.sure.clone()
	f.pending = slices.DeleteFunc(slices.Clone(f.pending), func(op Op) bool {
		if op.End > s.Start {
			return false
		}
		f.sure.do(op, whole)
		return true
	})
}

func (d *Disk) syncNames(s Op) {
	d.pending = slices.DeleteFunc(slices.Clone(d.pending), func(c naming) bool {
		if c.op.End > s.Start {
			return false
		}
		c.do(d.sure)
		return true
	})
}

// Image is what a cut leaves: content by name.
type Image map[string]content

// choice is what a cut leaves of the pending operations of each file, and of the pending names.
type choice struct {
	files map[*inode][]part
	names []part
}

// image makes the image of a choice; what the choice does not name is lost.
func (d *Disk) image(c choice) Image {
	left := maps.Clone(d.sure)
	for i, n := range d.pending {
		if i < len(c.names) && c.names[i] != nothing {
			n.do(left)
		}
	}
	out, done := Image{}, map[*inode]content{}
	for name, f := range left {
		if _, ok := done[f]; !ok {
			done[f] = f.left(c.files[f])
		}
		out[name] = done[f]
	}
	return out
}

func (f *inode) left(keep []part) content {
	c, own := f.sure, false
	for i, op := range f.pending {
		if i >= len(keep) || keep[i] == nothing {
			continue
		}
		if !own {
			c, own = c.clone(), true
		}
		c.do(op, keep[i])
	}
	return c
}

// Sure is the image of a cut that loses everything that may be lost.
func (d *Disk) Sure() Image { return d.image(choice{}) }
