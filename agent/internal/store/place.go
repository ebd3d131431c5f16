package store

import (
	"os"
	"path/filepath"

	"gatehouse/protocol/access/fault"
)

// place is the file system that a directory lies on, as far as it can be told.
type place struct {
	kind        string // "tmpfs"; "" for one that needs no word
	fate        string // what becomes of files there; "" for one on which they last
	free, total int64  // bytes: what this program may still write, and all that files can have
}

// Fates of what is written to file systems that keep nothing.
const (
	inMemory = "it is kept in memory and gone when the box loses power"
	onTop    = "what is written may lie on a layer that is thrown away at the next start"
	sealed   = "it can never be written to"
)

// Lasts says in words, with a remedy, why what is written to dir would not be there after the next start of the box: keys,
// the ledger of panels and events exist nowhere else. A directory that is not there yet is judged by the one it will lie in.
// Nil too where the system does not tell.
func Lasts(dir string) error {
	at := filepath.Clean(dir)
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	p, err := placeOf(at)
	if err != nil || p.fate == "" {
		return nil //nolint:nilerr // what cannot be asked is found out by writing
	}
	return fault.New(fault.Invalid, "use", dir, "it lies on %s: %s", p.kind, p.fate).
		WithRemedy("Set state_dir to a directory on a real partition (findmnt -T shows where a directory lies); if you know that this one lasts, or it is for a trial, set force_state_dir = true.")
}

// DiskUse is how much of the file system that dir lies on is taken, from 0 to 1, of what this program may use. ok is false
// where the system does not tell.
func DiskUse(dir string) (used float64, ok bool) {
	p, err := placeOf(dir)
	if err != nil || p.total <= 0 {
		return 0, false
	}
	return 1 - float64(p.free)/float64(p.total), true
}
