package comelitsim

import (
	"errors"
	"fmt"
	"gatehouse/protocol/simkit"
	"math/rand/v2"
	"sync"
	"time"
)

// Sizes that the reference leaves open (assumptions.md).
const (
	defaultUnits  = 4
	maxUnits      = 2000
	maxLog        = 1000
	maxConns      = 32
	webIdle       = 10 * time.Minute
	backupQuota   = 5 // this one is known (§3)
	factoryPasswd = "comelit"
)

// Options describe a panel. The zero value has four empty units and the factory password, all well.
type Options struct {
	// Units is how many apartments there are; 0 means 4.
	Units int
	// Password is the installer's; empty means the factory's, comelit (§3).
	Password string
	// Token, when given, is put with the name Gatehouse into slot TokenSlot of the first unit, as an enabled app.
	Token string
	// TokenSlot is 1 to 15; 0 means 1.
	TokenSlot int
	// Doors is the address book; nil means two entrances with three outputs and one actuator.
	Doors []Door
	// Now is the panel's clock; nil means time.Now. Timed sends (rings, renewals) run on real timers.
	Now func() time.Time
	// Faults are on from the start.
	Faults []FaultSetting
}

// Panel is one simulated gateway. Its sides are ServeICONA, ServeDiscovery and the HTTP handlers Web and Control.
// It is safe for concurrent use; goroutines belong to the Serve methods and end with them.
type Panel struct {
	opt Options

	mu        sync.Mutex
	faults    simkit.Switches
	slots     [][slotsPerUnit]record
	os        map[place]string // told by push-info
	conns     map[*conn]bool
	held      *session // the one CTPP session, or
	sessions  map[place]*session
	ring      *ring
	log       []Entry
	stats     Stats
	backups   []backup
	web       map[string]time.Time // address or cookie: last seen
	lastName  int64                // of a backup
	downUntil time.Time
	busyAt    time.Time     // when somebody last spoke, for sleep
	stirred   chan struct{} // closed when a freeze or a sleep may be over
}

// New makes a panel. It fails on a number of units out of bounds, a token that is none, or an unknown fault.
func New(o Options) (*Panel, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	p := &Panel{
		opt: o, faults: FaultList().Switches(), slots: make([][slotsPerUnit]record, o.Units), os: map[place]string{},
		conns: map[*conn]bool{}, sessions: map[place]*session{}, stats: newStats(), web: map[string]time.Time{},
		busyAt: o.Now(), stirred: make(chan struct{}),
	}
	for u := range p.slots {
		for s := range slotsPerUnit {
			p.slots[u][s] = emptyRecord()
		}
		p.slots[u][0] = monitor(u)
	}
	if o.Token != "" {
		r := &p.slots[0][o.TokenSlot]
		r[fieldEnabled], r[fieldKind], r[fieldName], r[fieldToken] = enabled, kindApp, "Gatehouse", o.Token
	}
	for _, f := range o.Faults {
		if err := p.SetFault(f); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// monitor is slot 0: the in-unit panel, named by the installer after the unit.
func monitor(unit int) record {
	r := emptyRecord()
	r[fieldEnabled], r[fieldKind], r[fieldName] = enabled, kindInternal, "Unit "+unitName(unit)
	return r
}

// fill puts the defaults in and checks the rest.
func (o *Options) fill() error {
	if o.Units == 0 {
		o.Units = defaultUnits
	}
	if o.Units < 1 || o.Units > maxUnits {
		return fmt.Errorf("%d units; give 1 to %d", o.Units, maxUnits)
	}
	if o.TokenSlot == 0 {
		o.TokenSlot = 1
	}
	if o.TokenSlot < 1 || o.TokenSlot >= slotsPerUnit {
		return fmt.Errorf("the token cannot be in slot %d; give 1 to %d", o.TokenSlot, slotsPerUnit-1)
	}
	if o.Token != "" && !isToken(o.Token) {
		return errors.New("the token is not 32 hexadecimal digits, or all zeros")
	}
	if o.Password == "" {
		o.Password = factoryPasswd
	}
	if o.Doors == nil {
		o.Doors = standardDoors()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

func (p *Panel) now() time.Time { return p.opt.Now() }

// slot returns the record at a place, nil outside the table.
func (p *Panel) slot(a place) *record {
	if a.unit >= len(p.slots) || a.slot >= slotsPerUnit {
		return nil
	}
	return &p.slots[a.unit][a.slot]
}

// randomText is n characters of an alphabet.
func randomText(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
