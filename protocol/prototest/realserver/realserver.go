// Package realserver is where a test asks for a server that is not ours: Mosquitto, PostgreSQL, Chromium, qemu.
//
// Such a test must run where the server is and must not fail on a machine that has only Go. So it is skipped with one loud line here,
// and nowhere else in the house; with REQUIRE_REAL=1, which CI sets, a missing server is a failure.
// Only tests and test support import this package. It imports only the standard library.
package realserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// PostgresEnv names the variable that holds the address of a PostgreSQL server for tests, as postgres://user@host:port/database.
const PostgresEnv = "GATEHOUSE_TEST_POSTGRES"

// Binary returns the path of the program name, looked up in PATH and then among the system's daemons, which are not in every user's PATH.
// The caller starts it, on a port of its own, and ends it.
func Binary(t testing.TB, name string) string {
	t.Helper()
	require := os.Getenv("REQUIRE_REAL") // read on every path, so that the test cache knows the answer depends on it
	for _, candidate := range []string{name, filepath.Join("/usr/sbin", name), filepath.Join("/usr/local/sbin", name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	missing(t, require, name+" (install the package that has it)")
	return ""
}

// Root is Binary for a program that only root may use, such as one that mounts a file system: it asks for root too.
func Root(t testing.TB, name string) string {
	t.Helper()
	require := os.Getenv("REQUIRE_REAL")
	if os.Geteuid() != 0 {
		missing(t, require, "root, for "+name+" (run the tests as root)")
	}
	return Binary(t, name)
}

// Postgres returns the address of a PostgreSQL server on which the test may create databases and schemas.
// Tests of several packages share the server: make a schema or database of your own and drop it at the end.
func Postgres(t testing.TB) string {
	t.Helper()
	require := os.Getenv("REQUIRE_REAL")
	dsn := os.Getenv(PostgresEnv)
	if dsn == "" {
		missing(t, require, "PostgreSQL (set "+PostgresEnv+"=postgres://user@host:port/database)")
	}
	return dsn
}

func missing(t testing.TB, require, what string) {
	t.Helper()
	if require == "1" {
		t.Fatalf("REQUIRE_REAL=1 and a real server is missing: %s", what)
	}
	t.Skipf("SKIPPED, real server missing: %s", what)
}
