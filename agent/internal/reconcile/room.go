package reconcile

import (
	"time"

	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// A device may refuse somebody for what stands on it: it is full, or another row has their PIN or card, and mostly it does
// not say which. That ends when a row goes, so whoever waits need not wait for their hour: one of them tries when a removal
// was confirmed, when the device holds fewer rows than it did, and while by our own count there is room. One, because what
// became free is mostly one place, and every refusal costs requests and an event. Who gets in brings the next one.

// room is who waits for it.
type room struct {
	waiting map[access.PersonID]place
	trying  access.PersonID // of them; "" nobody
	tries   int             // in a row, refused since something became free
	at      time.Time       // of the next; zero: when something becomes free
}

// place is what somebody waits for.
type place struct{ begins, tried time.Time }

func (p place) before(o place) bool {
	if !p.tried.Equal(o.tried) {
		return p.tried.Before(o.tried)
	}
	return p.begins.Before(o.begins)
}

// crowdedOut says that the device refused somebody who never stood on it, for what stands on it.
func crowdedOut(e access.LedgerEntry) bool {
	return e.State == access.Intended && e.Seen.IsZero() && (e.Fault == fault.Full.String() || e.Fault == fault.Conflict.String())
}

// crowded notes that somebody waits for room, and tries again after a while when there should be some.
func (l *Loop) crowded(in plan.Input) {
	if len(in.People) != 1 {
		return
	}
	h, r := in.People[0], &l.room
	p := h.Person.ID
	r.waiting[p] = place{plan.Want(in, h).Begins, r.waiting[p].tried}
	if r.trying == p {
		r.trying = ""
	}
	if r.at.IsZero() && r.trying == "" && l.limits.People > l.rows {
		r.at = l.mono().Add(min(firstRetry<<min(r.tries, manyTries), badRetry))
	}
}

// manyTries doublings of firstRetry are more than badRetry.
const manyTries = 12

// noRoom notes that somebody could not be written, for want of room or not.
func (l *Loop) noRoom(p access.PersonID, e access.LedgerEntry) {
	_, waited := l.room.waiting[p]
	if l.room.trying == p {
		l.room.tries++
	}
	if w := l.room.waiting[p]; e.Fault == fault.Full.String() && waited { // which is not about this person
		l.room.waiting[p] = place{begins: w.begins}
	}
	if !crowdedOut(e) {
		if l.leave(p); waited {
			l.free() // what there is may do for somebody else
		}
		return
	}
	in, err := l.input(p)
	if l.unreadable(err) == nil {
		l.crowded(in)
	}
}

// leave notes that somebody no longer waits for room.
func (l *Loop) leave(p access.PersonID) {
	delete(l.room.waiting, p)
	if l.room.trying == p {
		l.room.trying = ""
	}
}

// free has somebody who waits try at once.
func (l *Loop) free() {
	if len(l.room.waiting) > 0 {
		l.room.tries, l.room.at = 0, l.mono()
	}
}

// tryRoom puts one who waits for room into the queue when it is time: the one whose access began first. Whoever was refused
// with other words than that the device is full goes behind the others, because it may be this record.
func (l *Loop) tryRoom() error {
	r := &l.room
	for !r.at.IsZero() && !l.mono().Before(r.at) && l.store.err == nil {
		p, ok := r.next()
		if !ok {
			r.at = time.Time{}
			return nil
		}
		if err := l.evaluateOne(p, true); err != nil {
			return err
		}
		if _, due := l.queue.index[p]; !due {
			l.leave(p)
			continue
		}
		r.at, r.trying = time.Time{}, p
		r.waiting[p] = place{r.waiting[p].begins, l.mono()}
	}
	return nil
}

func (r *room) next() (first access.PersonID, ok bool) {
	for p, at := range r.waiting {
		if was := r.waiting[first]; !ok || at.before(was) || !was.before(at) && p < first {
			first, ok = p, true
		}
	}
	return first, ok
}
