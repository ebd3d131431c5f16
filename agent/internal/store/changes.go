package store

import (
	"encoding/binary"
	"maps"
	"slices"

	"gatehouse/protocol/access"
)

// How far back the list of changes reaches. Whoever comes from further back looks at everybody.
const (
	keepChanges = 512
	keepNames   = 20_000
)

func revisionKey(rev uint64) string { return string(binary.BigEndian.AppendUint64(nil, rev)) }

// note enters who changed in a revision and drops what is too old.
func (x *index) note(lists drawer, rev uint64, changed []access.PersonID) error {
	all := changed
	if old, err := x.named(revisionKey(rev)); err != nil {
		return err
	} else if old != nil { // the same revision, mended
		set := map[access.PersonID]bool{}
		for _, p := range slices.Concat(old, changed) {
			set[p] = true
		}
		all = slices.Sorted(maps.Keys(set))
		x.head.Kept, x.head.Names = x.head.Kept-1, x.head.Names-len(old)
	}
	if err := x.change.put(revisionKey(rev), encodePeople(all)); err != nil {
		return err
	}
	x.head.Kept, x.head.Names = x.head.Kept+1, x.head.Names+len(all)
	for x.head.Kept > 1 && (x.head.Kept > keepChanges || x.head.Names > keepNames) {
		if err := x.dropOldest(lists); err != nil {
			return err
		}
	}
	return nil
}

// named is who changed in a revision; nil when nothing is kept of it.
func (x *index) named(key string) ([]access.PersonID, error) {
	b, err := x.change.get(key)
	if err != nil || b == nil {
		return nil, err
	}
	people, err := decodePeople(b)
	if err != nil {
		return nil, &Unreadable{x.change.file, x.change.name, err}
	}
	return people, nil
}

// dropOldest forgets the oldest revision, and the marks of those who left with it.
func (x *index) dropOldest(lists drawer) error {
	k, _ := x.change.b.Cursor().First()
	if len(k) != 8 {
		return &Unreadable{x.change.file, x.change.name, errTorn}
	}
	key := string(k)
	people, err := x.named(key)
	if err != nil {
		return err
	}
	rev := binary.BigEndian.Uint64([]byte(key))
	for _, p := range people {
		if err := x.dropMark(lists, p, rev); err != nil {
			return err
		}
	}
	x.head.Base, x.head.Kept, x.head.Names = rev, x.head.Kept-1, x.head.Names-len(people)
	return x.change.delete(key)
}

// dropMark forgets somebody who has nothing left and did not change after rev. A mark with grants
// has edges, or had them until this very change, which sees to them.
func (x *index) dropMark(lists drawer, p access.PersonID, rev uint64) error {
	v := x.marks.b.Get([]byte(p))
	if v == nil || lists.b != nil && lists.b.Get([]byte(p)) != nil {
		return nil
	}
	m, err := openMark(x.marks, string(p), v)
	if err != nil || m.Revision > rev || m.granted() {
		return err
	}
	return x.marks.delete(string(p))
}

// forgetChanges empties the list of changes: it is complete behind base only.
func (c *change) forgetChanges(x *index, base uint64) error {
	lists := c.w.drawer(c.tx, bucketPeople)
	for x.head.Kept > 0 {
		if err := x.dropOldest(lists); err != nil {
			return err
		}
	}
	x.head.Base = base
	return nil
}
