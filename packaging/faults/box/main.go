// Command box is a gateway whose box lies in the hands of packaging/faults: a file says how its clock stands, and at which
// named point of its work the program kills itself, as a power cut there would. All else is package agent as it is
// shipped. It is for packaging/faults and the tests of packaging/smoke only.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // as the program that is shipped

	"gatehouse/agent"
)

// hand is what the file says.
type hand struct {
	Offset time.Duration
	Synced bool
	Boot   string
	Booted time.Time
	Point  string
	Count  int
}

// box reads the file anew at every question.
type box struct {
	path string

	mu     sync.Mutex
	last   hand
	read   time.Time
	passed map[string]int
}

// fresh is how long an answer of the file counts.
const fresh = 5 * time.Millisecond

func (b *box) hand() hand {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.read) > fresh {
		raw, err := os.ReadFile(b.path)
		var h hand
		if err == nil && json.Unmarshal(raw, &h) == nil {
			b.last, b.read = h, time.Now()
		}
	}
	return b.last
}

// point kills the program where the file says so.
func (b *box) point(name string) {
	h := b.hand()
	if h.Point != name {
		return
	}
	b.mu.Lock()
	b.passed[name]++
	n := b.passed[name]
	b.mu.Unlock()
	if n < h.Count {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // nobody is left to hear of an error
	select {}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "db-check" {
		os.Exit(agent.CheckFile(os.Args[2:], os.Stderr))
	}
	if len(os.Args) != 4 || os.Args[1] != "run" {
		fmt.Fprintln(os.Stderr, "usage: box run AGENT.toml CLOCK.json")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[2], &box{path: os.Args[3], passed: map[string]int{}})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "box:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config string, b *box) error {
	cfg, err := agent.LoadConfig(config)
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	start := b.hand() // a boot does not change while the program runs
	deps := agent.Deps{Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)), Version: "faults", Exe: exe, Point: b.point}
	deps.Source.Wall = func() time.Time { return time.Now().Round(0).Add(b.hand().Offset) }
	deps.Source.Boot = func() (string, time.Duration) { return start.Boot, time.Since(start.Booted) }
	deps.Source.NTPSynced = func() bool { return b.hand().Synced }
	a, err := agent.New(ctx, cfg, deps)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
