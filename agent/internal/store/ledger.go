package store

import (
	"context"
	"errors"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Change is one change of the ledger.
type Change struct {
	Device access.DeviceID
	Person access.PersonID
	Entry  *access.LedgerEntry // nil: nothing of ours is there any more
}

// Record makes one change of the ledger together with the events that tell of it: after a crash
// both are there or neither is. A nil entry deletes; deleting what is absent is allowed.
func (s *Site) Record(dev access.DeviceID, person access.PersonID, entry *access.LedgerEntry, evs ...access.Event) error {
	return s.RecordAll([]Change{{dev, person, entry}}, evs...)
}

// RecordAll makes many changes, in order, in one transaction with their events.
func (s *Site) RecordAll(changes []Change, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		for _, c := range changes {
			if err := s.recordOne(tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Site) recordOne(tx *bolt.Tx, c Change) error {
	if !access.ValidID(string(c.Device)) || !access.ValidID(string(c.Person)) {
		return fault.New(fault.Internal, "record", "ledger", "device %q, person %q: not ids", c.Device, c.Person)
	}
	if c.Entry == nil {
		return s.drawer(tx, bucketLedger, string(c.Device)).delete(string(c.Person))
	}
	if c.Entry.Person != c.Person {
		return fault.New(fault.Internal, "record", "ledger", "an entry of person %q under person %q", c.Entry.Person, c.Person)
	}
	d, err := s.makeDrawer(tx, bucketLedger, string(c.Device))
	if err != nil {
		return err
	}
	return putJSON(d, string(c.Person), c.Entry)
}

// Entry is what we wrote for a person on a device; false when nothing. An entry that the disk
// damaged is an *Unreadable error, never absent: the row may be on the device.
func (s *Site) Entry(dev access.DeviceID, person access.PersonID) (e access.LedgerEntry, found bool, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketLedger, string(dev))
		found = d.b != nil && d.b.Get([]byte(person)) != nil
		if err := getJSON(d, string(person), &e); err != nil || !found || e.Person == person {
			return err
		}
		return &Unreadable{d.file, d.name + " " + string(person), errors.New("it is about somebody else")}
	})
	return e, found, err
}

// Entries calls fn with every entry of a device in order of person ids, until fn or ctx ends it.
// It holds no transaction while fn runs. Unreadable entries are passed over and joined into the
// error.
func (s *Site) Entries(ctx context.Context, dev access.DeviceID, fn func(access.LedgerEntry) error) error {
	var bad error
	in := func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketLedger, string(dev)) }
	err := s.pages(ctx, in, func(k string) error {
		e, found, err := s.Entry(dev, access.PersonID(k))
		if err != nil || !found {
			bad = errors.Join(bad, err)
			return nil
		}
		return fn(e)
	})
	return errors.Join(err, bad)
}

// LedgerDevices lists the devices on which anything of ours was ever recorded.
func (s *Site) LedgerDevices() (out []access.DeviceID, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketLedger))
		if b == nil {
			return nil
		}
		return b.ForEachBucket(func(k []byte) error {
			out = append(out, access.DeviceID(k))
			return nil
		})
	})
	return out, err
}
