package agent

import (
	"errors"
	"fmt"
)

// Alive is what a watchdog asks: nil while the supervisor and every piece of the gateway's own work
// turn, and the store answers a read. A panel that is away, a driver that hangs and a disk that is full
// are none of it: starting again would help nobody, and the page and /healthz say so. It may be called
// from any goroutine while Run runs.
func (a *Agent) Alive() error {
	if err := a.keeper.Alive(); err != nil {
		return err
	}
	_, site := a.box.outbox.Stats()
	_, wanted := a.box.wanted.Position()
	if err := errors.Join(site, wanted); err != nil {
		return fmt.Errorf("the store does not answer: %w", err)
	}
	return nil
}
