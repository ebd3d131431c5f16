package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// houseOf100 is a small panel: what one change costs, and how fast a cut link is back.
func houseOf100(r *rig) error {
	h, err := newHouse(r, 1, "")
	if err != nil {
		return err
	}
	people := residents(100)
	if err := h.load(people); err != nil {
		return err
	}
	if err := h.settled(100, time.Minute); err != nil {
		return err
	}
	if err := h.changes(people, r.repeats(5)); err != nil {
		return err
	}
	return h.reconnects(r.repeats(5))
}

// changes gives people, one after another, another PIN and counts the requests that each costs at the panel.
func (h *house) changes(people []resident, times int) error {
	var costs []float64
	for i := range times {
		n, err := h.change(people, i+1)
		if err != nil {
			return err
		}
		costs = append(costs, float64(n))
	}
	h.add(Result{
		Name: fmt.Sprintf("change.requests.%d", len(people)), Value: median(costs), Unit: "requests", N: times,
		Note: fmt.Sprintf("every request at the panel until it was quiet; %v to %v", slices.Min(costs), slices.Max(costs)),
	})
	return nil
}

// change gives one person another PIN and returns how many requests followed.
func (h *house) change(people []resident, who int) (int, error) {
	before, err := h.stats(h.panels[0])
	if err != nil {
		return 0, err
	}
	people[who].pin += 50
	if err := h.load(people); err != nil {
		return 0, err
	}
	if _, err := h.mutated(len(before.Mutating), 30*time.Second); err != nil {
		return 0, err
	}
	if err := h.settled(len(people), 30*time.Second); err != nil {
		return 0, err
	}
	after, err := h.stats(h.panels[0])
	return after.Requests - before.Requests, err
}

// mutated waits until the first panel was asked for more than n changes, and returns its record.
func (h *house) mutated(n int, within time.Duration) (s stats, err error) {
	err = h.until("the panel is changed", 25*time.Millisecond, within, func() error {
		if s, err = h.stats(h.panels[0]); err == nil && len(s.Mutating) <= n {
			return errors.New("it is not")
		}
		return err
	})
	return s, err
}

// reconnects cuts the link and measures until the gateway hears its cloud again.
func (h *house) reconnects(times int) error {
	var took []float64
	for range times {
		h.link.mu.Lock()
		before := h.link.accepted
		h.link.mu.Unlock()
		began := time.Now()
		h.link.cut()
		if err := h.back(before); err != nil {
			return err
		}
		took = append(took, millis(time.Since(began)))
		if err := h.wait(200 * time.Millisecond); err != nil {
			return err
		}
	}
	h.add(Result{
		Name: "reconnect.ms", Value: median(took), Unit: "ms", N: times,
		Note: fmt.Sprintf("the pause before it is drawn by lot, reconnect_max = 1s; longest %s", number(slices.Max(took))),
	})
	return nil
}

// back waits until the link has carried more than n connections and the gateway hears its cloud over the last.
func (h *house) back(n int) error {
	return h.until("the gateway is back", 2*time.Millisecond, 30*time.Second, func() error {
		h.link.mu.Lock()
		accepted := h.link.accepted
		h.link.mu.Unlock()
		if accepted <= n {
			return errors.New("it does not dial")
		}
		m, err := h.metrics()
		if err == nil && m["gatehouse_cloudlink_connected"] != 1 {
			err = errors.New("it does not hear its cloud")
		}
		return err
	})
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is the smallest value that at least the share q does not exceed.
func quantile(v []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, max(0, int(float64(len(s))*q+0.999999)-1))]
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func floor(v float64) *float64 { return &v }
