package reconcile

import (
	"context"
	"errors"
	"reflect"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
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
	if l.serve(ctx) {
		return true
	}
	if l.mono().Before(l.retryAt) {
		return false
	}
	probed := l.probed
	worked, err := l.work(ctx)
	switch {
	case ctx.Err() != nil:
		return false // what was not finished is read again
	case isStore(err):
		l.storeFails(err)
		return true // removals go on
	case err != nil:
		l.backOff(err)
		if !panicked(err) || l.failures > patience {
			l.reachable(false, err)
		}
		return false
	case !worked:
		l.flushRefusals()
		l.saveMark()
		return false
	}
	if probed { // that a new driver can say what the device is shows little
		l.failures = 0
	}
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
	any = any && !l.reports() && (u.rank == 0 || l.store.err == nil)
	audit := !l.mono().Before(l.auditAt) && l.store.err == nil
	switch {
	case l.logDue() && (!any || u.rank > 0):
		return true, l.readLog(ctx)
	case len(l.acts) > 0 && (!any || u.rank > 0) && !l.reports() && l.store.err == nil:
		return true, l.carryOut(ctx, l.acts[0])
	case l.hoursDue() && (!any || u.rank > 0):
		return true, l.keepHours(ctx)
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
	case isFallen(err) && (!u.tried.IsZero() || l.failedBefore(person)):
		l.retryAt = l.mono().Add(delay(1, l.cfg.Rand))
		return true, l.fail(person, err, u.rank == 0) // it is this record: others must not wait
	case err != nil:
		u.tried = l.mono() // others of the same rank first: one record must not block them
		l.queue.put(person, u)
	}
	return true, err
}

func (l *Loop) failedBefore(p access.PersonID) bool {
	e, ok, err := l.entry(p)
	return err == nil && ok && e.Fault != ""
}

// look asks an idle device one cheap question, so that one that is switched off, or was reset or
// edited meanwhile, does not pass for well until somebody moves.
func (l *Loop) look(ctx context.Context) error {
	l.lookAt = l.mono().Add(lookEvery)
	n, err := call(ctx, l, shortCall, count)
	if err == nil && n >= 0 && n != l.rows {
		l.log.Warn("the device holds another number of records than expected; reading it back", "records", n, "expected", l.rows)
		if n < l.rows {
			l.free()
		}
		l.rows, l.auditAt = n, l.mono()
	}
	return err
}

// count is how many rows the device holds; -1 when it does not tell, and only answers.
func count(ctx context.Context, p driver.Panel) (int, error) {
	if c, ok := p.(driver.Counter); ok {
		return c.Count(ctx)
	}
	_, _, err := p.Probe(ctx)
	return -1, err
}

func (l *Loop) probe(ctx context.Context) error {
	type said struct {
		model.Identity
		model.Limits
		logs bool
	}
	it, err := call(ctx, l, longCall, func(ctx context.Context, p driver.Panel) (s said, err error) {
		s.Identity, s.Limits, err = p.Probe(ctx)
		_, s.logs = p.(driver.DoorLogger)
		return s, err
	})
	if err != nil {
		return err
	}
	news, err := l.askUnits(ctx)
	if err != nil {
		return err
	}
	id, limits := it.Identity, it.Limits
	same := reflect.DeepEqual(limits, l.limits)
	l.limits, l.probed, l.lookAt = limits, true, l.mono().Add(lookEvery)
	l.doors.keeps = it.logs && l.cfg.Doors != nil
	l.source.start(ctx, l.panel)
	if l.decideHours(); len(l.hours.want) > 0 {
		l.lookAtHours()
	}
	l.status.Lock()
	l.status.Identity, l.status.Limits, l.status.LogsDoors = id, limits, l.doors.keeps
	l.status.Unlock()
	l.log.Info("device answers", "model", id.Model, "firmware", id.Firmware)
	if l.cfg.Probed != nil {
		l.cfg.Probed()
	}
	if !same || news || l.fullAt.IsZero() {
		l.Changed(true) // limits decide what can be written, and nothing was told so far
	}
	return nil
}

// askUnits asks a device that calls units what it calls, and says whether that is news. What it does not tell
// stays as it was told last; the error says that it does not answer.
func (l *Loop) askUnits(ctx context.Context) (news bool, err error) {
	if l.cfg.Apartments == nil {
		return false, nil
	}
	told := make(chan []driver.Apartment, 1) // a call that never returned may tell late
	err = l.do(ctx, longCall, func(ctx context.Context, p driver.Panel) error {
		u, ok := p.(driver.UnitLister)
		if !ok {
			return nil
		}
		all, err := u.Units(ctx)
		told <- all
		return err
	})
	switch {
	case err != nil && (ctx.Err() != nil || deviceDown(err)):
		return false, err
	case err != nil:
		l.log.Warn("which apartments the device calls cannot be read", "err", err, "remedy", fault.RemedyOf(err))
		return false, nil
	}
	select {
	case all := <-told:
		return len(all) > 0 && l.cfg.Apartments(all), nil
	default:
		return false, nil
	}
}

// deviceDown tells trouble with the device as a whole from trouble with one record.
func deviceDown(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unreachable, fault.Timeout, fault.Denied:
		return true
	}
	return isFallen(err)
}

// patience is how many panics in a row make a device unreachable: fewer are about a record.
const patience = 2

func panicked(err error) bool {
	var f *fallen
	return errors.As(err, &f) && f.why == WhyPanic
}
