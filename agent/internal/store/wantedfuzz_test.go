package store

import (
	"errors"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// FuzzWantedRecords puts any bytes where records of wanted.db stand, properly sealed: what reads them says that they cannot be
// read or gives what stands there; nobody is gone because of them, and a snapshot heals everything.
func FuzzWantedRecords(f *testing.F) {
	w, err := OpenWanted(f.TempDir(), testKey(1), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = w.Close() })
	w.db.NoSync = true
	m := court(2)
	for _, seed := range []string{"", "{}", "null", `{"epoch":1,"revision":18446744073709551615}`, `{"id":"p1","kind":"resident"}`, "\x02\x05grant\x02g1", "\xff\xff\xff\xff\x0f"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		apply(t, w, m.snapshot(1, 1))
		spoil(t, w.file, b, []string{"p1", bucketPeople}, []string{"p1", bucketItems, "person"}, []string{"g1", bucketItems, "grant"},
			[]string{"c1", bucketItems, "credential"}, []string{"prop", bucketItems, "property"}, []string{"s1", bucketItems, "schedule"},
			[]string{"p1", bucketIndex, indexMarks})
		_, found, herr := w.Holder("p1")
		_, perr := w.Places()
		ierr := w.Items(t.Context(), func(access.Item) error { return nil })
		for _, err := range []error{herr, perr, ierr} {
			if err != nil && !isDamage(err) {
				t.Error(err)
			}
		}
		if herr != nil && !found {
			t.Error("somebody whose records cannot be read is gone")
		}
		if _, found, err := w.Holder("p0"); !found || err != nil {
			t.Errorf("it spreads to another person: %v %v", found, err)
		}
		spoil(t, w.file, b, []string{"position", bucketState})
		if _, err := w.Apply(m.delta(1, 2, nil), today); err != nil && !isDamage(err) && reasonOf(err) == "" {
			t.Errorf("a change upon it: %v", err)
		}
		spoil(t, w.file, []byte("{}"), []string{"position", bucketState})
		apply(t, w, m.snapshot(1, 1))
		if _, found, err := w.Holder("p1"); !found || err != nil {
			t.Errorf("not healed: %v %v", found, err)
		}
	})
}

// FuzzLedger does the same to the ledger, the inventory and the journal of commands.
func FuzzLedger(f *testing.F) {
	s, err := OpenSite(f.TempDir(), testKey(1), &notes{}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	s.db.NoSync = true
	for _, seed := range []string{"", "{}", "null", `{"person":"p1","state":"settled","secrets":["f"]}`, `{"person":"p2"}`, `{"done":true,"reply":7}`, `{"number":18446744073709551615,"content":"AA=="}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		spoil(t, s.file, b, []string{"p1", bucketLedger, "d1"}, []string{"current", bucketInventory}, []string{"c1", bucketCommands})
		e, found, err := s.Entry("d1", "p1")
		var u *Unreadable
		if !found || err != nil && !errors.As(err, &u) || err == nil && e.Person != "p1" {
			t.Errorf("%+v %v %v", e, found, err)
		}
		if err := s.Entries(t.Context(), "d1", func(access.LedgerEntry) error { return nil }); err != nil && !errors.As(err, &u) {
			t.Error(err)
		}
		if _, known, err := s.BeginCommand("c1"); !known || err != nil && !errors.As(err, &u) {
			t.Errorf("a command would be done again: %v %v", known, err)
		}
		if _, err := s.InventoryNumber([]byte("content")); err != nil && !errors.As(err, &u) {
			t.Error(err)
		}
	})
}

// spoil puts b, sealed, at keys: each the key and then its bucket's path.
func spoil(t *testing.T, f *file, b []byte, at ...[]string) {
	t.Helper()
	err := f.Update(func(tx *bolt.Tx) error {
		for _, a := range at {
			d, err := f.makeDrawer(tx, a[1:]...)
			if err == nil {
				err = d.put(a[0], b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
