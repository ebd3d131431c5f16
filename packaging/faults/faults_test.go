package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/protocol/prototest/realserver"
)

// shared is the folder for programs that are built once for all tests.
func shared() string {
	return filepath.Join(os.TempDir(), fmt.Sprint("gatehouse-faults-test-", os.Getpid()))
}

var built = sync.OnceValues(func() (string, error) { return build(context.Background(), shared(), nil) })

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(shared())
	os.Exit(code)
}

func programs(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// tried runs a few rounds and returns what was printed.
func tried(t *testing.T, r *run) string {
	t.Helper()
	var out bytes.Buffer
	r.dir, r.out, r.began, r.bin = t.TempDir(), &out, time.Now(), programs(t)
	if err := r.all(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !r.good() {
		t.Errorf("%s\n%s", r.summary(), out.String())
	}
	return r.summary()
}

// TestTowardsE4_RoundsOfTroubleAndAMutantCaught is the short form of `make faults`, its seed fixed. An event that is told
// twice must be seen: a checker that sees nothing proves nothing.
func TestTowardsE4_RoundsOfTroubleAndAMutantCaught(t *testing.T) {
	t.Parallel()
	said := tried(t, &run{seed: 5, rounds: 8, mutants: mutants()[1:2]})
	if !strings.HasPrefix(said, "faults: good: seed=5 rounds=8 wrong=0 ") || !strings.Contains(said, " mutants_caught=1/1 ") {
		t.Errorf("the last line is %q", said)
	}
}

// TestTowardsE4_RoundsThroughMosquitto: the same with the broker beside the cloud.
func TestTowardsE4_RoundsThroughMosquitto(t *testing.T) {
	t.Parallel()
	realserver.Binary(t, "mosquitto")
	r := &run{seed: 9, rounds: 4, outside: true}
	tried(t, r)
	if r.done != 4 || r.figures.events == 0 {
		t.Errorf("%d rounds, %d events", r.done, r.figures.events)
	}
}

// TestTowardsE2_RoundsOnABadDisk: every kind of it, and the days on which the fourth mutant is caught, which the gateway as
// it is must live through.
func TestTowardsE2_RoundsOnABadDisk(t *testing.T) {
	t.Parallel()
	realserver.Binary(t, "strace")
	h, err := newHouse(t.Context(), t.TempDir(), programs(t), rand.New(rand.NewPCG(11, 1)), false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if err := h.movedIn(t.Context(), "30s"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range h.diskTroubles(t.Context()) {
		h.watch.follow(h.town)
		said := h.town.change()
		h.watch.follow(h.town)
		err := h.suffer(t.Context(), []trouble{bad}, len(said))
		if err == nil {
			_, err = h.check(t.Context(), comesRight)
		}
		if err != nil {
			t.Fatalf("%s; %s: %v", said, bad.what, err)
		}
	}
	for n := range 2 {
		if _, err := h.failedCommit(t.Context(), n); err != nil {
			t.Fatalf("a commit that failed and stands, day %d: %v", n, err)
		}
	}
	if h.figures.disks != 5 || h.figures.errors < 5 {
		t.Errorf("%d bad disks gave %d errors", h.figures.disks, h.figures.errors)
	}
}

// TestCrashImagesAreRead from what the tests print, and what was left out counts for nothing.
func TestCrashImagesAreRead(t *testing.T) {
	t.Parallel()
	good := "    crash_test.go:1: 90 operations, 4 events told, 5 states acked, 1234 images in 3s, seed 1\n--- PASS: " + imagesTest + " (1s)\n    noticed: x\n--- PASS: " + syncTest + " (1s)\nok\n"
	for name, c := range map[string]struct {
		out  string
		want images
	}{
		"both":         {good, images{opened: "1234", good: true, skipped: true}},
		"an image bad": {strings.Replace(good, "PASS: "+imagesTest, "FAIL: "+imagesTest, 1), images{opened: "1234", skipped: true}},
		"unseen":       {strings.Replace(good, "noticed:", "nobody noticed", 1), images{opened: "1234", good: true}},
		"left out":     {"--- SKIP: " + imagesTest + " (0s)\n--- SKIP: " + syncTest + " (0s)\nok\n", images{opened: "0"}},
	} {
		var got images
		if got.read(c.out); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		r := &run{images: got, began: time.Now()}
		r.images.asked = true
		if says := strings.HasPrefix(r.summary(), "faults: good"); says != (name == "both") {
			t.Errorf("%s: %s", name, r.summary())
		}
	}
}

// TestEveryMutantFitsItsFile: a mutant whose line has changed would prove nothing any more.
func TestEveryMutantFitsItsFile(t *testing.T) {
	t.Parallel()
	for _, m := range mutants() {
		if _, err := m.overlay(t.TempDir()); err != nil {
			t.Error(err)
		}
	}
	m := mutants()[0]
	m.from = "func"
	if _, err := m.overlay(t.TempDir()); err == nil || !strings.Contains(err.Error(), "must be 1") {
		t.Errorf("a line that stands there often: %v", err)
	}
}

func TestWhatIsWrongIsInTheLastLine(t *testing.T) {
	t.Parallel()
	r := &run{seed: 3, rounds: 2, done: 2, wrong: []string{"a door"}, began: time.Now()}
	if s := r.summary(); !strings.HasPrefix(s, "faults: WRONG: seed=3 rounds=2 wrong=1 ") || strings.Contains(s, "\n") {
		t.Errorf("%q", s)
	}
	if r.wrong = nil; !r.good() {
		t.Error("nothing is wrong and it is not good")
	}
	if r.mutants = mutants(); r.good() {
		t.Error("mutants that nobody caught are good")
	}
}
