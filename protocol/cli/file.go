package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"gatehouse/protocol/access/fault"
)

// ReadFile reads a small file that a person named, at most max bytes. Errors are Invalid.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "open", path, bare(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if int64(len(b)) > max {
		return nil, fault.New(fault.Invalid, "read", path, "it has more than %d bytes; is it the right file?", max)
	}
	return b, fault.Wrap(fault.Invalid, "read", path, err)
}

// WriteFile writes a file that a person asked for. Errors are Invalid.
func WriteFile(path string, b []byte, mode os.FileMode) error {
	return fault.Wrap(fault.Invalid, "write", path, bare(os.WriteFile(path, b, mode)))
}

// bare is an error of package os without the path, which stands before it already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
