package store

import (
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// contactEvery is how often the time of the last contact is written: flash wears.
const contactEvery = time.Minute

// Floor is the newest position this gateway is known to have been at, whatever became of
// wanted.db: zero while none is.
func (s *Site) Floor() (p access.Position, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		return getJSON(s.drawer(tx, bucketFloor), "position", &p)
	})
	return p, err
}

// FloorDigest is the digest of the state that was stored at the floor; zero where it is not known.
func (s *Site) FloorDigest() (d access.Digest, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		return getJSON(s.drawer(tx, bucketFloor), "digest", &d)
	})
	return d, err
}

// SetFloor raises the floor to a state with a digest; it never lowers it. A floor that cannot be read
// is replaced.
func (s *Site) SetFloor(p access.Position, digest access.Digest) error {
	if was, err := s.Floor(); err == nil && !was.Before(p) {
		return nil
	}
	return s.Update(func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketFloor)
		if err != nil {
			return err
		}
		var was access.Position
		if err := getJSON(d, "position", &was); err == nil && !was.Before(p) {
			return nil
		}
		return errors.Join(putJSON(d, "position", p), putJSON(d, "digest", digest))
	})
}

// Contact is when the cloud last said that this gateway is up to date; zero: never.
func (s *Site) Contact() (t time.Time, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		return getJSON(s.drawer(tx, bucketClock), "contact", &t)
	})
	return t, err
}

// SetContact notes the time of a contact, at most once a minute: what is told more often is left
// out. A time before the last one is taken, because the clock may have been ahead.
func (s *Site) SetContact(t time.Time) error {
	if was, err := s.Contact(); err == nil && t.Sub(was).Abs() < contactEvery {
		return nil
	}
	return s.Update(func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketClock)
		if err != nil {
			return err
		}
		return putJSON(d, "contact", t)
	})
}
