// Command faults shows that a house loses nothing on its worst days. It runs the programs as they are shipped, as
// processes on loopback: a cloud with its embedded broker or beside a Mosquitto, a gateway, two simulated panels. Each
// round changes who lives there and lets things fail meanwhile: programs are killed at any instant or at named points, the
// line to the broker is cut, slow or half open, the broker starts anew, panels freeze, reset, fill up or lose power, the
// gateway's clock jumps, its disk fails. Then all of it is mended, and another program, packaging/faults/checker, which
// shares no code with the product, looks whether panels, events and door logs are what the exports say.
//
// ROUNDS says how many rounds (300), SEED repeats what a run did and in which order; instants are the machine's own.
// Afterwards mutants are run: the product with one line made wrong. A checker that sees nothing wrong with them is no
// checker. Last come the crash images of package agent in their long form, unless IMAGES is none: they show that no fsync
// is missing, which cannot be shown here, because what a killed process wrote survives it.
//
// The last line sums up. It imports nothing of agent and cloud; nobody imports it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// perHouse is after how many rounds a new house is built: long enough that dates fall due in it, and short enough that
// what went wrong is found again soon.
const perHouse = 60

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := start(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context) error {
	rounds, err := number("ROUNDS", 300)
	if err != nil {
		return err
	}
	seed, err := number("SEED", time.Now().UnixNano()%1_000_000)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-faults-")
	if err != nil {
		return err
	}
	r := &run{dir: dir, seed: uint64(seed), rounds: int(rounds), mutants: mutants(), out: os.Stdout, began: time.Now()}
	r.images.asked = os.Getenv("IMAGES") != "none"
	err = r.all(ctx)
	if r.good() && err == nil {
		err = os.RemoveAll(dir)
	} else {
		fmt.Printf("Files and logs are in %s\n", dir)
	}
	fmt.Println(r.summary())
	if err == nil && !r.good() {
		err = errors.New("something was wrong, see above")
	}
	return err
}

func number(name string, otherwise int64) (int64, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s=%q is no number; give one from 0 up", name, text)
	}
	return n, nil
}

// run is one run of everything.
type run struct {
	dir     string
	seed    uint64
	rounds  int
	mutants []mutant
	outside bool // every house has its broker beside the cloud, not only every third
	out     io.Writer
	began   time.Time

	bin     string // of the programs as they are; "": to be built
	done    int
	wrong   []string
	figures figures
	caught  int
	images  images
}

// figures are what happened, added up.
type figures struct {
	troubles, kills, points, disks, errors, changes, events, requests int
	latest                                                            time.Duration // the longest that access outlived its end
}

func (r *run) good() bool {
	return len(r.wrong) == 0 && r.caught == len(r.mutants) && (!r.images.asked || r.images.good && r.images.skipped)
}

// all builds the programs and runs the rounds, then the mutants. What is wrong is kept in the run; the error is about
// the run itself.
func (r *run) all(ctx context.Context) (err error) {
	if r.bin == "" {
		if r.bin, err = build(ctx, filepath.Join(r.dir, "bin"), nil); err != nil {
			return err
		}
	}
	for n := 0; r.done < r.rounds && ctx.Err() == nil; n++ {
		if err := r.house(ctx, n); err != nil {
			return err
		}
	}
	for i, m := range r.mutants {
		if ctx.Err() == nil {
			if err := r.mutant(ctx, i, m); err != nil {
				return err
			}
		}
	}
	if err := r.crash(ctx); err != nil {
		return err
	}
	return ctx.Err()
}

// house runs up to perHouse rounds in a house of its own. Something wrong ends them: what follows from it says nothing.
func (r *run) house(ctx context.Context, n int) error {
	seed := r.seed + uint64(n)
	h, err := newHouse(ctx, filepath.Join(r.dir, fmt.Sprintf("house%d", n)), r.bin, rand.New(rand.NewPCG(seed, 1)), r.outside || n%3 == 1)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.movedIn(ctx, "30s"); err != nil {
		return fmt.Errorf("a new house, before anything fails (files in %s): %w", h.dir, err)
	}
	for i := 0; i < perHouse && r.done < r.rounds && ctx.Err() == nil; i++ {
		r.done++
		began := time.Now()
		story, err := h.round(ctx, true)
		fmt.Fprintf(r.out, "round %d (seed %d, round %d, %s): %s\n", r.done, seed, i+1, time.Since(began).Round(time.Millisecond), story)
		if err != nil {
			r.wrong = append(r.wrong, err.Error())
			fmt.Fprintf(r.out, "WRONG in round %d, with SEED=%d ROUNDS=%d IMAGES=none again; files in %s:\n%s\n", r.done, seed, i+1, h.dir, err)
			break
		}
	}
	r.figures.add(h.figures)
	return nil
}

func (f *figures) add(o figures) {
	f.troubles, f.kills, f.points, f.changes = f.troubles+o.troubles, f.kills+o.kills, f.points+o.points, f.changes+o.changes
	f.disks, f.errors = f.disks+o.disks, f.errors+o.errors
	f.events, f.requests, f.latest = f.events+o.events, f.requests+o.requests, max(f.latest, o.latest)
}

func (r *run) summary() string {
	word, f, caught, planted, opened := "good", r.figures, r.caught, len(r.mutants), "none"
	if !r.good() {
		word = "WRONG"
	}
	if r.images.asked {
		opened = cmp.Or(r.images.opened, "0") + "/good"
		if !r.images.good {
			opened = cmp.Or(r.images.opened, "0") + "/WRONG"
		}
		if planted++; r.images.skipped {
			caught++
		}
	}
	return fmt.Sprintf("faults: %s: seed=%d rounds=%d wrong=%d troubles=%d kills=%d named_points=%d bad_disks=%d disk_errors=%d changes=%d events=%d panel_requests=%d latest_ms=%d crash_images=%s mutants_caught=%d/%d seconds=%d",
		word, r.seed, r.done, len(r.wrong), f.troubles, f.kills, f.points, f.disks, f.errors, f.changes, f.events, f.requests, f.latest.Milliseconds(), opened, caught, planted, int(time.Since(r.began).Seconds()))
}
