package comelitsim

import (
	"slices"
	"time"
)

// Entry is one line of what happened at the doors. The device has no such log (§6): it is the simulator's own, so
// that a test can believe the door and not the caller.
type Entry struct {
	At      time.Time `json:"at"`
	Door    string    `json:"door"` // address/output, or address/module/output for an actuator
	Name    string    `json:"name,omitempty"`
	Granted bool      `json:"granted"`
	By      string    `json:"by"`  // unit.slot and the slot's name
	How     string    `json:"how"` // api, call (in a ring), actuator, pin, card
}

func (p *Panel) note(e Entry) {
	e.At = p.now()
	if p.log = append(p.log, e); len(p.log) > maxLog {
		p.log = slices.Clone(p.log[len(p.log)-maxLog:])
	}
}

// DoorLog returns what happened, oldest first; at most the newest 1,000 lines are kept.
func (p *Panel) DoorLog() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Entry{}, p.log...)
}
