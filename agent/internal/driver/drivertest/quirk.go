package drivertest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Quirk is one fault or oddity that a reference names, and where it is proven that the driver lives with it.
type Quirk struct {
	// At is the section of the reference, What the oddity in few words.
	At, What string
	// By is a Trouble of this package, "fault NAME" of the simulator, or the name of a test of the driver's package.
	By []string
}

// Quirks wants every proof to exist: a test or fault that is renamed or goes takes its promise with it otherwise.
func Quirks(t *testing.T, all []Quirk, faults []string, troubles map[Trouble]Switch) {
	t.Helper()
	tests := testsOf(t)
	for _, q := range all {
		if len(q.By) == 0 {
			t.Errorf("%s %s: nothing proves it", q.At, q.What)
		}
		for _, by := range q.By {
			name, isFault := strings.CutPrefix(by, "fault ")
			switch {
			case isFault && slices.Contains(faults, name), tests[by], troubles[Trouble(by)].On != nil:
			default:
				t.Errorf("%s %s: %q is neither a test here, nor a fault of the simulator, nor a trouble that the device can get into", q.At, q.What, by)
			}
		}
	}
}

// testsOf are the names of the tests in the folder that the running test stands in.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(b), -1) {
			out[m[1]] = true
		}
	}
	return out
}
