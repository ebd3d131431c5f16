package reconcile

import (
	"context"
	"errors"
	"slices"

	"gatehouse/agent/internal/driver"
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

func refOf(p access.PersonID) string { return string(model.RefOf(p)) }

// settle brings one person's row to what is wanted. Every round reads first, so it does not matter
// what earlier rounds, crashes or other people did. The error is errPreempted, one of the store,
// or says that the device does not answer; trouble with this one record is recorded and no error.
func (l *Loop) settle(ctx context.Context, p access.PersonID, u urgency) error {
	var last error
	for n := range maxRounds + 1 {
		if n == maxRounds && last != nil {
			break
		}
		if n > 0 && u.rank > 0 {
			if err := l.preempted(model.Step{}); err != nil {
				return err // what was written is read back later
			}
		}
		done, err := l.round(ctx, p, n < maxRounds) // what the last one wrote is still looked at
		switch {
		case err == nil && done:
			return nil
		case isHourless(err):
			return l.fail(p, err, false)
		case err == nil || fault.KindOf(err) == fault.Conflict && !isStore(err):
			last = err // somebody else was at the row: read it again
		case ctx.Err() == nil && fault.KindOf(err) == fault.Timeout && !isFallen(err) && l.answered && !isStore(err) && (!u.tried.IsZero() || l.timedOut(p)):
			return l.fail(p, err, u.rank == 0) // it answers, but not for this record: others must not wait
		case ctx.Err() != nil || errors.Is(err, errPreempted) || deviceDown(err) || isStore(err):
			return err
		default:
			return l.fail(p, err, u.rank == 0)
		}
	}
	if last == nil {
		last = fault.New(fault.Conflict, "write", "person "+string(p), "the device accepts the change but does not show it").
			WithRemedy("Look at the record on the panel; somebody or something may be undoing it.")
	}
	return l.fail(p, last, u.rank == 0)
}

// round reads, plans and does the first step that is due, if it may act. done means nothing was due.
func (l *Loop) round(ctx context.Context, p access.PersonID, act bool) (done bool, err error) {
	l.answered = false
	seen, err := call(ctx, l, l.perRow(), func(ctx context.Context, d driver.Panel) (plan.Observed, error) {
		return observe(ctx, d, model.RefOf(p))
	})
	if err != nil {
		return false, err
	}
	l.answered = true
	in, err := l.input(p)
	if err != nil {
		return false, err
	}
	in.Observed = seen
	pl := plan.Make(in)
	l.schedule(p, pl.NextChange)
	if err := l.tellWords(p, pl, in); err != nil && !unwritten(err) {
		return false, err
	}
	entry := in.Ledger[p]
	if len(pl.Steps) == 0 {
		l.settled(p, entry, pl, in.Position)
		return true, nil
	}
	if !act {
		return false, nil
	}
	if err := l.preempted(pl.Steps[0]); err != nil {
		return false, err
	}
	if err := l.standing(pl.Steps[0].Record.Schedules); err != nil {
		return false, err
	}
	if pl.Steps[0].Why == plan.Double {
		l.tellDouble(pl.Steps[0], seen.Records)
	}
	return false, l.apply(ctx, pl.Steps[0], entry, in.Position)
}

// tellDouble puts a second row of somebody into the list of what is astray, and tells of it, before it is taken away: a
// double that no read-back saw would go without a word. What cannot be kept now delays no removal.
func (l *Loop) tellDouble(step model.Step, rows []model.Record) {
	i := slices.IndexFunc(rows, func(r model.Record) bool { return r.Native == step.Native })
	if i < 0 {
		return
	}
	now, _ := l.cfg.Clock.Now()
	d := access.Drift{Device: l.cfg.Device.ID, Kind: access.DriftEdit, Person: step.Person, Native: step.Native, Name: rows[i].Name,
		What: plan.Double, First: now, Last: now, Entry: plan.Entry(l.cfg.Ledger, rows[i]), Told: true}
	list, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err != nil || slices.ContainsFunc(list, func(o access.Drift) bool { return o.Entry == d.Entry }) {
		return
	}
	list, e := append(list, d), l.eventOfRow(d)
	_ = l.write(func() error { return l.saveDrift(list, e) })
}

// observe reads one person's rows, and how well that is proven.
func observe(ctx context.Context, d driver.Panel, ref model.Ref) (plan.Observed, error) {
	rows, err := d.Read(ctx, ref)
	seen := plan.Observed{Complete: true, Records: rows}
	if pr, ok := d.(driver.Prover); ok && err == nil {
		seen.Unprovable = pr.Proven(ref) == access.Unprovable
	}
	return seen, err
}

// preempted takes in what arrived while we were reading, and says so when a removal waits and this
// is none, or when losses of access were held back since the plan was made: they may be this one.
func (l *Loop) preempted(step model.Step) error {
	if step.Op == access.OpRemove {
		if l.newHolds() {
			return errPreempted
		}
		return nil
	}
	if err := l.evaluate(); err != nil {
		return err
	}
	if _, u, ok := l.queue.first(); ok && u.rank == 0 {
		return errPreempted
	}
	return nil
}

// apply journals the step, does it, and records that the device accepted it.
func (l *Loop) apply(ctx context.Context, step model.Step, entry access.LedgerEntry, pos access.Position) error {
	entry.Person, entry.Ref, entry.Native = step.Person, string(step.Ref), step.Native
	entry.At, _ = l.cfg.Clock.Now()
	entry.Revision = pos.Revision
	entry.State = access.Intended
	if step.Op == access.OpRemove {
		entry.State = access.Removing
	}
	proof, named := l.proofOf(step), entry.Name
	entry.Name = plan.NamePrint(l.cfg.Ledger, step.Record)
	if err := l.recordProof(step.Person, &entry, noted(proof)); err != nil && step.Op != access.OpRemove {
		return err // what could not be recorded could not be taken away again
	}
	l.named(named, entry.Name)
	if err := l.do(ctx, l.perRow(), func(ctx context.Context, d driver.Panel) error { return d.Apply(ctx, step) }); err != nil {
		return err
	}
	l.remember(step)
	entry.Secrets = nil
	if step.Op != access.OpRemove {
		entry.State = access.Written
		entry.Print = plan.PrintRecord(l.cfg.Ledger, step.Record)
		entry.Secrets, entry.Unit = plan.Secrets(l.cfg.Ledger, step.Record), step.Record.Unit
	}
	e := proved(l.eventOf(pos, access.EventWritten, step.Person, step.Op), proof)
	e.Message, e.Attempt = step.Why, entry.Attempts+1
	if proof != nil {
		proof.Written = e.At
	}
	l.log.Info("written", "person", string(step.Person), "op", step.Op, "why", step.Why)
	l.done(step.Person, &entry, noted(proof), e)
	return nil
}

// proofOf is the open proof of a removal, with this attempt counted; nil for anything else, also the
// removal of a double.
func (l *Loop) proofOf(step model.Step) *access.Proof {
	proof := l.proofs[step.Person]
	if step.Op != access.OpRemove || proof == nil {
		return nil
	}
	proof.Attempts++
	return proof
}

// remember keeps the count of rows and the index of secrets in step with what was just done, and
// looks again at those who waited for what became free.
func (l *Loop) remember(step model.Step) {
	switch step.Op {
	case access.OpAdd:
		l.rows++
	case access.OpRemove:
		l.rows--
	}
	l.carries(step.Person, plan.Secrets(l.cfg.Ledger, step.Record))
	l.unblock()
}

// carries notes that these and no others are the person's PIN and cards on the device.
func (l *Loop) carries(p access.PersonID, secrets []string) {
	if l.hasLearned(p, secrets) {
		return
	}
	freed := false
	for _, s := range l.carried[p] {
		if l.secrets[s] == p && !slices.Contains(secrets, s) {
			delete(l.secrets, s)
			l.doors.was(s, p)
			freed = true
		}
	}
	delete(l.carried, p)
	for _, s := range secrets {
		l.learn(s, p)
	}
	if freed {
		l.unblock()
	}
}

// named notes that somebody stands under another name (plan.NamePrint; 0: none), and returns it.
func (l *Loop) named(was, is uint32) uint32 {
	if l.names[was]--; l.names[was] <= 0 {
		delete(l.names, was)
	}
	if is != 0 {
		l.names[is]++
	}
	return is
}

// hasLearned reports whether just these are noted as the person's, as after every read-back: noting them
// again would hold a second copy of each.
func (l *Loop) hasLearned(p access.PersonID, secrets []string) bool {
	return slices.Equal(l.carried[p], secrets) && !slices.ContainsFunc(secrets, func(s string) bool { return l.secrets[s] != p })
}

// learn notes who holds a PIN or card on the device; a stranger is "".
func (l *Loop) learn(secret string, who access.PersonID) {
	l.secrets[secret] = who
	if who != "" {
		l.carried[who] = append(l.carried[who], secret)
	}
}

// settled records that a row was seen to be as wanted; nothing is written when that is no news, and
// nothing follows when the plan could not tell.
func (l *Loop) settled(p access.PersonID, entry access.LedgerEntry, pl plan.Plan, pos access.Position) {
	for _, a := range pl.Adopt {
		l.adopt(a, pos)
	}
	if len(pl.Settled) == 0 {
		return
	}
	s, known := pl.Settled[0], entry.Ref != ""
	l.mended(p)
	if s.Record.Ref == "" {
		l.gone(p, entry, known, s.Grade, pos)
		return
	}
	print := plan.PrintRecord(l.cfg.Ledger, s.Record)
	l.carries(p, plan.Secrets(l.cfg.Ledger, s.Record))
	if known && entry.State == access.Settled && entry.Print == print && entry.Fault == "" && !better(s.Grade, entry.Grade) {
		return
	}
	op := access.OpAdd
	if known && !entry.Seen.IsZero() {
		op = access.OpChange
	}
	e := l.eventOf(pos, access.EventConfirmed, p, op)
	e.Grade, e.Attempt = s.Grade, entry.Attempts+1
	now, _ := l.cfg.Clock.Now()
	entry = access.LedgerEntry{
		Person: p, Ref: string(s.Record.Ref), Native: s.Record.Native, State: access.Settled, Grade: s.Grade,
		Print: print, Secrets: plan.Secrets(l.cfg.Ledger, s.Record), Revision: pos.Revision,
		Name: l.named(entry.Name, plan.NamePrint(l.cfg.Ledger, s.Record)), At: now, Seen: now, Told: l.refused[p], Unit: s.Record.Unit,
	}
	l.log.Info("confirmed", "person", string(p), "grade", s.Grade)
	l.done(p, &entry, nil, e)
	l.leave(p)
	if op == access.OpAdd {
		l.free() // it takes somebody: it may take the next
	}
}

// better says that a row which could not be read back when it was written was read back now.
func better(now, before access.Grade) bool {
	return before == access.Unprovable && now != access.Unprovable && now != ""
}

// gone records that nothing is wanted for the person and nothing of ours is there.
func (l *Loop) gone(p access.PersonID, entry access.LedgerEntry, known bool, grade access.Grade, pos access.Position) {
	l.carries(p, nil)
	if !known {
		return
	}
	l.named(entry.Name, 0)
	proof := noted(l.proofs[p])
	delete(l.proofs, p)
	e := proved(l.eventOf(pos, access.EventConfirmed, p, access.OpRemove), proof)
	e.Grade, e.Attempt = access.Exact, entry.Attempts+1
	if grade == access.Unprovable || l.limits.Grade == access.Unprovable {
		e.Grade = access.Unprovable // a device that shows nothing proves nothing
	}
	if proof != nil {
		proof.Confirmed, proof.Grade, proof.Fault, proof.Message = e.At, e.Grade, "", ""
	}
	l.log.Info("confirmed gone", "person", string(p))
	l.done(p, nil, proof, e)
	l.leave(p)
	l.free()
}

func (l *Loop) timedOut(p access.PersonID) bool {
	e, ok, err := l.entry(p)
	return err == nil && ok && e.Fault == fault.Timeout.String()
}
