package akuvox

import (
	"context"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
)

// Defaults where the configuration says nothing (§1).
const (
	defaultPace    = 250 * time.Millisecond
	defaultTimeout = 10 * time.Second
)

// Paths of the API (§2).
const (
	infoPath  = "/api/system/info"
	usersPath = "/api/user/get"
	hoursPath = "/api/schedule/get"
	logPath   = "/api/doorlog/get"
	relayPath = "/api/relay/trig"
	clockPath = "/api/system/status"
)

// Panel is one Akuvox unit. It is a driver.Panel and safe for concurrent use: exchanges go one at
// a time and well apart, because these units lock up otherwise (§1).
type Panel struct {
	cfg    driver.Config
	link   *link
	now    func() time.Time
	memory driver.Memory // nil: nothing outlives this value

	mu    sync.Mutex
	known known
	told  told
	last  glance
}

// known is what the unit has taught us so far. The zero value assumes nothing.
type known struct {
	profile  profile
	lookup   lookup
	paged    map[string]bool // paths where a list call without page is of no use; never changed, only replaced
	pathVerb bool            // writes go to /api/user/add and /del, not to /api/user/set
	tail     string          // what the unit puts after the last schedule pair, ";" or ","
	sep      string          // what it puts between schedule pairs; "" not seen yet
	cards    string          // what it puts between cards; "" not seen yet
	refTwin  bool            // it spells UserID as UserId
	hours    hours           // the weekly schedules on it
	calls    *installed      // what it was made to call; nil: not read yet. Never changed, only replaced
}

var (
	_ driver.Panel          = (*Panel)(nil)
	_ driver.DoorReleaser   = (*Panel)(nil)
	_ driver.RelayChecker   = (*Panel)(nil)
	_ driver.Doctor         = (*Panel)(nil)
	_ driver.ScheduleWriter = (*Panel)(nil)
	_ driver.ClockReader    = (*Panel)(nil)
	_ driver.DoorLogger     = (*Panel)(nil)
	_ driver.EventCaller    = (*Panel)(nil)
	_ driver.MoreLister     = (*Panel)(nil)
)

// New makes the driver of one unit without touching the network. cfg.URL is http:// or https://
// with nothing after the port. Errors are Invalid and name the key that is wrong.
func New(cfg driver.Config, deps driver.Deps) (driver.Panel, error) {
	l, err := newLink(cfg, deps)
	if err != nil {
		return nil, err
	}
	now := deps.Now
	if now == nil {
		now = time.Now
	}
	return &Panel{cfg: cfg, link: l, now: now, memory: deps.Memory, known: known{profile: profileOf(cfg.Model)}}, nil
}

// Close lets go of the connection, if there is one.
func (p *Panel) Close() error {
	p.link.close()
	return nil
}

// Probe asks the unit what it is, learns how it writes its rows, and proves whether it can look a
// row up (§2.3) and keeps weekly hours (§2.4): five reading requests at most on a panel that lists its
// schedules at once, whatever its size. When the unit
// names itself but its users cannot be read, the identity is returned along with the error.
func (p *Panel) Probe(ctx context.Context) (model.Identity, model.Limits, error) {
	id, err := p.info(ctx)
	if err != nil {
		return id, model.Limits{}, err
	}
	name := id.Model
	if p.cfg.Model != "" {
		name = p.cfg.Model
	}
	prof := profileOf(name)
	p.learn(func(k *known) { k.profile, k.lookup = prof, lookupUnproven })
	if _, err := p.prove(ctx); err != nil {
		return id, prof.limits(false), err
	}
	keeps, err := p.keepsHours(ctx)
	if err != nil {
		return id, prof.limits(false), err
	}
	limits := prof.limits(p.facts().lookup == lookupWorks)
	if keeps {
		limits.Schedules = schedulesPerRow
	}
	return id, limits, nil
}

// info reads system/info; the status stands under data, or beside the retcode on some X916S (§2.1).
func (p *Panel) info(ctx context.Context) (model.Identity, error) {
	r, err := p.link.get(ctx, "read system info", infoPath, nil)
	if err != nil {
		return model.Identity{}, err
	}
	id, ok := identity(r)
	if !ok {
		return id, fault.New(fault.Invalid, "read system info", p.link.subject, "the answer names no model").
			WithRemedy("Check that the address is the panel's and update its firmware.")
	}
	return id, nil
}

func (p *Panel) facts() known {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

func (p *Panel) learn(f func(*known)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.known)
}
