package main

import (
	"errors"
	"fmt"
	"time"
)

// quiet is how long a gateway is left alone before its memory is read.
const quiet = 10 * time.Second

// fourPanels is the memory of a gateway with four panels: nobody yet, then 2,000 people on each.
func fourPanels(r *rig) error {
	h, err := newHouse(r, 4, "")
	if err != nil {
		return err
	}
	if err := h.memory("agent.anon_mb.idle", "nobody yet, four panels"); err != nil {
		return err
	}
	people := residents(2000)
	if err := errors.Join(h.load(people), h.settled(len(people), 5*time.Minute)); err != nil {
		return err
	}
	return h.memory("agent.anon_mb.2000", "2,000 people on each of four panels, soon after they were loaded")
}

// memory reads the gateway's memory after a while of quiet, and again after a restart.
func (h *house) memory(name, note string) error {
	if err := h.wait(quiet); err != nil {
		return err
	}
	loaded, err := h.agent.anonMB()
	if err != nil {
		return err
	}
	h.agent.stop()
	if err := errors.Join(h.startAgent(), h.connected(), h.wait(quiet)); err != nil {
		return err
	}
	fresh, err := h.agent.anonMB()
	if err != nil {
		return err
	}
	h.add(Result{
		Name: name, Value: loaded, Unit: "MB", N: 1,
		Note: fmt.Sprintf("%s, after %s of quiet; after a restart and the same quiet %s", note, quiet, number(fresh)),
	})
	return nil
}

// houseOf10000 is the largest panel.
func houseOf10000(r *rig) error {
	h, err := newHouse(r, 1, "")
	if err != nil {
		return err
	}
	people := residents(10_000)
	if err := h.snapshot(people); err != nil {
		return err
	}
	r.aside() // loading takes minutes, and what is measured then is no time
	for _, step := range []func([]resident) error{h.loaded, h.unchanged} {
		if err := step(people); err != nil {
			return err
		}
	}
	if err := h.changes(people, r.repeats(3)); err != nil {
		return err
	}
	if err := h.memory("agent.anon_mb.10000", "10,000 people on one panel, soon after they were loaded"); err != nil {
		return err
	}
	return h.starts(r.repeats(5))
}

func (h *house) loaded(people []resident) error { return h.settled(len(people), 7*time.Minute) }

// snapshot sends everybody to a gateway that knows nobody.
func (h *house) snapshot(people []resident) error {
	asked := time.Now()
	h.link.mark()
	if err := h.load(people); err != nil {
		return err
	}
	at, err := h.stored(asked, time.Minute)
	if err != nil {
		return err
	}
	n, first := h.link.since()
	h.add(Result{Name: "snapshot.10000.bytes", Value: float64(n), Unit: "bytes", N: 1, Note: "on the wire, TLS and MQTT in it, until it was stored"})
	h.add(Result{
		Name: "snapshot.10000.seconds", Value: at.Sub(first).Seconds(), Unit: "s", N: 1,
		Note: "first large piece on the wire to stored; the cloud seals the next chunk meanwhile",
	})
	return nil
}

// unchanged imports the same people again.
func (h *house) unchanged(people []resident) error {
	before, err := h.stats(h.panels[0])
	if err != nil {
		return err
	}
	if err := errors.Join(h.load(people), h.wait(3*time.Second), h.settled(len(people), time.Minute)); err != nil {
		return err
	}
	after, err := h.stats(h.panels[0])
	h.add(Result{
		Name: "unchanged.10000.requests", Value: float64(after.Requests - before.Requests), Unit: "requests", N: 1,
		Note: "at the panel, from the same export once more until 3 s after it; an idle panel is asked once a minute",
	})
	return err
}

// starts measures how long after exec the gateway enforces.
func (h *house) starts(times int) error {
	var took []float64
	for range times {
		h.agent.stop()
		d, err := h.enforcing()
		if err != nil {
			return err
		}
		took = append(took, millis(d))
		if err := h.connected(); err != nil {
			return err
		}
	}
	h.add(Result{
		Name: "agent.enforcing_ms.10000", Value: median(took), Unit: "ms", N: times,
		Note: "exec to READY=1, its files in the kernel's cache; longest " + number(quantile(took, 1)),
	})
	return nil
}
