package store

import (
	"errors"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Holds are the losses of access that wait for somebody's word, by person. An unreadable one is
// joined into the error and there all the same with nothing but its person: that it waits is known,
// why and since when is not, so the next word of the cloud decides it.
func (s *Site) Holds() (map[access.PersonID]access.Hold, error) {
	out := map[access.PersonID]access.Hold{}
	err := s.each(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketHolds) }, func(d drawer, key string) error {
		h, who := access.Hold{}, access.PersonID(key)
		err := getJSON(d, key, &h)
		if err == nil && h.Person != who {
			err = contradicts(d, key)
		}
		if err != nil {
			h = access.Hold{Person: who}
		}
		out[who] = h
		return err
	})
	return out, err
}

// PutHolds keeps holds, together with the events that tell of them; a later one replaces.
func (s *Site) PutHolds(holds []access.Hold, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketHolds)
		if err != nil {
			return err
		}
		for _, h := range holds {
			if !access.ValidID(string(h.Person)) {
				return fault.New(fault.Internal, "record", "hold", "person %q is not an id", h.Person)
			}
			if err := putJSON(d, string(h.Person), h); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropHolds lets people's losses happen, together with the events that tell of it. Who is not held
// is no error.
func (s *Site) DropHolds(people []access.PersonID, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketHolds)
		for _, p := range people {
			if err := d.delete(string(p)); err != nil {
				return err
			}
		}
		return nil
	})
}

// each calls fn with every key of a bucket in one reading transaction and joins what it says.
func (s *Site) each(of func(*bolt.Tx) drawer, fn func(d drawer, key string) error) error {
	var bad error
	err := s.View(func(tx *bolt.Tx) error {
		d := of(tx)
		if d.b == nil {
			return nil
		}
		return d.b.ForEach(func(k, v []byte) error {
			if v != nil {
				bad = errors.Join(bad, fn(d, string(k)))
			}
			return nil
		})
	})
	return errors.Join(err, bad)
}

// contradicts is what is said of a record that opens and names another than its key does.
func contradicts(d drawer, key string) error {
	return &Unreadable{d.file, d.name + " " + key, errors.New("it names another than its key does")}
}
