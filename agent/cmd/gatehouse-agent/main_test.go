package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// childMark in the environment makes the test binary be gatehouse-agent itself, so that it can be killed.
const childMark = "GATEHOUSE_AGENT_TEST_CHILD"

// TestMain lets the test binary play gatehouse-agent, also for the check of files that the agent starts in a child
// process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" || len(os.Args) > 1 && os.Args[1] == "db-check" {
		main()
	}
	os.Exit(m.Run())
}

// cmdline runs one command line in this process.
func cmdline(t *testing.T, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// one fails unless stderr is one line that holds every part.
func (o outcome) one(t *testing.T, code int, parts ...string) {
	t.Helper()
	if o.code != code || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("exit %d, stderr %q; want %d and one line", o.code, o.stderr, code)
	}
	for _, p := range parts {
		if !strings.Contains(o.stderr, p) {
			t.Errorf("stderr lacks %q: %s", p, o.stderr)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
