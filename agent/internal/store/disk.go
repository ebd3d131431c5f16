package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeTemp writes path's future content beside it and syncs it. The name it returns belongs to
// the caller, who publishes or removes it.
func writeTemp(path string, write func(io.Writer) error) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*") // mode 0600
	if err != nil {
		return "", err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// dropTemps removes what writeTemp left behind when the process died. Only the holder of path's
// lock may call it.
func dropTemps(path string) {
	left, _ := filepath.Glob(path + "*.tmp-*") // the pattern is sound
	for _, f := range left {
		_ = os.Remove(f)
	}
}

// publish gives tmp its final name in one step and makes the name last through a power cut.
func publish(tmp, path string) error {
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// copyAside keeps a second name for a damaged file while the first stays in place, so that there
// is no moment without a file of that name.
func copyAside(path, aside string) error {
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if os.Link(path, aside) == nil {
		return nil
	}
	tmp, err := copyTemp(path, aside) // a file system without links
	if err != nil {
		return err
	}
	return publish(tmp, aside)
}

func copyTemp(from, to string) (string, error) {
	src, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer src.Close()
	return writeTemp(to, func(w io.Writer) error { _, err := io.Copy(w, src); return err })
}

func base(path string) string { return filepath.Base(path) }
