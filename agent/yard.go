package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/supervise"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// yard holds the devices that this gateway looks after: those of its file, then those that were paired on site. They
// come and go while it runs, so whoever needs them asks anew each time; a list that was handed out never changes.
type yard struct {
	deps driver.Deps
	list atomic.Pointer[[]*panel]

	turn sync.Mutex // held by whoever changes the list: one at a time
	life struct {   // of Run
		sync.Mutex
		*run // nil before it
		over bool
	}
}

// run is what work that is begun while the agent runs ends by, and is waited for with.
type run struct {
	ctx context.Context // Run's own
	g   *sync.WaitGroup
}

// begin says that Run has begun: from now on work may be, until ctx ends.
func (y *yard) begin(ctx context.Context, g *sync.WaitGroup) {
	y.life.Lock()
	defer y.life.Unlock()
	y.life.run = &run{ctx, g}
	g.Go(func() { // so that nobody waits for g before it is over
		<-ctx.Done()
		y.life.Lock()
		defer y.life.Unlock()
		y.life.over = true
	})
}

// enter keeps Run, and with it the files, from ending before leave is called.
func (y *yard) enter() (leave func(), err error) {
	y.life.Lock()
	defer y.life.Unlock()
	if y.life.run == nil || y.life.over {
		return nil, fault.New(fault.Unreachable, "ask", "the running agent", "it is just starting or stopping").WithRemedy("Try again in a moment.")
	}
	y.life.g.Add(1)
	return y.life.g.Done, nil
}

// panels are all devices.
func (a *Agent) panels() []*panel {
	if list := a.yard.list.Load(); list != nil {
		return *list
	}
	return nil
}

// driven are those that could be set up.
func (a *Agent) driven() []*panel {
	var out []*panel
	for _, p := range a.panels() {
		if p.wrong == nil {
			out = append(out, p)
		}
	}
	return out
}

// panel is one device; nil when there is none of that id.
func (a *Agent) panel(id access.DeviceID) *panel {
	for _, p := range a.panels() {
		if p.cfg.ID == id {
			return p
		}
	}
	return nil
}

// longestRest bounds how long a loop that was told to end is waited for.
const longestRest = 30 * time.Second

// drive runs a panel's loop beside the others.
func (a *Agent) drive(p *panel) {
	ctx, cancel := context.WithCancel(a.yard.life.ctx)
	done := make(chan struct{})
	p.rest = func() error {
		cancel()
		select {
		case <-done:
			return nil
		case <-time.After(longestRest):
			a.yard.life.g.Go(func() { <-done; a.again(p) }) // Run waits for the loop in any case
			return fault.New(fault.Timeout, "let go of", "device "+string(p.cfg.ID), "the request under way does not end").WithRemedy("Restart the device, or the gateway, and try again.")
		}
	}
	a.yard.life.g.Go(func() {
		defer close(done)
		a.keeper.Keep(ctx, supervise.Work{Name: p.name(), Run: p.loop.Run, Late: p.loop.Overdue, Fell: func(err error) { a.fell(p, err) }})
	})
	a.listen(ctx, a.yard.life.g, p)
}

// again drives the device of a panel whose loop ended too late for whoever wanted it to, by what is kept of it now.
func (a *Agent) again(p *panel) {
	a.yard.turn.Lock()
	defer a.yard.turn.Unlock()
	if a.panel(p.cfg.ID) != p || a.yard.life.ctx.Err() != nil {
		return // somebody tried again
	}
	cfg := p.cfg
	if kept, ok, err := pairedOf(a.box.site, cfg.ID); ok && err == nil {
		cfg = kept.config()
	}
	a.replace(cfg.ID, a.openPanel(cfg))
}

// replace puts a panel in the place of the one of its id, or behind all others; with next nil it goes. The old one's
// loop must rest. It is called under yard.turn, inside of Run.
func (a *Agent) replace(id access.DeviceID, next *panel) {
	var list []*panel
	fresh := next != nil
	for _, p := range a.panels() {
		switch {
		case p.cfg.ID != id:
			list = append(list, p)
		case next != nil:
			list, fresh = append(list, next), false
		}
	}
	if fresh {
		list = append(list, next)
	}
	if next != nil && next.wrong == nil {
		next.loop = a.loopOf(a.yard.life.ctx, next)
	}
	a.yard.list.Store(&list)
	if next != nil && next.loop != nil {
		next.loop.AuditNow() // it may be another unit, or one that lost everybody
		a.steer(next)        // after it is listed: else settings that come in between would pass it by
		a.drive(next)
	}
	a.inventory.look()
}
