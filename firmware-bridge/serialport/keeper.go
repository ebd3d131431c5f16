package serialport

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// How long a Keeper waits after a failure: doubled each time, and up to half longer by chance, so
// that several lines do not come back in step. That makes 0.5 to 30 s (encoders.md §8).
const (
	backOffMin = 500 * time.Millisecond
	backOffMax = 20 * time.Second
	// steady is how long a line holds that is in order although nothing came in.
	steady = 30 * time.Second
)

// Keeper keeps one line for its owner, a driver's goroutine, and opens it again when it went away.
// It does so only when the owner asks: what was under way when a line broke is for the owner to
// judge, so a line never changes under its hands.
type Keeper struct {
	address Address
	opts    Options
	open    func(context.Context, Address, Options) (Link, error)
	chance  func() float64 // in [0, 1)

	owner  sync.Mutex // one caller of Link at a time
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	link     Link
	opened   bool      // at least once
	since    time.Time // of link
	failures int       // in a row
	next     time.Time // no attempt before
}

// NewKeeper makes a Keeper; nothing is opened yet.
func NewKeeper(a Address, o Options) *Keeper {
	return &Keeper{address: a, opts: o.filled(), open: Open, chance: rand.Float64, closed: make(chan struct{})}
}

// Link gives the open line. When there is none, or Drop was called on it, one is opened, after a
// wait of 0.5 to 30 s that grows with each failure in a row; a line on which something came in, or
// that held for 30 s, ends the row. It gives the error of one failed attempt, so that the owner can
// say why nothing works; ctx's own error when ctx ends during the wait; ErrClosed after Close.
func (k *Keeper) Link(ctx context.Context) (Link, error) {
	k.owner.Lock()
	defer k.owner.Unlock()
	if l := k.current(); l != nil {
		return l, nil
	}
	if err := k.wait(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := k.onClose(cancel)
	l, err := k.open(ctx, k.address, k.opts)
	stop()
	return k.keep(l, err)
}

func (k *Keeper) current() Link {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.link
}

// wait returns when the next attempt may be made.
func (k *Keeper) wait(ctx context.Context) error {
	k.mu.Lock()
	pause := time.NewTimer(time.Until(k.next))
	k.mu.Unlock()
	defer pause.Stop()
	select {
	case <-k.closed:
		return k.isClosed()
	default:
	}
	select {
	case <-k.closed:
		return k.isClosed()
	case <-ctx.Done():
		return ended(ctx, "open", k.address.name())
	case <-pause.C:
		return nil
	}
}

// onClose calls f when the Keeper is closed; stop ends the watch and waits for it.
func (k *Keeper) onClose(f func()) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-k.closed:
			f()
		case <-end:
		}
	}()
	return func() { close(end); <-done }
}

func (k *Keeper) keep(l Link, err error) (Link, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failed()
		return nil, err
	}
	select {
	case <-k.closed:
		_ = l.Close() // opened for nobody
		return nil, k.isClosed()
	default:
	}
	if k.opened {
		k.opts.Counters.Reopens.Add(1)
	}
	k.link, k.opened, k.since = l, true, time.Now()
	return l, nil
}

// failed puts the next attempt off.
func (k *Keeper) failed() {
	pause := min(backOffMin<<k.failures, backOffMax)
	k.failures = min(k.failures+1, 10)
	k.next = time.Now().Add(pause + time.Duration(k.chance()*float64(pause/2)))
}

// Drop closes l, when it is the line that Link gave last; the next Link opens another. The owner
// calls it whenever a call on l failed with more than a silence, or the encoder makes no sense.
func (k *Keeper) Drop(l Link) error {
	k.mu.Lock()
	if k.link == nil || k.link != l {
		k.mu.Unlock()
		return nil
	}
	k.link = nil
	if p, ok := l.(interface{ proven() bool }); ok && p.proven() || time.Since(k.since) >= steady {
		k.failures = 0
	}
	k.failed()
	k.mu.Unlock()
	return l.Close()
}

// Close closes the line and ends whoever waits in Link. Closing again does nothing.
func (k *Keeper) Close() error {
	k.once.Do(func() { close(k.closed) })
	k.mu.Lock()
	l := k.link
	k.link = nil
	k.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.Close()
}

func (k *Keeper) isClosed() error {
	return &Error{Op: "open", Line: k.address.name(), Kind: ErrClosed}
}
