package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/clock"
	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/store"
	"gatehouse/agent/internal/supervise"
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
	// Level is what Log goes by, so that the cloud's settings can change it; nil: they cannot.
	Level *slog.LevelVar
	// Ready is called once, when doors are being enforced; may be nil.
	Ready func()
	// Point is called at named points of the work (points.go), where packaging/faults kills the program; nil
	// everywhere else.
	Point func(string)
}

// Agent is an assembled agent that holds its files. Make it with New, use it once.
type Agent struct {
	cfg        Config
	deps       Deps
	log        *slog.Logger
	box        *box
	yard       yard // the devices, which come and go
	forgotten  atomic.Pointer[[]forgotten]
	inventory  *inventory
	units      *unitMaps
	onsite     *onsite
	keeper     *supervise.Supervisor
	settings   *settings
	contacted  atomic.Pointer[time.Time] // when the cloud last said that nothing is missing here
	owing      atomic.Bool               // something that the state says of the gateway itself is not acted on yet
	wrongKeys  atomic.Pointer[string]    // what was told last of keys that make no sense
	keying     sync.Mutex                // held while the stored keys change
	room       *room
	happenings *happenings
	callsAt    atomic.Pointer[string] // host and port that devices call; nil: nobody listens there yet
	strayCalls atomic.Uint64          // that came from no device of ours
	link       *cloudlink.Link        // nil before enrolment, or when who we are cannot be read
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
	if err := errors.Join(zones(time.LoadLocation), lasting(cfg, deps.Log)); err != nil {
		return nil, err
	}
	var check func(string) error
	if deps.Exe != "" {
		check = store.CheckCommand(ctx, deps.Exe)
	}
	b, err := openBox(cfg.StateDir, deps.Source, check, deps.Log)
	if err != nil {
		return nil, err
	}
	b.point = deps.Point
	a := &Agent{cfg: cfg, deps: deps, log: deps.Log, box: b, room: newRoom(b, cfg.StateDir, deps.Log), keeper: supervise.New(deps.Log, rand.New(rand.NewPCG(deps.Rand.Uint64(), deps.Rand.Uint64())))}
	if err := a.assemble(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return a, nil
}

func (a *Agent) assemble(ctx context.Context) (err error) {
	now := func() time.Time { t, _ := a.box.clock.Now(); return t }
	a.yard.deps = driver.Deps{Log: a.log, Now: now}
	devices, err := a.box.devices(a.cfg)
	if err != nil {
		return err
	}
	a.happenings = newHappenings(a.box)
	for _, d := range a.cfg.Devices {
		if _, ok, err := pairedOf(a.box.site, d.ID); ok && err == nil {
			a.log.Warn("a device stands in the file and was paired too: the file counts", "device", string(d.ID), "remedy", "To have the paired one, take it out of the file.")
		}
	}
	var all []*panel
	for _, d := range devices {
		p := a.openPanel(d)
		if all = append(all, p); p.wrong != nil {
			a.log.Error("a device cannot be set up; the others work", "device", string(d.ID), "err", p.wrong, "remedy", fault.RemedyOf(p.wrong))
		}
	}
	a.yard.list.Store(&all)
	if err := a.lookForForgotten(ctx); err != nil {
		return err
	}
	a.units = newUnitMaps(a.box.site, a.log)
	a.inventory = newInventory(a.box.site, a.panels(), a.units.reported, a.log)
	a.units.news = a.inventory.look
	a.settings = openSettings(a.box.site, a.cfg, a.log)
	a.remember()
	a.onsite = newOnsite(a)
	a.join()
	if err := a.takeOwn(true); err != nil { // a crash may have come between the state and what follows from it
		a.log.Error("what the state says of this gateway itself is not acted on yet", "err", err)
	}
	a.applySettings()
	return nil
}

// remember reads what was known of the cloud before the start.
func (a *Agent) remember() {
	at, err := a.box.site.Contact()
	if err != nil {
		a.log.Error("when the cloud was heard last cannot be read: lease ends wait for it where there is a limit", "err", err)
	}
	a.contacted.Store(&at)
	if err := a.box.site.SetFloor(a.box.Position(), a.box.Digest()); err != nil {
		a.log.Error("how far this gateway has been cannot be kept", "err", err)
	}
}

// join makes the link to the cloud. Without one doors are enforced all the same.
func (a *Agent) join() {
	switch {
	case a.box.lost != nil: // said already
	case a.box.id == nil:
		a.log.Warn("not enrolled: doors work by the stored dates, nothing new arrives", "remedy", "gatehouse-agent enroll request --out FILE")
	default:
		link, err := a.newLink()
		if err != nil {
			a.box.noLink(err)
			return
		}
		a.link = link
	}
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

// Run enforces doors until ctx ends, then lets go of everything. An error means that the files could
// not be closed: panels, drivers, the cloud, the page and the box's own disk may come and go without
// ending it.
func (a *Agent) Run(ctx context.Context) error {
	var g sync.WaitGroup
	a.makeLoops(ctx)
	a.onsite.settle() // what a crash kept from being heard
	a.enforce(ctx, &g)
	for _, s := range a.servers() {
		first := s.open()
		g.Go(func() { s.keep(ctx, first) })
	}
	if a.link != nil {
		a.keep(ctx, &g, supervise.Work{Name: "link", Run: a.link.Run})
	}
	a.log.Info("gateway runs", "panels", len(a.panels()), "revision", a.box.Position().Revision)
	g.Go(func() { a.ready(ctx) })
	g.Wait()
	return a.box.Close()
}

// ready calls Deps.Ready once every loop enforces.
func (a *Agent) ready(ctx context.Context) {
	for _, p := range a.panels() {
		if p.loop == nil {
			continue // it could not be set up; the page says so
		}
		select {
		case <-p.loop.Begun():
		case <-ctx.Done():
			return
		}
	}
	if a.deps.Ready != nil {
		a.deps.Ready()
	}
}

func (a *Agent) makeLoops(ctx context.Context) {
	for _, p := range a.driven() {
		p.loop = a.loopOf(ctx, p)
		a.steer(p)
	}
}

// enforce starts what doors need: the loops, the clock, the standing jobs. No network but the
// panels' own is involved.
func (a *Agent) enforce(ctx context.Context, g *sync.WaitGroup) {
	a.yard.begin(ctx, g)
	g.Go(func() { a.tellStarted(ctx) })
	for _, p := range a.driven() {
		a.drive(p)
	}
	a.keep(ctx, g, supervise.Work{Name: "what devices tell", Run: a.happenings.run})
	a.keep(ctx, g, supervise.Work{Name: "clock", Run: func(ctx context.Context) error { a.box.clock.Run(ctx); return nil }})
	a.keep(ctx, g, supervise.Work{Name: "standing jobs", Run: a.tend})
	g.Go(func() { a.keeper.Watch(ctx) })
}

// keep runs a piece of work under the supervisor.
func (a *Agent) keep(ctx context.Context, g *sync.WaitGroup, w supervise.Work) {
	g.Go(func() { a.keeper.Keep(ctx, w) })
}

// fell records that a panel's loop fell and runs again; its driver is another matter, which the loop
// deals with itself.
func (a *Agent) fell(p *panel, err error) {
	e := a.box.event(access.EventFailed, "the part of the gateway that looks after this panel fell and runs again: "+err.Error())
	e.Device, e.Fault = p.cfg.ID, fault.Internal.String()
	if err := a.box.site.Tell(e); err != nil {
		a.log.Error("the fall of a loop cannot be recorded", "device", string(p.cfg.ID), "err", err)
	}
}

// How long a store that cannot take the word of the start is left alone, at first and at most.
const (
	firstTell = 5 * time.Second
	lastTell  = 5 * time.Minute
)

// tellStarted records the start. Doors do not wait for it: on a full disk it is told when there is
// room.
func (a *Agent) tellStarted(ctx context.Context) {
	evs := a.started()
	for wait := firstTell; ; wait = min(2*wait, lastTell) {
		err := a.box.site.Tell(evs...)
		if err == nil {
			return
		}
		if wait == firstTell {
			a.log.Error("the start cannot be recorded; doors are enforced, and it is tried again", "err", err, "remedy", fault.RemedyOf(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// started is what is told once at every start.
func (a *Agent) started() []access.Event {
	out := slices.Concat(a.box.untold, []access.Event{a.box.event(access.EventStarted, a.deps.Version)})
	for _, p := range a.panels() {
		if p.wrong != nil {
			e := a.box.event(access.EventUnreachable, p.status().Message)
			e.Device, e.Fault = p.cfg.ID, p.status().Fault
			out = append(out, e)
		}
	}
	for _, f := range a.forgottenNow() {
		e := a.box.event(access.EventHeld, f.words()+": "+forgottenRemedy)
		e.Device = f.device
		out = append(out, e)
	}
	return out
}

// How often site.db gets a snapshot, the room on the disk is looked at, and the clock on the wall.
const (
	snapshotEvery = 6 * time.Hour
	lookEvery     = time.Minute
	nightEvery    = time.Hour
)

// tend does the small standing jobs: the inventory follows what panels say, the loops hear of the
// clock, site.db gets its snapshots, the disk is watched, and at night files are made smaller.
func (a *Agent) tend(ctx context.Context) error {
	snapshot, look, night := time.NewTicker(snapshotEvery), time.NewTicker(lookEvery), time.NewTicker(nightEvery)
	defer func() { snapshot.Stop(); look.Stop(); night.Stop() }()
	a.room.look()
	changed := a.box.clock.Changed() // held while other work is done, so that no change is missed
	a.tendKeys()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			changed = a.box.clock.Changed()
			a.tendKeys()
			for _, p := range a.driven() {
				p.loop.Changed(true)
			}
		case <-snapshot.C:
			if err := a.box.site.Snapshot(); err != nil {
				a.log.Error("the snapshot of site.db failed", "err", err)
			}
			a.tendKeys()
			a.forget()
		case <-look.C:
			a.room.look()
		case <-night.C:
			if a.isNight() {
				a.room.compact()
			}
		case <-a.inventory.news:
			a.inventory.update(a.panels())
		}
	}
}
