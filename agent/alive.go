package agent

import (
	"errors"
	"fmt"

	"gatehouse/protocol/access/fault"
)

// Alive is what a watchdog asks: nil while every panel's loop turns when it said it would and the
// store answers a read. It may be called from any goroutine while Run runs.
func (a *Agent) Alive() error {
	for _, p := range a.panels {
		if p.loop == nil {
			continue
		}
		if late := p.loop.Overdue(); late > 0 {
			return fault.New(fault.Internal, "look after", "panel "+string(p.cfg.ID), "its loop should have turned %s ago", late)
		}
	}
	_, site := a.box.outbox.Stats()
	_, wanted := a.box.wanted.Position()
	if err := errors.Join(site, wanted); err != nil {
		return fmt.Errorf("the store does not answer: %w", err)
	}
	return nil
}
