package store

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// WantedFile is the name of the file with the wanted state; a damaged one is kept beside it.
const (
	WantedFile    = "wanted.db"
	damagedSuffix = ".damaged"
)

// Buckets of wanted.db. Items lie in one bucket a kind under bucketItems; bucketPeople holds, for
// each person, the list of that person's items, so that a holder is read without scanning.
const (
	bucketState  = "state"
	bucketStage  = "stage"
	bucketItems  = "items"
	bucketPeople = "people"
)

// Wanted is the wanted state: what the cloud published last, whole. It is safe for concurrent use.
type Wanted struct {
	*file
	quarantined string
	damaged     atomic.Bool // a record was found unreadable since the last snapshot
	crooked     atomic.Bool // something in the index is, and it waits to be made anew
	unsure      atomic.Bool // a commit failed: what it held is there or is not, and nobody was told
}

// state is where the wanted state stands.
type state struct {
	access.Position
	Digest    access.Digest `json:"digest"`
	DigestKey []byte        `json:"digest_key"`
	Granted   int           `json:"granted"` // people with at least one grant
}

func (s state) empty() bool { return s.Position == access.Position{} }

// OpenWanted opens the wanted state in dir, making it when there is none. A damaged file is put
// aside as wanted.db.damaged (one is kept) and an empty one takes its place, because everything in
// it can be fetched again; Quarantined tells. A file held by another process, sealed with another
// key or in a directory that is missing or cannot be written is refused in words.
func OpenWanted(dir string, key Key, o Options) (*Wanted, error) {
	lock, err := occupy(dir, WantedFile, key, o)
	if err != nil {
		return nil, err
	}
	w, err := takeWanted(dir, key, lock, o)
	if err != nil {
		return nil, errors.Join(err, release(lock))
	}
	return w.indexed(), nil
}

func takeWanted(dir string, key Key, lock *os.File, o Options) (*Wanted, error) {
	w, err := tryWanted(dir, key, lock, o)
	if !isDamage(err) {
		return w, err
	}
	path := filepath.Join(dir, WantedFile)
	o.log().Error("wanted state is damaged: put aside, to be fetched again", "file", path, "err", err)
	if err := errors.Join(os.Rename(path, path+damagedSuffix), syncDir(dir)); err != nil {
		return nil, openFailed(path, err)
	}
	w, again := tryWanted(dir, key, lock, o)
	if again != nil {
		return nil, again
	}
	w.quarantined = err.Error()
	return w, nil
}

// indexed makes the index where it is missing. The state works without it, so a full disk is no
// reason to stop.
func (w *Wanted) indexed() *Wanted {
	if err := w.ensureIndex(); err != nil {
		w.opts.log().Error("the index of the wanted state cannot be made: everybody is looked at instead", "err", err)
	}
	return w
}

func tryWanted(dir string, key Key, lock *os.File, o Options) (*Wanted, error) {
	if path := filepath.Join(dir, WantedFile); exists(path) {
		if err := o.check(path); err != nil {
			return nil, err
		}
	}
	f, err := open(dir, WantedFile, key, lock, o)
	if err != nil {
		return nil, err
	}
	w := &Wanted{file: f}
	if _, err := w.state(); err != nil {
		f.lock = nil // the caller's
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// Quarantined says why the file found at opening was put aside, or "".
func (w *Wanted) Quarantined() string { return w.quarantined }

func (w *Wanted) state() (s state, err error) {
	err = w.View(func(tx *bolt.Tx) error {
		s, err = w.readState(tx)
		return err
	})
	return s, err
}

func (w *Wanted) readState(tx *bolt.Tx) (s state, err error) {
	err = getJSON(w.drawer(tx, bucketState), "position", &s)
	return s, err
}

// getJSON leaves v alone when the key is absent.
func getJSON(d drawer, key string, v any) error {
	b, err := d.get(key)
	if err != nil || b == nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return &Unreadable{d.file, d.name + " " + key, err}
	}
	return nil
}

func putJSON(d drawer, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return d.put(key, b)
}

// Position is how far the stored state is; zero when nothing is stored.
func (w *Wanted) Position() (access.Position, error) {
	s, err := w.state()
	return s.Position, err
}

// Digest is the digest of the stored state. While a record is known to be unreadable it is zero,
// which no state has: told in a hello, it brings a snapshot.
func (w *Wanted) Digest() (access.Digest, error) {
	s, err := w.state()
	if w.damaged.Load() {
		return access.Digest{}, err
	}
	return s.Digest, err
}

// Damaged says whether a record was found unreadable since the last snapshot. The state should
// then be fetched anew.
func (w *Wanted) Damaged() bool { return w.damaged.Load() }

// note remembers that a record could not be read.
func (w *Wanted) note(err error) error {
	var u *Unreadable
	if errors.As(err, &u) && !w.damaged.Swap(true) {
		w.opts.log().Error("wanted state has an unreadable record: a snapshot is needed", "err", err)
	}
	return err
}
