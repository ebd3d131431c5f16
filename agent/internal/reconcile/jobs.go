package reconcile

import (
	"context"
	"slices"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access/fault"
)

// job is something that somebody else wants done by the loop, which owns the device and the state.
type job struct {
	ctx  context.Context
	do   func(context.Context, driver.Panel) error // with the device, between rounds; nil: think is meant
	look func() error                              // without it, at any moment
	done chan error
}

// Do runs f with the device between the loop's own rounds, after removals that wait, and returns what
// f does. The device may be closed to f by ctx; a panic in f is f's error. When a removal waits for a
// device that does not answer, f is not run: nothing may overtake it. f must not keep the Panel.
func (l *Loop) Do(ctx context.Context, f func(context.Context, driver.Panel) error) error {
	return l.give(&job{ctx: ctx, do: f})
}

// Plan is exactly what the loop would do at an instant if nothing but time changed: by the stored
// state, the ledger, and what the device was last seen to hold. It sends nothing, and waits at most
// for the loop to come to it, until ctx ends.
func (l *Loop) Plan(ctx context.Context, at time.Time) (pl plan.Plan, err error) {
	err = l.give(&job{ctx: ctx, look: func() error {
		in, err := l.everybody()
		if err != nil {
			return err
		}
		if !at.IsZero() {
			in.Now = at
		}
		pl = plan.Make(in)
		return nil
	}})
	if err != nil {
		return plan.Plan{}, err
	}
	return pl, nil
}

// Held is how many people's removals wait for somebody's word on this device.
func (l *Loop) Held() int { return l.Status().Held }

func (l *Loop) give(j *job) error {
	j.done = make(chan error, 1)
	l.tell(func() { l.inbox.jobs = append(l.inbox.jobs, j) })
	select {
	case err := <-j.done:
		return err
	case <-j.ctx.Done():
	}
	l.inbox.Lock()
	i := slices.Index(l.inbox.jobs, j)
	if i >= 0 {
		l.inbox.jobs = slices.Delete(l.inbox.jobs, i, i+1)
	}
	l.inbox.Unlock()
	if i < 0 {
		return <-j.done // it is under way, and ends by the same ctx
	}
	return fault.Wrap(fault.Timeout, "ask", "device "+string(l.cfg.Device.ID), j.ctx.Err())
}

// take is the first job that can be done now; nil when there is none.
func (l *Loop) take(withDevice bool) *job {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	i := slices.IndexFunc(l.inbox.jobs, func(j *job) bool { return j.do == nil || withDevice })
	if i < 0 {
		return nil
	}
	j := l.inbox.jobs[i]
	l.inbox.jobs = slices.Delete(l.inbox.jobs, i, i+1)
	return j
}

// looks does the jobs that need no device.
func (l *Loop) looks() {
	for j := l.take(false); j != nil; j = l.take(false) {
		out := contain(func() (struct{}, error) { return struct{}{}, j.look() })
		j.done <- out.err
	}
}

// serve does the jobs that wait, unless a removal goes first. It reports whether it did one.
func (l *Loop) serve(ctx context.Context) bool {
	l.looks()
	_, u, any := l.queue.first()
	removal := any && u.rank == 0 && !l.reports()
	away := l.mono().Before(l.retryAt)
	if removal && !away {
		return false
	}
	j := l.take(true)
	if j == nil {
		return false
	}
	if removal {
		j.done <- fault.New(fault.Unreachable, "reach", "device "+string(l.cfg.Device.ID), "it does not answer, and a removal waits for it")
		return true
	}
	both, cancel := context.WithCancel(j.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	j.done <- l.do(both, l.perRow(), j.do)
	return true
}

// wanted says whether a job waits for the device.
func (l *Loop) wanted() bool {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	return slices.ContainsFunc(l.inbox.jobs, func(j *job) bool { return j.do != nil })
}
