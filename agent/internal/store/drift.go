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
