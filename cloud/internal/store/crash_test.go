package store

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gatehouse/protocol/access"
)

// crashEnv holds the address of the database for a child that is there to be killed.
const crashEnv = "GATEHOUSE_STORE_CRASH_DSN"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(crashEnv); dsn != "" {
		fmt.Println(writeUntilKilled(context.Background(), dsn))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled commits two revisions and says so; in the middle of the third it says "open" and
// waits for its end.
func writeUntilKilled(ctx context.Context, dsn string) error {
	s, err := Open(ctx, dsn, testKey(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := s.Update(ctx, func(tx *Tx) error {
			pos, changed, err := tx.SetState(ctx, "gw1", manyItems(n), Terms{Now: noon()})
			if err == nil && changed && n == 3 {
				fmt.Println("open", pos.Revision)
				<-ctx.Done()
			}
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println("committed", n)
	}
}

// A process that is killed in the middle of a transaction leaves what it had committed, whole, and
// nothing of the rest; and the next one can write at once.
func TestKill_LeavesWholeRevisions(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), crashEnv+"="+dsn)
		out := must(child.StdoutPipe())(t)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		said := ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said += lines.Text() + "\n"
			if strings.HasPrefix(lines.Text(), "open") {
				break
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		if want := "committed 1\ncommitted 2\nopen 3\n"; said != want {
			t.Fatalf("the child said %q, want %q", said, want)
		}
		u := must(s.Snapshot(t.Context(), "gw1"))(t)
		if u.Revision != 2 || len(u.Put) != len(manyItems(2)) {
			t.Errorf("revision %d with %d items, want 2 with %d", u.Revision, len(u.Put), len(manyItems(2)))
		}
		wantSame(t, "digest", u.Digest, digestOf(u.DigestKey, u.Put))
		if pos, changed := setState(t, s, manyItems(5)); !changed || pos != (access.Position{Epoch: 1, Revision: 3}) {
			t.Errorf("the next revision is %v, %v", pos, changed)
		}
	})
}
