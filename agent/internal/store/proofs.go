package store

import (
	"context"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Proofs lie one bucket a device inside bucketOpen until they are confirmed and inside bucketProofs
// afterwards, so that the few open ones are found without reading years of closed ones.

func proofBucket(open bool) string {
	if open {
		return bucketOpen
	}
	return bucketProofs
}

// Proof is the removal of a person from a device that is under way, or else the last one that was
// done; false when there is none. One that the disk damaged is an *Unreadable error.
func (s *Site) Proof(dev access.DeviceID, person access.PersonID) (p access.Proof, found bool, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		for _, open := range []bool{true, false} {
			if p, found, err = s.proof(tx, open, dev, person); found || err != nil {
				return err
			}
		}
		return nil
	})
	return p, found, err
}

func (s *Site) proof(tx *bolt.Tx, open bool, dev access.DeviceID, person access.PersonID) (p access.Proof, found bool, err error) {
	d := s.drawer(tx, proofBucket(open), string(dev))
	if d.b == nil || d.b.Get([]byte(person)) == nil {
		return p, false, nil
	}
	err = getJSON(d, string(person), &p)
	if err == nil && (p.Device != dev || p.Person != person) {
		err = contradicts(d, string(person))
	}
	return p, true, err
}

// Proofs calls f with every proof, device by device in order of person ids, open ones first; with
// open ones only when openOnly. It holds no transaction while f runs and ends by f or ctx.
// Unreadable proofs are passed over and joined into the error.
func (s *Site) Proofs(ctx context.Context, openOnly bool, f func(access.Proof) error) error {
	in := func(p access.Proof) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return f(p)
	}
	bad, err := s.walkProofs(true, in)
	if err == nil && !openOnly {
		var more error
		more, err = s.walkProofs(false, in)
		bad = errors.Join(bad, more)
	}
	return errors.Join(err, bad)
}

// walkProofs joins what cannot be read into bad; err is f's, or that the file cannot be read.
func (s *Site) walkProofs(open bool, f func(access.Proof) error) (bad, err error) {
	var devices []access.DeviceID
	err = s.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(proofBucket(open)))
		if b == nil {
			return nil
		}
		return b.ForEachBucket(func(k []byte) error {
			devices = append(devices, access.DeviceID(k))
			return nil
		})
	})
	for _, dev := range devices {
		if err != nil {
			break
		}
		in := func(tx *bolt.Tx) drawer { return s.drawer(tx, proofBucket(open), string(dev)) }
		err = s.walk(in, func(k string) error {
			p, found, err := s.readProof(open, dev, access.PersonID(k))
			if err != nil || !found {
				bad = errors.Join(bad, err)
				return nil
			}
			return f(p)
		})
	}
	return bad, err
}

func (s *Site) readProof(open bool, dev access.DeviceID, person access.PersonID) (p access.Proof, found bool, err error) {
	err = s.View(func(tx *bolt.Tx) (err error) {
		p, found, err = s.proof(tx, open, dev, person)
		return err
	})
	return p, found, err
}

// RecordProof makes one change of the ledger, as Record does, together with the proof of a removal
// and the events that tell of it, in one transaction. A proof that is confirmed gets the number of
// the last of these events.
func (s *Site) RecordProof(dev access.DeviceID, person access.PersonID, entry *access.LedgerEntry, proof access.Proof, evs ...access.Event) error {
	if proof.Device != dev || proof.Person != person {
		return fault.New(fault.Internal, "record", "proof", "of person %q on device %q under %q on %q", proof.Person, proof.Device, person, dev)
	}
	return s.Update(func(tx *bolt.Tx) error {
		if err := s.recordOne(tx, Change{dev, person, entry}); err != nil {
			return err
		}
		if len(evs) > 0 {
			if err := s.journal.Append(tx, evs...); err != nil {
				return err
			}
		}
		if !proof.Open() && len(evs) > 0 {
			n, err := s.journal.Number(tx)
			if err != nil {
				return err
			}
			proof.Number = n
		}
		return s.putProof(tx, proof)
	})
}

// putProof puts a proof where it belongs and takes it from where it was.
func (s *Site) putProof(tx *bolt.Tx, p access.Proof) error {
	d, err := s.makeDrawer(tx, proofBucket(p.Open()), string(p.Device))
	if err != nil {
		return err
	}
	return errors.Join(putJSON(d, string(p.Person), p),
		s.drawer(tx, proofBucket(!p.Open()), string(p.Device)).delete(string(p.Person)))
}

// OpenProofs begins proofs, all in one transaction. Where one is open already it stays as it is: a
// removal counts from when it was first asked for.
func (s *Site) OpenProofs(proofs []access.Proof) error {
	return s.Update(func(tx *bolt.Tx) error {
		for _, p := range proofs {
			if !access.ValidID(string(p.Device)) || !access.ValidID(string(p.Person)) || !p.Open() {
				return fault.New(fault.Internal, "record", "proof", "person %q on device %q: want ids, and nothing confirmed", p.Person, p.Device)
			}
			if _, found, err := s.proof(tx, true, p.Device, p.Person); found && err == nil {
				continue
			}
			if err := s.putProof(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetProofs drops closed proofs that were confirmed before a time and says how many. Open ones,
// and what cannot be read, stay.
func (s *Site) ForgetProofs(before time.Time) (n int, err error) {
	var old []access.Proof
	_, err = s.walkProofs(false, func(p access.Proof) error {
		if p.Confirmed.Before(before) {
			old = append(old, p)
		}
		return nil
	})
	if len(old) == 0 || err != nil {
		return 0, err
	}
	err = s.Update(func(tx *bolt.Tx) error {
		n = 0
		for _, was := range old {
			if p, found, err := s.proof(tx, false, was.Device, was.Person); err != nil || !found || !p.Confirmed.Before(before) {
				continue // another one took its place meanwhile
			}
			n++
			if err := s.drawer(tx, bucketProofs, string(was.Device)).delete(string(was.Person)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
