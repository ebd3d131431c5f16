package csv_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/testdata"
)

// TestGolden reads every file of testdata/pms/csv and compares the neutral snapshot as the command
// line prints it. GOLDEN_UPDATE=1 writes the expectations anew; read the difference before
// keeping it. The footers were made with sha256sum, not with this package.
func TestGolden(t *testing.T) {
	t.Parallel()
	dir := testdata.Dir("pms/csv")
	names, err := fs.Glob(dir, "*.csv")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := fs.ReadFile(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			got := printed(t, data)
			golden := strings.TrimSuffix(name, ".csv") + ".golden.json"
			if os.Getenv("GOLDEN_UPDATE") != "" {
				path := filepath.Join("..", "..", "..", "..", "testdata", "pms", "csv", golden)
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := fs.ReadFile(dir, golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func printed(t *testing.T, data []byte) []byte {
	t.Helper()
	snap, err := csv.Read(bytes.NewReader(data), csv.Options{Zone: "America/New_York"})
	if (err == nil) != snap.OK {
		t.Fatalf("ok is %v with error %v", snap.OK, err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(snap); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
