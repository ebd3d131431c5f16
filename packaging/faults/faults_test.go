package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/prototest/realserver"
)

// tried runs a few rounds and returns what was printed.
func tried(t *testing.T, r *run) string {
	t.Helper()
	var out bytes.Buffer
	r.dir, r.out, r.began = t.TempDir(), &out, time.Now()
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
