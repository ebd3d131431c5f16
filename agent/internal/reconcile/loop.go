package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	auditEvery = 24 * time.Hour
	maxSleep   = 10 * time.Minute // the clock may be corrected while we sleep
	firstRetry = 2 * time.Second
	lastRetry  = 2 * time.Minute
	lookEvery  = time.Minute // an idle device is looked at this often
	badRetry   = time.Hour   // a record the device refuses: look again in case a person mended it
)

// Loop owns one device. Make it with New and give it one goroutine with Run.
type Loop struct {
	cfg  Config
	log  *slog.Logger
	wake chan struct{}

	begun chan struct{}

	inbox struct { // written by any goroutine, drained by Run
		sync.Mutex
		all    bool
		people map[access.PersonID]bool
	}
	status struct {
		sync.Mutex
		Status
		turns time.Time // by when the loop turns again
	}

	// Everything below belongs to Run's goroutine.
	limits        model.Limits
	probed        bool
	mono          func() time.Time // for waits: nobody can set it
	places        access.Places
	overlay       []access.Overlay
	queue         *keyed[urgency]                    // who is due now
	later         *keyed[time.Time]                  // who is due by itself, and when
	rows          int                                // rows on the device, as last counted
	secrets       map[string]access.PersonID         // fingerprints of PINs and cards on the device
	held          map[access.PersonID][]string       // the same by person
	blocked       map[access.PersonID]bool           // refused for want of room or for a collision
	refused       map[access.PersonID]string         // what was last told of each
	untold        map[access.PersonID][]plan.Refusal // collisions, told once it is clear that they stay
	trusted       bool                               // the clock was, at the last evaluation
	failures      int                                // in a row, of the device as a whole
	retryAt       time.Time                          // no request before this
	auditAt       time.Time
	lookAt        time.Time                // an idle device is asked again
	strays        string                   // doors that the property does not have, as last told
	auditFailures int                      // in a row
	answered      bool                     // the device did, in this round
	again         map[access.PersonID]bool // to be looked at again, without news of them
}

// urgency orders who is due: removals, then changes, then additions by the start of the grant.
type urgency struct {
	rank   int
	tried  time.Time // when the device last did not answer for this person; zero: not
	begins time.Time
}

func (u urgency) before(o urgency) bool {
	if u.rank != o.rank {
		return u.rank < o.rank
	}
	if !u.tried.Equal(o.tried) {
		return u.tried.Before(o.tried)
	}
	return u.begins.Before(o.begins)
}

// New makes a loop; it touches nothing yet.
func New(cfg Config) *Loop {
	if cfg.Audit == 0 {
		cfg.Audit = auditEvery
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(1, 2))
	}
	l := &Loop{
		cfg: cfg, log: cfg.Log.With("device", string(cfg.Device.ID)), limits: cfg.Limits,
		wake:    make(chan struct{}, 1),
		begun:   make(chan struct{}),
		queue:   newKeyed(urgency.before),
		later:   newKeyed(time.Time.Before),
		secrets: map[string]access.PersonID{}, blocked: map[access.PersonID]bool{},
		refused: map[access.PersonID]string{}, untold: map[access.PersonID][]plan.Refusal{},
		mono: time.Now, again: map[access.PersonID]bool{}, held: map[access.PersonID][]string{},
	}
	l.inbox.people = map[access.PersonID]bool{}
	l.status.Device = cfg.Device.ID
	return l
}

// Changed tells the loop that these people, or with all everything, may have changed. It never
// blocks and may be called from any goroutine, also before Run.
func (l *Loop) Changed(all bool, people ...access.PersonID) {
	l.inbox.Lock()
	l.inbox.all = l.inbox.all || all
	for _, p := range people {
		l.inbox.people[p] = true
	}
	l.inbox.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Begun is closed when the loop knows what stands on its device and enforces from then on, whether
// or not the device answers.
func (l *Loop) Begun() <-chan struct{} { return l.begun }

// Run owns the device until ctx ends, then closes it. It returns nil then, and an error only when
// the box's own store fails: panels never end it.
func (l *Loop) Run(ctx context.Context) error {
	defer func() {
		if err := l.cfg.Panel.Close(); err != nil {
			l.log.Warn("closing the device", "err", err)
		}
	}()
	if err := l.begin(); err != nil {
		return err
	}
	close(l.begun)
	for ctx.Err() == nil {
		l.promise(longWork)
		if err := l.once(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		l.publish()
		l.promise(l.idle() + slack)
		l.sleep(ctx)
	}
	return nil
}

// How long a loop may go without a turn and still be alive: reading back a panel of twenty thousand
// takes a quarter of an hour at the slowest pace; waking up takes nothing.
const (
	longWork = 30 * time.Minute
	slack    = time.Minute
)

// promise says by when the loop turns again.
func (l *Loop) promise(d time.Duration) {
	l.status.Lock()
	l.status.turns = l.mono().Add(d)
	l.status.Unlock()
}

// Overdue is how long ago the loop should have turned: zero or less while it is well. It may be
// called from any goroutine.
func (l *Loop) Overdue() time.Duration {
	l.status.Lock()
	defer l.status.Unlock()
	if l.status.turns.IsZero() {
		return 0
	}
	return l.mono().Sub(l.status.turns)
}

// begin learns from the ledger what is on the device, so that doors are enforced before the first
// full read-back. A device we never wrote to is read first: strangers' PINs must be known.
func (l *Loop) begin() error {
	known := 0
	err := l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error {
		known++
		for _, s := range e.Secrets {
			l.learn(s, e.Person)
		}
		return nil
	})
	l.rows, l.auditAt = known, l.mono()
	if known > 0 {
		l.auditAt = l.auditAt.Add(time.Minute)
	}
	l.Changed(true)
	return l.unreadable(err)
}

// once does all that is due now. An error is one of the box's own store and ends the loop.
func (l *Loop) once(ctx context.Context) error {
	for ctx.Err() == nil {
		l.promise(longWork)
		l.publish()
		if err := l.evaluate(); err != nil {
			return err
		}
		if l.mono().Before(l.retryAt) {
			return nil
		}
		worked, err := l.work(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // we are leaving; what was not finished is read again
		case isStore(err):
			return err
		case err != nil:
			l.backOff(err)
			return l.tellReachable(false, err)
		case !worked:
			return l.flushRefusals()
		}
		l.failures = 0
		if err := l.tellReachable(true, nil); err != nil {
			return err
		}
	}
	return nil
}

// work does the one most urgent thing. It reports whether there was one. An error that is not the
// store's means that the device as a whole does not answer as it should.
func (l *Loop) work(ctx context.Context) (bool, error) {
	if !l.probed {
		return true, l.probe(ctx)
	}
	person, u, any := l.queue.first()
	audit := !l.mono().Before(l.auditAt)
	switch {
	case audit && (!any || u.rank > 0 || l.cfg.Device.Report):
		return true, l.audit(ctx)
	case !any || l.cfg.Device.Report:
		if l.mono().Before(l.lookAt) {
			return false, nil
		}
		return true, l.look(ctx)
	}
	l.queue.drop(person)
	err := l.settle(ctx, person, u)
	switch {
	case errors.Is(err, errPreempted):
		if _, ok := l.queue.index[person]; !ok { // else decided anew meanwhile
			l.queue.put(person, u)
		}
		return true, nil
	case err != nil && !isStore(err):
		u.tried = l.mono() // others of the same rank first: one record must not block them
		l.queue.put(person, u)
	}
	return true, err
}

// look asks an idle device one cheap question, so that one that is switched off, or was reset or
// edited meanwhile, does not pass for well until somebody moves.
func (l *Loop) look(ctx context.Context) error {
	l.lookAt = l.mono().Add(lookEvery)
	c, ok := l.cfg.Panel.(driver.Counter)
	if !ok {
		_, _, err := l.cfg.Panel.Probe(ctx)
		return err
	}
	n, err := c.Count(ctx)
	if err == nil && n >= 0 && n != l.rows {
		l.log.Warn("the device holds another number of records than expected; reading it back", "records", n, "expected", l.rows)
		l.rows, l.auditAt = n, l.mono()
	}
	return err
}

func (l *Loop) probe(ctx context.Context) error {
	id, limits, err := l.cfg.Panel.Probe(ctx)
	if err != nil {
		return err
	}
	l.limits, l.probed, l.lookAt = limits, true, l.mono().Add(lookEvery)
	l.status.Lock()
	l.status.Identity, l.status.Limits = id, limits
	l.status.Unlock()
	l.log.Info("device answers", "model", id.Model, "firmware", id.Firmware)
	if l.cfg.Probed != nil {
		l.cfg.Probed()
	}
	l.Changed(true) // limits decide what can be written
	return nil
}

// deviceDown tells trouble with the device as a whole from trouble with one record.
func deviceDown(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unreachable, fault.Timeout, fault.Denied:
		return true
	}
	return false
}

func isStore(err error) bool {
	var own *storeError
	return errors.As(err, &own)
}

func (l *Loop) backOff(err error) {
	l.failures++
	d := delay(l.failures, l.cfg.Rand)
	l.retryAt = l.mono().Add(d)
	if l.failures == 1 {
		l.log.Warn("device does not answer as it should", "err", err, "kind", fault.KindOf(err), "retry_in", d, "remedy", fault.RemedyOf(err))
	}
	now, _ := l.cfg.Clock.Now()
	l.status.Lock()
	l.status.Fault, l.status.Message, l.status.NextTry = fault.KindOf(err).String(), err.Error(), now.Add(d)
	l.status.Unlock()
}

// delay doubles from firstRetry to lastRetry, half of it random so that the panels of a site do
// not answer in step after a power cut.
func delay(failures int, r *rand.Rand) time.Duration {
	d := lastRetry
	if failures < 8 {
		d = min(firstRetry<<(failures-1), lastRetry)
	}
	return d/2 + time.Duration(r.Int64N(int64(d/2)+1))
}

// sleep waits for the next thing that is due by itself, or for a change.
func (l *Loop) sleep(ctx context.Context) {
	timer := time.NewTimer(l.idle())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-timer.C:
	}
}

// idle is how long nothing can be done: until a back-off ends, else until something is due, at most
// maxSleep, because the clock may be corrected meanwhile.
func (l *Loop) idle() time.Duration {
	if left := l.retryAt.Sub(l.mono()); left > 0 {
		return left
	}
	now, _ := l.cfg.Clock.Now()
	wait := min(maxSleep, l.auditAt.Sub(l.mono()), l.lookAt.Sub(l.mono()))
	if _, t, ok := l.later.first(); ok {
		wait = min(wait, t.Sub(now))
	}
	return max(wait, 0)
}

// drain takes what was told through Changed.
func (l *Loop) drain() (all bool, people map[access.PersonID]bool) {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	all, people = l.inbox.all, maps.Clone(l.inbox.people)
	l.inbox.all = false
	clear(l.inbox.people)
	return all, people
}
