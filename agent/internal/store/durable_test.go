package store

import (
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestNoReaderBeginsBeforeACommitIsOnDisk: bbolt itself would show it what a power cut can still take away.
func TestNoReaderBeginsBeforeACommitIsOnDisk(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	real, commits := s.commit, 0
	s.commit = func(tx *bolt.Tx) error {
		commits++
		err := real(tx)
		if s.durable.TryRLock() {
			s.durable.RUnlock()
			t.Error("a reader could begin while the commit had not come back")
		}
		return err
	}
	if err := s.SaveBlob("a", []byte("1")); err != nil || commits != 1 {
		t.Fatalf("%d commits, %v", commits, err)
	}
	if b, err := s.Blob("a"); string(b) != "1" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	s.commit = real
}

// TestAReaderThatHasBegunSeesWhatWasBefore, and does not keep a writer from committing.
func TestAReaderThatHasBegunSeesWhatWasBefore(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	if err := s.SaveBlob("a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	err := s.View(func(tx *bolt.Tx) error {
		done := make(chan error)
		go func() { done <- s.SaveBlob("a", []byte("2")) }()
		if err := <-done; err != nil {
			return err
		}
		b, err := s.drawer(tx, bucketBlobs).get("a")
		if string(b) != "1" {
			t.Errorf("the reader sees %q", b)
		}
		return err
	})
	if b, _ := s.Blob("a"); err != nil || string(b) != "2" {
		t.Errorf("%q %v", b, err)
	}
}
