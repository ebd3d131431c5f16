package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/protocol/access/fault"
)

// The ballast is a file that is there to be given up: when the disk is full its room lets the gateway store who must not
// get in any more, and record whom it removed. It need not survive a power cut.
const (
	ballastFile = "ballast"
	BallastSize = 4 << 20 // bytes: thousands of removals with their events
)

// layBallast makes the ballast where it is wanted and missing. A disk without room for it is not an error: whatever makes
// the room brings it back at the next start or snapshot.
func layBallast(dir string, o Options) {
	path := filepath.Join(dir, ballastFile)
	if info, err := os.Stat(path); o.Ballast <= 0 || err == nil && info.Size() >= o.Ballast {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(reserve(f, o.Ballast), f.Close())
	}
	if err != nil {
		_ = os.Remove(path) // half of it is room that somebody needs now
		o.log().Warn("there is no room for the reserve: a full disk will keep the gateway from storing anything", "file", path, "err", err,
			"remedy", fault.RemedyOf(diskFull("reserve", path, err)))
	}
}

// zeros writes what reserve cannot reserve.
func zeros(f *os.File, size int64) error {
	_, err := io.CopyN(f, zeroReader{}, size)
	return err
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// dropBallast gives the ballast up because of a full disk; whoever could not write tries again.
func (f *file) dropBallast(why error) {
	path := filepath.Join(filepath.Dir(f.path), ballastFile)
	err := os.Remove(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // given up before
		f.opts.log().Error("the disk is full and so is the reserve", "file", f.path, "err", why, "remedy", fault.RemedyOf(why))
	case err != nil:
		f.opts.log().Error("the disk is full and the reserve cannot be given up", "file", path, "err", err, "remedy", fault.RemedyOf(why))
	default:
		f.opts.log().Error("the disk is full: the reserve is given up, so that removals go on", "file", path, "err", why, "remedy", fault.RemedyOf(why))
	}
}
