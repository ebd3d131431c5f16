package reconcile

import (
	"context"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// OverlayChanged says that something was done, or undone, at the gateway by hand about these people.
// It never blocks.
func (l *Loop) OverlayChanged(people ...access.PersonID) {
	l.tell(func() {
		l.inbox.overlay = true
		for _, p := range people {
			l.inbox.people[p] = true
		}
	})
}

// rereadOverlay takes in what OverlayChanged told of.
func (l *Loop) rereadOverlay() error {
	l.inbox.Lock()
	news := l.inbox.overlay
	l.inbox.overlay = false
	l.inbox.Unlock()
	if !news {
		return nil
	}
	overlay, err := l.cfg.Ledger.Overlays()
	if err := l.unreadable(err); err != nil {
		l.tell(func() { l.inbox.overlay = true })
		return err
	}
	l.overlay = overlay
	return nil
}

// Ignore notes why a row that is astray is to be let be; with "" it counts again. It returns how many
// lines of the list are about the row, none of which is an error of kind Invalid.
func (l *Loop) Ignore(ctx context.Context, native, reason string) (n int, err error) {
	dev := l.cfg.Device.ID
	err = l.give(&job{ctx: ctx, look: func() error {
		list, err := l.cfg.Ledger.Drift(dev)
		if err := l.unreadable(err); err != nil {
			return err
		}
		n = 0
		var evs []access.Event
		for i := range list {
			if d := &list[i]; d.Native == native {
				d.Ignore, d.Act, d.To, d.Reason = reason, "", "", ""
				if n++; d.Told {
					evs = append(evs, l.eventOfRow(*d))
				}
			}
		}
		if n == 0 {
			return fault.New(fault.Invalid, "look up", "row on "+string(dev), "none with this native id is among those that are astray").
				WithRemedy("gatehouse-agent drift lists them, each with its native id.")
		}
		return l.saveDrift(list, evs...)
	}})
	return n, err
}

// saveDrift keeps a list in which somebody changed something.
func (l *Loop) saveDrift(list []access.Drift, evs ...access.Event) error {
	err := l.cfg.Ledger.SaveDrift(l.cfg.Device.ID, list, evs...)
	if err == nil {
		l.count(list)
	}
	return err
}
