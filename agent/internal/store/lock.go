package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"gatehouse/protocol/access/fault"
)

// lockSuffix names the file whose lock is held while a database is in use. bbolt locks the database itself, but that is
// exchanged for another file and closed to be looked at, and a second agent must be refused at those moments too.
const lockSuffix = ".lock"

// occupy makes sure that nobody else uses dir/name until the file it returns is closed. That is nil where there is no room
// even for an empty file: a full disk keeps no gateway from starting, and bbolt's lock is left.
func occupy(dir, name string, key Key, o Options) (*os.File, error) {
	if key == (Key{}) {
		return nil, fault.New(fault.Invalid, "open", name, "no key was given")
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	lock, err := flock(path+lockSuffix, o.wait())
	switch {
	case err == nil:
		return lock, nil
	case isFull(err):
		o.log().Warn("no room for a lock file", "file", path+lockSuffix, "err", err)
		return nil, nil //nolint:nilnil // see above
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, locked(path)
	}
	return nil, openFailed(path, err)
}

// release gives up what occupy took, which may be nil.
func release(lock *os.File) error {
	if lock == nil {
		return nil
	}
	return lock.Close()
}
