package comelit

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/firmware-bridge/icona"
	"gatehouse/protocol/access/fault"
)

const (
	maxHeard  = 32              // rings that wait to be told; more are dropped
	heartbeat = 5 * time.Minute // a device that fell asleep, or lost its network, keeps its silence otherwise (§7.5)
	maxLogins = 6               // in a row without success, about a minute; then the device is lost
	maxRefuse = 3               // refusals in a row: one may mean that the slot was just in use (§1.4)
	firstWait = time.Second
)

// Events tells of the rings of the slot's apartment and of their ends (§1.5, R). A connection that is lost is opened anew
// after a while that doubles; after six attempts in a row, or three refusals, the device is lost. Doors opened by others
// are not told by any device (§6). Only one may run at a time.
func (p *Bridged) Events(ctx context.Context, tell func(driver.Happening)) error {
	const op = "hear rings of"
	b := p.bridge
	heard, err := b.listen(op)
	if err != nil {
		return err
	}
	defer b.deafen()
	for tries, refused := 0, 0; ; {
		l, back, err := b.borrow(ctx, toHear)
		if err == nil {
			tries, refused = 0, 0
			err = b.attend(ctx, l, heard, tell)
			back()
		}
		if ctx.Err() != nil {
			return nil
		}
		tries++
		if err = b.fails(op, err); fault.KindOf(err) == fault.Denied {
			refused++
		}
		if tries == maxLogins || refused == maxRefuse || errors.Is(err, net.ErrClosed) { // closed on this side
			return err
		}
		b.log.Info("rings cannot be heard; trying again", "device", b.subject, "err", err)
		if sleep(ctx, firstWait<<(tries-1)) != nil {
			return nil
		}
	}
}

// listen says that somebody wants to hear.
func (b *bridge) listen(op string) (<-chan icona.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.heard != nil {
		return nil, fault.New(fault.Internal, op, b.subject, "somebody hears them already")
	}
	b.heard = make(chan icona.Event, maxHeard)
	return b.heard, nil
}

// deafen ends that, and the session that was kept for it.
func (b *bridge) deafen() {
	b.mu.Lock()
	l := b.live
	b.live, b.heard = nil, nil
	b.mu.Unlock()
	if l != nil {
		l.session.Close()
	}
}

// hear is called by a session's own goroutine.
func (b *bridge) hear(e icona.Event) {
	b.mu.Lock()
	heard := b.heard
	b.mu.Unlock()
	select {
	case heard <- e: // nil: nobody listens
	default:
	}
}

// attend tells what a session hears until it is lost.
func (b *bridge) attend(ctx context.Context, l *line, heard <-chan icona.Event, tell func(driver.Happening)) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var beats sync.WaitGroup
	defer beats.Wait()
	defer l.session.Close()
	for {
		select {
		case e := <-heard:
			tell(b.happening(l, e))
		case <-beat.C:
			beats.Go(func() { _, _ = l.session.Server(ctx) }) // no answer ends the session
		case <-ctx.Done():
			return ctx.Err()
		case <-l.session.Done():
			l.session.Close() // and what rang has ended
			for len(heard) > 0 {
				tell(b.happening(l, <-heard))
			}
			return l.session.Err()
		}
	}
}

// happening puts a ring in the house's words. The device gives no time.
func (b *bridge) happening(l *line, e icona.Event) driver.Happening {
	h := driver.Happening{Kind: driver.HappenedRing, Unit: b.unitAt(l, e.Unit.String()), Relay: l.ringsAt(e.Origin.String())}
	switch {
	case e.Ended:
		h.Kind, h.Cause = driver.HappenedRingEnd, causeWords(e.Cause)
	case e.Tag == "FF":
		h.Cause = "the bell at the apartment's own door"
	case e.Tag == "II":
		h.Cause = "another apartment or app"
	}
	return h
}

func causeWords(cause int) string {
	switch cause {
	case -1:
		return "nobody answered, as far as the device tells"
	case int(icona.CauseDone):
		return "ended"
	case int(icona.CauseBusy):
		return "busy"
	}
	return "cause " + strconv.Itoa(cause) + ", whose meaning is not known"
}

// ringsAt is the first door of the entrance that rings; kits leave out the address's first letter (§4, R).
func (l *line) ringsAt(origin string) string {
	for i, d := range l.slot.Doors {
		if at := d.Address.String(); at == origin || len(origin) >= 6 && at[1:] == origin {
			if i == 0 {
				return entrance
			}
			return l.relay(d)
		}
	}
	return ""
}

// unitAt is the name of the unit with a ViP address: as the device's table has it, else as the slot's own apartment is
// described, else the address.
func (b *bridge) unitAt(l *line, address string) string {
	b.mu.Lock()
	name := b.names[address]
	b.mu.Unlock()
	if name == "" && address == l.slot.Unit {
		name = bareUnit(l.slot.Description)
	}
	if name == "" {
		return address
	}
	return name
}

// know keeps the names of units for rings: they come while the table is being read.
func (b *bridge) know(s *Snapshot) {
	byAddress := make(map[string]string, len(s.Apartments))
	for _, slot := range s.Slots {
		if address := s.Apartments[slot.Map]; slot.Slot == 0 && slot.Name != "" && address != "" {
			byAddress[address] = tidy(bareUnit(slot.Name))
		}
	}
	b.mu.Lock()
	b.names = byAddress
	b.mu.Unlock()
}
