package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access/fault"
)

// compactOver is the size below which a file is left as it is however much of it is free, and compactStep how many bytes a
// compaction holds in memory at a time.
const (
	compactOver = 32 << 20
	compactStep = 1 << 20
)

// Size is how large a file is, in bytes.
type Size struct {
	File  int64 // as far as it is laid out, free pages included
	Free  int64 // of it, on pages that hold nothing
	Limit int64 // that File cannot pass
}

// Used is the share of the limit that cannot be written to again, from 0 to 1.
func (s Size) Used() float64 { return float64(s.File-s.Free) / float64(s.Limit) }

// Size reads it; it is cheap.
func (f *file) Size() (s Size, err error) {
	err = f.View(func(tx *bolt.Tx) error {
		stats := f.db.Stats()
		s = Size{tx.Size(), int64(stats.FreePageN+stats.PendingPageN) * int64(f.db.Info().PageSize), maxSize - spareSize}
		return nil
	})
	return s, err
}

// Compact writes the file anew without its free pages when more than half of it is free and it is larger than 32 MiB, and
// says whether it did. Writers wait meanwhile, readers do not. A disk without room is no error; whatever fails, the file
// stays as it was.
func (f *file) Compact() (bool, error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	s, err := f.Size()
	if err != nil || f.Suspect() != nil || s.File < f.compactOver || s.Free <= s.File/2 {
		return false, err
	}
	if err := f.roomFor(s.File - s.Free + s.File/16); err != nil { // pages are never quite full
		f.opts.log().Info("a file is half empty and there is no room to write it anew", "file", f.path, "err", err)
		return false, nil
	}
	if err := f.exchange(f.compacted); err != nil {
		return false, fault.Wrap(fault.Internal, "compact", f.path, err)
	}
	now, err := f.Size()
	f.opts.log().Info("a file that was more than half empty was written anew", "file", f.path, "bytes", now.File, "before", s.File)
	return true, err
}

// renew puts a whole copy in the file's place. After a failed sync the disk may lack what the system shows of the file, and a
// later sync does not bring it (PostgreSQL's "fsyncgate", 2018): what is written to a new file and synced there is on the disk.
func (f *file) renew() error {
	s, err := f.Size()
	if err == nil {
		err = f.roomFor(s.File)
	}
	if err != nil {
		return err
	}
	return f.exchange(func() (string, error) {
		return writeTemp(f.path, func(w io.Writer) error {
			return f.View(func(tx *bolt.Tx) error { _, err := tx.WriteTo(w); return err })
		})
	})
}

// roomFor is an error that isFull knows when a copy of so many bytes would leave less than the reserve.
func (f *file) roomFor(size int64) error {
	p, err := placeOf(filepath.Dir(f.path))
	if err == nil && p.free < size+f.opts.Ballast {
		return fmt.Errorf("a copy takes %d bytes and %d are free: %w", size, p.free, syscall.ENOSPC)
	}
	return nil // what cannot be asked is found out by writing
}

// exchange puts what build wrote and synced, once it is checked, in the file's place. At each moment the name stands for the
// old file or for the new one, whole, and both are locked. The caller holds writing. After an error the old one is in
// use, or, when only the name may not last, the new one.
func (f *file) exchange(build func() (string, error)) error {
	tmp, err := build()
	if err != nil {
		return err
	}
	var db *bolt.DB
	if err = f.opts.check(tmp); err == nil {
		db, err = f.openAt(tmp)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.Rename(tmp, f.path); err != nil {
		_ = os.Remove(tmp)
		return errors.Join(err, db.Close())
	}
	old := f.db
	f.db = db
	if old != nil {
		_ = old.Close() // what it says no longer matters
	}
	return syncDir(filepath.Dir(f.path))
}

// compacted writes the file's content beside it, and holds what it wrote to what it read.
func (f *file) compacted() (tmp string, err error) {
	tmp, err = writeTemp(f.path, func(io.Writer) error { return nil })
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
		}
	}()
	o := f.opts.bolt()
	o.NoSync = true // once, at the end
	db, err := bolt.Open(tmp, 0o600, o)
	if err != nil {
		return "", err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err = bolt.Compact(db, f.db, compactStep); err == nil {
		err = f.db.View(func(was *bolt.Tx) error {
			return db.View(func(is *bolt.Tx) error { return sameBucket(was.Cursor().Bucket(), is.Cursor().Bucket()) })
		})
	}
	if err == nil {
		err = db.Sync()
	}
	return tmp, errors.Join(err, db.Close())
}

var errDiffers = errors.New("the copy differs from the file")

// sameBucket holds two buckets, with all in them, to each other.
func sameBucket(a, b *bolt.Bucket) error {
	if a == nil || b == nil || a.Sequence() != b.Sequence() {
		return errDiffers
	}
	ca, cb := a.Cursor(), b.Cursor()
	ka, va := ca.First()
	kb, vb := cb.First()
	for ka != nil || kb != nil {
		if !bytes.Equal(ka, kb) || !bytes.Equal(va, vb) || (va == nil) != (vb == nil) {
			return errDiffers
		}
		if va == nil {
			if err := sameBucket(a.Bucket(ka), b.Bucket(kb)); err != nil {
				return err
			}
		}
		ka, va = ca.Next()
		kb, vb = cb.Next()
	}
	return nil
}
