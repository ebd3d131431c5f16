package comelit

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Bounds of a backup. 4,000 units come to 16 MB unpacked; an archive that unpacks to more is not one of ours to read.
const (
	maxArchive  = 8 << 20  // as downloaded
	maxUnpacked = 24 << 20 // the tar, and each file that is packed once more
	maxMembers  = 256
)

// backup is what is taken from an archive: two files of the many, in memory only. An archive holds every token, both
// web passwords and all e-mails in clear (§3), so the rest is never looked at.
type backup struct{ users, apartments []byte }

// readBackup unpacks a downloaded archive: gzip, tar, and each file perhaps gzipped again (§3, R). One that ends early,
// unpacks to too much or lacks users.cfg is an error.
func readBackup(packed []byte) (backup, error) {
	var out backup
	tar, err := unzip(packed)
	if err != nil {
		return out, fmt.Errorf("the archive: %w", err)
	}
	found := false
	for r := (tarReader{rest: tar}); ; {
		m, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, fmt.Errorf("the archive: %w", err)
		}
		// facerecognitionusers.cfg stands before users.cfg: the whole base name must match (§3).
		switch base := strings.TrimSuffix(path.Base(m.name), ".gz"); base {
		case "users.cfg":
			out.users, err = maybeUnzip(m.body)
			found = true
		case "apartments.cfg":
			out.apartments, err = maybeUnzip(m.body)
		}
		if err != nil {
			return out, fmt.Errorf("%s in the archive: %w", path.Base(m.name), err)
		}
	}
	if !found {
		return out, errors.New("the archive holds no users.cfg")
	}
	return out, nil
}

func maybeUnzip(b []byte) ([]byte, error) {
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return unzip(b)
	}
	return b, nil
}

var errTooLarge = errors.New("it unpacks to more than 24 MiB")

// unzip unpacks a whole gzip stream; its checksum tells one that was cut short.
func unzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, errors.New("it is no gzip file")
	}
	out, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is cut short or damaged: %w", err)
	case len(out) > maxUnpacked:
		return nil, errTooLarge
	}
	return out, nil
}
