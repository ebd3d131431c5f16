package comelitsim

import "time"

// down says whether nobody reaches the panel because it restarts.
func (p *Panel) down() bool { return p.now().Before(p.downUntil) }

// reboot ends every session and connection; what is stored stays.
func (p *Panel) reboot(outage time.Duration) {
	p.downUntil = p.now().Add(outage)
	clear(p.web)
	p.held, p.ring = nil, nil
	clear(p.sessions)
	for c := range p.conns {
		c.reset()
	}
}

// silent says whether the panel does not answer: frozen, or asleep after a while without a word. Whoever asks has
// spoken, which keeps a waking panel awake.
func (p *Panel) silent() bool {
	now := p.now()
	a := p.faults.On(FaultSleep)
	asleep := a != nil && now.Sub(p.busyAt) > a.Duration
	if !asleep {
		p.busyAt = now
	}
	return asleep || p.on(FaultFreeze)
}

// stir lets whoever waits on a silent panel look again.
func (p *Panel) stir() {
	p.busyAt = p.now()
	close(p.stirred)
	p.stirred = make(chan struct{})
}
