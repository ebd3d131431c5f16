package reconcile

import (
	"context"
	"math/rand/v2"
	"time"

	"gatehouse/protocol/access/fault"
)

// How long a loop may go without a turn and still be alive: reading back a panel of twenty thousand
// takes a quarter of an hour at the slowest pace; waking up takes nothing.
const (
	longWork = 30 * time.Minute
	slack    = time.Minute
)

// promise says by when the loop turns again.
func (l *Loop) promise(d time.Duration) {
	l.status.Lock()
	l.status.turns = l.mono().Add(d)
	l.status.Unlock()
}

// Overdue is how long ago the loop should have turned: zero or less while it is well. It may be
// called from any goroutine.
func (l *Loop) Overdue() time.Duration {
	l.status.Lock()
	defer l.status.Unlock()
	if l.status.turns.IsZero() {
		return 0
	}
	return l.mono().Sub(l.status.turns)
}

func (l *Loop) backOff(err error) {
	l.failures++
	d := delay(l.failures, l.cfg.Rand)
	l.retryAt = l.mono().Add(d)
	if l.failures == 1 {
		l.log.Warn("device does not answer as it should", "err", err, "kind", fault.KindOf(err), "retry_in", d, "remedy", fault.RemedyOf(err))
	}
	now, _ := l.cfg.Clock.Now()
	l.status.Lock()
	l.status.Fault, l.status.Message, l.status.NextTry = fault.KindOf(err).String(), err.Error(), now.Add(d)
	l.status.Remedy = fault.RemedyOf(err)
	l.status.Unlock()
}

// manyFailures in a row make the longest wait.
const manyFailures = 8

// delay doubles from firstRetry to lastRetry, half of it random so that the panels of a site do
// not answer in step after a power cut.
func delay(failures int, r *rand.Rand) time.Duration {
	d := lastRetry
	if failures < manyFailures {
		d = min(firstRetry<<(failures-1), lastRetry)
	}
	return d/2 + time.Duration(r.Int64N(int64(d/2)+1))
}

// sleep waits for the next thing that is due by itself, or for a change.
func (l *Loop) sleep(ctx context.Context) {
	timer := time.NewTimer(l.idle())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-timer.C:
	}
}

// idle is how long nothing can be done: until a back-off ends, else until something is due, at most
// maxSleep, because the clock may be corrected meanwhile.
func (l *Loop) idle() time.Duration {
	store := maxSleep
	if l.store.err != nil {
		store = max(l.store.retryAt.Sub(l.mono()), 0)
	}
	if l.store.blind {
		return store
	}
	if left := l.retryAt.Sub(l.mono()); left > 0 {
		return min(left, store)
	}
	now, _ := l.cfg.Clock.Now()
	wait := min(maxSleep, store, l.lookAt.Sub(l.mono()))
	if l.store.err == nil {
		wait = min(wait, l.auditAt.Sub(l.mono()))
		if !l.room.at.IsZero() {
			wait = min(wait, l.room.at.Sub(l.mono()))
		}
	}
	if _, t, ok := l.later.first(); ok {
		wait = min(wait, t.Sub(now))
	}
	if l.readsLog() {
		wait = min(wait, l.doors.at.Sub(l.mono()))
	}
	if l.keepsHours() {
		wait = min(wait, l.hours.at.Sub(l.mono()))
	}
	if !l.fullAt.IsZero() {
		wait = min(wait, l.fullAt.Sub(l.mono()))
	}
	return max(wait, 0)
}
