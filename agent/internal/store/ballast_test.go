package store

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestAFullDiskTakesTheReserve, once; the next try has its room, and a snapshot brings it back.
func TestAFullDiskTakesTheReserve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	s, _ := openSite(t, dir, Options{Ballast: 1 << 20, Log: slog.New(slog.NewTextHandler(&log, nil))})
	path := filepath.Join(dir, ballastFile)
	if info, err := os.Stat(path); err != nil || info.Size() != 1<<20 {
		t.Fatalf("%v %v", info, err)
	}
	real := s.commit
	s.commit = func(*bolt.Tx) error { return syscall.ENOSPC }
	for i, want := range []string{"the reserve is given up", "and so is the reserve"} {
		if err := s.SaveBlob("a", []byte("1")); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("try %d: %v", i, err)
		}
		if text := log.String(); !strings.Contains(text, want) || !strings.Contains(text, "Make room on the disk") {
			t.Errorf("try %d says %s", i, text)
		}
		if exists(path) {
			t.Error("the reserve is still there")
		}
	}
	s.commit = real
	if err := errors.Join(s.SaveBlob("a", []byte("1")), s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 1<<20 {
		t.Errorf("after a snapshot: %v %v", info, err)
	}
}

func TestNoRoomForTheReserveIsNoError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ballastFile), 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, _ := openSite(t, dir, Options{Ballast: 1 << 20, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := s.SaveBlob("a", []byte("1")); err != nil || !strings.Contains(log.String(), "no room for the reserve") {
		t.Errorf("%v; said %s", err, log.String())
	}
}

func TestZerosAreWrittenWhereTheyCannotBeReserved(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := zeros(f, 100_000); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(b, make([]byte, 100_000)) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
