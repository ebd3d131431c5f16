package agent

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/supervise"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What devices tell by themselves becomes events here. What happened at a door is not among it: that is
// only a hint to read the device's log, which is the truth (reconcile/doorlog.go).

const (
	mostTelling = 256              // events that wait for the store
	sameAgain   = 10 * time.Second // a device that says the same within it says nothing new
	tellBurst   = 60               // events of one device at once
	tellEvery   = 20 * time.Second // and from one to the next
	mostCause   = 120              // bytes of a device's own words
)

// happenings are the rings and alarms on their way into the outbox.
type happenings struct {
	box   *box
	queue chan access.Event

	mu   sync.Mutex
	last map[utterance]time.Time // when a device last said something
	room map[access.DeviceID]*allowance
	lost map[access.DeviceID]int // that there was no room for, and nobody was told of
}

// allowance is how much may come at once, and by and by.
type allowance struct {
	spare int
	at    time.Time
}

// take says whether one more may come now.
func (a *allowance) take(now time.Time, burst int, every time.Duration) bool {
	if n := int(min(now.Sub(a.at)/every, time.Duration(burst))); n > 0 || a.at.IsZero() {
		a.spare, a.at = min(a.spare+max(n, 0), burst), now
	}
	if a.spare == 0 {
		return false
	}
	a.spare--
	return true
}

// utterance is what a device told.
type utterance struct {
	device access.DeviceID
	kind   access.EventKind
	unit   string
	words  string
}

func newHappenings(b *box) *happenings {
	return &happenings{box: b, queue: make(chan access.Event, mostTelling), last: map[utterance]time.Time{},
		room: map[access.DeviceID]*allowance{}, lost: map[access.DeviceID]int{}}
}

// listen hears what a panel tells by itself, and has it call where that is wanted.
func (a *Agent) listen(ctx context.Context, g *sync.WaitGroup, p *panel) {
	a.keep(ctx, g, supervise.Work{Name: "events of " + p.name(), Run: func(ctx context.Context) error {
		return p.loop.Listen(ctx, func(h driver.Happening) { a.hear(p, h) })
	}})
	if p.calls.wanted() {
		a.keep(ctx, g, supervise.Work{Name: "calls of " + p.name(), Run: p.calls.run})
	}
}

// hear takes in what a panel told. It never blocks.
func (a *Agent) hear(p *panel, h driver.Happening) {
	e := a.box.event("", "")
	h.Cause = clipped(h.Cause)
	e.Device, e.How, e.Person, e.Door = p.cfg.ID, h.How, h.By, doorAt(p, h.Relay)
	if !h.At.IsZero() {
		e.DeviceTime = h.At.UTC()
	}
	switch h.Kind {
	case driver.HappenedRing:
		e.Kind = access.EventRing
		e.Unit, e.Message = a.unitCalled(p.cfg.ID, h.Unit)
	case driver.HappenedRingEnd:
		if h.Cause == "" {
			return
		}
		e.Kind = access.EventRing
		e.Unit, _ = a.unitCalled(p.cfg.ID, h.Unit)
		e.Message = "it ended: " + h.Cause
	case driver.HappenedTamper:
		e.Kind, e.Message = access.EventTamper, h.Cause
		p.loop.DoorHint()
	default:
		p.loop.DoorHint()
		st := p.loop.Status()
		if st.LogsDoors || st.Identity.Model == "" { // its log tells it
			return
		}
		e.Kind, e.Granted, e.Message = access.EventDoor, h.Relay != "", h.Cause
	}
	a.happenings.tell(e, h.Unit)
}

// doorAt is the door of a relay; "" not known.
func doorAt(p *panel, relay string) access.DoorID {
	for _, door := range sortedDoors(p.cfg.Doors) {
		if relay != "" && p.cfg.Doors[door] == relay {
			return door
		}
	}
	return ""
}

// unitCalled is the unit of a name that a device says, by the device's map where that has it, or says that it is
// not known. The name itself may be a resident's, so it goes nowhere.
func (a *Agent) unitCalled(dev access.DeviceID, name string) (access.UnitID, string) {
	if name == "" {
		return "", ""
	}
	if id := a.units.called(dev, name); id != "" {
		return id, ""
	}
	if places, err := a.box.Places(); err == nil {
		var found access.UnitID
		for id, u := range places.Units {
			if sameUnit(u.Name, name) && (found == "" || id < found) {
				found = id
			}
		}
		if found != "" {
			return found, ""
		}
	}
	return "", "for a unit that the property does not have by that name"
}

// sameUnit compares a unit's name with what a device shows for it.
func sameUnit(a, b string) bool { return strings.EqualFold(bareUnit(a), bareUnit(b)) }

func bareUnit(s string) string {
	s = strings.TrimSpace(s)
	for _, word := range []string{"unit ", "apt ", "apt. ", "apartment "} {
		if len(s) > len(word) && strings.EqualFold(s[:len(word)], word) {
			return strings.TrimSpace(s[len(word):])
		}
	}
	return s
}

// tell has an event recorded, unless the device has just said the same.
func (h *happenings) tell(e access.Event, unit string) {
	what := utterance{e.Device, e.Kind, unit, e.Message}
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.last[what]; ok && e.At.Sub(last).Abs() < sameAgain {
		return
	}
	if len(h.last) > mostTelling {
		clear(h.last)
	}
	h.last[what] = e.At
	room := h.room[e.Device]
	if room == nil {
		room = &allowance{spare: tellBurst}
		h.room[e.Device] = room
	}
	if !room.take(time.Now(), tellBurst, tellEvery) {
		h.lost[e.Device]++
		return
	}
	if n := h.lost[e.Device]; n > 0 {
		e.Message = strings.TrimSpace(fmt.Sprintf("%s (before it %d more, which are not told: the device says too much)", e.Message, n))
		delete(h.lost, e.Device)
	}
	select {
	case h.queue <- e:
	default:
		h.lost[e.Device]++
	}
}

// clipped is a device's own words, short and of one line.
func clipped(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) > mostCause {
		s = strings.ToValidUTF8(s[:mostCause], "")
	}
	return s
}

// run records what comes until ctx ends, and what has come by then.
func (h *happenings) run(ctx context.Context) error {
	for {
		select {
		case e := <-h.queue:
			h.record(ctx, e)
		case <-ctx.Done():
			for {
				select {
				case e := <-h.queue:
					h.record(ctx, e)
				default:
					return nil
				}
			}
		}
	}
}

// record tries until the store takes it; once only when ctx has ended.
func (h *happenings) record(ctx context.Context, e access.Event) {
	for wait := firstTell; ; wait = min(2*wait, lastTell) {
		err := h.box.site.Tell(e)
		if err == nil {
			return
		}
		if wait == firstTell {
			h.box.log.Error("what a device told cannot be recorded; it is tried again", "device", string(e.Device), "kind", string(e.Kind), "err", err, "remedy", fault.RemedyOf(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
