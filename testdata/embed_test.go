package testdata_test

import (
	"io/fs"
	"testing"

	"gatehouse/testdata"
)

func TestDir(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(testdata.Dir("pms/csv"), "*.csv")
	if err != nil || len(names) == 0 {
		t.Fatalf("pms/csv: %d files, %v; want some", len(names), err)
	}
	for _, missing := range []string{"pms/no-such-vendor", "../cloud"} {
		if _, err := fs.ReadFile(testdata.Dir(missing), "full.csv"); err == nil {
			t.Errorf("Dir(%q) opened a file", missing)
		}
	}
}
