package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// The two tests of package agent that show what no killed process can: what it wrote survives it, and a power cut takes
// with it what was not synced. The second is the first against a mutant.
const (
	imagesTest = "TestTowardsE2_G10_EveryLegalCrash"
	syncTest   = "TestTheTraceTestFindsASkippedSync"
)

// images is what came of the crash images.
type images struct {
	asked   bool
	opened  string // how many
	good    bool
	skipped bool // the mutant that does not wait for its disk was caught
}

// crash runs both tests in their long form.
func (r *run) crash(ctx context.Context) error {
	if !r.images.asked {
		return nil
	}
	root, err := top()
	if err != nil {
		return err
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-timeout=40m", "-run", "^("+imagesTest+"|"+syncTest+")$", "./agent")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GATEHOUSE_CRASH=long")
	out, err := cmd.CombinedOutput() // an error is one of the tests
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.images.read(string(out))
	fmt.Fprintf(r.out, "crash images (long form, %s): %s opened, all sound: %v; mutant \"fsync skipped\" caught: %v\n",
		time.Since(began).Round(time.Second), r.images.opened, r.images.good, r.images.skipped)
	if !r.images.good || !r.images.skipped {
		fmt.Fprintf(r.out, "WRONG in the crash images: %v\n%s", err, out)
	}
	return nil
}

var imageCount = regexp.MustCompile(`(?m) (\d+) images in `)

// read takes what the tests printed. A test that was left out shows nothing.
func (i *images) read(out string) {
	i.opened = "0"
	if m := imageCount.FindStringSubmatch(out); m != nil {
		i.opened = m[1]
	}
	i.good = i.opened != "0" && strings.Contains(out, "--- PASS: "+imagesTest+" ")
	i.skipped = strings.Contains(out, "--- PASS: "+syncTest+" ") && strings.Contains(out, "noticed: ")
}
