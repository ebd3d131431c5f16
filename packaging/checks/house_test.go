package checks

import (
	"os"
	"testing"
)

// TestHouse holds the repository to every rule. It reads the files itself, so a changed file is a changed input to the test cache.
func TestHouse(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Go) < 10 {
		t.Fatalf("only %d Go files found: the test looks at the wrong folder", len(tree.Go))
	}
	t.Log(Measure(tree))
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			for _, f := range r.Find(tree) {
				t.Error(r.Explain(f))
			}
		})
	}
}
