// Command bench is gatehouse-bench: it measures what the gateway costs and how fast it is, on the programs themselves. It
// starts a cloud, gateways and simulated panels that lie beside it in bin/, all on loopback, drives them as an installer and an
// office would, and reads what they say: the panels' own count of requests, the metrics and logs, the page's JSON, and what
// the kernel knows of the processes. Where a number depends on the machine, the floor is measured in the same run.
//
// It stands in packaging because it belongs to neither side: it imports nothing of agent or cloud, so that it measures what
// was built and shipped, and nothing may import it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `gatehouse-bench [--run NAME] [--json] [--times N]

Measures the programs beside it, on loopback. --run picks results by name, or by how their names begin.
Example: gatehouse-bench --run change.requests --json
`

// options are the flags.
type options struct {
	run   string
	json  bool
	times int
	bin   string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("gatehouse-bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		_, _ = io.WriteString(stderr, usage) // nobody to tell
		fs.PrintDefaults()
	}
	fs.StringVar(&o.run, "run", "", "only results of this `name`, or whose names begin with it and a dot; several with commas")
	fs.BoolVar(&o.json, "json", false, "one JSON object on stdout instead of a table")
	fs.IntVar(&o.times, "times", 0, "how often what is repeated is repeated; 0 for as often as each needs")
	fs.StringVar(&o.bin, "bin", "", "`folder` of the programs; without it the one this program lies in")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; see --help", fs.Arg(0))
	}
	if len(picked(o.run)) == 0 {
		return o, fmt.Errorf("--run %s: there is no such result; there are %s", o.run, strings.Join(allNames(), ", "))
	}
	if o.bin == "" {
		self, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.bin = filepath.Dir(self)
	}
	return o, nil
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "gatehouse-bench:", err)
		return 2
	}
	report, err := measure(ctx, o, stderr)
	if err := report.print(stdout, o.json, err); err != nil {
		fmt.Fprintln(stderr, "gatehouse-bench:", err)
		return 1
	}
	if err != nil {
		fmt.Fprintln(stderr, "gatehouse-bench:", err)
		return 1
	}
	return 0
}

// inTurn runs n pieces of work. Each begins when the one before it has ended or has called aside, and all have ended when
// it returns.
func inTurn(n int, work func(i int, aside func())) {
	var all sync.WaitGroup
	for i := range n {
		next := make(chan struct{})
		aside := sync.OnceFunc(func() { close(next) })
		all.Go(func() {
			defer aside()
			work(i, aside)
		})
		<-next
	}
	all.Wait()
}

// measure runs the groups that make the picked results, one after another but for those that step aside. A group that
// fails is told and the others go on.
func measure(ctx context.Context, o options, log io.Writer) (report, error) {
	began := time.Now()
	out := report{Machine: thisMachine(o.bin), Results: []Result{}}
	groups := picked(o.run)
	got, failed := make([][]Result, len(groups)), make([]error, len(groups))
	log = &lines{w: log}
	inTurn(len(groups), func(i int, aside func()) { got[i], failed[i] = groups[i].measure(ctx, o, log, aside) })
	out.Machine.Seconds = math.Round(time.Since(began).Seconds())
	for i, g := range groups {
		for _, r := range got[i] {
			if wants(o.run, r.Name) {
				out.Results = append(out.Results, r)
			}
		}
		if failed[i] != nil {
			failed[i] = fmt.Errorf("%s: %w", g.name, failed[i])
		}
	}
	out.Machine.LoadEnd = load()
	return out, errors.Join(failed...)
}

// measure gives a group a folder of its own and ends what it started.
func (g group) measure(ctx context.Context, o options, log io.Writer, aside func()) ([]Result, error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return nil, err
	}
	r := &rig{ctx: ctx, dir: dir, bin: o.bin, times: o.times, log: log, aside: aside}
	fmt.Fprintf(log, "%s ...\n", g.name)
	err = g.do(r)
	r.stopAll()
	fmt.Fprintf(log, "%s took %s\n", g.name, time.Since(began).Round(time.Second))
	if err != nil {
		return r.results, fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	return r.results, os.RemoveAll(dir)
}

// lines lets several groups write whole lines to one place.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// report is what the program prints.
type report struct {
	OK      bool     `json:"ok"`
	Error   *problem `json:"error,omitempty"`
	Machine Machine  `json:"machine"`
	Results []Result `json:"results"`
}

type problem struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

func (r report) print(w io.Writer, asJSON bool, failed error) error {
	r.OK = failed == nil
	if failed != nil {
		r.Error = &problem{"internal", failed.Error(), "Look into the logs it names; run that result alone with --run."}
	}
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	return table(w, r)
}
