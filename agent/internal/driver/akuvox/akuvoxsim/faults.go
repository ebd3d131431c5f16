package akuvoxsim

import (
	"time"

	"gatehouse/protocol/simkit"
)

// FaultSetting switches one fault at run time.
type FaultSetting = simkit.FaultSetting

// SetFault switches a fault on or off. Reboot and power-cut act at once and end by themselves.
// It fails, and changes nothing, on an unknown name or a wrong value.
func (p *Panel) SetFault(s FaultSetting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.faults.Set(s)
	if err != nil {
		return err
	}
	switch {
	case s.Name == FaultReboot && s.On:
		p.reboot(a.Duration)
	case s.Name == FaultPowerCut && s.On:
		p.powerCut(a.Duration)
	case s.Name == FaultReboot || s.Name == FaultPowerCut:
		p.downUntil = time.Time{}
	case s.Name == FaultLockup && !s.On:
		p.lockedUntil = time.Time{}
	}
	return nil
}

// FaultsOn lists the faults that are on.
func (p *Panel) FaultsOn() []FaultSetting {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults.All()
}

// on says whether a fault is on, without using it up.
func (p *Panel) on(name string) bool { return p.faults.On(name) != nil }

// bites says whether a fault is on and counts one use of it.
func (p *Panel) bites(name string) bool { return p.faults.Bite(name) != nil }

// faultDuration is the value of a fault that is on, else 0.
func (p *Panel) faultDuration(name string) time.Duration {
	if a := p.faults.On(name); a != nil {
		return a.Duration
	}
	return 0
}
