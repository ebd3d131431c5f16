package csv_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms/csv"
)

// TestREADME keeps the page true: its example is a complete file, its table names every column.
func TestREADME(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```csv\n")
	example, _, _ := strings.Cut(rest, "```")
	s := read(t, []byte(example), csv.Options{})
	if !s.Complete || len(s.People) != 2 || len(s.Skipped) != 0 || !s.People[1].PIN.Has() {
		t.Errorf("the example: complete %v, %d people, evidence %q, skipped %+v", s.Complete, len(s.People), s.Evidence, s.Skipped)
	}
	var template bytes.Buffer
	if err := csv.WriteTemplate(&template); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(template.String(), "\n")
	for _, c := range strings.Split(header, ",") {
		if !strings.Contains(string(page), "`"+c+"`") {
			t.Errorf("column %s is not in the README", c)
		}
	}
}
