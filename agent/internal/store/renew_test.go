package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/agent/internal/crashtest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest/realserver"
)

// content is every value of a file, in clear where it is sealed, by bucket and key.
func content(t testing.TB, f *file) (out []string) {
	t.Helper()
	var walk func(at string, b *bolt.Bucket) error
	walk = func(at string, b *bolt.Bucket) error {
		out = append(out, fmt.Sprint(at, " sequence ", b.Sequence()))
		return b.ForEach(func(k, v []byte) error {
			if v == nil {
				return walk(at+"/"+string(k), b.Bucket(k))
			}
			out = append(out, fmt.Sprintf("%s %q %x", at, k, v))
			return nil
		})
	}
	if err := f.View(func(tx *bolt.Tx) error { return walk("", tx.Cursor().Bucket()) }); err != nil {
		t.Fatal(err)
	}
	return out
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no inodes here")
	}
	return st.Ino
}

// refused says whether a second agent is kept out now.
func refused(t testing.TB, dir, when string) {
	t.Helper()
	s, err := OpenSite(dir, testKey(1), &notes{}, Options{LockWait: time.Millisecond})
	if err == nil {
		_ = s.Close()
	}
	if fault.KindOf(err) != fault.Conflict || err == nil {
		t.Errorf("%s a second agent gets in: %v", when, err)
	}
}

// churned is a file of which most is free, with a little that must stay.
func churned(t testing.TB, s *Site) {
	t.Helper()
	noise := make([]byte, 40<<10)
	_, _ = rand.Read(noise)
	for i := range 12 {
		err := errors.Join(s.SaveBlob(fmt.Sprint("much", i), noise), s.Record("d1", person(i), &access.LedgerEntry{Person: person(i)}, access.Event{Kind: access.EventWritten}))
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(func(tx *bolt.Tx) error {
		d := s.drawer(tx, bucketBlobs)
		for i := range 12 {
			if err := d.delete(fmt.Sprint("much", i)); err != nil {
				return err
			}
		}
		return d.b.Put([]byte("nothing"), nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTowardsE2_AfterAFailedCommitAWholeCopyTakesTheFilesPlace: another inode, equal content; and nobody else gets in at any
// moment of it.
func TestTowardsE2_AfterAFailedCommitAWholeCopyTakesTheFilesPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	o := Options{Log: slog.New(slog.NewTextHandler(&log, nil))}
	checks := 0
	o.Check = func(path string) error {
		if checks++; checks > 1 {
			refused(t, dir, "while the copy is checked")
		}
		return nil
	}
	s, _ := openSite(t, dir, o)
	checks = 1
	churned(t, s)
	was, first := content(t, s.file), inode(t, s.path)
	real := s.commit
	s.commit = func(*bolt.Tx) error { return syscall.EIO }
	if err := s.SaveBlob("a", []byte("1")); !errors.Is(err, syscall.EIO) || s.Suspect() == nil {
		t.Fatalf("%v", err)
	}
	s.commit = real
	none := errors.New("no change")
	if err := s.Update(func(*bolt.Tx) error { return none }); !errors.Is(err, none) {
		t.Fatal(err)
	}
	if now := content(t, s.file); !slices.Equal(now, was) {
		t.Errorf("the copy holds\n%q\nthe file held\n%q", now, was)
	}
	if err := s.SaveBlob("a", []byte("1")); err != nil || inode(t, s.path) == first || checks != 2 {
		t.Errorf("%v; inode %d, was %d; %d checks", err, inode(t, s.path), first, checks)
	}
	if !strings.Contains(log.String(), "a whole copy was written") {
		t.Errorf("said %s", log.String())
	}
	refused(t, dir, "afterwards")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	again, _ := openSite(t, dir, Options{})
	if b, err := again.Blob("a"); string(b) != "1" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if left, _ := filepath.Glob(s.path + ".tmp-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestTowardsE2_WithoutRoomForACopyTheFileGoesOn, said in words, and still nobody else gets in.
func TestTowardsE2_WithoutRoomForACopyTheFileGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	s, _ := openSite(t, dir, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	first, real := inode(t, s.path), s.commit
	s.opts.Ballast = 1 << 60
	s.opts.Check = func(path string) error {
		if path != s.path {
			t.Errorf("%s is checked", path)
		}
		refused(t, dir, "while the closed file is checked")
		return nil
	}
	s.commit = func(*bolt.Tx) error { return syscall.EIO }
	_ = s.SaveBlob("a", []byte("1"))
	s.commit = real
	if err := s.SaveBlob("a", []byte("2")); err != nil || inode(t, s.path) != first || s.Suspect() != nil {
		t.Errorf("%v, suspect: %v", err, s.Suspect())
	}
	if !strings.Contains(log.String(), "no room for a whole copy") {
		t.Errorf("said %s", log.String())
	}
}

// TestACopyThatCannotBeMadeKeepsTheFileSuspect: a disk that refuses the copy, too, is not trusted.
func TestACopyThatCannotBeMadeKeepsTheFileSuspect(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	real, first := s.commit, inode(t, s.path)
	s.commit = func(*bolt.Tx) error { return syscall.EIO }
	_ = s.SaveBlob("a", []byte("1"))
	s.commit = real
	broken := errors.New("the copy is bad")
	s.opts.Check = func(path string) error {
		if path == s.path {
			return nil
		}
		return broken
	}
	if err := s.SaveBlob("a", []byte("2")); !errors.Is(err, broken) || !errors.Is(err, syscall.EIO) || s.Suspect() == nil {
		t.Errorf("%v, suspect: %v", err, s.Suspect())
	}
	if b, err := s.Blob("a"); b != nil || err != nil {
		t.Errorf("reading does not go on: %q %v", b, err)
	}
	s.opts.Check = nil
	if err := s.SaveBlob("a", []byte("3")); err != nil || inode(t, s.path) == first {
		t.Error(err)
	}
}

func TestTowardsE2_AHalfEmptyFileIsWrittenAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, j := openSite(t, dir, checked(t))
	churned(t, s)
	before, err := s.Size()
	if done, cerr := s.Compact(); done || cerr != nil || err != nil {
		t.Fatalf("a small file is left alone: %v %v %v", done, cerr, err)
	}
	s.compactOver = 100 << 10
	was, first := content(t, s.file), inode(t, s.path)
	if before.Free <= before.File/2 || before.File < s.compactOver {
		t.Fatalf("the test's file is not half empty: %+v", before)
	}
	s.opts.Ballast = 1 << 60
	if done, err := s.Compact(); done || err != nil || inode(t, s.path) != first {
		t.Errorf("without room: %v %v", done, err)
	}
	s.opts.Ballast = 0
	s.opts.Check = func(path string) error { refused(t, dir, "during a compaction"); return Check(path) }
	if done, err := s.Compact(); !done || err != nil || inode(t, s.path) == first {
		t.Fatalf("%v %v", done, err)
	}
	if now := content(t, s.file); !slices.Equal(now, was) {
		t.Errorf("it holds\n%q\nheld\n%q", now, was)
	}
	after, err := s.Size()
	if err != nil || after.File > before.File/4 || after.Used() <= 0 || after.Used() > .01 {
		t.Errorf("%+v, before %+v, %v", after, before, err)
	}
	if done, err := s.Compact(); done || err != nil {
		t.Errorf("twice: %v %v", done, err)
	}
	if err := s.Record("d1", "p90", &access.LedgerEntry{Person: "p90"}, access.Event{}); err != nil || len(j.all(t, s)) != 13 {
		t.Error(err)
	}
}

// TestABadCompactionChangesNothing.
func TestABadCompactionChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	churned(t, s)
	s.compactOver = 0
	was, files := content(t, s.file), names(t, dir)
	s.opts.Check = func(path string) error { return &DamagedFile{path, errors.New("for the test")} }
	done, err := s.Compact()
	if done || err == nil || !slices.Equal(content(t, s.file), was) || !slices.Equal(names(t, dir), files) {
		t.Errorf("%v %v; there are %v", done, err, names(t, dir))
	}
	err = s.View(func(a *bolt.Tx) error {
		return s.View(func(b *bolt.Tx) error {
			return sameBucket(a.Cursor().Bucket(), b.Bucket([]byte(bucketBlobs)))
		})
	})
	if !errors.Is(err, errDiffers) {
		t.Errorf("two buckets that differ: %v", err)
	}
}

// compactSite fills a file, tells how much it then holds, and compacts it.
func compactSite(dir string) {
	s, err := OpenSite(dir, testKey(1), &notes{}, Options{})
	must(err)
	noise := make([]byte, 30<<10)
	for i := range 8 {
		must(s.SaveBlob(fmt.Sprint("much", i), noise))
	}
	for i := range 8 {
		must(s.SaveBlob(fmt.Sprint("much", i), []byte("stays")))
	}
	must(s.SaveBlob("begun", []byte("yes")))
	s.compactOver = 0
	if done, err := s.Compact(); !done || err != nil {
		must(fmt.Errorf("%v %w", done, err))
	}
	must(s.Close())
}

// TestTowardsE2_ACompactionCutAtAnyPoint: a power cut, or a kill, at each moment leaves the old file or the new one, whole.
func TestTowardsE2_ACompactionCutAtAnyPoint(t *testing.T) {
	t.Parallel()
	dir, record := t.TempDir(), filepath.Join(t.TempDir(), "record")
	words := append(append([]string{realserver.Binary(t, "strace")}, crashtest.StraceArgs(record)...), append(self(), "compact", dir)...)
	if out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	raw, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	ops, err := crashtest.Parse(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	begun := slices.IndexFunc(ops, func(o crashtest.Op) bool {
		return o.Kind == crashtest.Create && strings.Contains(o.Path, SiteFile+".tmp-")
	})
	renamed := slices.IndexFunc(ops, func(o crashtest.Op) bool {
		return o.Kind == crashtest.Rename && strings.Contains(o.Path, SiteFile+".tmp-")
	})
	if begun < 0 || renamed < begun {
		t.Fatalf("the compaction is not in the recording: %d %d of %d", begun, renamed, len(ops))
	}
	into, looked := t.TempDir(), 0
	images, err := crashtest.Walk(ops, dir, into, crashtest.Options{}, func(at int) error {
		if at <= begun {
			return nil
		}
		looked++
		return wholeSite(into)
	})
	if err != nil || looked < 20 {
		t.Errorf("%d of %d images looked at: %v", looked, images, err)
	}
}

// wholeSite opens an image as the agent does and holds it to what compactSite wrote.
func wholeSite(dir string) error {
	s, err := OpenSite(dir, testKey(1), &notes{}, Options{Check: Check})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	for name, want := range map[string]string{"begun": "yes", "much0": "stays", "much7": "stays"} {
		if b, err := s.Blob(name); string(b) != want || err != nil {
			return fmt.Errorf("%s is %d bytes, %w", name, len(b), err)
		}
	}
	if s.Restored() != "" {
		return errors.New("a snapshot took its place: " + s.Restored())
	}
	return nil
}
