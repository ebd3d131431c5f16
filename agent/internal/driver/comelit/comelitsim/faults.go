package comelitsim

import (
	"errors"
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
	most    int // bound of a count; 0 means maxCount
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

// maxCount bounds a fault's number: a response code, characters, megabytes.
const maxCount = 1024

// arm checks a setting against the list.
func arm(s FaultSetting) (armed, error) {
	for _, f := range Faults() {
		if f.Name == s.Name {
			return f.arm(s)
		}
	}
	return armed{}, fmt.Errorf("there is no fault %q; gatehouse-sim comelit --faults lists them", s.Name)
}

func (f Fault) arm(s FaultSetting) (armed, error) {
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
			err = errors.New("it takes no value")
		}
	}
	most := f.most
	if most == 0 {
		most = maxCount
	}
	if err == nil && (a.duration < 0 || a.count < 0 || a.count > most) {
		err = fmt.Errorf("it must not be negative, a number not over %d", most)
	}
	if err != nil {
		return armed{}, fmt.Errorf("fault %s: value %q is wrong: %w", s.Name, s.Value, err)
	}
	return a, nil
}

// SetFault switches a fault on or off. Reboot, lapse and backup-quota act at once and are over.
// It fails, and changes nothing, on an unknown name or a wrong value.
func (p *Panel) SetFault(s FaultSetting) error {
	a, err := arm(s)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wakeAll()
	switch {
	case p.actOnce(s, a):
	case s.On:
		p.faults[s.Name] = &a
	default:
		delete(p.faults, s.Name)
	}
	if s.Name == FaultFreeze || s.Name == FaultSleep {
		p.stir()
	}
	return nil
}

// actOnce does the faults that are a moment and not a state.
func (p *Panel) actOnce(s FaultSetting, a armed) bool {
	switch s.Name {
	case FaultReboot:
		p.downUntil = time.Time{}
		if s.On {
			p.reboot(a.duration)
		}
	case FaultLapse:
		if s.On {
			p.lapseAll()
		}
	case FaultBackupQuota:
		if s.On {
			p.fillQuota()
		}
	default:
		return false
	}
	return true
}

// on says whether a fault is on, without using it up.
func (p *Panel) on(name string) bool { return p.faults[name] != nil }

// bites says whether a fault is on and counts one use of it.
func (p *Panel) bites(name string) bool {
	_, on := p.bite(name)
	return on
}

// bite is bites with the fault's value.
func (p *Panel) bite(name string) (armed, bool) {
	a := p.faults[name]
	if a == nil {
		return armed{}, false
	}
	if a.times > 0 {
		if a.times--; a.times == 0 {
			delete(p.faults, name)
		}
	}
	return *a, true
}

// lateness is how late a fault makes the next answer; 0 when it is off.
func (p *Panel) lateness(name string) time.Duration {
	a, _ := p.bite(name)
	return a.duration
}
