package reconcile

import (
	"context"
	"errors"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// errPreempted ends work on a person because a removal became due.
var errPreempted = errors.New("a removal became due")

// maxRounds bounds read-plan-apply for one person: one to write, one to remove a double, one to
// see that all is as it should be, and one in hand.
const maxRounds = 4

// settle brings one person's row to what is wanted. Every round reads first, so it does not matter
// what earlier rounds, crashes or other people did.
func (l *Loop) settle(ctx context.Context, p access.PersonID) error {
	for range maxRounds {
		done, err := l.round(ctx, p)
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			continue
		case errors.Is(err, errPreempted) || l.deviceDown(err) || isStore(err):
			return err
		default:
			return stored(l.fail(p, err))
		}
	}
	return stored(l.fail(p, fault.New(fault.Conflict, "write", "person "+string(p),
		"the device accepts the change but does not show it").
		WithRemedy("Look at the record on the panel; somebody or something may be undoing it.")))
}

func isStore(err error) bool {
	var own *storeError
	return errors.As(err, &own)
}

// round reads, plans and does the first step that is due. done means nothing was.
func (l *Loop) round(ctx context.Context, p access.PersonID) (done bool, err error) {
	rows, err := l.cfg.Panel.Read(ctx, model.RefOf(p))
	if err != nil {
		return false, err
	}
	in, err := l.input(p)
	if err != nil {
		return false, stored(err)
	}
	if len(in.People)+len(in.Gone) == 0 {
		return true, nil
	}
	in.Observed = plan.Observed{Complete: true, Records: rows}
	pl := plan.Make(in)
	l.schedule(p, pl.NextChange)
	if err := l.tellRefusals(p, pl.Refusals); err != nil {
		return false, stored(err)
	}
	entry := in.Ledger[p]
	if len(pl.Steps) == 0 {
		return true, stored(l.settled(p, entry, pl))
	}
	if l.preempted(pl.Steps[0]) {
		return false, errPreempted
	}
	return false, l.apply(ctx, pl.Steps[0], entry)
}

// preempted takes in what arrived while we were reading; true when a removal waits and this is
// none.
func (l *Loop) preempted(step model.Step) bool {
	if step.Op == access.OpRemove {
		return false
	}
	if err := l.evaluate(); err != nil {
		return true // the loop meets the error again, and ends by it
	}
	_, u, ok := l.queue.first()
	return ok && u.rank == 0
}

// apply journals the step, does it, and records that the device accepted it.
func (l *Loop) apply(ctx context.Context, step model.Step, entry access.LedgerEntry) error {
	entry.Person, entry.Ref, entry.Native = step.Person, string(step.Ref), step.Native
	entry.At, _ = l.cfg.Clock.Now()
	entry.Revision = l.cfg.Wanted.Position().Revision
	entry.State = access.Intended
	if step.Op == access.OpRemove {
		entry.State = access.Removing
	}
	if err := l.record(step.Person, &entry); err != nil {
		return err
	}
	if err := l.cfg.Panel.Apply(ctx, step); err != nil {
		return err
	}
	l.remember(step, entry.Secrets)
	if step.Op != access.OpRemove {
		entry.State = access.Written
		entry.Print = plan.PrintRecord(l.cfg.Ledger, step.Record)
		entry.Secrets = plan.Secrets(l.cfg.Ledger, step.Record)
	}
	e := l.event(access.EventWritten, step.Person, step.Op)
	e.Message, e.Attempt = step.Why, entry.Attempts+1
	l.log.Info("written", "person", string(step.Person), "op", step.Op, "why", step.Why)
	return l.record(step.Person, &entry, e)
}

// remember keeps the count of rows and the index of secrets in step with what was just done.
func (l *Loop) remember(step model.Step, before []string) {
	if step.Op == access.OpAdd {
		l.rows++
	}
	if step.Op == access.OpRemove {
		l.rows--
		l.unblock()
	}
	for _, s := range before {
		delete(l.secrets, s)
	}
	for _, s := range plan.Secrets(l.cfg.Ledger, step.Record) {
		l.secrets[s] = step.Person
	}
}

// unblock looks again at people who waited for room or for a PIN to become free.
func (l *Loop) unblock() {
	for p := range l.blocked {
		l.Changed(false, p)
	}
}

// settled records that a row was seen to be as wanted; nothing is written when that is no news.
func (l *Loop) settled(p access.PersonID, entry access.LedgerEntry, pl plan.Plan) error {
	known := entry.Ref != ""
	now, _ := l.cfg.Clock.Now()
	var s plan.Settled
	if len(pl.Settled) > 0 {
		s = pl.Settled[0]
	}
	switch {
	case s.Record.Ref == "" && known: // nothing wanted, nothing there
		e := l.event(access.EventConfirmed, p, access.OpRemove)
		e.Grade, e.Attempt = access.Exact, entry.Attempts+1
		l.log.Info("confirmed gone", "person", string(p))
		return l.record(p, nil, e)
	case s.Record.Ref == "":
		return nil
	}
	print := plan.PrintRecord(l.cfg.Ledger, s.Record)
	if known && entry.State == access.Settled && entry.Print == print && entry.Fault == "" {
		return nil
	}
	op := access.OpAdd
	if known && !entry.Seen.IsZero() {
		op = access.OpChange
	}
	e := l.event(access.EventConfirmed, p, op)
	e.Grade, e.Attempt = s.Grade, entry.Attempts+1
	entry = access.LedgerEntry{
		Person: p, Ref: string(s.Record.Ref), Native: s.Record.Native, State: access.Settled, Grade: s.Grade,
		Print: print, Secrets: plan.Secrets(l.cfg.Ledger, s.Record), Revision: l.cfg.Wanted.Position().Revision,
		At: now, Seen: now,
	}
	for _, sec := range entry.Secrets {
		l.secrets[sec] = p
	}
	l.log.Info("confirmed", "person", string(p), "grade", s.Grade)
	return l.record(p, &entry, e)
}

// fail records that a person's record could not be written and when it is tried again.
func (l *Loop) fail(p access.PersonID, cause error) error {
	entry, known, err := l.cfg.Ledger.Entry(l.cfg.Device.ID, p)
	if err != nil {
		return err
	}
	now, _ := l.cfg.Clock.Now()
	entry.Person, entry.Ref = p, string(model.RefOf(p))
	if !known {
		entry.State = access.Intended
	}
	entry.Attempts++
	kind, wait := fault.KindOf(cause), badRetry
	if fault.Retry(kind) {
		wait = delay(entry.Attempts, l.cfg.Rand)
	}
	entry.Fault, entry.Message, entry.NextTry = kind.String(), cause.Error(), now.Add(wait)
	e := l.event(access.EventFailed, p, "")
	e.Fault, e.Message, e.Attempt, e.NextTry = entry.Fault, entry.Message, entry.Attempts, entry.NextTry
	l.log.Warn("could not be written", "person", string(p), "err", cause, "next_try", entry.NextTry)
	l.sooner(p, entry.NextTry)
	return l.record(p, &entry, e)
}

func (l *Loop) record(p access.PersonID, e *access.LedgerEntry, evs ...access.Event) error {
	return stored(l.cfg.Ledger.Record(l.cfg.Device.ID, p, e, evs...))
}

// append records events without a ledger change.
func (l *Loop) append(evs ...access.Event) error {
	return stored(l.cfg.Ledger.Record(l.cfg.Device.ID, "", nil, evs...))
}

func (l *Loop) event(k access.EventKind, p access.PersonID, op access.Op) access.Event {
	now, trusted := l.cfg.Clock.Now()
	pos := l.cfg.Wanted.Position()
	return access.Event{Kind: k, At: now, Unsure: !trusted, Device: l.cfg.Device.ID, Person: p, Op: op, Epoch: pos.Epoch, Revision: pos.Revision}
}
