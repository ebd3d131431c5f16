package store

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Drift is the list of rows on a device that were not as they should be when it was last read
// whole. Unreadable lines are passed over and joined into the error.
func (s *Site) Drift(dev access.DeviceID) (out []access.Drift, err error) {
	err = s.each(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketDrift, string(dev)) }, func(d drawer, key string) error {
		var line access.Drift
		if err := getJSON(d, key, &line); err != nil {
			return err
		}
		out = append(out, line)
		return nil
	})
	return out, err
}

// SaveDrift puts a list in the place of a device's old one, together with the events that tell of
// what is new in it.
func (s *Site) SaveDrift(dev access.DeviceID, list []access.Drift, evs ...access.Event) error {
	if !access.ValidID(string(dev)) {
		return fault.New(fault.Internal, "record", "drift", "device %q is not an id", dev)
	}
	return s.record(evs, func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketDrift)
		if err != nil {
			return err
		}
		if err := s.keepGone(tx, dev, evs); err != nil {
			return err
		}
		if err := d.b.DeleteBucket([]byte(dev)); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		if d, err = s.makeDrawer(tx, bucketDrift, string(dev)); err != nil {
			return err
		}
		for i, line := range list {
			if line.Device != dev {
				return fault.New(fault.Internal, "record", "drift", "a row of device %q under device %q", line.Device, dev)
			}
			if err := putJSON(d, fmt.Sprintf("%08d", i), line); err != nil {
				return err
			}
		}
		return nil
	})
}

// mostGone is how many rows that went are kept of one device, the newest.
const mostGone = 100

// keepGone notes which rows events tell to be astray no more.
func (s *Site) keepGone(tx *bolt.Tx, dev access.DeviceID, evs []access.Event) error {
	var all []access.Drift
	for i := range evs {
		e, r := &evs[i], evs[i].Row
		if r == nil || !r.Gone {
			continue
		}
		if all == nil {
			_ = getJSON(s.drawer(tx, bucketGone), string(dev), &all) // what cannot be read begins anew
		}
		all = append(all, access.Drift{Device: dev, Kind: e.Drift, Person: e.Person, Native: r.Native, What: e.Message, First: r.First, Last: e.At, Entry: r.Entry, Act: r.Act, To: r.To, Reason: r.Reason})
	}
	if all == nil {
		return nil
	}
	d, err := s.makeDrawer(tx, bucketGone)
	if err != nil {
		return err
	}
	return putJSON(d, string(dev), all[max(len(all)-mostGone, 0):])
}

// DriftGone lists the rows of a device that were astray and are no more, the newest last: Last is when they went, What how,
// and Act what somebody had decided.
func (s *Site) DriftGone(dev access.DeviceID) (out []access.Drift, err error) {
	err = s.View(func(tx *bolt.Tx) error { return getJSON(s.drawer(tx, bucketGone), string(dev), &out) })
	return out, err
}

// Observed is what is remembered of a device that was read whole: enough to plan without asking
// it again.
type Observed struct {
	At   time.Time `json:"at"`
	Rows int       `json:"rows"` // on the device, ours and strangers'
	// Secrets says whose each PIN and card is, by fingerprint; "" is a stranger's.
	Secrets map[string]access.PersonID `json:"secrets,omitempty"`
}

// Observed reads what SaveObserved kept; false when the device was never read whole.
func (s *Site) Observed(dev access.DeviceID) (o Observed, found bool, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketObserved)
		found = d.b != nil && d.b.Get([]byte(dev)) != nil
		return getJSON(d, string(dev), &o)
	})
	return o, found, err
}

// SaveObserved replaces what is remembered of a device.
func (s *Site) SaveObserved(dev access.DeviceID, o Observed) error {
	if !access.ValidID(string(dev)) {
		return fault.New(fault.Internal, "record", "observed", "device %q is not an id", dev)
	}
	return s.Update(func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketObserved)
		if err != nil {
			return err
		}
		return putJSON(d, string(dev), o)
	})
}
