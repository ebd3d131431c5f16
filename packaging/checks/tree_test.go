package checks

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLocalName(t *testing.T) {
	tree := treeOf(t, map[string]string{"a/a.go": `package a

import (
	"context"
	clock "time"

	_ "embed"
	"gatehouse/protocol/access"
)
`})
	for path, want := range map[string]string{
		"context": "context", "time": "clock", "embed": "_", "gatehouse/protocol/access": "access", "fmt": "",
	} {
		if got := localName(tree.Go[0], path); got != want {
			t.Errorf("localName(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestUses(t *testing.T) {
	tree := treeOf(t, map[string]string{"a/a.go": `package a

import clock "time"

var now = clock.Now
var zone = clock.UTC

func f(other T) { other.Now(); clock.Sleep(clock.Second) }
`})
	var got []string
	for _, sel := range uses(tree.Go[0], "time", "Now", "Sleep") {
		got = append(got, tree.at(tree.Go[0], sel.Pos(), "%s", sel.Sel.Name).What)
	}
	if strings.Join(got, " ") != "Now Sleep" {
		t.Errorf("uses found %v", got)
	}
}

func TestIgnores(t *testing.T) {
	ignored := ignores(fstest.MapFS{".gitignore": {Data: []byte("/bin/\n/one.txt\n*.prof\n")}})
	for path, want := range map[string]bool{
		"bin": true, "a/bin": false, "one.txt": true, "a/one.txt": false, "cpu.prof": true, "a/b/cpu.prof": true, "profile": false,
	} {
		if got := ignored(path); got != want {
			t.Errorf("ignored(%q) = %v", path, got)
		}
	}
	if ignores(fstest.MapFS{})("bin") {
		t.Error("without .gitignore something is ignored")
	}
}

func TestUnits(t *testing.T) {
	tree := treeOf(t, map[string]string{
		"a/a.go": "package a\n", "a/in_test.go": "package a\n", "a/out_test.go": "package a_test\n", "b/b.go": "package b\n",
	})
	var got []string
	for _, u := range tree.units() {
		got = append(got, u.path)
		for _, f := range u.files {
			got = append(got, f.Path)
		}
	}
	want := "gatehouse/a a/a.go a/in_test.go gatehouse/a_test a/out_test.go gatehouse/b b/b.go"
	if strings.Join(got, " ") != want {
		t.Errorf("units %v, want %s", got, want)
	}
}

func TestQuantile(t *testing.T) {
	var s []size
	for i := range 20 {
		s = append(s, size{lines: i + 1})
	}
	for q, want := range map[float64]int{.5: 10, .95: 19, 1: 20, .01: 1} {
		if got := quantile(s, q); got != want {
			t.Errorf("quantile(1…20, %v) = %d, want %d", q, got, want)
		}
	}
	if got := quantile(nil, .5); got != 0 {
		t.Errorf("quantile of nothing = %d", got)
	}
}

// TestTableIsReachable finds rows of the import table that an earlier row hides: such a row says something that is never asked.
func TestTableIsReachable(t *testing.T) {
	sample := strings.NewReplacer("/...", "/x", "*sim", "xsim", "*", "x")
	for i, r := range importTable {
		p := sample.Replace(r.pkg)
		for _, earlier := range importTable[:i] {
			if match(earlier.pkg, p) {
				t.Errorf("row %q is hidden by row %q", r.pkg, earlier.pkg)
			}
		}
	}
}
