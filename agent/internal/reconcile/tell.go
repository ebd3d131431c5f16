package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// word is one thing to be told about a person.
type word struct {
	kind  access.EventKind
	fault fault.Kind
	why   string
}

// tellWords records what cannot be written, or waits, once for every new set of words. A collision
// with somebody else on the device is kept back until nothing is left to do: whoever holds the PIN
// may be about to leave.
func (l *Loop) tellWords(p access.PersonID, pl plan.Plan, in plan.Input) error {
	delete(l.blocked, p)
	delete(l.untold, p)
	words := l.wait(p, pl)
	if !l.probed {
		return nil
	}
	for _, r := range pl.Refusals {
		if r.Kind == fault.Full || r.Kind == fault.Conflict {
			l.blocked[p] = true
		}
		words = append(words, word{access.EventRefused, r.Kind, r.Why})
	}
	entry := in.Ledger[p]
	if _, ok := l.refused[p]; !ok && entry.Told != "" { // told before a restart
		l.refused[p] = entry.Told
	}
	switch print := l.printWords(words); {
	case print == l.refused[p]:
		return nil
	case l.blocked[p] && l.queue.Len() > 0:
		l.untold[p] = words
		return nil
	default:
		return l.refuse(p, words, print, entry)
	}
}

func (l *Loop) printWords(words []word) string {
	if len(words) == 0 {
		return ""
	}
	text := "refusals"
	for _, w := range words {
		text += "\x00" + w.why
	}
	return l.cfg.Ledger.Print(text)
}

// refuse tells, and remembers that it told. Somebody who is on the device all the same is confirmed
// again behind it, so that the last word is how they stand; unless that they stand there is the news.
func (l *Loop) refuse(p access.PersonID, words []word, print string, entry access.LedgerEntry) error {
	var evs []access.Event
	stands := entry.State == access.Settled && len(words) > 0
	for _, w := range words {
		e := l.event(w.kind, p, "")
		e.Fault, e.Message = w.fault.String(), w.why
		evs = append(evs, e)
		stands = stands && w.kind != access.EventHeld
	}
	var err error
	switch {
	case entry.Ref != "":
		if entry.Told = print; stands {
			evs = append(evs, l.seenBefore(p, entry))
		}
		err = l.record(p, &entry, evs...)
	case len(evs) > 0:
		err = l.append(evs...)
	}
	switch {
	case err != nil:
	case print == "":
		delete(l.refused, p)
	default:
		l.refused[p] = print
	}
	return err
}

// flushRefusals tells what was kept back, now that the collisions are there to stay.
func (l *Loop) flushRefusals() {
	for _, p := range slices.Sorted(keysOf(l.untold)) {
		entry, _, err := l.entry(p)
		if err = l.unreadable(err); err == nil {
			err = l.refuse(p, l.untold[p], l.printWords(l.untold[p]), entry)
		}
		if err != nil {
			l.storeFails(err)
			return
		}
		delete(l.untold, p)
	}
}

func keysOf(m map[access.PersonID][]word) func(func(access.PersonID) bool) {
	return func(yield func(access.PersonID) bool) {
		for p := range m {
			if !yield(p) {
				return
			}
		}
	}
}

// tellStrays says once which doors of the device the property does not have: a slip in the gateway's
// configuration, or a door taken out of the cloud's.
func (l *Loop) tellStrays() error {
	strays := ""
	if l.cfg.Wanted.Position().Revision > 0 {
		strays = fmt.Sprint(plan.Strays(l.common()))
	}
	if strays == l.strays || strays == "[]" && l.strays == "" {
		return nil
	}
	if strays == "[]" || strays == "" {
		l.strays = strays
		return nil
	}
	words := "the property has no door " + strings.Trim(strays, "[]") + "; correct doors in the gateway's configuration, or add it in the cloud's"
	l.log.Error("doors of this panel are not the property's", "doors", strays, "remedy", words)
	e := l.event(access.EventHeld, "", "")
	e.Fault, e.Message = fault.Invalid.String(), words
	err := l.append(e)
	if err == nil {
		l.strays = strays
	}
	return err
}

// unblock looks again at people who waited for room or for a PIN to become free.
func (l *Loop) unblock() {
	for p := range l.blocked {
		l.again[p] = true
	}
}

// tellUnchanged confirms anew a person who changed in a way that the device need not know, an
// e-mail address for example: the cloud waits for word about its revision.
func (l *Loop) tellUnchanged(p access.PersonID) error {
	rev := l.cfg.Wanted.Position().Revision
	e, ok, err := l.entry(p)
	_, due := l.queue.index[p]
	if err != nil || !ok || due || e.State != access.Settled || e.Revision >= rev || l.reports() {
		return l.unreadable(err)
	}
	e.Revision = rev
	return l.record(p, &e, l.seenBefore(p, e))
}

// seenBefore is a confirmation by the last read-back, with its time.
func (l *Loop) seenBefore(p access.PersonID, e access.LedgerEntry) access.Event {
	ev := l.event(access.EventConfirmed, p, access.OpChange)
	ev.At, ev.Grade = e.Seen, e.Grade
	return ev
}

func (l *Loop) record(p access.PersonID, e *access.LedgerEntry, evs ...access.Event) error {
	return l.write(func() error { return l.cfg.Ledger.Record(l.cfg.Device.ID, p, e, evs...) })
}

// recordProof is record with a proof, nil: without.
func (l *Loop) recordProof(p access.PersonID, e *access.LedgerEntry, proof *access.Proof, evs ...access.Event) error {
	if proof == nil {
		return l.record(p, e, evs...)
	}
	return l.write(func() error { return l.cfg.Ledger.RecordProof(l.cfg.Device.ID, p, e, *proof, evs...) })
}

// append records events without a ledger change.
func (l *Loop) append(evs ...access.Event) error {
	return l.record("", nil, evs...)
}

// event is an event of now, about the newest state.
func (l *Loop) event(k access.EventKind, p access.PersonID, op access.Op) access.Event {
	return l.eventOf(l.cfg.Wanted.Position(), k, p, op)
}

// eventOf is an event about the state that was acted on.
func (l *Loop) eventOf(pos access.Position, k access.EventKind, p access.PersonID, op access.Op) access.Event {
	now, trusted := l.cfg.Clock.Now()
	return access.Event{Kind: k, At: now, Unsure: !trusted, Device: l.cfg.Device.ID, Person: p, Op: op, Epoch: pos.Epoch, Revision: pos.Revision}
}

// fail records that a person's record could not be written and when it is tried again. Nothing
// puts off a removal by more than lastRetry.
func (l *Loop) fail(p access.PersonID, cause error, removal bool) error {
	entry, known, err := l.entry(p)
	if err := l.unreadable(err); err != nil {
		return err
	}
	now, _ := l.cfg.Clock.Now()
	entry.Person, entry.Ref = p, refOf(p)
	switch {
	case removal && known:
		entry.State = access.Removing
	case !known:
		entry.State = access.Intended
	}
	entry.Attempts++
	kind, wait := fault.KindOf(cause), badRetry
	if removal || entry.State == access.Removing || fault.Retry(kind) {
		wait = delay(entry.Attempts, l.cfg.Rand)
	}
	if isFallen(cause) {
		wait = delay(manyFailures, l.cfg.Rand) // every try costs an instance of the driver
	}
	entry.Fault, entry.Message, entry.NextTry = kind.String(), cause.Error(), now.Add(wait)
	proof := l.proofs[p]
	if proof != nil {
		proof.Fault, proof.Message = entry.Fault, entry.Message
	}
	e := l.event(access.EventFailed, p, "")
	e.Fault, e.Message, e.Attempt, e.NextTry = entry.Fault, entry.Message, entry.Attempts, entry.NextTry
	if proof != nil && removal { // else the cloud takes it for what was done last
		e.Op = access.OpRemove
		e = proved(e, proof)
	}
	l.log.Warn("could not be written", "person", string(p), "err", cause, "next_try", entry.NextTry.Format(time.RFC3339))
	l.sooner(p, entry.NextTry)
	l.done(p, &entry, noted(proof), e)
	l.noRoom(p, entry)
	return nil
}
