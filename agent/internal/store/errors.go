package store

import (
	"errors"
	"fmt"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access/fault"
)

// Why an update is refused: the same words as protocol.Reason, so that the caller can count both
// in one metric.
const (
	Replay    = "replay"     // a position already passed, or an earlier epoch
	Foreign   = "foreign"    // a delta of a later epoch: a snapshot is needed
	Gap       = "gap"        // a delta on a base that is not ours: a snapshot is needed
	BadDigest = "bad_digest" // the result would not be what the cloud says it is
	Malformed = "malformed"  // it contradicts itself
)

// Refusal is an update that was not applied. Nothing changed because of it.
type Refusal struct {
	Word string // one of the reasons above
	Err  error
}

// Reason is the word: the sender of updates looks for this method, not for this type.
func (r *Refusal) Reason() string { return r.Word }

// Error names the reason first.
func (r *Refusal) Error() string { return fmt.Sprintf("refused (%s): %v", r.Word, r.Err) }

// Unwrap returns the detail.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Errorf(format, args...)}
}

// Unreadable is one record that is there and cannot be read, because the disk damaged it or
// because it contradicts itself. It says nothing about other records; from it nobody may conclude
// that the record is gone.
type Unreadable struct {
	File   string // "wanted.db"
	Record string // bucket and key, "items/grant g17"
	Err    error
}

// Error names the record.
func (u *Unreadable) Error() string {
	return fmt.Sprintf("%s: record %s cannot be read: %v", u.File, u.Record, u.Err)
}

// Unwrap returns the cause.
func (u *Unreadable) Unwrap() error { return u.Err }

// DamagedFile is a file that is there and is no sound database.
type DamagedFile struct {
	Path string
	Err  error
}

// Error names the file.
func (d *DamagedFile) Error() string { return fmt.Sprintf("%s is damaged: %v", d.Path, d.Err) }

// Unwrap returns the cause.
func (d *DamagedFile) Unwrap() error { return d.Err }

func isDamage(err error) bool {
	var file *DamagedFile
	var record *Unreadable
	return errors.As(err, &file) || errors.As(err, &record)
}

// ErrHeld says that another process uses the files.
var ErrHeld = errors.New("another process holds it")

func locked(path string) error {
	return fault.New(fault.Conflict, "open", path, "%w", ErrHeld).
		WithRemedy("Is gatehouse-agent already running? gatehouse-agent plan and gatehouse-agent state digest ask it through its socket; gatehouse-agent stop ends the service. A second one needs a state_dir of its own.")
}

// boltFailed judges an error of bolt.Open. What does not come from the system comes from the
// file's content; bbolt has no common error for that ("file size too small" is a bare string).
func boltFailed(path string, err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return locked(path)
	case errors.As(err, &errno):
		return openFailed(path, err)
	}
	return &DamagedFile{path, err}
}

// openFailed puts what the system says at opening into words and a kind.
func openFailed(path string, err error) error {
	switch {
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fault.New(fault.Denied, "open", path, "%w", err).
			WithRemedy("Give the user that runs gatehouse-agent the right to write there.")
	case errors.Is(err, syscall.EROFS):
		return fault.New(fault.Denied, "open", path, "%w", err).
			WithRemedy("The file system is mounted read-only: see the system's log for disk errors.")
	case errors.Is(err, syscall.ENOSPC):
		return diskFull("open", path, err)
	default:
		return fault.Wrap(fault.Internal, "open", path, err)
	}
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func diskFull(op, path string, err error) error {
	return fault.New(fault.Internal, op, path, "the disk is full: %w", err).
		WithRemedy("Make room on the disk that holds %s; nothing was changed.", path)
}

// commitFailed says what a failed commit means. Reaching our own limit is found before a byte is
// written; after anything else the handle is suspect, because a failed fsync is not repeated by
// the system and the next one may report success.
func commitFailed(path string, err error) (out error, suspect bool) {
	switch {
	case errors.Is(err, berrors.ErrMaxSizeReached):
		return fault.New(fault.Full, "write", path, "the file has reached its limit of %d MiB", maxSize>>20), false
	case isFull(err):
		return diskFull("write", path, err), true
	case errors.Is(err, berrors.ErrTxClosed):
		return fault.Wrap(fault.Internal, "write", path, err), false
	default:
		return fault.New(fault.Internal, "write", path, "commit: %w", err).
			WithRemedy("The disk may be failing: see the system's log. The file is checked before the next write."), true
	}
}
