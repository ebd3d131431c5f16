package crashtest

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// folder holds one image after another; only what differs from the one before is written.
type folder struct {
	dir  string
	laid map[string]laid
}

// laid is what a file of the folder holds. Its time is set by hand, so that a change by whoever looked at it shows.
type laid struct {
	content content
	info    os.FileInfo
}

var untouched = time.Unix(1_000_000_000, 0)

// lay makes the folder hold exactly the image.
func (f *folder) lay(img Image) error {
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if _, ok := img[e.Name()]; !ok {
			delete(f.laid, e.Name())
			err = errors.Join(err, os.RemoveAll(filepath.Join(f.dir, e.Name())))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(img)) {
		err = errors.Join(err, f.file(name, img[name]))
	}
	return err
}

func (f *folder) file(name string, want content) error {
	path := filepath.Join(f.dir, name)
	was := f.laid[name]
	if now, err := os.Lstat(path); err != nil || was.info == nil || !now.ModTime().Equal(untouched) || !os.SameFile(now, was.info) || now.Size() != was.info.Size() {
		was = laid{}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(patch(file, was.content, want), file.Close(), os.Chtimes(path, untouched, untouched))
	info, e := os.Lstat(path)
	f.laid[name] = laid{want, info}
	return errors.Join(err, e)
}

// patch turns a file that holds was into one that holds want.
func patch(file *os.File, was, want content) error {
	var zero [block]byte
	for i := range was.blocks {
		if want.blocks[i] == nil {
			if _, err := file.WriteAt(zero[:], i*block); err != nil {
				return err
			}
		}
	}
	for i, b := range want.blocks {
		if was.blocks[i] != b {
			if _, err := file.WriteAt(b[:], i*block); err != nil {
				return err
			}
		}
	}
	return file.Truncate(want.size)
}
