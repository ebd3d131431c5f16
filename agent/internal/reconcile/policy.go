package reconcile

import (
	"time"

	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// reports says whether nothing is written to the device at all.
func (l *Loop) reports() bool { return l.policyNow() == access.DriftReport }

// policyNow is the file's word before the cloud's.
func (l *Loop) policyNow() access.DriftPolicy {
	switch {
	case l.cfg.Device.Report:
		return access.DriftReport
	case l.policy == "":
		return access.DriftRepair
	}
	return l.policy
}

// contact is when the cloud was last heard; where nobody keeps that, now, so that lease ends act.
func (l *Loop) contact() time.Time {
	if l.cfg.Contact == nil {
		now, _ := l.cfg.Clock.Now()
		return now
	}
	return l.cfg.Contact()
}

// newHolds says that HoldsChanged was called and not acted on yet.
func (l *Loop) newHolds() bool {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	return l.inbox.holds
}

// rereadHolds takes in what HoldsChanged told of, and has everybody looked at who is or was held.
func (l *Loop) rereadHolds() error {
	l.inbox.Lock()
	news := l.inbox.holds
	l.inbox.holds = false
	l.inbox.Unlock()
	if !news {
		return nil
	}
	holds, err := l.cfg.Ledger.Holds()
	if err != nil {
		if err := l.unreadable(err); err != nil {
			l.inbox.Lock()
			l.inbox.holds = true
			l.inbox.Unlock()
			return err
		}
	}
	for p := range l.holds {
		l.again[p] = true
	}
	for p := range holds {
		l.again[p] = true
	}
	l.holds = holds
	return nil
}

// wait notes whose access stays although it ended, and gives the words for it.
func (l *Loop) wait(p access.PersonID, pl plan.Plan) (out []word) {
	delete(l.kept, p)
	delete(l.stale, p)
	for _, h := range pl.Held {
		l.kept[p] = true
		why := "too many people would lose access at once, or within a day"
		if h.Cause == access.HoldEpoch {
			why = "the cloud was restored from a backup"
		}
		out = append(out, word{access.EventHeld, fault.Conflict, "access ended and stays until somebody agrees at the cloud, or revokes it by name: " + why})
	}
	if len(pl.Stale) > 0 {
		l.stale[p] = true
		out = append(out, word{access.EventHeld, fault.Unreachable, "the lease ended and access stays: the cloud has been out of reach for too long to know whether it was renewed"})
	}
	return out
}
