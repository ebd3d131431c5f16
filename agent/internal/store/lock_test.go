package store

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/protocol/access/fault"
)

// TestAClaimEndsWithItsFile: while one is open the other is refused, at once after it is closed it is not, and an opening that
// fails leaves no lock behind.
func TestAClaimEndsWithItsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		w := openWanted(t, dir)
		if lock, err := occupy(dir, WantedFile, testKey(1), Options{LockWait: 1}); lock != nil || fault.KindOf(err) != fault.Conflict {
			t.Errorf("taken twice: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenWanted(dir, testKey(2), Options{LockWait: 1}); fault.KindOf(err) != fault.Denied {
		t.Errorf("with another key: %v", err)
	}
	openWanted(t, dir)
	if info, err := os.Stat(filepath.Join(dir, WantedFile+lockSuffix)); err != nil || info.Size() != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
