package cli

import (
	"io"
	"os"

	"gatehouse/protocol/access/fault"
)

// ReadFile reads a small file that a person named, at most max bytes. Errors are Invalid.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "open", path, err)
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
	return fault.Wrap(fault.Invalid, "write", path, os.WriteFile(path, b, mode))
}
