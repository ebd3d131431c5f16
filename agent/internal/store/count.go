package store

import bolt "go.etcd.io/bbolt"

// CountPeople is how many people the wanted state holds.
func (w *Wanted) CountPeople() (n int, err error) {
	err = w.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket([]byte(bucketPeople)); b != nil {
			n = b.Stats().KeyN
		}
		return nil
	})
	return n, err
}
