package store

import (
	"errors"
	"os"
	"syscall"
)

// reserve gives f so many bytes of the disk.
func reserve(f *os.File, size int64) error {
	err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return zeros(f, size)
	}
	return err
}
