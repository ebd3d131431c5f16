// Command demo plays one day of a property on this machine: an invented 40-unit property, a cloud,
// a gateway and two simulated door panels, all on loopback; and a second property with 140 units
// whose property-management system is read live and has a bad day. It tells the story as a property
// manager would see it, and believes only what the panels' own door logs say.
//
// With ONCE=1 it plays the story once; the exit code tells whether every step was seen. Otherwise
// it stays up afterwards, with the addresses of both pages. It uses the programs in bin/, as `make
// demo` builds them, and imports nothing of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
	_ "time/tzdata" // the property's zone must be known everywhere
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Getenv("ONCE") != "")
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nThe story did not go as it should:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, once bool) error {
	dir, err := os.MkdirTemp("", "gatehouse-demo-")
	if err != nil {
		return err
	}
	s, err := newStage(dir)
	if err != nil {
		return err
	}
	began := time.Now()
	err = s.play(ctx)
	if err == nil {
		fmt.Printf("\nEvery step was seen at the panels, in %s.\n", time.Since(began).Round(time.Second))
	}
	if err == nil && !once {
		s.stay(ctx)
	}
	s.stopAll()
	if err != nil {
		fmt.Printf("\nLogs of all programs are in %s\n", dir)
		return err
	}
	return os.RemoveAll(dir)
}

// stay keeps everything up until interrupted.
func (s *stage) stay(ctx context.Context) {
	fmt.Printf("\nEverything stays up. Pages:\n  cloud    %s\n  gateway  %s\n", s.cloudURL, s.agentURL)
	fmt.Printf("Try it: curl -d '{\"pin\":\"%s\"}' %s/present\nPress Ctrl-C to end.\n", s.movedIn.PIN, s.front.control)
	<-ctx.Done()
}

// newStage prepares files and addresses; nothing runs yet.
func newStage(dir string) (*stage, error) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	for _, p := range []string{"gatehouse-agent", "gatehouse-cloud", "gatehouse-sim", "gatehouse-pmssim"} {
		if _, err := os.Stat(filepath.Join(bin, p)); err != nil {
			return nil, errors.Join(fmt.Errorf("bin/%s is missing: run make build first", p), err)
		}
	}
	s := &stage{dir: dir, bin: bin, zone: zone, cloudPort: freePort(), brokerPort: freePort(), agentPort: freePort()}
	s.cloudURL = fmt.Sprintf("http://127.0.0.1:%d", s.cloudPort)
	s.agentURL = fmt.Sprintf("http://127.0.0.1:%d", s.agentPort)
	// Both dates of the story fall on the next full minute that leaves time to load the panels.
	s.minute = time.Now().Add(25 * time.Second).Truncate(time.Minute).Add(time.Minute)
	s.people = s.residents()
	return s, nil
}
