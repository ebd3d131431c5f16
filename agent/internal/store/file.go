package store

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access/fault"
)

const (
	lockWait   = 5 * time.Second
	maxSize    = 256 << 20 // bytes of one file
	spareSize  = 16 << 20  // of them, which bbolt does not fill
	mapSize    = 64 << 20  // mapped from the start, so that readers rarely make a writer wait
	formatByte = 1
	metaBucket = "gatehouse"
)

// Options for opening either file.
type Options struct {
	Log      *slog.Logger            // nil: silent
	Check    func(path string) error // see CheckCommand; nil checks nothing
	Ballast  int64                   // bytes to keep in reserve beside site.db for a full disk, see BallastSize; 0: none
	LockWait time.Duration           // how long to wait for another process; 0: five seconds
}

func (o Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

func (o Options) check(path string) error {
	if o.Check == nil {
		return nil
	}
	return o.Check(path)
}

func (o Options) wait() time.Duration { return cmp.Or(o.LockWait, lockWait) }

func (o Options) bolt() *bolt.Options {
	return &bolt.Options{
		Timeout: o.wait(), PageSize: 4096, FreelistType: bolt.FreelistMapType,
		MaxSize: maxSize, InitialMmapSize: mapSize,
		// NoFreelistSync stays false: damage then shows in a check, not as a crash inside Open.
	}
}

// file is one open database. After a failed commit it is suspect: a whole copy takes its place, or
// where there is no room for one it is closed, checked and opened again, before the next write;
// until then reading goes on.
type file struct {
	path   string
	key    Key
	opts   Options
	sealer sealer
	commit func(*bolt.Tx) error // (*bolt.Tx).Commit; tests make it fail
	lock   *os.File             // see claim; nil: none is held

	compactOver int64 // bytes; tests have smaller files

	writing sync.Mutex   // held while db is written to or replaced; taken before mu
	mu      sync.RWMutex // write: exchanging db
	durable sync.RWMutex // write: a commit is on its way to the disk
	db      *bolt.DB     // nil when closed
	suspect error        // guarded by sus
	sus     sync.Mutex
}

// open opens dir/name, making it when it is not there. lock is the claim to it, which Close lets go
// of; after an error it is the caller's still.
func open(dir, name string, key Key, lock *os.File, o Options) (*file, error) {
	f := &file{path: filepath.Join(dir, name), key: key, opts: o, sealer: newSealer(key, name), commit: (*bolt.Tx).Commit, lock: lock, compactOver: compactOver}
	if !exists(f.path) {
		if err := f.make(); errors.Is(err, berrors.ErrTimeout) {
			return nil, locked(f.path)
		} else if err != nil {
			return nil, openFailed(f.path, err)
		}
	}
	db, err := f.openAt(f.path)
	if err != nil {
		return nil, err
	}
	f.db = db
	dropTemps(f.path)
	return f, nil
}

// make is create; where the disk is full it gives up first the reserve, then what was kept of a damaged
// file: a gateway that cannot start removes nobody.
func (f *file) make() error {
	err := f.create()
	if isFull(err) {
		f.dropBallast(err)
		err = f.create()
	}
	if aside := f.path + damagedSuffix; isFull(err) && os.Remove(aside) == nil {
		f.opts.log().Error("the disk is full: the damaged file that was kept is given up", "file", aside, "err", err)
		err = f.create()
	}
	return err
}

// exists counts an empty file as absent: bbolt never leaves one, a full disk may.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Invalid, "open", dir, "the directory does not exist").WithRemedy("Make it, or name another as the state directory.")
	case err != nil:
		return openFailed(dir, err)
	case !info.IsDir():
		return fault.New(fault.Invalid, "open", dir, "is not a directory").WithRemedy("Name a directory as the state directory.")
	}
	return nil
}

// openAt opens a database that is there and shows that it is ours.
func (f *file) openAt(path string) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, f.opts.bolt())
	if err != nil {
		return nil, boltFailed(path, err)
	}
	if err = os.Chmod(path, 0o600); err == nil {
		err = db.View(func(tx *bolt.Tx) error { return f.ours(tx, path) })
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// create makes the file under another name first: a crash must not leave half a database behind,
// because half a database looks like a damaged one.
func (f *file) create() error {
	tmp := f.path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bolt.Open(tmp, 0o600, f.opts.bolt())
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(metaBucket))
		if err != nil {
			return err
		}
		return errors.Join(b.Put([]byte("format"), []byte{formatByte}), b.Put([]byte("key"), f.keyCheck()))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if exists(f.path) {
		return os.Remove(tmp) // another process was faster: its lock will decide
	}
	return publish(tmp, f.path)
}

// keyCheck tells whether a file was made with this key without telling the key. Its own checksum
// tells a damaged value from another key.
func (f *file) keyCheck() []byte {
	m := hmac.New(sha256.New, f.key.derive("check of "+filepath.Base(f.path)))
	v := append([]byte{formatByte}, m.Sum(nil)[:16]...)
	return binary.BigEndian.AppendUint32(v, crc32.ChecksumIEEE(v))
}

func (f *file) ours(tx *bolt.Tx, path string) error {
	b := tx.Bucket([]byte(metaBucket))
	if b == nil {
		return &DamagedFile{path, errors.New("it is a database, not one of ours")}
	}
	v, format := b.Get([]byte("key")), b.Get([]byte("format"))
	switch {
	case len(format) != 1 || len(v) < 5 || crc32.ChecksumIEEE(v[:len(v)-4]) != binary.BigEndian.Uint32(v[len(v)-4:]):
		return &DamagedFile{path, errors.New("its head is damaged")}
	case format[0] > formatByte:
		return fault.New(fault.Unsupported, "open", path, "was written by a newer gatehouse-agent (format %d)", format[0]).
			WithRemedy("Install the newer version again.")
	case !bytes.Equal(v, f.keyCheck()):
		return fault.New(fault.Denied, "open", path, "is sealed with another key").
			WithRemedy("Restore the key this file was made with (the systemd credential %s, or the file %s beside it); without it the file cannot be read.", CredentialName, keyFile)
	}
	return nil
}

// drawer opens a bucket by its path from the root; it is empty when the bucket does not exist.
func (f *file) drawer(tx *bolt.Tx, path ...string) drawer {
	d := drawer{sealer: f.sealer, b: tx.Bucket([]byte(path[0])), name: path[0]}
	for _, p := range path[1:] {
		d.name += "/" + p
		if d.b != nil {
			d.b = d.b.Bucket([]byte(p))
		}
	}
	return d
}

// makeDrawer is drawer in a writing transaction; the bucket is made when it does not exist.
func (f *file) makeDrawer(tx *bolt.Tx, path ...string) (drawer, error) {
	d := drawer{sealer: f.sealer, name: path[0]}
	b, err := tx.CreateBucketIfNotExists([]byte(path[0]))
	for _, p := range path[1:] {
		if err != nil {
			break
		}
		d.name += "/" + p
		b, err = b.CreateBucketIfNotExists([]byte(p))
	}
	d.b = b
	return d, err
}

// View runs fn in a reading transaction. Nothing it was shown may be used afterwards; fn must
// neither write nor wait for anything. What it is shown is on disk: bbolt lets readers see a commit
// when its last page is written and not yet synced, and what is read is told to the cloud.
func (f *file) View(fn func(*bolt.Tx) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.db == nil {
		return f.closed()
	}
	f.durable.RLock()
	tx, err := f.db.Begin(false)
	f.durable.RUnlock()
	if err != nil {
		return fault.Wrap(fault.Internal, "read", f.path, err)
	}
	defer func() { _ = tx.Rollback() }()
	return fn(tx)
}

// Update runs fn in a writing transaction and returns when it is on disk. An error means that
// nothing changed, except that after a failed commit (fault internal) the outcome is open until
// the file has been opened again.
func (f *file) Update(fn func(*bolt.Tx) error) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := f.heal(); err != nil {
		return err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.db == nil {
		return f.closed()
	}
	tx, err := f.db.Begin(true)
	if err != nil {
		return fault.Wrap(fault.Internal, "write", f.path, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	if err := f.sync(tx); err != nil {
		out, suspect := commitFailed(f.path, err)
		if isFull(err) {
			f.dropBallast(out)
		}
		if suspect {
			f.setSuspect(out)
		}
		return out
	}
	return nil
}

// sync commits while no reader begins; those that have begun see what was before.
func (f *file) sync(tx *bolt.Tx) error {
	f.durable.Lock()
	defer f.durable.Unlock()
	return f.commit(tx)
}

func (f *file) closed() error {
	return fault.New(fault.Internal, "use", f.path, "the file is closed")
}

func (f *file) setSuspect(err error) {
	f.sus.Lock()
	defer f.sus.Unlock()
	f.suspect = err
}

// Suspect is the failed commit after which the file has not been opened again, or nil.
func (f *file) Suspect() error {
	f.sus.Lock()
	defer f.sus.Unlock()
	return f.suspect
}

// heal makes a suspect file one that can be trusted. The caller holds writing.
func (f *file) heal() error {
	was := f.Suspect()
	if was == nil {
		return nil
	}
	how := "a whole copy was written and took its place"
	err := f.renew()
	if err != nil {
		if again := f.reopen(); again != nil {
			err = again
		} else if isFull(err) {
			how, err = "there is no room for a whole copy: it is used as the system shows it, and a loss of power may damage it until the next change is stored", nil
		}
	}
	if err != nil {
		return fmt.Errorf("after a failed commit (%w): %w", was, err)
	}
	f.setSuspect(nil)
	f.opts.log().Warn("store opened again after a failed commit", "file", f.path, "how", how, "was", was, "remedy", fault.RemedyOf(was))
	return nil
}

// reopen closes, checks and opens the file.
func (f *file) reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db != nil {
		_ = f.db.Close() // what it says no longer matters
		f.db = nil
	}
	if err := f.opts.check(f.path); err != nil {
		return err
	}
	db, err := f.openAt(f.path)
	f.db = db
	return err
}

// Close waits for transactions to end. Closing twice is allowed.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.setSuspect(nil)
	lock, db := f.lock, f.db
	f.lock, f.db = nil, nil
	if db == nil {
		return release(lock)
	}
	return errors.Join(db.Close(), release(lock))
}
