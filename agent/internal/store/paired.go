package store

import (
	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Paired is what was kept of every device that was paired on site, by id. Of one that cannot be read the value is
// nil, and the error, joined of all of them, says why.
func (s *Site) Paired() (map[access.DeviceID][]byte, error) {
	out := map[access.DeviceID][]byte{}
	err := s.each(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketPaired) }, func(d drawer, key string) (err error) {
		out[access.DeviceID(key)], err = d.get(key)
		return err
	})
	return out, err
}

// SavePaired keeps what there is to know of one, sealed, with the events that tell of it; nil forgets it.
func (s *Site) SavePaired(dev access.DeviceID, b []byte, evs ...access.Event) error {
	if !access.ValidID(string(dev)) {
		return fault.New(fault.Internal, "record", "paired device", "%q is not an id", dev)
	}
	return s.record(evs, func(tx *bolt.Tx) error {
		if b == nil {
			return s.drawer(tx, bucketPaired).delete(string(dev))
		}
		d, err := s.makeDrawer(tx, bucketPaired)
		if err != nil {
			return err
		}
		return d.put(string(dev), b)
	})
}
