package osservice

import (
	"context"
	"errors"
	"log/slog"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kardianos/service"

	"gatehouse/protocol/access/fault"
)

// grace is how long the work may take to let go; the unit's TimeoutStopSec is a little longer.
const grace = 15 * time.Second

// Work is what the service does until ctx ends. It calls ready once, when doors are being enforced,
// with what proves life from then on: alive is asked again and again from one goroutine, gives nil
// while every loop turns and the store answers, with what status should say beside that ("" nothing), and may hang
// when the program does; nil for alive
// leaves the watchdog without a ping, so that a manager that wants one restarts the program.
type Work func(ctx context.Context, ready func(alive Alive)) error

// Alive is asked again and again, see Work.
type Alive func() (says string, err error)

// Options is what Run is given from outside.
type Options struct {
	Log    *slog.Logger
	Getenv func(string) string // os.Getenv
}

// Run does the work: under the service manager when it started this process, else in the foreground.
// In both cases it ends when ctx ends, which the caller ties to SIGINT and SIGTERM, or when the work
// ends by itself; its result is the work's. Work that does not let go within 15 seconds after ctx
// ended is left behind with an error of kind timeout: the process is about to end.
func Run(ctx context.Context, o Options, work Work) error {
	p := &program{log: o.Log, notify: notifierOf(o.Getenv), work: work, ended: make(chan struct{})}
	if service.Interactive() {
		p.start(ctx)
		p.wait(ctx)
		return p.stop()
	}
	if service.Platform() == "windows-service" {
		return fault.New(fault.Unsupported, "run", "as a Windows service", "the gateway is a Linux service").
			WithRemedy("Run it in the foreground, for development.")
	}
	return p.underManager(ctx)
}

// program is one run.
type program struct {
	log    *slog.Logger
	notify notifier
	work   Work

	cancel context.CancelFunc
	once   sync.Once // ready counts once
	pings  sync.WaitGroup
	ended  chan struct{} // the work is over, and err is set
	err    error
}

// underManager lets the library begin and end the run. RunWait takes the place of its own waiting,
// which would outlast the work.
func (p *program) underManager(ctx context.Context) error {
	signal.Ignore(syscall.SIGHUP) // there is nothing to reload, and doors must not stop for it
	s, err := service.New(hooks{p, ctx}, &service.Config{
		Name: Name, Option: service.KeyValue{"RunWait": func() { p.wait(ctx) }},
	})
	if err != nil {
		return fault.Wrap(fault.Internal, "join", "the service manager", err)
	}
	return s.Run()
}

// hooks is a program as the library wants it.
type hooks struct {
	*program
	ctx context.Context //nolint:containedctx // the library's Start takes none
}

// Start implements service.Interface. It returns at once.
func (h hooks) Start(service.Service) error { h.start(h.ctx); return nil }

// Stop implements service.Interface.
func (h hooks) Stop(service.Service) error { return h.stop() }

// start begins the work in a goroutine that stop waits for. A panic there ends the process, which is
// what it is for: the manager starts it anew within seconds, and nothing limps on.
func (p *program) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	go func() {
		defer close(p.ended)
		p.err = p.work(ctx, func(alive Alive) {
			p.once.Do(func() { p.ready(ctx, alive) })
		})
		p.cancel()
		p.pings.Wait()
	}()
}

func (p *program) wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-p.ended:
	}
}

// stop says that the service ends, and gives the work its time to let go.
func (p *program) stop() error {
	p.tell("STOPPING=1")
	p.cancel()
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-p.ended:
		return p.err
	case <-late.C:
		return fault.New(fault.Timeout, "stop", "the gateway", "it did not let go within %s", grace).
			WithRemedy("Its files are safe to open again once this process is gone; report what the log says before this line.")
	}
}

// enforcing is what status says while all is well.
const enforcing = "enforcing doors"

// ready tells the manager that doors are enforced, and from then on, at a third of the time it allows,
// that they still are.
func (p *program) ready(ctx context.Context, alive Alive) {
	p.tell("READY=1", status(enforcing))
	if p.notify.watchdog == 0 {
		return
	}
	if alive == nil {
		alive = func() (string, error) { return "", errors.New("nothing here can prove that doors are enforced") }
	}
	p.pings.Go(func() { p.watch(ctx, alive) })
}

// watch pings while alive says so. It tells of trouble once, not at every look, and so of what else is to be said.
func (p *program) watch(ctx context.Context, alive Alive) {
	tick := time.NewTicker(p.notify.watchdog / 3)
	defer tick.Stop()
	well, said := true, enforcing
	for {
		says, err := alive()
		text := strings.TrimSuffix(enforcing+"; "+says, "; ")
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && well:
			p.log.Error("not alive: the service manager will restart this program", "err", err)
			text = "not alive: " + err.Error()
			p.tell(status(text))
		case err != nil:
			text = said
		case text == said:
			p.tell("WATCHDOG=1")
		default:
			p.tell("WATCHDOG=1", status(text))
		}
		if err == nil && !well {
			p.log.Info("alive again")
		}
		well, said = err == nil, text
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tell is without consequence when it fails: the manager then does what it does to a silent service.
func (p *program) tell(fields ...string) {
	if err := p.notify.send(fields...); err != nil {
		p.log.Warn("the service manager was not told", "what", fields[0], "err", err)
	}
}
