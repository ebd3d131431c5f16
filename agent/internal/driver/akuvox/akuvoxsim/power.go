package akuvoxsim

import "time"

// down says whether the panel is out, and why.
func (p *Panel) down() (string, bool) {
	now := p.opt.Now()
	switch {
	case now.Before(p.downUntil):
		return "restarting", true
	case now.Before(p.lockedUntil):
		return "locked up", true
	}
	return "", false
}

// Reboot restarts the panel: settings are saved, then nobody reaches it for 20 s.
func (p *Panel) Reboot() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reboot(defaultOutage)
}

// PowerCut takes the power away and gives it back: users, schedules and the door log stay (flash), settings
// made since the last restart are lost, relays fall back, and nobody reaches it for 20 s.
func (p *Panel) PowerCut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.powerCut(defaultOutage)
}

func (p *Panel) reboot(outage time.Duration) {
	p.saved = cloneMap(p.config)
	p.powerCut(outage)
}

func (p *Panel) powerCut(outage time.Duration) {
	p.config = cloneMap(p.saved)
	clear(p.relayUntil)
	p.nonces = nil
	p.lockedUntil = time.Time{}
	p.downUntil = p.opt.Now().Add(outage)
	p.boot = p.downUntil
}
