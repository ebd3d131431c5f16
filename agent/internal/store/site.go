package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// SiteFile is the name of the file with what exists nowhere else.
const SiteFile = "site.db"

// Buckets of site.db. The journal keeps buckets of its own beside them.
const (
	bucketBlobs     = "blobs"
	bucketLedger    = "ledger" // one bucket a device inside
	bucketOverlay   = "overlay"
	bucketCommands  = "commands"
	bucketOrder     = "command_order"
	bucketInventory = "inventory"
	bucketClock     = "clock"
	bucketFloor     = "floor"
	bucketHolds     = "holds"
	bucketBacks     = "backs"
	bucketRevoked   = "revoked"
	bucketTaken     = "taken"
	bucketOpen      = "proofs_open" // one bucket a device inside
	bucketProofs    = "proofs"      // likewise
	bucketDrift     = "drift"       // likewise
	bucketGone      = "drift_gone"
	bucketObserved  = "observed"
	bucketDoorLog   = "door_log" // one bucket a device inside
	bucketPaired    = "paired"   // devices, by id
)

// Journal writes events in the transaction of the change they tell of.
type Journal interface {
	// Append keeps events, in order, as part of tx.
	Append(tx *bolt.Tx, evs ...access.Event) error
	// Number is the number of the last event, those appended in tx included; 0: none ever.
	Number(tx *bolt.Tx) (uint64, error)
	// Restored is called once in a file that was brought back from a snapshot, before it is used:
	// what was numbered after the snapshot is unknown, so those numbers must not be given again.
	Restored(tx *bolt.Tx) error
}

// Site is what a gateway keeps for itself. It is safe for concurrent use.
type Site struct {
	*file
	journal  Journal
	print    []byte
	restored string
}

// OpenSite opens the gateway's own file in dir, making it when there is neither a file nor a
// snapshot. A damaged or missing one is replaced by the newest sound snapshot, the damaged one
// staying as site.db.damaged; Restored tells. Damage without a snapshot is refused: an empty file
// would forget whom to remove from which panel.
func OpenSite(dir string, key Key, journal Journal, o Options) (*Site, error) {
	if journal == nil {
		return nil, fault.New(fault.Internal, "open", SiteFile, "no journal was given")
	}
	lock, err := occupy(dir, SiteFile, key, o)
	if err != nil {
		return nil, err
	}
	s := &Site{journal: journal, print: key.derive("fingerprints")}
	if err := s.open(dir, key, lock, o); err != nil {
		return nil, errors.Join(err, release(lock))
	}
	layBallast(dir, o)
	return s, nil
}

func (s *Site) open(dir string, key Key, lock *os.File, o Options) (err error) {
	why := siteState(filepath.Join(dir, SiteFile), o)
	if why == nil {
		if s.file, why = open(dir, SiteFile, key, lock, o); why == nil {
			return nil
		}
	}
	if !isDamage(why) {
		return why
	}
	if err := restore(dir, key, s.journal, o, why); err != nil {
		return err
	}
	s.file, err = open(dir, SiteFile, key, lock, o)
	s.restored = why.Error()
	return err
}

// siteState looks at the file before it is opened. A missing file beside snapshots is damage too.
func siteState(path string, o Options) error {
	switch {
	case exists(path):
		return o.check(path)
	case exists(snapshotPath(path, 1)) || exists(snapshotPath(path, 2)):
		return &DamagedFile{path, errMissing}
	}
	return nil
}

// Restored says why the file was replaced by a snapshot at opening, or "". What was written since
// the snapshot is lost: every device should be audited.
func (s *Site) Restored() string { return s.restored }

// Fingerprint names a secret without telling it: 16 hex characters of an HMAC under a key of this
// box. Equal secrets have equal fingerprints on this box only.
func (s *Site) Fingerprint(b []byte) string {
	m := hmac.New(sha256.New, s.print)
	_, _ = m.Write(b) // a hash never fails
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// record runs a change and appends its events in one transaction.
func (s *Site) record(evs []access.Event, change func(*bolt.Tx) error) error {
	return s.Update(func(tx *bolt.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if len(evs) == 0 {
			return nil
		}
		return s.journal.Append(tx, evs...)
	})
}

// Tell appends events that go with no other change.
func (s *Site) Tell(evs ...access.Event) error {
	return s.record(evs, func(*bolt.Tx) error { return nil })
}

// SaveBlob keeps opaque bytes under a name: the gateway's keys, its enrolment. Events that tell of it
// go into the same transaction.
func (s *Site) SaveBlob(name string, b []byte, evs ...access.Event) error {
	return s.SaveBlobs(map[string][]byte{name: b}, evs...)
}

// SaveBlobs is SaveBlob of several in one transaction.
func (s *Site) SaveBlobs(blobs map[string][]byte, evs ...access.Event) error {
	return s.record(evs, func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketBlobs)
		for name, b := range blobs {
			if err == nil {
				err = d.put(name, b)
			}
		}
		return err
	})
}

// Blob reads what SaveBlob kept; nil and no error when there is none of that name.
func (s *Site) Blob(name string) (b []byte, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		b, err = s.drawer(tx, bucketBlobs).get(name)
		return err
	})
	return b, err
}

// SaveClock keeps the clock's memory; LoadClock returns it, nil when there is none.
func (s *Site) SaveClock(b []byte) error {
	return s.Update(func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketClock)
		if err != nil {
			return err
		}
		return d.put("trusted", b)
	})
}

// LoadClock returns what SaveClock kept last.
func (s *Site) LoadClock() (b []byte, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		b, err = s.drawer(tx, bucketClock).get("trusted")
		return err
	})
	return b, err
}

// inventory is the number of the device inventory and what it stands for.
type inventory struct {
	Number  uint64 `json:"number"`
	Content []byte `json:"content"` // SHA-256
}

// InventoryNumber is the number of an inventory with this content: the last one given when the
// content is the same, the next one otherwise. The first is 1.
func (s *Site) InventoryNumber(content []byte) (n uint64, err error) {
	sum := sha256.Sum256(content)
	err = s.Update(func(tx *bolt.Tx) error {
		d, err := s.makeDrawer(tx, bucketInventory)
		if err != nil {
			return err
		}
		var inv inventory
		if err := getJSON(d, "current", &inv); err != nil {
			return err
		}
		n = inv.Number
		if hmac.Equal(inv.Content, sum[:]) {
			return nil
		}
		n++
		return putJSON(d, "current", inventory{n, sum[:]})
	})
	return n, err
}
