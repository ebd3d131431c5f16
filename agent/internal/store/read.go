package store

import (
	"context"
	"errors"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// pageSize is how many keys are taken in one reading transaction. A transaction held over
// somebody's I/O would keep old pages alive and make a writer wait.
const pageSize = 256

// list reads the keys of a person's items.
func (w *Wanted) list(tx *bolt.Tx, p access.PersonID) ([]access.Key, error) {
	d := w.drawer(tx, bucketPeople)
	b, err := d.get(string(p))
	if err != nil || b == nil {
		return nil, err
	}
	keys, err := decodeKeys(b)
	if err != nil {
		return nil, &Unreadable{d.file, d.name + " " + string(p), err}
	}
	return keys, nil
}

// Holder reads one person with everything that decides what they may open; false when there is no
// such person. On an error (every *Unreadable record joined) the holder is what could be read, and
// nothing may be taken away from anybody because of what it lacks.
func (w *Wanted) Holder(id access.PersonID) (access.Holder, bool, error) {
	var h access.Holder
	var found bool
	items, unread, err := w.personItems(id)
	h.Unread = unread
	for _, it := range items {
		n, derr := access.Decode(it)
		if derr != nil {
			err = errors.Join(err, &Unreadable{base(w.path), string(it.Kind) + " " + it.ID, derr})
			found = found || it.Kind == access.KindPerson
			h.Unread = append(h.Unread, it.Kind)
			continue
		}
		switch n := n.(type) {
		case access.Person:
			h.Person, found = n, true
		case access.Residency:
			h.Residencies = append(h.Residencies, n)
		case access.Credential:
			h.Credentials = append(h.Credentials, n)
		case access.Grant:
			h.Grants = append(h.Grants, n)
		}
	}
	return h, found || err != nil, err
}

// personItems reads the raw items of one person that decide about access, and names the kinds of those that are damaged; a
// damaged list may lack a grant. Only damage on disk counts as damage: a record
// that is whole and makes no sense would come again with every snapshot.
func (w *Wanted) personItems(id access.PersonID) (items []access.Item, unread []access.Kind, err error) {
	err = w.View(func(tx *bolt.Tx) error {
		keys, bad := w.list(tx, id)
		if bad != nil {
			unread = append(unread, access.KindGrant)
		}
		for _, k := range keys {
			if k.Kind == access.KindSettlement {
				continue // it is about an overlay
			}
			v, err := w.drawer(tx, bucketItems, string(k.Kind)).get(k.ID)
			if err == nil && v == nil {
				err = &Unreadable{base(w.path), string(k.Kind) + " " + k.ID, errors.New("it is listed and not there")}
			}
			if err != nil {
				bad, unread = errors.Join(bad, err), append(unread, k.Kind)
				continue
			}
			items = append(items, access.Item{Key: k, Value: v})
		}
		return bad
	})
	return items, unread, w.note(err)
}

// People calls fn with the id of everybody who has any item, in the order of ids, until fn or ctx
// ends it. It holds no transaction while fn runs; people who come or go meanwhile may or may not
// be seen.
func (w *Wanted) People(ctx context.Context, fn func(access.PersonID) error) error {
	return w.pages(ctx, func(tx *bolt.Tx) drawer { return w.drawer(tx, bucketPeople) }, func(k string) error {
		return fn(access.PersonID(k))
	})
}

// pages walks the keys of a bucket, a page a transaction, until fn or ctx ends it.
func (f *file) pages(ctx context.Context, of func(*bolt.Tx) drawer, fn func(key string) error) error {
	return f.walk(of, func(key string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(key)
	})
}

// walk is pages for what only fn ends.
func (f *file) walk(of func(*bolt.Tx) drawer, fn func(key string) error) error {
	for after := ""; ; {
		var keys []string
		err := f.View(func(tx *bolt.Tx) error {
			keys = of(tx).page(after, pageSize)
			return nil
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		for _, k := range keys {
			if err := fn(k); err != nil {
				return err
			}
		}
		after = keys[len(keys)-1]
	}
}

// Places reads everything that is not about a person or the gateway itself. On an error (every *Unreadable record
// joined) it is what could be read; nothing may be taken away because of what it lacks.
func (w *Wanted) Places() (access.Places, error) {
	p := access.Places{
		Buildings: map[access.BuildingID]access.Building{}, Units: map[access.UnitID]access.Unit{},
		Doors: map[access.DoorID]access.Door{}, Groups: map[access.GroupID]access.Group{},
		Schedules: map[access.ScheduleID]access.Schedule{},
	}
	var bad error
	err := w.View(func(tx *bolt.Tx) error {
		for _, kind := range access.Kinds {
			if !personal(kind) {
				bad = errors.Join(bad, w.readPlaces(tx, kind, &p))
			}
		}
		return nil
	})
	return p, errors.Join(err, bad)
}

func (w *Wanted) readPlaces(tx *bolt.Tx, kind access.Kind, p *access.Places) error {
	d := w.drawer(tx, bucketItems, string(kind))
	if d.b == nil {
		return nil
	}
	var bad error
	err := d.b.ForEach(func(k, v []byte) error {
		plain, err := d.open(d.name, string(k), v)
		if err != nil {
			bad = errors.Join(bad, w.note(err))
			return nil
		}
		n, err := access.Decode(access.Item{Key: access.Key{Kind: kind, ID: string(k)}, Value: plain})
		if err == nil {
			addPlace(p, n)
		} else {
			bad = errors.Join(bad, &Unreadable{d.file, string(kind) + " " + string(k), err})
		}
		return nil
	})
	return errors.Join(err, bad)
}

func addPlace(p *access.Places, n access.Noun) {
	switch n := n.(type) {
	case access.Property:
		p.Property = n
	case access.Building:
		p.Buildings[n.ID] = n
	case access.Unit:
		p.Units[n.ID] = n
	case access.Door:
		p.Doors[n.ID] = n
	case access.Group:
		p.Groups[n.ID] = n
	case access.Schedule:
		p.Schedules[n.ID] = n
	}
}

// Items calls fn with every stored item, kind by kind in order of ids, unknown kinds too. Values
// are in clear: whoever shows them must redact. Unreadable records are passed over and joined
// into the error. It holds no transaction while fn runs.
func (w *Wanted) Items(ctx context.Context, fn func(access.Item) error) error {
	var kinds []access.Kind
	err := w.View(func(tx *bolt.Tx) error {
		return eachBucket(tx, func(k access.Kind) error { kinds = append(kinds, k); return nil })
	})
	var bad error
	for _, kind := range kinds {
		if err != nil {
			break
		}
		in := func(tx *bolt.Tx) drawer { return w.drawer(tx, bucketItems, string(kind)) }
		err = w.pages(ctx, in, func(id string) error {
			it, err := w.item(access.Key{Kind: kind, ID: id})
			if err != nil || it.Value == nil {
				bad = errors.Join(bad, w.note(err))
				return nil
			}
			return fn(it)
		})
	}
	return errors.Join(err, bad)
}

// item reads one item; a nil value means absent.
func (w *Wanted) item(k access.Key) (it access.Item, err error) {
	it.Key = k
	err = w.View(func(tx *bolt.Tx) error {
		it.Value, err = w.drawer(tx, bucketItems, string(k.Kind)).get(k.ID)
		return err
	})
	return it, err
}
