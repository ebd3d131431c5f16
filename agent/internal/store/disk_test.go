package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gatehouse/protocol/access"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteTempLeavesNothingOnFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	no := errors.New("no")
	if _, err := writeTemp(filepath.Join(dir, "a"), func(io.Writer) error { return no }); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := writeTemp(filepath.Join(dir, "gone", "a"), func(io.Writer) error { return nil }); err == nil {
		t.Error("a missing directory is no error")
	}
}

func TestPublishReplacesInOneStep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, content := range []string{"one", "two"} {
		tmp, err := writeTemp(path, func(w io.Writer) error { _, err := io.WriteString(w, content); return err })
		if err != nil {
			t.Fatal(err)
		}
		if err := publish(tmp, path); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); string(b) != content || err != nil {
			t.Errorf("%q %v", b, err)
		}
	}
	if left := names(t, dir); !slices.Equal(left, []string{"a"}) {
		t.Errorf("%v", left)
	}
	tmp, err := writeTemp(path, func(io.Writer) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := publish(tmp, filepath.Join(dir, "gone", "a")); err == nil || exists(tmp) {
		t.Errorf("%v, the temporary file must go", err)
	}
}

func TestCopyAsideKeepsBothNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, aside := filepath.Join(dir, "a"), filepath.Join(dir, "a.damaged")
	for _, content := range []string{"one", "two"} {
		tmp, err := writeTemp(path, func(w io.Writer) error { _, err := io.WriteString(w, content); return err })
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(publish(tmp, path), copyAside(path, aside)); err != nil {
			t.Fatal(err)
		}
		a, _ := os.ReadFile(path)
		b, _ := os.ReadFile(aside)
		if string(a) != content || string(b) != content {
			t.Errorf("%q and %q, want %q", a, b, content)
		}
	}
	tmp, err := copyTemp(path, aside) // what a file system without links gets
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(tmp); string(b) != "two" {
		t.Errorf("copied %q", b)
	}
	dropTemps(path)
	if left := names(t, dir); !slices.Equal(left, []string{"a", "a.damaged"}) {
		t.Errorf("%v", left)
	}
}

func TestLeftOversOfASnapshotGoAtTheNextStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if err := errors.Join(s.Record("d1", "p1", &access.LedgerEntry{Person: "p1"}), s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	write(t, filepath.Join(dir, SiteFile+".snapshot-1.tmp-123"), "half")
	openSite(t, dir, Options{})
	if got, want := names(t, dir), []string{SiteFile, SiteFile + lockSuffix, SiteFile + ".snapshot-1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestClosedFileSaysSo(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	for name, err := range map[string]error{
		"write":    s.SaveBlob("a", nil),
		"read":     func() error { _, err := s.Blob("a"); return err }(),
		"snapshot": s.Snapshot(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
