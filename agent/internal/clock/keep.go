package clock

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// memory is the JSON form of an anchor.
type memory struct {
	Boot   string        `json:"boot"`
	Since  time.Duration `json:"since_ns"`
	At     time.Time     `json:"at"`
	Within time.Duration `json:"within_ns"`
	Source string        `json:"source"`
	Swayed bool          `json:"swayed,omitempty"`
}

func decodeAnchor(b []byte) (a anchor, swayed bool, err error) {
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return anchor{}, false, err
	}
	if m.At.IsZero() || m.Since < 0 || m.Within < 0 {
		return anchor{}, false, errors.New("it holds no instant")
	}
	return anchor{Mark{m.Boot, m.Since}, m.At, m.Within, m.Source}, m.Swayed, nil
}

// Save remembers the newest trusted instant. Nothing is written while the clock is not trusted, or
// when less than ten minutes passed since the last time and the clock made no step.
func (c *Clock) Save() error {
	c.mu.Lock()
	h := c.read()
	a := c.anchor
	boot, since := c.src.Boot()
	if h.Trusted { // carried forward, so that a start of the box begins from here
		a = anchor{Mark{boot, since}, h.Now, h.Within, h.Source}
	}
	was := c.saved
	elapsed, advanced := since-was.mark.since, a.at.Sub(was.at)
	fresh := was.mark.boot == boot && elapsed >= 0 && elapsed < saveGap && (advanced-elapsed).Abs() < stepSize
	swayed := c.swayed
	c.mu.Unlock()
	if !h.Trusted || fresh {
		return nil
	}
	b, err := json.Marshal(memory{a.mark.boot, a.mark.since, a.at, a.within, a.source, swayed})
	if err != nil {
		return err
	}
	if err := c.keep.SaveClock(b); err != nil {
		return err
	}
	c.mu.Lock()
	c.saved = a
	c.mu.Unlock()
	return nil
}

// Run remembers trusted instants, every ten minutes and whenever trust or time made a step, until ctx
// ends; then once more. It also notices what nobody asked about. Call it in one goroutine.
func (c *Clock) Run(ctx context.Context) {
	tick := time.NewTicker(lookGap)
	defer tick.Stop()
	for {
		changed := c.Changed()
		if err := c.Save(); err != nil {
			c.log.Error("the trusted time could not be remembered", "err", err)
		}
		select {
		case <-ctx.Done():
			if err := c.Save(); err != nil {
				c.log.Error("the trusted time could not be remembered", "err", err)
			}
			return
		case <-tick.C:
		case <-changed:
		}
	}
}
