package reconcile

import (
	"context"
	"errors"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

// once does all that is due now.
func (l *Loop) once(ctx context.Context) {
	for more := true; more && ctx.Err() == nil; {
		l.promise(longWork)
		l.publish()
		more = l.turn(ctx)
	}
}

// turn does the one most urgent thing that can be done now, and says whether to come again at once.
func (l *Loop) turn(ctx context.Context) (more bool) {
	l.mend()
	if l.store.blind {
		return false
	}
	if err := l.evaluate(); err != nil {
		if ctx.Err() == nil {
			l.storeFails(err)
		}
		return false
	}
	if l.mono().Before(l.retryAt) {
		return false
	}
	worked, err := l.work(ctx)
	switch {
	case ctx.Err() != nil:
		return false // what was not finished is read again
	case isStore(err):
		l.storeFails(err)
		return true // removals go on
	case err != nil:
		l.backOff(err)
		l.reachable(false, err)
		return false
	case !worked:
		return l.flushRefusals()
	}
	l.failures = 0
	l.reachable(true, nil)
	return true
}

// work does the one most urgent thing. It reports whether there was one. An error that is not the
// store's means that the device as a whole does not answer as it should.
func (l *Loop) work(ctx context.Context) (bool, error) {
	if !l.probed {
		return true, l.probe(ctx)
	}
	person, u, any := l.queue.first()
	any = any && !l.cfg.Device.Report && (u.rank == 0 || l.store.err == nil)
	audit := !l.mono().Before(l.auditAt) && l.store.err == nil
	switch {
	case audit && (!any || u.rank > 0):
		return true, l.audit(ctx)
	case !any:
		if l.mono().Before(l.lookAt) {
			return false, nil
		}
		return true, l.look(ctx)
	}
	l.queue.drop(person)
	err := l.settle(ctx, person, u)
	switch {
	case errors.Is(err, errPreempted):
		if _, ok := l.queue.index[person]; !ok { // else decided anew meanwhile
			l.queue.put(person, u)
		}
		return true, nil
	case isStore(err):
		u.rank = max(u.rank, 1) // a removal that needs the store waits for it like all others
		l.queue.put(person, u)
	case err != nil:
		u.tried = l.mono() // others of the same rank first: one record must not block them
		l.queue.put(person, u)
	}
	return true, err
}

// look asks an idle device one cheap question, so that one that is switched off, or was reset or
// edited meanwhile, does not pass for well until somebody moves.
func (l *Loop) look(ctx context.Context) error {
	l.lookAt = l.mono().Add(lookEvery)
	c, ok := l.cfg.Panel.(driver.Counter)
	if !ok {
		_, _, err := l.cfg.Panel.Probe(ctx)
		return err
	}
	n, err := c.Count(ctx)
	if err == nil && n >= 0 && n != l.rows {
		l.log.Warn("the device holds another number of records than expected; reading it back", "records", n, "expected", l.rows)
		l.rows, l.auditAt = n, l.mono()
	}
	return err
}

func (l *Loop) probe(ctx context.Context) error {
	id, limits, err := l.cfg.Panel.Probe(ctx)
	if err != nil {
		return err
	}
	l.limits, l.probed, l.lookAt = limits, true, l.mono().Add(lookEvery)
	l.status.Lock()
	l.status.Identity, l.status.Limits = id, limits
	l.status.Unlock()
	l.log.Info("device answers", "model", id.Model, "firmware", id.Firmware)
	if l.cfg.Probed != nil {
		l.cfg.Probed()
	}
	l.Changed(true) // limits decide what can be written
	return nil
}

// deviceDown tells trouble with the device as a whole from trouble with one record.
func deviceDown(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unreachable, fault.Timeout, fault.Denied:
		return true
	}
	return false
}
