package cloud

import (
	"context"
	"crypto/sha256"
	"os"
	"sync"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access/fault"
)

// maxVendorFile bounds what is compared; the connector has bounds of its own.
const maxVendorFile = 1 << 20

// reloading is a connector that follows its vendor's file: before each pull the file is compared with the one that was read
// last. A new one that cannot be used changes nothing but the evidence. Pulls may run at once; a change waits for them to end,
// so that an account is still asked by one connector at a time.
type reloading struct {
	file string
	open func() (pms.Connector, error)

	mu   sync.RWMutex
	conn pms.Connector
	seen [sha256.Size]byte // of the file that was read or refused last
	bad  error             // why that one is not used; nil: it is
}

func newReloading(file string, open func() (pms.Connector, error)) (*reloading, error) {
	sum := sumOf(file) // before it is read: a change in between is seen next time
	conn, err := open()
	return &reloading{file: file, open: open, conn: conn, seen: sum}, err
}

// sumOf is a file's content in short; that of a file that cannot be read differs from every other.
func sumOf(file string) [sha256.Size]byte {
	info, err := os.Stat(file)
	if err != nil || info.Size() > maxVendorFile {
		return [sha256.Size]byte{}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(b)
}

// Pull implements pms.Connector.
func (r *reloading) Pull(ctx context.Context, want pms.Request) (pms.Snapshot, bool, []string, error) {
	r.follow()
	r.mu.RLock()
	defer r.mu.RUnlock()
	snap, complete, evidence, err := r.conn.Pull(ctx, want)
	if r.bad != nil {
		words := r.file + " changed and cannot be used, so the settings of before count: " + r.bad.Error()
		snap.Because(words)
		snap.Skip(0, pms.SkippedFile, r.file, words)
		evidence = snap.Evidence
	}
	return snap, complete, evidence, err
}

// follow opens the file again when it is another one.
func (r *reloading) follow() {
	sum := sumOf(r.file)
	r.mu.RLock()
	same := sum == r.seen
	r.mu.RUnlock()
	if same {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if sum == r.seen {
		return // another property of the account was faster
	}
	r.seen = sum
	conn, err := r.open()
	if r.bad = fault.Wrap(fault.Invalid, "read again", r.file, err); err == nil {
		r.conn, r.bad = conn, nil
	}
}
