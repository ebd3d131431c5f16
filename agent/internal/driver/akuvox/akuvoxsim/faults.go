package akuvoxsim

import (
	"fmt"
	"strconv"
	"time"
)

// valueKind says what the value of a fault means.
type valueKind int

const (
	noValue valueKind = iota
	durationValue
	countValue
)

// Fault is one line of the list that `--faults` prints.
type Fault struct {
	Name string
	// Line says what the panel does while the fault is on.
	Line string
	// Default is the value used when none is given; empty for a fault that takes none.
	Default string
	kind    valueKind
}

// FaultSetting switches one fault at run time.
type FaultSetting struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
	// Value is a duration or a count where the fault takes one; empty means the default.
	Value string `json:"value,omitempty"`
	// Times, when over zero, lets the fault bite so often and then switches it off.
	Times int `json:"times,omitempty"`
}

// armed is a fault that is on.
type armed struct {
	duration time.Duration
	count    int
	times    int // how often it still bites; 0 means without end
}

func faultByName(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

// arm checks a setting against the list.
func arm(s FaultSetting) (armed, error) {
	f, ok := faultByName(s.Name)
	if !ok {
		return armed{}, fmt.Errorf("there is no fault %q; gatehouse-sim akuvox --faults lists them", s.Name)
	}
	if s.Times < 0 {
		return armed{}, fmt.Errorf("fault %s: times is %d; give how often it shall bite, or leave it out", s.Name, s.Times)
	}
	a := armed{times: s.Times}
	value := s.Value
	if value == "" {
		value = f.Default
	}
	var err error
	switch f.kind {
	case durationValue:
		a.duration, err = time.ParseDuration(value)
	case countValue:
		a.count, err = strconv.Atoi(value)
	case noValue:
		if value != "" {
			err = fmt.Errorf("it takes no value")
		}
	}
	if err != nil {
		return armed{}, fmt.Errorf("fault %s: value %q is wrong: %v", s.Name, s.Value, err)
	}
	return a, nil
}

// SetFault switches a fault on or off. Reboot and power-cut act at once and end by themselves.
// It fails, and changes nothing, on an unknown name or a wrong value.
func (p *Panel) SetFault(s FaultSetting) error {
	a, err := arm(s)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case s.Name == FaultReboot && s.On:
		p.reboot(a.duration)
	case s.Name == FaultPowerCut && s.On:
		p.powerCut(a.duration)
	case s.Name == FaultReboot || s.Name == FaultPowerCut:
		p.downUntil = time.Time{}
	case s.On:
		p.faults[s.Name] = &a
	default:
		delete(p.faults, s.Name)
		if s.Name == FaultLockup {
			p.lockedUntil = time.Time{}
		}
	}
	return nil
}

// on says whether a fault is on, without using it up.
func (p *Panel) on(name string) bool { return p.faults[name] != nil }

// bites says whether a fault is on and counts one use of it.
func (p *Panel) bites(name string) bool {
	a := p.faults[name]
	if a == nil {
		return false
	}
	if a.times > 0 {
		if a.times--; a.times == 0 {
			delete(p.faults, name)
		}
	}
	return true
}

// faultDuration is the value of a fault that is on, else 0.
func (p *Panel) faultDuration(name string) time.Duration {
	if a := p.faults[name]; a != nil {
		return a.duration
	}
	return 0
}
