package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access/fault"
)

var errMissing = errors.New("it is missing, though snapshots of it are there")

// snapshotPath names the snapshots of a file: 1 is the newest, 2 the one before.
func snapshotPath(path string, n int) string { return path + ".snapshot-" + strconv.Itoa(n) }

// Snapshot writes a sound copy of site.db beside it and keeps the one before. It reads the whole
// file: take one after enrolment and then daily. Writing goes on meanwhile.
func (s *Site) Snapshot() error {
	layBallast(filepath.Dir(s.path), s.opts)
	tmp, err := writeTemp(snapshotPath(s.path, 1), func(w io.Writer) error {
		return s.View(func(tx *bolt.Tx) error { _, err := tx.WriteTo(w); return err })
	})
	if err != nil {
		return fault.Wrap(fault.Internal, "snapshot", s.path, err)
	}
	if err := s.opts.check(tmp); err != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("snapshot of %s thrown away, the ones before stay: %w", s.path, err)
	}
	one, two := snapshotPath(s.path, 1), snapshotPath(s.path, 2)
	if exists(one) {
		if err := os.Rename(one, two); err != nil {
			_ = os.Remove(tmp)
			return fault.Wrap(fault.Internal, "snapshot", s.path, err)
		}
	}
	return fault.Wrap(fault.Internal, "snapshot", s.path, publish(tmp, one))
}

// restore puts the newest sound snapshot in the place of a damaged site.db. The journal learns of
// it inside the new file before that file gets the name, so that no crash can hide it.
func restore(dir string, key Key, journal Journal, o Options, why error) error {
	path := filepath.Join(dir, SiteFile)
	var tried error
	for n := 1; n <= 2; n++ {
		tmp, err := prepare(path, snapshotPath(path, n), key, journal, o)
		if err != nil {
			tried = errors.Join(tried, err)
			continue
		}
		if err := keepDamaged(path); err != nil {
			_ = os.Remove(tmp)
			return openFailed(path, err)
		}
		o.log().Error("site.db is damaged: replaced by a snapshot", "file", path, "snapshot", n, "err", why)
		return openFailedOrNil(path, publish(tmp, path))
	}
	return fault.New(fault.Internal, "open", path, "it is damaged and no snapshot is sound: %w", errors.Join(why, tried)).
		WithRemedy("It holds this gateway's keys and what stands on which panel. Copy it back from a backup; or move it away, enrol this gateway anew and audit every panel.")
}

func openFailedOrNil(path string, err error) error {
	if err == nil {
		return nil
	}
	return openFailed(path, err)
}

// prepare makes a checked copy of a snapshot that knows it is a restored one.
func prepare(path, snapshot string, key Key, journal Journal, o Options) (string, error) {
	if !exists(snapshot) {
		return "", fmt.Errorf("%s: %w", base(snapshot), fs.ErrNotExist)
	}
	if err := o.check(snapshot); err != nil {
		return "", err
	}
	tmp, err := copyTemp(snapshot, path)
	if err != nil {
		return "", err
	}
	f := &file{path: path, key: key, opts: o, sealer: newSealer(key, SiteFile)}
	db, err := f.openAt(tmp)
	if err == nil {
		err = errors.Join(db.Update(journal.Restored), db.Close())
	}
	if err != nil {
		_ = os.Remove(tmp)
		return "", err
	}
	return tmp, nil
}

func keepDamaged(path string) error {
	if !exists(path) {
		return nil
	}
	return copyAside(path, path+damagedSuffix)
}
