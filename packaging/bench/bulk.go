package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

// slowness of the panel in houseOf1000: what a real one takes for a request at best.
const slowness = 5 * time.Millisecond

// houseOf1000 is a panel that takes 5 ms for each request: a bulk load, what changes cost, a revocation behind additions,
// and the events that pile up while the link is away.
func houseOf1000(r *rig) error {
	h, err := newHouse(r, 1, "", "--fault", "slow="+slowness.String())
	if err != nil {
		return err
	}
	people := residents(1000)
	if err := h.bulk(people); err != nil {
		return err
	}
	from, err := h.agent.written()
	if err != nil {
		return err
	}
	times := r.repeats(10)
	if err := h.changes(people, times); err != nil {
		return err
	}
	to, err := h.agent.written()
	if err != nil {
		return err
	}
	r.add(Result{
		Name: "disk.bytes_per_change", Value: (to - from) / float64(times), Unit: "bytes", N: times,
		Note: "all the gateway wrote from news to receipt: state, ledger, two events, and forgetting them",
	})
	return h.revocation(people)
}

// bulk loads an empty panel.
func (h *house) bulk(people []resident) error {
	before, err := h.stats(h.panels[0])
	if err != nil {
		return err
	}
	wrote, err := h.agent.written()
	if err != nil {
		return err
	}
	events, err := h.events()
	if err != nil {
		return err
	}
	if err := errors.Join(h.load(people), h.settled(len(people), 3*time.Minute)); err != nil {
		return err
	}
	after, err := h.stats(h.panels[0])
	if err != nil {
		return err
	}
	asked := after.Requests - before.Requests
	all := after.Mutating[len(before.Mutating):]
	took := all[len(all)-1].End.Sub(all[0].Start)
	h.add(Result{
		Name: "bulk.1000.seconds", Value: took.Seconds(), Unit: "s", Floor: floor(float64(asked) * slowness.Seconds()), N: 1,
		Note: fmt.Sprintf("%d requests, first write to last", asked),
	})
	return h.perEvent(wrote, events)
}

// perEvent shares what the gateway wrote since a bulk began among the events it told of it.
func (h *house) perEvent(wrote float64, events int) error {
	now, err := h.agent.written()
	if err != nil {
		return err
	}
	last, err := h.events()
	if err != nil {
		return err
	}
	n := last - events
	if n == 0 {
		return errors.New("the gateway's log names nothing written")
	}
	h.add(Result{
		Name: "disk.bytes_per_event", Value: (now - wrote) / float64(n), Unit: "bytes", N: n,
		Note: "all the gateway wrote during the bulk load, by its events: state and ledger are in it",
	})
	return nil
}

// events is how many events the gateway has told of records: its log has a line for each.
func (h *house) events() (int, error) {
	raw, err := os.ReadFile(h.agent.log)
	return bytes.Count(raw, []byte(`"msg":"written"`)) + bytes.Count(raw, []byte(`"msg":"confirmed"`)), err
}

// revocation ends somebody's access while additions wait, and measures when the panel is asked to remove them.
func (h *house) revocation(people []resident) error {
	before, err := h.stats(h.panels[0])
	if err != nil {
		return err
	}
	more := residents(len(people) + 1300)
	copy(more, people)
	if err := h.load(more); err != nil {
		return err
	}
	if _, err := h.mutated(len(before.Mutating)+10, 30*time.Second); err != nil {
		return err
	}
	asked := time.Now()
	more[0].past = true
	if err := h.load(more); err != nil {
		return err
	}
	stored, err := h.stored(asked, 30*time.Second)
	if err != nil {
		return err
	}
	if err := h.removed(stored); err != nil {
		return err
	}
	return h.drain(len(more) - 1)
}

// removed waits for the removal and tells its place, and when it was confirmed.
func (h *house) removed(stored time.Time) error {
	var place, waiting int
	err := h.until("the removal", 100*time.Millisecond, time.Minute, func() error {
		s, err := h.stats(h.panels[0])
		if err == nil {
			place, waiting, err = position(s.Mutating, stored)
		}
		return err
	})
	if err != nil {
		return err
	}
	m, err := h.metrics()
	if err != nil {
		return err
	}
	waiting = int(m["gatehouse_device_people_waiting"])
	h.add(Result{
		Name: "revocation.position", Value: float64(place), Unit: "place", N: 1,
		Note: fmt.Sprintf("1 is the next write after the gateway stored it; %d additions still waited afterwards", waiting),
	})
	var gone time.Time
	err = h.until("the removal is confirmed", 50*time.Millisecond, time.Minute, func() (err error) {
		gone, err = h.agent.logged("confirmed gone", stored)
		return err
	})
	if err == nil {
		h.add(Result{
			Name: "revocation.confirm_ms", Value: millis(gone.Sub(stored)), Unit: "ms", Floor: floor(2 * millis(slowness)), N: 1,
			Note: "stored to confirmed gone; floor: the removal and one read-back",
		})
	}
	return err
}

// position is the place of the first removal among the writes after an instant, and how many writes there were in all.
func position(writes []request, after time.Time) (place, all int, err error) {
	for _, w := range writes {
		if w.Start.After(after) {
			all++
			if place == 0 && w.removal() {
				place = all
			}
		}
	}
	if place == 0 {
		err = errors.New("the panel was not asked to remove anybody")
	}
	return place, all, err
}

// drain shuts the link until the rest is loaded, and measures how fast the events then leave.
func (h *house) drain(n int) error {
	h.link.shut()
	var waiting float64
	err := h.until("the panel is loaded without a link", 100*time.Millisecond, 3*time.Minute, func() error {
		m, err := h.metrics()
		waiting = m["gatehouse_outbox_events"]
		if err == nil && m["gatehouse_device_people_waiting"] > 0 {
			err = errors.New("people wait")
		}
		return err
	})
	if err != nil {
		return err
	}
	h.link.mu.Lock()
	before := h.link.accepted
	h.link.mu.Unlock()
	h.link.open()
	if err := h.back(before); err != nil {
		return err
	}
	began := time.Now()
	if err := h.until("the outbox is empty", 5*time.Millisecond, time.Minute, h.empty); err != nil {
		return err
	}
	h.add(Result{
		Name: "outbox.drain_per_second", Value: waiting / time.Since(began).Seconds(), Unit: "events/s", N: int(waiting),
		Note: "from the link's return until the cloud has confirmed all",
	})
	return h.settled(n, time.Minute)
}

// empty is nil when the cloud has confirmed every event.
func (h *house) empty() error {
	m, err := h.metrics()
	if err == nil && m["gatehouse_outbox_events"] > 0 {
		err = fmt.Errorf("%v events wait", m["gatehouse_outbox_events"])
	}
	return err
}
