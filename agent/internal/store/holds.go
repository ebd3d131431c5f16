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
func (s *Site) Holds() (map[access.PersonID]access.Hold, error) { return s.holdsIn(bucketHolds) }

// Backs are likewise the people to whom a restored cloud gives access back, and who wait for it.
func (s *Site) Backs() (map[access.PersonID]access.Hold, error) { return s.holdsIn(bucketBacks) }

// PutHolds keeps holds, together with the events that tell of them; a later one replaces.
func (s *Site) PutHolds(holds []access.Hold, evs ...access.Event) error {
	return s.putHolds(bucketHolds, holds, evs)
}

// PutBacks keeps what Backs gives.
func (s *Site) PutBacks(holds []access.Hold, evs ...access.Event) error {
	return s.putHolds(bucketBacks, holds, evs)
}

// DropHolds lets people's losses happen, together with the events that tell of it. Who is not held
// is no error.
func (s *Site) DropHolds(people []access.PersonID, evs ...access.Event) error {
	return s.drop(bucketHolds, people, evs)
}

// DropBacks lets people have their access back; what was remembered of them is forgotten too.
func (s *Site) DropBacks(people []access.PersonID, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		return errors.Join(s.dropIn(tx, bucketBacks, people), s.dropIn(tx, bucketRevoked, people))
	})
}

func (s *Site) holdsIn(bucket string) (map[access.PersonID]access.Hold, error) {
	out := map[access.PersonID]access.Hold{}
	err := s.each(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucket) }, func(d drawer, key string) error {
		var h access.Hold
		who := access.PersonID(key)
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

func (s *Site) putHolds(bucket string, holds []access.Hold, evs []access.Event) error {
	return s.putAbout(bucket, len(holds), evs, func(i int) (access.PersonID, any) { return holds[i].Person, holds[i] })
}

// putAbout keeps n values, each about one person.
func (s *Site) putAbout(bucket string, n int, evs []access.Event, at func(int) (access.PersonID, any)) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucket)
		if err != nil {
			return err
		}
		for i := range n {
			who, v := at(i)
			if !access.ValidID(string(who)) {
				return fault.New(fault.Internal, "record", bucket, "person %q is not an id", who)
			}
			if err := putJSON(d, string(who), v); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Site) drop(bucket string, people []access.PersonID, evs []access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error { return s.dropIn(tx, bucket, people) })
}

func (s *Site) dropIn(tx *bolt.Tx, bucket string, people []access.PersonID) error {
	d := s.drawer(tx, bucket)
	for _, p := range people {
		if err := d.delete(string(p)); err != nil {
			return err
		}
	}
	return nil
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
