package reconcile

import (
	"context"
	"errors"
	"maps"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// audit reads the whole device: it learns what strangers hold, and sends everybody of ours whose
// row is not as it should be back to the queue. It changes nothing itself. A device that answers
// nonsense is asked again later; only one that does not answer is an error.
func (l *Loop) audit(ctx context.Context) error {
	rows, finished, err := l.list(ctx)
	if ctx.Err() == nil && finished && fault.KindOf(err) == fault.Timeout {
		l.auditFailures++
	}
	switch {
	case fault.KindOf(err) == fault.Timeout && l.auditFailures > auditTimeouts && ctx.Err() == nil:
		l.auditAt = l.mono().Add(delay(l.auditFailures+auditPatience, l.cfg.Rand))
		l.log.Warn("the device cannot be read back as a whole", "err", err)
		return nil
	case isFallen(err):
		l.auditFailures++
		l.auditAt = l.mono().Add(fallenAudit + delay(l.auditFailures, l.cfg.Rand))
		return err
	case isStore(err) || err != nil && deviceDown(err):
		return err
	case err != nil:
		l.auditFailures++
		l.auditAt = l.mono().Add(delay(l.auditFailures+auditPatience, l.cfg.Rand))
		l.log.Warn("the device cannot be read back as a whole", "err", err, "remedy", fault.RemedyOf(err))
		l.failed(err)
		return nil
	case !finished:
		return nil // a removal goes first; the audit begins anew
	}
	if len(rows) < l.rows {
		l.free()
	}
	if news, err := l.askUnits(ctx); err != nil {
		return err
	} else if news {
		l.Changed(true)
	}
	l.auditFailures, l.auditAt, l.rows = 0, l.mono().Add(l.every), len(rows)
	l.lookAtHours()
	mine, strangers, err := l.sort(rows)
	if err != nil {
		return err
	}
	if err := l.compareAll(mine); err != nil {
		return err
	}
	l.unblock()
	return l.audited(rows, strangers)
}

// auditPatience makes the first repetition of a failed audit wait a good minute.
const (
	auditPatience = 6
	auditTimeouts = 3
	fallenAudit   = 10 * time.Minute // a driver that fell over a read-back rests from it
)

// list reads every row, unless a removal becomes due: a big panel takes minutes, and nobody who should
// be out stays in for an audit.
func (l *Loop) list(ctx context.Context) ([]model.Record, bool, error) {
	var rows []model.Record
	finished, err := l.heed(ctx, longCall, func(ctx context.Context, p driver.Panel) (err error) {
		rows, err = p.List(ctx)
		return err
	})
	if err != nil || !finished { // a driver that never came back may still write rows
		return nil, finished, err
	}
	return rows, true, nil
}

// heed is a call that only reads, and that a removal which becomes due, or a job that waits, ends.
// Then it is not finished, and nothing follows from it.
func (l *Loop) heed(ctx context.Context, limit time.Duration, f func(context.Context, driver.Panel) error) (finished bool, err error) {
	fl, err := launch(ctx, l, limit, func(ctx context.Context, p driver.Panel) (struct{}, error) { return struct{}{}, f(ctx, p) })
	if err != nil {
		return true, err
	}
	for {
		due, stop := l.nextDue()
		select {
		case <-fl.ctx.Done():
			stop()
			_, err = land(l, fl)
			return true, err
		case out := <-fl.done:
			stop()
			_, err = landed(l, fl, out)
			return true, err
		case <-l.wake:
		case <-due:
		}
		stop()
		failed := l.evaluate()
		l.looks()
		_, u, ok := l.queue.first()
		if failed == nil && (!ok || u.rank > 0 || l.reports()) && !l.wanted() {
			continue
		}
		fl.cancel()
		if _, err := land(l, fl); isFallen(err) {
			return false, errors.Join(failed, err)
		}
		return false, failed
	}
}

// nextDue fires when the next person is due by date.
func (l *Loop) nextDue() (<-chan time.Time, func() bool) {
	wait := maxSleep
	if _, at, ok := l.later.first(); ok {
		now, _ := l.cfg.Clock.Now()
		wait = min(wait, at.Sub(now))
	}
	if !l.fullAt.IsZero() {
		wait = min(wait, l.fullAt.Sub(l.mono()))
	}
	wait = max(wait, 0)
	t := time.NewTimer(wait)
	return t.C, t.Stop
}

// sort parts the rows into ours and strangers', and learns who holds which PIN and card.
func (l *Loop) sort(rows []model.Record) (mine map[model.Ref][]model.Record, strangers int, err error) {
	mine = map[model.Ref][]model.Record{}
	maps.DeleteFunc(l.secrets, func(_ string, who access.PersonID) bool { return who == "" })
	for _, r := range rows {
		who, known, err := l.owner(r)
		if err != nil {
			return nil, 0, err
		}
		if known {
			mine[r.Ref] = append(mine[r.Ref], r)
		} else {
			strangers++
		}
		for _, s := range plan.Secrets(l.cfg.Ledger, r) {
			if _, taken := l.secrets[s]; !taken {
				l.learn(s, who)
			}
		}
	}
	return mine, strangers, nil
}

// owner is the person whose row it is by its reference. known is false for a stranger's: one that
// neither the ledger nor the wanted state knows, whatever its reference looks like.
func (l *Loop) owner(r model.Record) (who access.PersonID, known bool, err error) {
	if !r.Ref.Ours() || r.ReadOnly {
		return "", false, nil
	}
	who = access.PersonID(r.Ref[len(model.RefPrefix):])
	_, known, err = l.cfg.Ledger.Entry(l.cfg.Device.ID, who)
	if err == nil && !known {
		_, known, err = l.cfg.Wanted.Holder(who)
	}
	if err != nil && fault.KindOf(err) == fault.Invalid {
		return who, true, nil // there is something of ours, if unreadable
	}
	return who, known, stored(err)
}

// compareAll queues everybody of the ledger whose row differs from what is wanted. Looking at one
// costs no request; settle reads again before it acts.
func (l *Loop) compareAll(mine map[model.Ref][]model.Record) error {
	return l.unreadable(l.cfg.Ledger.Entries(l.cfg.Device.ID, func(e access.LedgerEntry) error {
		in, err := l.input(e.Person)
		if err != nil {
			return err
		}
		in.Observed = plan.Observed{Complete: true, Records: mine[model.Ref(e.Ref)]}
		if pl := plan.Make(in); len(pl.Steps) > 0 && (e.Fault == "" || !waits(e.NextTry, in.Now) || rankOf(pl.Steps) == 0) {
			l.queue.put(e.Person, urgency{rank: rankOf(pl.Steps)})
		} else if len(pl.Steps) == 0 && len(pl.Settled) > 0 && better(pl.Settled[0].Grade, e.Grade) {
			l.queue.put(e.Person, urgency{rank: 1}) // written long ago and seen only now
		}
		return nil
	}))
}

// failed shows a failure that is not the device's as a whole.
func (l *Loop) failed(err error) {
	l.status.Lock()
	defer l.status.Unlock()
	l.status.Message, l.status.Remedy = err.Error(), fault.RemedyOf(err)
}
