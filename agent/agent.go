package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/agent/internal/clock"
	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/health"
	"gatehouse/agent/internal/localui"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config is the agent's file; see LoadConfig.
type Config = config.Config

// LoadConfig reads the agent's file; the error names every wrong key at once.
func LoadConfig(path string) (Config, error) { return config.Load(path) }

// LoadConfigText reads a configuration from text; relative paths in it start from dir.
func LoadConfigText(text, dir string) (Config, error) { return config.Parse(text, dir) }

// Deps is what the agent is given from outside. Tests hand in their own.
type Deps struct {
	Log     *slog.Logger
	Version string
	Commit  string
	Source  clock.Source  // of time; zero: the box's own
	Kinds   []driver.Kind // nil: Kinds()
	Rand    *rand.Rand    // jitter; nil: seeded by the system
	Exe     string        // this program, to check files in a child process; "": not checked
	// Ready is called once, when doors are being enforced; may be nil.
	Ready func()
}

// Agent is an assembled agent that holds its files. Make it with New, use it once.
type Agent struct {
	cfg       Config
	deps      Deps
	log       *slog.Logger
	box       *box
	panels    []*panel
	inventory *inventory
	link      *cloudlink.Link // nil before enrolment
}

// New opens the files and makes everything, without touching the network. Close or Run must follow.
func New(ctx context.Context, cfg Config, deps Deps) (*Agent, error) {
	if deps.Source.Wall == nil {
		deps.Source = hostSource()
	}
	if deps.Kinds == nil {
		deps.Kinds = Kinds()
	}
	if deps.Rand == nil {
		deps.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	var check func(string) error
	if deps.Exe != "" {
		check = store.CheckCommand(ctx, deps.Exe)
	}
	b, err := openBox(cfg.StateDir, deps.Source, check, deps.Log)
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, deps: deps, log: deps.Log, box: b}
	if err := a.assemble(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return a, nil
}

func (a *Agent) assemble() (err error) {
	now := func() time.Time { t, _ := a.box.clock.Now(); return t }
	if a.panels, err = openPanels(a.cfg, a.deps.Kinds, driver.Deps{Log: a.log, Now: now}); err != nil {
		return err
	}
	if a.inventory, err = newInventory(a.box.site, a.panels, a.log); err != nil {
		return err
	}
	if a.box.id == nil {
		a.log.Warn("not enrolled: doors work by the stored dates, nothing new arrives", "remedy", "gatehouse-agent enroll request --out FILE")
		return nil
	}
	a.link, err = a.newLink()
	return err
}

// Close lets go of the files of an agent that was not run.
func (a *Agent) Close() error { return a.box.Close() }

// hostSource is the box's own time; on a system that cannot tell, a source that is never trusted.
func hostSource() clock.Source {
	s, err := clock.System()
	if err == nil {
		return s
	}
	began := time.Now()
	return clock.Source{
		Wall:      time.Now,
		Boot:      func() (string, time.Duration) { return fmt.Sprintf("process-%d", os.Getpid()), time.Since(began) },
		NTPSynced: func() bool { return false },
	}
}

// Run enforces doors until ctx ends, then lets go of everything. An error means that the box
// itself failed: panels and the cloud may come and go without ending it.
func (a *Agent) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	a.makeLoops(ctx)
	servers, err := a.listen(ctx)
	for _, serve := range servers {
		g.Go(serve)
	}
	if err != nil {
		g.Go(func() error { return err }) // ends the servers that did begin
		return errors.Join(g.Wait(), a.box.Close())
	}
	a.enforce(ctx, g)
	if a.link != nil {
		g.Go(func() error { return a.link.Run(ctx) })
	}
	a.log.Info("gateway runs", "panels", len(a.panels), "revision", a.box.Position().Revision)
	if a.deps.Ready != nil {
		a.deps.Ready()
	}
	return errors.Join(g.Wait(), a.box.Close())
}

func (a *Agent) makeLoops(ctx context.Context) {
	for _, p := range a.panels {
		p.loop = a.loopOf(ctx, p)
	}
}

// enforce starts what doors need: the loops, the clock, the standing jobs. No network but the
// panels' own is involved.
func (a *Agent) enforce(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return a.box.site.Tell(a.started()) })
	for _, p := range a.panels {
		g.Go(func() error { return p.loop.Run(ctx) })
	}
	g.Go(func() error { a.box.clock.Run(ctx); return nil })
	g.Go(func() error { return a.tend(ctx) })
}

func (a *Agent) started() access.Event {
	now, trusted := a.box.clock.Now()
	pos := a.box.Position()
	return access.Event{Kind: access.EventStarted, At: now, Unsure: !trusted, Epoch: pos.Epoch, Revision: pos.Revision, Message: a.deps.Version}
}

const snapshotEvery = 6 * time.Hour

// tend does the small standing jobs: the inventory follows what panels say, the loops hear of the
// clock, site.db gets its snapshots.
func (a *Agent) tend(ctx context.Context) error {
	snapshot := time.NewTicker(snapshotEvery)
	defer snapshot.Stop()
	changed := a.box.clock.Changed() // held while other work is done, so that no change is missed
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			changed = a.box.clock.Changed()
			for _, p := range a.panels {
				p.loop.Changed(true)
			}
		case <-snapshot.C:
			if err := a.box.site.Snapshot(); err != nil {
				a.log.Error("the snapshot of site.db failed", "err", err)
			}
		case <-a.inventory.news:
			if err := a.inventory.update(a.panels); err != nil {
				return err
			}
		}
	}
}

// listen opens the page, metrics and health on one address, and the socket for the command line.
// With an error it returns those that it opened before.
func (a *Agent) listen(ctx context.Context) ([]func() error, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", localui.Handler(a.view))
	h, err := health.New(a.deps.Version, a.deps.Commit, []health.Check{{Name: "doors", Ask: a.enforcing}}, a.collectors()...)
	if err != nil {
		return nil, err
	}
	h.Register(mux)
	ask := http.NewServeMux()
	a.box.serveAsk(ask, a.cfg)
	var out []func() error
	for _, s := range []struct {
		network, address string
		handler          http.Handler
	}{{"tcp", a.cfg.Listen, mux}, {"unix", socketPath(a.cfg), ask}} {
		if s.address == "" {
			continue
		}
		serve, err := listenHTTP(ctx, s.network, s.address, s.handler, a.log)
		if err != nil {
			return out, err
		}
		out = append(out, serve)
	}
	return out, nil
}

// enforcing is the health check: every panel's loop has begun, whether or not panels answer.
func (a *Agent) enforcing() error {
	for _, p := range a.panels {
		if p.loop.Status().Since.IsZero() {
			return fmt.Errorf("panel %s was not tried yet", p.cfg.ID)
		}
	}
	return nil
}

// listenHTTP listens now and returns what serves until ctx ends.
func listenHTTP(ctx context.Context, network, address string, h http.Handler, log *slog.Logger) (func() error, error) {
	if network == "unix" {
		if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fault.Wrap(fault.Internal, "listen on", address, err)
		}
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		remedy := "Choose another address with listen, or stop the program that uses this one."
		if network == "unix" {
			remedy = "Give state_dir a shorter path, below 90 characters, on a local disk."
		}
		return nil, fault.New(fault.Invalid, "listen on", address, "%w", err).WithRemedy("%s", remedy)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			return nil, errors.Join(err, ln.Close())
		}
	} else {
		log.Info("page, metrics and health", "address", "http://"+ln.Addr().String())
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	return func() error {
		stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // reading is all anybody does
		defer stop()
		if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}, nil
}
