package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/protocol/access"
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
	mono func() time.Time // for waits: nobody can set it
	wake chan struct{}

	begun chan struct{}
	begin sync.Once // closes begun

	inbox struct { // written by any goroutine, drained by Run
		sync.Mutex
		all, audit, holds, contact, overlay bool
		hint                                bool // something happened at a door
		people                              map[access.PersonID]bool
		policy                              access.DriftPolicy
		every                               time.Duration // between audits
		jobs                                []*job
	}
	status struct {
		sync.Mutex
		Status
		turns time.Time // by when the loop turns again
	}

	source source // what others may ask of the driver beside the loop

	state // of Run's goroutine
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
		cfg: cfg, log: cfg.Log.With("device", string(cfg.Device.ID)), mono: time.Now,
		wake:  make(chan struct{}, 1),
		begun: make(chan struct{}),
		state: newState(cfg),
	}
	l.inbox.people, l.inbox.every = map[access.PersonID]bool{}, cfg.Audit
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
	l.ring()
}

func (l *Loop) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// tell changes the inbox and wakes the loop. It may be called from any goroutine and never blocks.
func (l *Loop) tell(f func()) {
	l.inbox.Lock()
	f()
	l.inbox.Unlock()
	l.ring()
}

// SetPolicy changes what is done about rows that are not as they were written; "" is repair. A device
// that its own configuration only reports on stays so.
func (l *Loop) SetPolicy(p access.DriftPolicy) {
	l.tell(func() {
		if l.inbox.policy != p {
			l.inbox.policy, l.inbox.all = p, true
		}
	})
}

// SetAudit changes how often the device is read back as a whole; 0: once a day.
func (l *Loop) SetAudit(every time.Duration) {
	l.tell(func() { l.inbox.every = cmp.Or(every, auditEvery) })
}

// HoldsChanged says that losses of access were held back or let go.
func (l *Loop) HoldsChanged() { l.tell(func() { l.inbox.holds = true }) }

// ContactChanged says that the cloud was heard again: lease ends that waited for it act.
func (l *Loop) ContactChanged() { l.tell(func() { l.inbox.contact = true }) }

// AuditNow has the device read back as a whole soon, after removals.
func (l *Loop) AuditNow() { l.tell(func() { l.inbox.audit = true }) }

// DoorHint says that something happened at a door: the device's log is read soon. It never blocks.
func (l *Loop) DoorHint() { l.tell(func() { l.inbox.hint = true }) }

// Begun is closed when the loop knows what stands on its device and enforces from then on, whether
// or not the device answers.
func (l *Loop) Begun() <-chan struct{} { return l.begun }

// Run owns the device until ctx ends, then closes it, and returns nil. Neither a panel nor the box's
// own store ends it: it waits and tries again. It may be run again after it ended or panicked, and
// then learns everything anew.
func (l *Loop) Run(ctx context.Context) error {
	defer func() { l.close(context.WithoutCancel(ctx)) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also of a call that a panic left under way
	l.state = newState(l.cfg)
	for ctx.Err() == nil {
		l.promise(longWork)
		if l.ready() {
			l.once(ctx)
		}
		l.publish()
		l.promise(l.idle() + slack)
		l.sleep(ctx)
	}
	return nil
}

// ready learns what stands on the device, once; false while the store does not tell.
func (l *Loop) ready() bool {
	l.mend()
	switch {
	case l.store.blind:
		return false
	case l.knows:
		return true
	}
	if err := l.learnAll(); err != nil {
		l.storeFails(err)
		return false
	}
	l.knows = true
	l.begin.Do(func() { close(l.begun) })
	return true
}

// drain takes what was told through Changed.
func (l *Loop) drain() (all bool, people map[access.PersonID]bool) {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	all, people = l.inbox.all, l.inbox.people
	l.inbox.all, l.inbox.people = false, map[access.PersonID]bool{} // cleared, it would stay as large as it ever was
	l.policy = l.inbox.policy
	if every := l.inbox.every; every != l.every {
		l.every = every
		if next := l.mono().Add(every); next.Before(l.auditAt) {
			l.auditAt = next
		}
	}
	if l.inbox.audit {
		l.inbox.audit, l.auditAt = false, l.mono()
	}
	if l.inbox.hint {
		l.inbox.hint = false
		l.doors.hinted(l.mono())
	}
	if l.inbox.contact {
		l.inbox.contact = false
		maps.Copy(l.again, l.stale)
	}
	return all, people
}

// putBack returns what was taken and not dealt with. It wakes nobody.
func (l *Loop) putBack(all bool, people map[access.PersonID]bool) {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	l.inbox.all = l.inbox.all || all
	maps.Copy(l.inbox.people, people)
}
