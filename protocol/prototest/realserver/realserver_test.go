package realserver

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// recorder is a testing.TB that notes how a test ended instead of ending ours.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) { r.stop("fatal: "+format, args...) }

func (r *recorder) Skipf(format string, args ...any) { r.stop("skip: "+format, args...) }

func (r *recorder) stop(format string, args ...any) {
	r.end = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run asks in a goroutine of its own, since a real Skip or Fatal ends the goroutine it is called in.
func run(ask func(testing.TB) string) (answer, end string) {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer = ask(r)
	}()
	<-done
	return answer, r.end
}

func TestBinary(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "mosquitto-test")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	ask := func(name string) func(testing.TB) string {
		return func(tb testing.TB) string { return Binary(tb, name) }
	}
	const missingLine = "real server missing: no-such-program (install the package that has it)"
	for _, c := range []struct{ name, program, require, answer, end string }{
		{"there", "mosquitto-test", "", program, ""},
		{"there and required", "mosquitto-test", "1", program, ""},
		{"missing", "no-such-program", "", "", "skip: SKIPPED, " + missingLine},
		{"missing and required", "no-such-program", "1", "", "fatal: REQUIRE_REAL=1 and a real server is missing: no-such-program (install the package that has it)"},
		{"only 1 requires", "no-such-program", "0", "", "skip: SKIPPED, " + missingLine},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("REQUIRE_REAL", c.require)
			answer, end := run(ask(c.program))
			if answer != c.answer || end != c.end {
				t.Errorf("got %q and %q, want %q and %q", answer, end, c.answer, c.end)
			}
		})
	}
}

func TestPostgres(t *testing.T) {
	const dsn = "postgres://tester@127.0.0.1:1/x"
	for _, c := range []struct{ name, dsn, require, end string }{
		{"there", dsn, "1", ""},
		{"missing", "", "", "skip: SKIPPED, real server missing: PostgreSQL (set GATEHOUSE_TEST_POSTGRES=postgres://user@host:port/database)"},
		{"missing and required", "", "1", "fatal: REQUIRE_REAL=1 and a real server is missing: PostgreSQL (set GATEHOUSE_TEST_POSTGRES=postgres://user@host:port/database)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(PostgresEnv, c.dsn)
			t.Setenv("REQUIRE_REAL", c.require)
			answer, end := run(Postgres)
			if answer != c.dsn || end != c.end {
				t.Errorf("got %q and %q, want %q and %q", answer, end, c.dsn, c.end)
			}
		})
	}
}
