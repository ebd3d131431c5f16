package akuvoxsim

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"gatehouse/protocol/simkit"
)

// Sizes that the reference leaves open (assumptions.md).
const (
	defaultLogSize  = 1000
	defaultOutage   = 20 * time.Second
	pace            = 250 * time.Millisecond
	maxSchedules    = 254
	maxCards        = 5
	firstScheduleID = 1003
)

// Options describe a panel. The zero value is an open X916 in UTC, empty, all well.
type Options struct {
	// Model is a profile name; empty means X916.
	Model string
	// Auth is the login mode; empty means none. Basic and digest need User and Password.
	Auth           Auth
	User, Password string
	// DoorUser and DoorPassword are the login of the legacy open-door call, which is not the API's; without a user every
	// login of that call is refused.
	DoorUser, DoorPassword string
	// Allow lists the callers of mode allowlist; an empty list refuses everybody. At most five.
	Allow []netip.Addr
	// Now is the panel's own idea of time before any skew; nil means time.Now.
	Now func() time.Time
	// Zone is the panel's local time, in which schedules are judged; nil means UTC.
	Zone *time.Location
	// Capacity overrides the profile's number of users when over zero.
	Capacity int
	// LogSize is how many door log entries are kept; 0 means 1000.
	LogSize int
	// MAC is the panel's address in colon form; empty means a fixed one.
	MAC string
	// Faults are on from the start.
	Faults []FaultSetting
}

// Panel is one simulated door panel: an http.Handler for its LAN API, a keypad (Present) and a hand (Edit).
// It is safe for concurrent use and owns no goroutine: its Action URLs are sent by Deliver, which somebody has to run.
type Panel struct {
	model Model
	opt   Options

	mu          sync.Mutex
	faults      simkit.Switches
	users       []User
	nextUser    int
	schedules   []Schedule
	nextSched   int
	groups      []named
	nextGroup   int
	contacts    []contact
	nextContact int
	keys        []map[string]string // the older card store
	called      []map[string]string // the call log
	calls       []*Call             // Action URLs that became due
	due         chan struct{}
	config      map[string]string // in force
	saved       map[string]string // what a power cut leaves
	relayUntil  map[int]time.Time // open until; the far future when held open by hand
	log         []Entry
	nextLog     int
	nonces      []*nonce
	opaque      string
	boot        time.Time
	downUntil   time.Time
	lockedUntil time.Time
	rec         recorder
	serving     *Request // the one whose connection single-connection leaves alone
}

// New makes a panel. It fails on an unknown model, a login mode without its credentials, half of a login
// for the open-door calls, more than five allowed callers, or an unknown fault.
func New(o Options) (*Panel, error) {
	if o.Model == "" {
		o.Model = Models()[0].Name
	}
	m, ok := ModelByName(o.Model)
	if !ok {
		return nil, fmt.Errorf("there is no model %q; known are %v", o.Model, ModelNames())
	}
	if err := o.checkAuth(); err != nil {
		return nil, err
	}
	o.fill()
	if o.Capacity > 0 {
		m.Capacity = o.Capacity
	}
	p := &Panel{
		model: m, opt: o, faults: FaultList().Switches(), nextUser: 1, nextSched: firstScheduleID,
		schedules: builtInSchedules(), nextGroup: 1, nextContact: 1, relayUntil: map[int]time.Time{},
		nextLog: 1, opaque: newNonceText(), boot: o.Now(), rec: newRecorder(), due: make(chan struct{}, 1),
	}
	p.config = p.factoryConfig()
	p.saved = cloneMap(p.config)
	for _, f := range o.Faults {
		if err := p.SetFault(f); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// fill puts the defaults in.
func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.LogSize <= 0 {
		o.LogSize = defaultLogSize
	}
	if o.MAC == "" {
		o.MAC = "0C:11:05:00:00:01"
	}
}

// Model is the profile in force, with an overridden capacity put in.
func (p *Panel) Model() Model { return p.model }

// now is the panel's clock, skew included, in its own zone.
func (p *Panel) now() time.Time {
	return p.opt.Now().Add(p.faultDuration(FaultClockSkew)).In(p.opt.Zone)
}

func cloneMap(m map[string]string) map[string]string {
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func itoa(n int) string { return strconv.Itoa(n) }
