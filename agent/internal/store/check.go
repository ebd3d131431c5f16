package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access/fault"
)

// Exit codes of the check in a child process. A child that panics exits with 2 and one that
// touches a truncated file dies by a signal: both mean damage.
const (
	checkSound   = 0
	checkDamaged = 1
	checkPanic   = 2
	checkLocked  = 4
	checkOther   = 5

	checkLimit = time.Minute // a sound file of full size takes seconds
	checkWait  = time.Second // whoever holds the file is not about to let go
)

// Check walks every page of the database at path. It may bring the process down when the file is
// damaged: call it in a child process, through CheckCommand. A sound file gives nil, a damaged
// one *DamagedFile, a locked one a fault of kind conflict.
func Check(path string) error {
	if !exists(path) {
		return fault.New(fault.Invalid, "check", path, "there is no such file")
	}
	o := Options{LockWait: checkWait}.bolt()
	o.ReadOnly, o.InitialMmapSize = true, 0
	db, err := bolt.Open(path, 0o600, o)
	if err != nil {
		return boltFailed(path, err)
	}
	defer func() { _ = db.Close() }()
	return db.View(func(tx *bolt.Tx) error {
		// The first fault is enough: on pages that lead in a circle bbolt finds faults for ever. Its
		// goroutine then waits in vain for somebody to take the next one, and ends with the process.
		if err := <-tx.Check(); err != nil {
			return &DamagedFile{path, err}
		}
		return nil
	})
}

// CheckMain is the whole of the hidden subcommand `db-check FILE`: it checks, says on stderr what
// is wrong and returns the process's exit code, which CheckCommand understands.
func CheckMain(path string, stderr io.Writer) int {
	err := Check(path)
	if err == nil {
		return checkSound
	}
	fmt.Fprintln(stderr, err)
	switch {
	case isDamage(err):
		return checkDamaged
	case fault.KindOf(err) == fault.Conflict:
		return checkLocked
	default:
		return checkOther
	}
}

// CheckCommand makes Options.Check out of this program's own executable: it runs
// `exe db-check FILE` and gives nil, *DamagedFile, or a fault when no verdict was reached.
// A check that finds no end is damage: bbolt can run in a circle.
func CheckCommand(ctx context.Context, exe string) func(path string) error {
	return checkCommand(ctx, []string{exe}, checkLimit)
}

// checkCommand takes the words that start the program, of which a test may need more than one.
func checkCommand(ctx context.Context, program []string, limit time.Duration) func(path string) error {
	return func(path string) error {
		timed, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		out, err := exec.CommandContext(timed, program[0], slices.Concat(program[1:], []string{"db-check", path})...).CombinedOutput()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fault.New(fault.Timeout, "check", path, "the check was stopped: %w", ctx.Err())
		case timed.Err() != nil:
			return &DamagedFile{path, fmt.Errorf("the check found no end in %s", limit)}
		}
		return verdict(path, firstLine(string(out)), err)
	}
}

func verdict(path, said string, err error) error {
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return fault.New(fault.Internal, "check", path, "the check could not be started: %w", err)
	}
	switch exit.ExitCode() {
	case checkDamaged, checkPanic, -1: // -1: a signal
		if exit.String() == "signal: killed" {
			return fault.New(fault.Internal, "check", path, "the check was killed from outside, perhaps for want of memory")
		}
		return &DamagedFile{path, fmt.Errorf("%s (%s)", said, exit)}
	case checkLocked:
		return locked(path)
	default:
		return fault.New(fault.Internal, "check", path, "%s (%s)", said, exit)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if line == "" {
		return "it said nothing"
	}
	return line
}
