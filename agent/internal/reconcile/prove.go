package reconcile

import (
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
)

// A proof of a removal (row G1) begins when the removal of a row that we wrote falls due, grows with
// every attempt, and ends with the event that says the row is gone. In report mode nothing is taken
// away and what is held stays: neither begins one.

// prove begins a person's proof when their removal is due, and ends one whose removal is no longer
// asked for.
func (l *Loop) prove(p access.PersonID, pl plan.Plan, entry access.LedgerEntry, known bool) error {
	if !known || l.reports() {
		return nil
	}
	removal := len(pl.Steps) > 0 && pl.Steps[0].Op == access.OpRemove
	if !removal && l.proofs[p] == nil && entry.State != access.Removing {
		return nil
	}
	proof, err := l.openProof(p)
	switch {
	case err != nil:
		return err
	case removal && proof == nil:
		return l.beginProof(p, pl.Steps[0])
	case !removal && proof != nil && wantsRow(pl):
		return l.voidProof(p, *proof, entry)
	}
	return nil
}

// wantsRow says that the plan is surely to have the person on the device.
func wantsRow(pl plan.Plan) bool {
	return len(pl.Steps) > 0 || len(pl.Settled) > 0 && pl.Settled[0].Record.Ref != ""
}

// openProof is the person's open proof; nil when there is none.
func (l *Loop) openProof(p access.PersonID) (*access.Proof, error) {
	if proof := l.proofs[p]; proof != nil {
		return proof, nil
	}
	proof, ok, err := l.cfg.Ledger.Proof(l.cfg.Device.ID, p)
	if err := l.unreadable(err); err != nil || !ok || !proof.Open() {
		return nil, err
	}
	l.proofs[p] = &proof
	return &proof, nil
}

// beginProof asks from when access ended, or from when the cloud said so if it said so later.
func (l *Loop) beginProof(p access.PersonID, step model.Step) error {
	_, issued, knew, err := l.cfg.Wanted.Since(p)
	if err := l.unreadable(err); err != nil {
		return err
	}
	now, _ := l.cfg.Clock.Now()
	asked := step.Asked
	if issued.After(asked) {
		asked = issued
	}
	if asked.IsZero() || asked.After(now) {
		asked = now
	}
	if knew.IsZero() || knew.After(now) {
		knew = now
	}
	proof := access.Proof{
		Device: l.cfg.Device.ID, Person: p, Cause: step.Cause, Why: step.Why,
		Revision: l.cfg.Wanted.Position().Revision, Asked: asked, Stored: knew,
	}
	l.proofs[p] = &proof
	l.opening = append(l.opening, p)
	return nil
}

// saveOpening stores the proofs that began in this evaluation, together; what cannot be stored now is
// at the next.
func (l *Loop) saveOpening() {
	var begin []access.Proof
	for _, p := range l.opening {
		if proof := l.proofs[p]; proof != nil { // else it has ended meanwhile
			begin = append(begin, *proof)
		}
	}
	if len(begin) == 0 || l.write(func() error { return l.cfg.Ledger.OpenProofs(begin) }) == nil {
		l.opening = nil
	}
}

// voidProof ends a proof without a removal: access was given again before it was taken away.
func (l *Loop) voidProof(p access.PersonID, proof access.Proof, entry access.LedgerEntry) error {
	now, _ := l.cfg.Clock.Now()
	proof.Confirmed, proof.Grade, proof.Fault = now, "", ""
	proof.Message = "access was given again before it was taken away"
	err := l.recordProof(p, &entry, &proof)
	if err == nil {
		delete(l.proofs, p)
	}
	return err
}

// proved puts into an event what makes it a proof by itself.
func proved(e access.Event, proof *access.Proof) access.Event {
	if proof != nil {
		e.Asked, e.Stored = proof.Asked, proof.Stored
	}
	return e
}

// noted is a copy of a proof, to be stored as it is now.
func noted(proof *access.Proof) *access.Proof {
	if proof == nil {
		return nil
	}
	c := *proof
	return &c
}
