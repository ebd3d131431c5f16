package cloudlink

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Link is the gateway's link to its cloud. Make it with New; Run does everything.
type Link struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	refused *refusals
	keys    atomic.Pointer[Keys]
	limits  atomic.Pointer[Limits]
	nonces  *nonces
	dial    func(context.Context, greeting) (session, error)

	nudge    chan struct{}         // something is to be sent
	commands chan protocol.Command // accepted, not yet begun

	storing sync.Mutex // held while an update is applied, and while position and digest are read as one

	mu     sync.Mutex // guards all below
	todo   todo
	status status
}

// todo is what the receiving side asks of the sending side. It holds levels, not a queue: the latest is what counts.
type todo struct {
	ack      bool
	hello    bool          // something is missing: ask now
	greet    bool          // there is something to tell: say it in a hello soon
	failed   time.Time     // when the store failed to take something; zero: it was asked for again, or not
	wait     time.Duration // between such a failure and the hello for it; 0: the last one was stored
	gap      time.Duration // least time between urgent hellos at present
	foreign  uint64        // an epoch that was offered and not taken up
	paced    time.Time     // when intervals were set last
	asked    time.Time     // when the last hello left
	answered time.Time     // when the cloud last answered a hello
	spoke    time.Time     // from when to ask again: the cloud gave a receipt, and none for the last hello; zero: it did not
	confirm  uint64        // receipt to pass on to the outbox
	answer   time.Time     // when the hello left that was answered last
	known    *known        // by the newest answer, what the cloud has of the events; nil: nothing new
	replies  []protocol.Reply
}

// known is what the cloud had of the events when it was asked.
type known struct {
	through uint64
	asked   time.Time
}

// New checks the configuration and makes a link. Nothing happens before Run.
func New(cfg Config, deps Deps, log *slog.Logger) (*Link, error) {
	broker, err := cfg.check()
	if err != nil {
		return nil, err
	}
	deps = deps.withDefaults()
	cfg.Limits = cfg.Limits.withDefaults()
	m := newMetrics()
	l := &Link{
		cfg: cfg, deps: deps, log: log, metrics: m,
		refused:  &refusals{log: log, metrics: m, now: deps.Now, seen: map[protocol.Reason]*told{}},
		nonces:   &nonces{limit: cfg.Limits.Transit},
		nudge:    make(chan struct{}, 1),
		commands: make(chan protocol.Command, maxWaiting),
		status:   status{since: deps.Now()},
	}
	l.todo.gap = cfg.Limits.Urgent
	l.keys.Store(new(cfg.keys()))
	l.limits.Store(&cfg.Limits)
	l.dial = dialer{
		cfg: cfg, broker: broker, now: l.certificateTime,
		count: func(direction string, n int) { m.bytes.WithLabelValues(direction).Add(float64(n)) },
	}.dial
	return l, nil
}

// certificateTime is the gateway's clock while it is trusted, or doubted: a time server that is ahead or behind must
// not cut off the cloud, which could say so. Else it is the later of it and the wall clock: a box without a clock chip
// wakes in the past, where every certificate is "not yet valid".
func (l *Link) certificateTime() time.Time {
	wall := l.deps.Now()
	at, _ := l.deps.Clock.Now()
	trusted, source := l.deps.Clock.Health()
	if trusted || source == doubted || at.After(wall) {
		return at
	}
	return wall
}

// doubted is the source of a clock that holds its time against a time server (clock.ByDoubt).
const doubted = "doubted"

// Run keeps the link up until ctx ends, then says goodbye within the farewell limit and returns nil. Losing the
// broker or the cloud is no error: it is told in Status and tried again.
func (l *Link) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range commandWorkers {
		workers.Go(func() { l.work(ctx) })
	}
	defer workers.Wait()
	clean, failures := false, 0
	for attempt := uint64(1); ; attempt++ {
		made, err := l.connection(ctx, l.cfg.Before+attempt, clean)
		if ctx.Err() != nil {
			return nil
		}
		clean = errors.Is(err, errTooLarge)
		if clean {
			l.refused.add("", protocol.Refuse(protocol.Oversized, "%w", err))
		}
		if failures++; made {
			failures = 0
		}
		wait := l.delay(failures)
		l.log.Warn("no link to the cloud", "error", err, "failed_in_a_row", failures, "next_try", wait.Round(time.Second))
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// delay is random, so that the gateways of a broker that restarts do not all come back in the same second.
func (l *Link) delay(failures int) time.Duration {
	most := min(l.limits.Load().Retry<<min(failures, 10), l.limits.Load().RetryMax)
	return rand.N(most + 1)
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connection makes one connection and lives on it until it ends. made says whether there was one.
func (l *Link) connection(ctx context.Context, number uint64, clean bool) (made bool, err error) {
	s, err := l.dial(ctx, greeting{will: l.statusBody(number, false), clean: clean, receive: l.receive})
	if err != nil {
		l.setFailed(err)
		return false, err
	}
	began := l.deps.Now()
	err = l.converse(ctx, s, number)
	if ctx.Err() != nil { // leaving is no trouble
		l.setLost(began, nil)
		l.goodbye(ctx, s, number)
		return true, nil //nolint:nilerr // leaving is no trouble
	}
	l.setLost(began, err)
	s.close(0)
	return true, err
}

// goodbye tells people that the gateway left on purpose, if the network takes it in time.
func (l *Link) goodbye(ctx context.Context, s session, number uint64) {
	limit := l.cfg.Limits.Farewell
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := s.publish(ctx, protocol.StatusTopic(l.cfg.Gateway), true, l.statusBody(number, false)); err != nil {
		l.log.Info("left without saying goodbye", "error", err)
		s.close(0)
		return
	}
	s.close(limit / 2)
}

// statusBody is the retained hint for people. Boot and number let them see that a late last will is old.
func (l *Link) statusBody(number uint64, online bool) []byte {
	st := protocol.Status{Online: online, Boot: l.cfg.Boot, Number: number}
	if online {
		st.At, _ = l.deps.Clock.Now()
	}
	body, err := json.Marshal(st)
	if err != nil { // a struct of plain fields always marshals, but for a year beyond 9999
		return []byte(`{}`)
	}
	return body
}

// standing reads position and digest as they belong together.
func (l *Link) standing() (access.Position, access.Digest) {
	l.storing.Lock()
	defer l.storing.Unlock()
	return l.deps.Wanted.Position(), l.deps.Wanted.Digest()
}

// want notes something for the sending side and wakes it.
func (l *Link) want(note func(*todo)) {
	l.mu.Lock()
	note(&l.todo)
	l.mu.Unlock()
	select {
	case l.nudge <- struct{}{}:
	default: // it is awake already
	}
}
