package store

import (
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/protocol/access/fault"
)

// TestWhereFilesLast: the kernel's own file systems stand for those that keep nothing.
func TestWhereFilesLast(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{"/dev/shm/gatehouse/state": "tmpfs", "/sys/kernel": "", "/proc": ""} {
		err := Lasts(dir)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", dir, err)
			}
			continue
		}
		wantFault(t, err, fault.Invalid)
		if !strings.Contains(err.Error(), want) || !strings.Contains(fault.RemedyOf(err), "force_state_dir = true") {
			t.Errorf("%s: %v; %s", dir, err, fault.RemedyOf(err))
		}
	}
}

func TestEveryPassingPlaceHasWords(t *testing.T) {
	t.Parallel()
	for magic, p := range passing {
		if p.kind == "" || p.fate == "" {
			t.Errorf("%x: %+v", magic, p)
		}
	}
}

func TestDiskUseIsAShare(t *testing.T) {
	t.Parallel()
	if used, ok := DiskUse(t.TempDir()); !ok || used < 0 || used > 1 {
		t.Errorf("%f %v", used, ok)
	}
	if _, ok := DiskUse(filepath.Join(t.TempDir(), "nowhere")); ok {
		t.Error("a directory that is not there has a share")
	}
}
