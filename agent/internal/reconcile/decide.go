package reconcile

import (
	"cmp"
	"context"
	"slices"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What we did not write we do not touch, until somebody on site names the row (DESIGN §1.5, row G4).
// What they decide is kept first, with its event, and then carried out after the removals that wait and
// before anything else; a crash in between carries it out at the next start. The row is compared with
// what they saw, when they decide and again when it is done.

// Decision is what a person on site wants done about one row.
type Decision struct {
	Entry  string // access.Drift.Entry
	Act    access.DriftAct
	To     access.PersonID // of an adoption
	Reason string          // in words; "" none was given
}

// Outcome is what a decision came to. Done false: it is kept and carried out as soon as the device
// lets it; Message says what it waits for.
type Outcome struct {
	access.Drift
	Done    bool
	Message string
}

// noReason stands where somebody gave none.
const noReason = "no reason given"

// away says why a decision is not done yet.
const away = "the device is unreachable: see that it has power and network (gatehouse-agent device probe asks it); the decision is kept, and done when it answers: "

// Decide keeps a decision and waits until it is carried out, at most until ctx ends. A row that shows
// something else than its entry says is a Conflict, one that is not in the list is Invalid.
func (l *Loop) Decide(ctx context.Context, d Decision) (out Outcome, err error) {
	done := make(chan error, 1)
	if err := l.give(&job{ctx: ctx, look: func() error { out.Drift, err = l.decide(d, done); return err }}); err != nil {
		return Outcome{}, err
	}
	switch st := l.Status(); {
	case d.Act == access.DriftKeep:
		out.Done = true
		return out, nil
	case !st.Reachable && !st.Since.IsZero():
		out.Message = away + st.Message
		return out, nil
	}
	select {
	case err := <-done:
		out.Done = err == nil
		return out, err
	case <-ctx.Done():
		out.Message = "the device has not answered in time: it is off, out of reach or busy. See that it has power and network; the decision is kept, and done as soon as it answers"
		if st := l.Status(); !st.Reachable && !st.Since.IsZero() {
			out.Message = away + st.Message
		}
		return out, nil
	}
}

// decide judges a decision and keeps it.
func (l *Loop) decide(d Decision, done chan error) (access.Drift, error) {
	list, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err := l.unreadable(err); err != nil {
		return access.Drift{}, err
	}
	i := slices.IndexFunc(list, func(o access.Drift) bool { return o.Entry == d.Entry })
	if i < 0 {
		return access.Drift{}, l.notListed(d.Entry, list)
	}
	line := &list[i]
	if err := l.mayDecide(*line, d); err != nil {
		return access.Drift{}, err
	}
	line.Ignore, line.Act, line.To, line.Reason = "", d.Act, d.To, cmp.Or(d.Reason, noReason)
	if d.Act == access.DriftKeep {
		line.Ignore, line.Act, line.To, line.Reason = line.Reason, "", "", ""
	} else {
		l.deciding[d.Entry] = done
	}
	if err := l.saveDrift(list, l.eventOfRow(*line)); err != nil {
		delete(l.deciding, d.Entry)
		return access.Drift{}, err
	}
	l.log.Warn("somebody on site decided about a row", "entry", line.Entry, "act", string(d.Act), "person", string(d.To))
	return *line, nil
}

func (l *Loop) notListed(entry string, list []access.Drift) error {
	if slices.ContainsFunc(list, func(o access.Drift) bool { return plan.SameRow(o.Entry, entry) }) {
		return l.changed(nil)
	}
	return fault.New(fault.Invalid, "look up", "entry on "+string(l.cfg.Device.ID), "%.40q is not among the records that are astray; it may be gone", entry).
		WithRemedy("gatehouse-agent drift lists them, each with its entry.")
}

// changed refuses what was meant for a row that shows something else now; cause may be nil.
func (l *Loop) changed(cause error) error {
	words := "it changed since it was listed; nothing was done"
	if cause != nil {
		words += ": " + cause.Error()
	}
	return fault.New(fault.Conflict, "act on", "record on "+string(l.cfg.Device.ID), "%s", words).
		WithRemedy("Look at it again with gatehouse-agent drift, and decide about what it shows now.")
}

// mayDecide says in words why a decision cannot stand.
func (l *Loop) mayDecide(line access.Drift, d Decision) error {
	no := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Conflict, string(d.Act), "record on "+string(l.cfg.Device.ID), format, args...)
	}
	switch {
	case mends(line) && d.Act == access.DriftKeep && !l.reports():
		return no("it is a row of this gateway's own, which it brings back to what is wanted by itself").WithRemedy("Change the person at the cloud, or set the device to report.")
	case d.Act == access.DriftKeep:
		return nil
	case mends(line):
		return no("it is a row of this gateway's own, and belongs to %s already", line.Person).WithRemedy("Where the gateway may write, it brings the row back by itself; else: gatehouse-agent drift keep.")
	case l.reports():
		return no("the device is only reported on, nothing is written to it").WithRemedy("Set mode = \"manage\" for it, or have the cloud's settings say repair.")
	case d.Act == access.DriftTake:
		return l.mayTake(d.To)
	}
	return nil
}

// mayTake says why nobody may be given a row: they are not to be on the device, so that it would be
// taken away again at once.
func (l *Loop) mayTake(p access.PersonID) error {
	in, err := l.input(p)
	if err != nil {
		return err
	}
	in.Others.Secrets = nil // the PIN on the very row is no reason
	if len(in.People) == 1 && plan.Want(in, in.People[0]).Open {
		return nil
	}
	return fault.New(fault.Conflict, "adopt", "record on "+string(l.cfg.Device.ID), "person %s has no access here now, so the record would be taken away at once", p).
		WithRemedy("Give them access at the cloud first, or take the record away: gatehouse-agent drift remove.")
}

// carryOut does what was decided about one row. An error means that the device does not answer, or the
// store: it is tried again. Anything else ends the decision, and is told.
func (l *Loop) carryOut(ctx context.Context, d access.Drift) error {
	rows, finished, err := l.list(ctx)
	if err == nil && (!finished || !l.stands(d)) {
		return nil // a removal goes first, or somebody thought better of it
	}
	if err == nil {
		err = l.takeOver(ctx, d, rows)
	}
	if ctx.Err() != nil || isStore(err) || err != nil && deviceDown(err) && !isFallen(err) {
		return err
	}
	return l.conclude(d, err)
}

// stands says that nobody has thought better of a decision.
func (l *Loop) stands(d access.Drift) bool {
	return slices.ContainsFunc(l.acts, func(o access.Drift) bool { return o.Entry == d.Entry && o.Act == d.Act && o.To == d.To })
}

// takeOver finds the row as it was listed, and takes it over or away.
func (l *Loop) takeOver(ctx context.Context, d access.Drift, rows []model.Record) error {
	i := slices.IndexFunc(rows, func(r model.Record) bool { return plan.Entry(l.cfg.Ledger, r) == d.Entry })
	there := slices.ContainsFunc(rows, func(r model.Record) bool { return plan.SameRow(plan.Entry(l.cfg.Ledger, r), d.Entry) })
	switch {
	case i < 0 && !there && d.Act == access.DriftRemove:
		return nil // it is gone
	case i < 0:
		return l.changed(nil)
	case rows[i].ReadOnly:
		return fault.New(fault.Unsupported, string(d.Act), "record on "+string(l.cfg.Device.ID), "the vendor's cloud keeps it").WithRemedy("Change it there, or: gatehouse-agent drift keep.")
	case d.Act == access.DriftRemove:
		return l.evict(ctx, rows[i])
	}
	return l.claim(ctx, d, rows[i])
}

// takeRow has the driver do it; a kind of device that cannot is Unsupported.
func (l *Loop) takeRow(ctx context.Context, row model.Record, ref model.Ref) error {
	err := l.do(ctx, l.perRow(), func(ctx context.Context, p driver.Panel) error {
		t, ok := p.(driver.Taker)
		if !ok {
			return fault.New(fault.Unsupported, "take over a record on", "device "+string(l.cfg.Device.ID), "this kind of device cannot").WithRemedy("Change it at the device's own page.")
		}
		return t.Take(ctx, row, ref)
	})
	if fault.KindOf(err) == fault.Conflict && err != nil {
		return l.changed(err)
	}
	return err
}

func (l *Loop) evict(ctx context.Context, row model.Record) error {
	if err := l.takeRow(ctx, row, ""); err != nil {
		return err
	}
	l.rows--
	for _, s := range plan.Secrets(l.cfg.Ledger, row) {
		if who, ok := l.secrets[s]; ok && who == "" {
			delete(l.secrets, s)
		}
	}
	l.unblock()
	return nil
}

// claim puts the person's reference on the row. From then on it is theirs: the next look at them makes
// it what is wanted, or removes it as a double. That we may find it there is written down before.
func (l *Loop) claim(ctx context.Context, d access.Drift, row model.Record) error {
	entry, known, err := l.entry(d.To)
	if err := l.unreadable(err); err != nil {
		return err
	}
	if !known {
		now, _ := l.cfg.Clock.Now()
		entry = access.LedgerEntry{
			Person: d.To, Ref: refOf(d.To), Native: row.Native, State: access.Intended,
			Secrets: plan.Secrets(l.cfg.Ledger, row), Revision: l.cfg.Wanted.Position().Revision, At: now,
		}
		if err := l.record(d.To, &entry); err != nil {
			return err
		}
	}
	if err := l.takeRow(ctx, row, model.RefOf(d.To)); err != nil {
		l.queue.put(d.To, urgency{rank: 1}) // what is there of them is read
		return err
	}
	for _, s := range plan.Secrets(l.cfg.Ledger, row) {
		l.learn(s, d.To)
	}
	l.queue.put(d.To, urgency{rank: 1})
	l.unblock()
	return nil
}

// conclude ends a decision: the line goes when it was carried out, and stays open when it cannot be.
func (l *Loop) conclude(d access.Drift, failed error) error {
	list, err := l.cfg.Ledger.Drift(l.cfg.Device.ID)
	if err := l.unreadable(err); err != nil {
		return err
	}
	e := l.eventOfRow(d)
	e.Row.Gone, e.Message = failed == nil, "done"
	if failed != nil {
		e.Row.Act, e.Row.To, e.Fault, e.Message = "", "", fault.KindOf(failed).String(), "not done: "+failed.Error()
		l.auditAt = l.mono() // see what it is now
	}
	list = slices.DeleteFunc(list, func(o access.Drift) bool { return o.Entry == d.Entry && failed == nil })
	for i := range list {
		if o := &list[i]; o.Entry == d.Entry {
			o.Act, o.To, o.Reason = "", "", ""
		}
	}
	w := l.deciding[d.Entry]
	delete(l.deciding, d.Entry)
	err = l.write(func() error { return l.saveDrift(list, e) })
	if w != nil {
		w <- failed
	}
	l.log.Warn("what somebody decided about a row was done, or ended", "entry", d.Entry, "act", string(d.Act), "err", failed)
	return err
}
