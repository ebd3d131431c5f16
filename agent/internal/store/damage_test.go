package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// flip changes one byte of a stored value, below the seal.
func flip(t testing.TB, f *file, key string, path ...string) {
	t.Helper()
	err := f.Update(func(tx *bolt.Tx) error {
		d := f.drawer(tx, path...)
		v := slices.Clone(d.b.Get([]byte(key)))
		v[len(v)/2] ^= 0x40
		return d.b.Put([]byte(key), v)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestE2_DamagedValueIsNamedAndHealsWithASnapshot(t *testing.T) {
	t.Parallel()
	for name, path := range map[string][]string{
		"c1":   {bucketItems, "credential"},
		"p1":   {bucketPeople},
		"d1":   {bucketItems, "door"},
		"prop": {bucketItems, "property"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openWanted(t, t.TempDir())
			m := court(3)
			apply(t, w, m.snapshot(1, 1))
			flip(t, w.file, name, path...)

			_, found, err := w.Holder("p1")
			if !found {
				t.Error("somebody whose record is damaged is not gone")
			}
			_, perr := w.Places()
			var u *Unreadable
			if !errors.As(errors.Join(err, perr), &u) || !strings.HasSuffix(u.Record, name) || u.File != WantedFile {
				t.Fatalf("holder: %v, places: %v", err, perr)
			}
			if _, found, err := w.Holder("p2"); !found || err != nil {
				t.Errorf("damage spreads to another person: %v", err)
			}
			if d, _ := w.Digest(); d != (access.Digest{}) || !w.Damaged() {
				t.Error("the damage would not bring a snapshot")
			}
			apply(t, w, m.snapshot(1, 1)) // the same revision
			same(t, w, m)
			if _, found, err := w.Holder("p1"); !found || err != nil || w.Damaged() {
				t.Errorf("not healed: %v %v", found, err)
			}
		})
	}
}

func TestDeltaOnADamagedRecordAsksForASnapshot(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	apply(t, w, m.snapshot(1, 1))
	flip(t, w.file, "c1", bucketItems, "credential")
	_, err := w.Apply(m.delta(1, 2, m.put(resident(1, "9876")[2])), today)
	if reasonOf(err) != Gap || !w.Damaged() {
		t.Errorf("got %v", err)
	}
	a := apply(t, w, m.snapshot(1, 2))
	if a.Total != 2 || a.Removed != 0 {
		t.Errorf("%+v", a)
	}
	same(t, w, m)
}

func TestRecordThatMakesNoSenseIsNamedAndNotCalledDamage(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(1)
	k := access.Key{Kind: access.KindGrant, ID: "g0"}
	m[k] = access.Item{Key: k, Value: []byte(`{"id":"g0","person":"p0"}`)}
	apply(t, w, m.snapshot(1, 1))
	h, found, err := w.Holder("p0")
	var u *Unreadable
	if !errors.As(err, &u) || !found || len(h.Grants) != 1 || w.Damaged() {
		t.Errorf("%v, found %v, %d grants", err, found, len(h.Grants))
	}
}

func TestMovedValueDoesNotOpen(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	apply(t, w, court(2).snapshot(1, 1))
	err := w.Update(func(tx *bolt.Tx) error {
		b := w.drawer(tx, bucketItems, "credential").b
		return b.Put([]byte("c0"), slices.Clone(b.Get([]byte("c1"))))
	})
	if err != nil {
		t.Fatal(err)
	}
	var u *Unreadable
	if _, _, err := w.Holder("p0"); !errors.As(err, &u) {
		t.Errorf("another person's PIN is taken: %v", err)
	}
}

func TestG10_DamagedWantedFileIsPutAside(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, string){
		"truncated":      func(t *testing.T, p string) { cut(t, p, 40<<10) },
		"nearly empty":   func(t *testing.T, p string) { cut(t, p, 3) },
		"head zeroed":    func(t *testing.T, p string) { zero(t, p, 0, 16<<10) },
		"pages zeroed":   func(t *testing.T, p string) { zero(t, p, 16<<10, 4<<20) },
		"not a database": func(t *testing.T, p string) { write(t, p, strings.Repeat("hello ", 9000)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := openWanted(t, dir)
			apply(t, w, court(500).snapshot(1, 1))
			_ = w.Close()
			path := filepath.Join(dir, WantedFile)
			spoil(t, path)
			for range 2 { // a second damage replaces the one put aside
				w, err := OpenWanted(dir, testKey(1), checked(t))
				if err != nil {
					t.Fatal(err)
				}
				if w.Quarantined() == "" {
					t.Error("the damage was not noticed")
				}
				if pos, _ := w.Position(); pos != (access.Position{}) {
					t.Errorf("stands at %v", pos)
				}
				apply(t, w, court(500).snapshot(1, 2))
				_ = w.Close()
				if _, err := os.Stat(path + damagedSuffix); err != nil {
					t.Error(err)
				}
				spoil(t, path)
			}
		})
	}
}

func cut(t *testing.T, path string, to int64) {
	t.Helper()
	if err := os.Truncate(path, to); err != nil {
		t.Fatal(err)
	}
}

func zero(t *testing.T, path string, from, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, n), int64(from)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, s string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedPositionIsFoundWithoutACheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	apply(t, w, court(1).snapshot(1, 1))
	flip(t, w.file, "position", bucketState)
	_ = w.Close()
	if w = openWanted(t, dir); w.Quarantined() == "" {
		t.Error("not put aside")
	}
}

func TestFailedCommitMakesSuspectAndHeals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		kind    fault.Kind
		words   string
		suspect bool
	}{
		{syscall.EIO, fault.Internal, "input/output error", true},
		{syscall.ENOSPC, fault.Internal, "disk is full", true},
		{berrors.ErrMaxSizeReached, fault.Full, "limit of 256 MiB", false},
	} {
		t.Run(c.words, func(t *testing.T) {
			t.Parallel()
			s, j := openSite(t, t.TempDir(), checked(t))
			entry := &access.LedgerEntry{Person: "p1"}
			if err := s.Record("d1", "p1", entry); err != nil {
				t.Fatal(err)
			}
			real := s.commit
			s.commit = func(*bolt.Tx) error { return c.err }
			err := s.Record("d1", "p2", &access.LedgerEntry{Person: "p2"}, access.Event{})
			wantFault(t, err, c.kind)
			if !strings.Contains(err.Error(), c.words) || (s.Suspect() != nil) != c.suspect {
				t.Errorf("%v, suspect: %v", err, s.Suspect())
			}
			if _, found, err := s.Entry("d1", "p1"); !found || err != nil {
				t.Errorf("reading must go on: %v", err)
			}
			s.commit = real
			if err := s.Record("d1", "p3", &access.LedgerEntry{Person: "p3"}, access.Event{}); err != nil {
				t.Fatal(err)
			}
			if _, found, _ := s.Entry("d1", "p2"); found || s.Suspect() != nil || len(j.all(t, s)) != 1 {
				t.Error("not healed, or the failed change is there")
			}
		})
	}
}

// TestAFailedCommitThatIsThereAllTheSame: the last sync fails after everything was written. What nobody was told of must
// not pass for long known.
func TestAFailedCommitThatIsThereAllTheSame(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	apply(t, w, m.snapshot(1, 7))
	real := w.commit
	w.commit = func(tx *bolt.Tx) error { return errors.Join(real(tx), syscall.EIO) }
	u := m.delta(1, 8, m.put(resident(5, "5555")...))
	_, err := w.Apply(u, today)
	wantFault(t, err, fault.Internal)
	w.commit = real
	for _, want := range []bool{true, false} {
		if a := apply(t, w, u); !a.Done || a.Everybody != want || a.Position != u.Position {
			t.Errorf("%+v, want everybody %v", a, want)
		}
	}
}

func TestHealingRefusesADamagedFile(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), checked(t))
	s.commit = func(*bolt.Tx) error { return syscall.EIO }
	_ = s.SaveBlob("x", nil)
	cut(t, s.path, 5000)
	var d *DamagedFile
	if err := s.SaveBlob("x", nil); !errors.As(err, &d) || !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	wantFault(t, s.View(func(*bolt.Tx) error { return nil }), fault.Internal)
}

func TestG10_SiteComesBackFromTheNewestSoundSnapshot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"file truncated": {func(t *testing.T, p string) { cut(t, p, 9000) }, "second"},
		"file missing":   {func(t *testing.T, p string) { must(os.Remove(p)) }, "second"},
		"and the newest snapshot is damaged": {func(t *testing.T, p string) {
			cut(t, p, 9000)
			cut(t, snapshotPath(p, 1), 9000)
		}, "first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, _ := openSite(t, dir, checked(t))
			for _, v := range []string{"zero", "first", "second"} {
				if err := errors.Join(s.SaveBlob("version", []byte(v)), s.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.SaveBlob("version", []byte("third")); err != nil {
				t.Fatal(err)
			}
			_ = s.Close()
			c.spoil(t, s.path)
			s, j := openSite(t, dir, checked(t))
			if b, err := s.Blob("version"); string(b) != c.want || err != nil {
				t.Errorf("came back with %q, %v; want %q", b, err, c.want)
			}
			if s.Restored() == "" || j.restored != 1 {
				t.Errorf("restored %q, the journal was told %d times", s.Restored(), j.restored)
			}
			left, _ := filepath.Glob(filepath.Join(dir, "*.tmp-*"))
			if len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestSiteDamageWithoutASnapshotIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	_ = s.Close()
	cut(t, s.path, 9000)
	_, err := OpenSite(dir, testKey(1), &notes{}, checked(t))
	wantFault(t, err, fault.Internal)
	if fault.RemedyOf(err) == "" {
		t.Errorf("no remedy: %v", err)
	}
	if info, err := os.Stat(s.path); err != nil || info.Size() != 9000 {
		t.Error("the damaged file must stay where it is")
	}
}

func TestBadSnapshotDoesNotReplaceAGoodOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(snapshotPath(s.path, 1))
	s.opts.Check = func(p string) error { return &DamagedFile{p, errors.New("for the test")} }
	if err := s.Snapshot(); err == nil {
		t.Fatal("a damaged snapshot is kept")
	}
	if after, _ := os.ReadFile(snapshotPath(s.path, 1)); len(after) == 0 || string(after) != string(before) {
		t.Error("the good one is gone")
	}
}

func TestUnreadableLedgerEntryIsNotAbsent(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	for _, p := range []access.PersonID{"p1", "p2"} {
		if err := s.Record("d1", p, &access.LedgerEntry{Person: p}); err != nil {
			t.Fatal(err)
		}
	}
	flip(t, s.file, "p1", bucketLedger, "d1")
	var u *Unreadable
	if _, found, err := s.Entry("d1", "p1"); !found || !errors.As(err, &u) {
		t.Errorf("found %v, %v", found, err)
	}
	n := 0
	err := s.Entries(context.Background(), "d1", func(access.LedgerEntry) error { n++; return nil })
	if n != 1 || !errors.As(err, &u) {
		t.Errorf("%d entries, %v", n, err)
	}
}

func FuzzDecodeChunk(f *testing.F) {
	m := court(2)
	f.Add(encodeChunk(m.items(), []access.Key{{Kind: "grant", ID: "g1"}}))
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		put, gone, err := decodeChunk(b)
		if err != nil {
			return
		}
		again, gone2, err := decodeChunk(encodeChunk(put, gone))
		if err != nil || len(again) != len(put) || len(gone2) != len(gone) {
			t.Errorf("%v: %d and %d items", err, len(put), len(again))
		}
	})
}
