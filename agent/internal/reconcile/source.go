package reconcile

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

// Some of what a driver does runs beside the loop: it listens to what its device tells by itself, and
// reads calls that the device makes. The loop owns the driver; here is how others come to it.

// steadyEvents is how long a device must have been listened to for its next loss to count as the first.
const steadyEvents = 10 * time.Minute

// source is the present instance of the driver, and whether it may be listened to.
type source struct {
	sync.Mutex
	panel  driver.Panel    // nil: there is none
	ctx    context.Context // of the loop's Run; ends when the device may be listened to no more; nil: it has not answered yet
	cancel func()
	busy   chan struct{} // closed when nobody listens any more; nil: nobody does
	news   chan struct{} // closed when any of it changes; nil: nobody waits
}

// take puts an instance in the place of the one before, nil: none, and waits a moment for whoever
// listens to that.
func (s *source) take(p driver.Panel) {
	s.Lock()
	busy := s.busy
	if s.cancel != nil {
		s.cancel()
	}
	s.panel, s.ctx, s.cancel = p, nil, nil
	s.tell()
	s.Unlock()
	if busy == nil {
		return
	}
	late := time.NewTimer(time.Second) // as the contract says; the fence does the rest
	defer late.Stop()
	select {
	case <-busy:
	case <-late.C:
	}
}

// start lets the instance be listened to: its device has answered.
func (s *source) start(ctx context.Context, p driver.Panel) {
	s.Lock()
	defer s.Unlock()
	if s.ctx != nil && s.ctx.Err() == nil && s.panel == p {
		return
	}
	s.panel = p
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.tell()
}

func (s *source) tell() {
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// begin is what to listen to now; nil, and when to ask again, while there is nothing.
func (s *source) begin() (from driver.EventSource, alive context.Context, news <-chan struct{}) {
	s.Lock()
	defer s.Unlock()
	if s.ctx != nil && s.ctx.Err() == nil {
		if from, ok := s.panel.(driver.EventSource); ok {
			s.busy = make(chan struct{})
			return from, s.ctx, nil
		}
	}
	if s.news == nil {
		s.news = make(chan struct{})
	}
	return nil, nil, s.news
}

func (s *source) end() {
	s.Lock()
	defer s.Unlock()
	close(s.busy)
	s.busy = nil
}

// Listen hears what the device tells by itself, whichever instance of the driver there is, until ctx
// ends. A device that is lost is listened to again after a while, and when the loop reached it again.
// One goroutine calls it; after a panic it may be called again.
func (l *Loop) Listen(ctx context.Context, tell func(driver.Happening)) error {
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // jitter
	for fails := 0; ctx.Err() == nil; {
		from, alive, news := l.source.begin()
		if from == nil {
			select {
			case <-news:
			case <-ctx.Done():
			}
			continue
		}
		began := l.mono()
		err := l.hear(ctx, alive, from, tell)
		if ctx.Err() != nil || alive.Err() != nil {
			fails = 0
			continue
		}
		if l.mono().Sub(began) > steadyEvents {
			fails = 0
		}
		if fails++; fails == 1 {
			l.log.Warn("the device is not heard any more; listened to again", "err", err, "remedy", fault.RemedyOf(err))
		}
		rest := time.NewTimer(delay(fails, r))
		select {
		case <-rest.C:
		case <-alive.Done():
		case <-ctx.Done():
		}
		rest.Stop()
	}
	return nil
}

func (l *Loop) hear(ctx, alive context.Context, from driver.EventSource, tell func(driver.Happening)) error {
	defer l.source.end()
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(alive, cancel)()
	if err := from.Events(both, tell); err != nil {
		return err
	}
	return errors.New("it ended by itself")
}

// Called reads a call that the device made by itself; false: it is none of its. It may be called from
// any goroutine and touches neither the device nor the loop. No PIN or card leaves it.
func (l *Loop) Called(event string, query url.Values) (driver.Happening, bool) {
	l.source.Lock()
	panel, ok := l.source.panel.(driver.EventCaller)
	l.source.Unlock()
	if !ok {
		return driver.Happening{}, false
	}
	type read struct {
		driver.Happening
		ok bool
	}
	out := contain(func() (r read, err error) {
		r.Happening, r.ok = panel.Called(event, query)
		return r, nil
	})
	if out.err != nil {
		l.log.Error("a call of the device cannot be read", "err", out.err, "stack", string(out.stack))
	}
	return out.v.Happening, out.v.ok
}
