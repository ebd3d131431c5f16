package store

import (
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// Revoked is somebody whose access somebody ended by name: the memory that a cloud restored from an
// older backup does not have.
type Revoked struct {
	Person access.PersonID  `json:"person"`
	Grants []access.GrantID `json:"grants,omitempty"` // that were ended
	All    bool             `json:"all,omitempty"`    // nothing was left
	Since  time.Time        `json:"since"`
}

// Revoked is what is remembered of people; of one that cannot be read, that all was revoked.
func (s *Site) Revoked(people []access.PersonID) (map[access.PersonID]Revoked, error) {
	out := map[access.PersonID]Revoked{}
	err := s.View(func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketRevoked)
		for _, p := range people {
			if d.b == nil || d.b.Get([]byte(p)) == nil {
				continue
			}
			r := Revoked{}
			if err := getJSON(d, string(p), &r); err != nil || r.Person != p {
				r = Revoked{Person: p, All: true}
			}
			out[p] = r
		}
		return nil
	})
	return out, err
}

// RevokedPeople are all of whom something is remembered.
func (s *Site) RevokedPeople() (map[access.PersonID]bool, error) {
	out := map[access.PersonID]bool{}
	err := s.walk(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketRevoked) }, func(key string) error {
		out[access.PersonID(key)] = true
		return nil
	})
	return out, err
}

// PutRevoked remembers; a later memory of somebody replaces.
func (s *Site) PutRevoked(list []Revoked) error {
	if len(list) == 0 {
		return nil
	}
	return s.putAbout(bucketRevoked, len(list), nil, func(i int) (access.PersonID, any) { return list[i].Person, list[i] })
}

// DropRevoked forgets people.
func (s *Site) DropRevoked(people []access.PersonID) error {
	if len(people) == 0 {
		return nil
	}
	return s.drop(bucketRevoked, people, nil)
}

// ForgetRevoked forgets what is older than before, and the oldest of more than most; nobody who waits
// to be given access back. What cannot be read is the oldest.
func (s *Site) ForgetRevoked(before time.Time, most int) (int, error) {
	backs, err := s.Backs()
	if err != nil {
		return 0, err
	}
	var list []string // by time
	err = s.each(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketRevoked) }, func(d drawer, key string) error {
		var r Revoked
		if getJSON(d, key, &r) != nil {
			r.Since = time.Time{}
		}
		if _, waits := backs[access.PersonID(key)]; !waits {
			list = append(list, edgeKey(r.Since)+key)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.Sort(list)
	var people []access.PersonID
	for i, k := range list {
		if k < edgeKey(before) || len(list)-i > most {
			people = append(people, access.PersonID(k[edgeLen:]))
		}
	}
	return len(people), s.DropRevoked(people)
}

// Taken is somebody from whom a revision took all access although nobody agreed to that.
type Taken struct {
	Person access.PersonID `json:"person"`
	At     access.Position `json:"at"`
	Since  time.Time       `json:"since"`
}

// Taken are all that were noted. One that cannot be read has nothing but its person.
func (s *Site) Taken() (map[access.PersonID]Taken, error) {
	out := map[access.PersonID]Taken{}
	err := s.each(func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketTaken) }, func(d drawer, key string) error {
		var t Taken
		err := getJSON(d, key, &t)
		if err != nil {
			t = Taken{}
		}
		t.Person = access.PersonID(key)
		out[t.Person] = t
		return err
	})
	return out, err
}

// PutTaken notes people; a later note of somebody replaces.
func (s *Site) PutTaken(list []Taken) error {
	if len(list) == 0 {
		return nil
	}
	return s.putAbout(bucketTaken, len(list), nil, func(i int) (access.PersonID, any) { return list[i].Person, list[i] })
}

// DropTaken forgets people.
func (s *Site) DropTaken(people []access.PersonID) error {
	if len(people) == 0 {
		return nil
	}
	return s.drop(bucketTaken, people, nil)
}

// Placed are the people who stand on any device by our hand, as the ledger says, sorted; not those
// who are being removed. An entry that cannot be read counts.
func (s *Site) Placed() (people []access.PersonID, err error) {
	devices, err := s.LedgerDevices()
	if err != nil {
		return nil, err
	}
	for _, dev := range devices {
		in := func(tx *bolt.Tx) drawer { return s.drawer(tx, bucketLedger, string(dev)) }
		err := s.each(in, func(d drawer, key string) error {
			var e access.LedgerEntry
			if getJSON(d, key, &e) != nil || e.State != access.Removing {
				people = append(people, access.PersonID(key))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(people)
	return slices.Compact(people), nil
}
