package comelitsim

import (
	"time"

	"gatehouse/protocol/simkit"
)

// FaultSetting switches one fault at run time.
type FaultSetting = simkit.FaultSetting

// SetFault switches a fault on or off. Reboot, lapse and backup-quota act at once and are over.
// It fails, and changes nothing, on an unknown name or a wrong value.
func (p *Panel) SetFault(s FaultSetting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.faults.Set(s)
	if err != nil {
		return err
	}
	defer p.wakeAll()
	p.actOnce(s, a.Duration)
	if s.Name == FaultFreeze || s.Name == FaultSleep {
		p.stir()
	}
	return nil
}

// actOnce does the faults that are a moment and not a state.
func (p *Panel) actOnce(s FaultSetting, d time.Duration) {
	switch {
	case s.Name == FaultReboot:
		p.downUntil = time.Time{}
		if s.On {
			p.reboot(d)
		}
	case s.Name == FaultLapse && s.On:
		p.lapseAll()
	case s.Name == FaultBackupQuota && s.On:
		p.fillQuota()
	}
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

// lateness is how late a fault makes the next answer; 0 when it is off.
func (p *Panel) lateness(name string) time.Duration {
	if a := p.faults.Bite(name); a != nil {
		return a.Duration
	}
	return 0
}
