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
		for i := range list {
			if list[i].Native == native {
				list[i].Ignore = reason
				n++
			}
		}
		if n == 0 {
			return fault.New(fault.Invalid, "look up", "row on "+string(dev), "none with this native id is among those that are astray").
				WithRemedy("gatehouse-agent drift lists them, each with its native id.")
		}
		if err := l.cfg.Ledger.SaveDrift(dev, list); err != nil {
			return err
		}
		l.count(list)
		return nil
	}})
	return n, err
}

// count keeps how many rows are astray that nobody let be.
func (l *Loop) count(list []access.Drift) {
	kinds := map[access.DriftKind]int{}
	for _, d := range list {
		if d.Ignore == "" {
			kinds[d.Kind]++
		}
	}
	l.status.Lock()
	defer l.status.Unlock()
	l.status.Drift = kinds
}
