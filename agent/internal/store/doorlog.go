package store

import (
	"bytes"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What was told of a device's door log is remembered by the identity of each entry, which begins with
// its second by the device's clock, so that identities sort by time and the oldest go first. An
// identity is made of keyed fingerprints: no PIN and no card is in it.
const (
	keepLog   = 4096 // entries a device
	keyCursor = "cursor"
	lenSecond = len("20060102T150405Z")
)

// logCursor is how far a door log was told.
type logCursor struct {
	From time.Time `json:"from"` // what is older counts as told
	Zone string    `json:"zone"` // by which its dates were read
	Kept int       `json:"kept"`
}

// LogFrom is since when the door log of a device counts, by the device's clock. Where that is not kept,
// cannot be read, or was kept for another zone, it is now, and kept.
func (s *Site) LogFrom(dev access.DeviceID, zone string, now time.Time) (from time.Time, err error) {
	err = s.Update(func(tx *bolt.Tx) error {
		d, at, err := s.doorLog(tx, dev)
		if err == nil && at.Zone == zone {
			from = at.From
			return nil
		}
		if err != nil && !isDamage(err) {
			return err
		}
		from = now.UTC().Truncate(time.Second)
		return putJSON(d, keyCursor, logCursor{from, zone, at.Kept})
	})
	return from, err
}

func (s *Site) doorLog(tx *bolt.Tx, dev access.DeviceID) (d drawer, at logCursor, err error) {
	if !access.ValidID(string(dev)) {
		return d, at, fault.New(fault.Internal, "record", "door log", "device %q is not an id", dev)
	}
	if d, err = s.makeDrawer(tx, bucketDoorLog, string(dev)); err != nil {
		return d, at, err
	}
	return d, at, getJSON(d, keyCursor, &at)
}

// TellLog appends what a door log told and remembers it, in one transaction, and returns what was new:
// an event whose Log was told before is passed over. One without Log is always new.
func (s *Site) TellLog(dev access.DeviceID, evs []access.Event) (fresh []access.Event, err error) {
	err = s.Update(func(tx *bolt.Tx) error {
		d, at, err := s.doorLog(tx, dev)
		if err != nil && !isDamage(err) {
			return err
		}
		fresh = nil
		for _, e := range evs {
			if e.Log != "" {
				if len(e.Log) <= lenSecond || e.Log[0] < '0' || e.Log[0] > '9' {
					return fault.New(fault.Internal, "record", "door log", "%.40q is no identity", e.Log)
				}
				if d.b.Get([]byte(e.Log)) != nil {
					continue
				}
				if err := d.put(e.Log, nil); err != nil {
					return err
				}
				at.Kept++
			}
			fresh = append(fresh, e)
		}
		if len(fresh) == 0 {
			return nil
		}
		if err := at.forget(d.b); err != nil {
			return err
		}
		if err := putJSON(d, keyCursor, at); err != nil {
			return err
		}
		return s.journal.Append(tx, fresh...)
	})
	return fresh, err
}

// forget drops the oldest entries beyond the limit, by whole seconds: what is as old counts as told.
func (at *logCursor) forget(b *bolt.Bucket) error {
	for at.Kept > keepLog {
		c := b.Cursor()
		k, _ := c.First()
		if len(k) <= lenSecond {
			return nil
		}
		second := bytes.Clone(k[:lenSecond])
		for ; bytes.HasPrefix(k, second); k, _ = c.First() {
			if err := b.Delete(bytes.Clone(k)); err != nil {
				return err
			}
			at.Kept--
		}
		if t, err := time.Parse("20060102T150405Z", string(second)); err == nil && !t.Before(at.From) {
			at.From = t.Add(time.Second)
		}
	}
	return nil
}
