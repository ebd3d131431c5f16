package outbox

import (
	"encoding/binary"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// FuzzHead: whatever stands in the place of the head, with a right checksum, the next event gets the next number or is
// refused; no number is given twice.
func FuzzHead(f *testing.F) {
	f.Add([]byte(`{"number":7,"confirmed":7,"records":0}`))
	f.Add([]byte(`{"number":18446744073709551615,"records":18446744073709551615,"bytes":-9223372036854775808,"doors":9,"others":9}`))
	f.Add([]byte("null"))
	r := newRig(f, options())
	f.Fuzz(func(t *testing.T, head []byte) {
		tx, err := r.db.Begin(true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		b, err := tx.CreateBucketIfNotExists([]byte(bucketHead))
		if err == nil {
			err = b.Put([]byte("head"), append(binary.BigEndian.AppendUint32(nil, checksum(nil, head)), head...))
		}
		if err != nil {
			t.Fatal(err)
		}
		before, err := r.box.Number(tx)
		if aerr := r.box.Append(tx, access.Event{Kind: access.EventDoor}, access.Event{Kind: access.EventWritten, Op: access.OpRemove}); err != nil || aerr != nil {
			if err != nil && aerr == nil {
				t.Errorf("appended after %v", err)
			}
			return
		}
		if after, err := r.box.Number(tx); err != nil || after != before+2 || after < before {
			t.Errorf("%d, then %d (%v)", before, after, err)
		}
		read(t, tx, before)
	})
}

// read holds every stored record to its own number.
func read(t *testing.T, tx *bolt.Tx, before uint64) {
	t.Helper()
	n := 0
	err := tx.Bucket([]byte(bucketEvents)).ForEach(func(k, v []byte) error {
		n++
		if _, err := decode(k, v); err != nil || number(k) <= before {
			t.Errorf("%x after %d: %v", k, before, err)
		}
		return nil
	})
	if n == 0 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
}
