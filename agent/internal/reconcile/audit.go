package reconcile

import (
	"context"
	"maps"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
)

// audit reads the whole device: it learns what strangers hold, and sends everybody of ours whose
// row is not as it should be back to the queue. It changes nothing itself.
func (l *Loop) audit(ctx context.Context) error {
	rows, err := l.cfg.Panel.List(ctx)
	if err != nil {
		return err
	}
	now, _ := l.cfg.Clock.Now()
	l.auditAt, l.rows = now.Add(l.cfg.Audit), len(rows)
	mine := map[model.Ref][]model.Record{}
	strangers := 0
	maps.DeleteFunc(l.secrets, func(_ string, who access.PersonID) bool { return who == "" })
	for _, r := range rows {
		who, ok := l.owner(r)
		if ok {
			mine[r.Ref] = append(mine[r.Ref], r)
		} else {
			strangers++
		}
		for _, s := range plan.Secrets(l.cfg.Ledger, r) {
			if _, taken := l.secrets[s]; !taken {
				l.secrets[s] = who
			}
		}
	}
	if err := l.compareAll(mine); err != nil {
		return stored(err)
	}
	return l.audited(now, len(rows), strangers)
}

// owner is the person a row was written for; false for a stranger's, which the ledger does not
// know, whatever its reference looks like.
func (l *Loop) owner(r model.Record) (access.PersonID, bool) {
	if !r.Ref.Ours() || r.ReadOnly {
		return "", false
	}
	p := access.PersonID(r.Ref[len(model.RefPrefix):])
	_, ok, err := l.cfg.Ledger.Entry(l.cfg.Device.ID, p)
	return p, ok && err == nil
}

// compareAll queues everybody of the ledger whose row differs from what is wanted. Looking at one
// costs no request; settle reads again before it acts.
func (l *Loop) compareAll(mine map[model.Ref][]model.Record) error {
	return l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error {
		in, err := l.input(e.Person)
		if err != nil {
			return err
		}
		in.Observed = plan.Observed{Complete: true, Records: mine[model.Ref(e.Ref)]}
		if pl := plan.Make(in); len(pl.Steps) > 0 && (e.Fault == "" || !e.NextTry.After(in.Now)) {
			l.queue.put(e.Person, urgency{rank: rankOf(pl.Steps)})
		}
		return nil
	})
}

func (l *Loop) audited(now time.Time, rows, strangers int) error {
	l.status.Lock()
	news := l.status.Strangers != strangers
	l.status.Audited, l.status.Rows, l.status.Strangers = now, rows, strangers
	l.status.Unlock()
	if !news {
		return nil
	}
	e := l.event(access.EventDrift, "", "")
	e.Message = plural(strangers, "record", "records") + " on the panel not written by this gateway; left alone"
	return l.append(e)
}
