package reconcile

import (
	"strconv"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Status is what the loop knows of its device, for pages, metrics and the inventory.
type Status struct {
	Device    access.DeviceID
	Identity  model.Identity
	Limits    model.Limits
	Reachable bool
	Since     time.Time // of Reachable; zero before the first answer or failure
	Fault     string    // kind of the last failure, "" while reachable
	Message   string
	Remedy    string // what to do about Message, "" nothing is known
	NextTry   time.Time
	Storage   string // why the box cannot record what happens, in words; "" it can
	Panics    int    // instances of the driver that panicked and were replaced
	Stuck     int    // and that never came back from a call
	Waiting   int    // people due and not done
	Removals  int    // of them removals
	Rows      int    // on the device at the last audit
	Strangers int    // of them not ours
	Audited   time.Time
	LogsDoors bool                     // it keeps a door log, which is read
	Opened    int                      // openings that its log told since the start
	Refusals  int                      // and refusals
	Gaps      int                      // how often more had happened than was read
	Drift     map[access.DriftKind]int // rows astray at the last audit that nobody let be; not to be changed
	// Revocations is how many removals are asked for and not confirmed, Oldest since when the oldest is
	// asked for; zero when there is none. Held, Stale and Reported are none of them: removals that
	// wait for somebody's word, lease ends that wait for the cloud, removals that report mode leaves.
	Revocations           int
	Oldest                time.Time
	Held, Stale, Reported int
	// NextChange is when somebody is due by date; zero never.
	NextChange time.Time
}

// Status may be called from any goroutine.
func (l *Loop) Status() Status {
	l.status.Lock()
	defer l.status.Unlock()
	return l.status.Status
}

// publish makes what Run's goroutine knows visible to others.
func (l *Loop) publish() {
	removals := 0
	for _, it := range l.queue.items {
		if it.value.rank == 0 {
			removals++
		}
	}
	open, oldest := l.revocations()
	l.status.Lock()
	defer l.status.Unlock()
	l.status.Waiting, l.status.Removals = l.queue.Len(), removals
	_, l.status.NextChange, _ = l.later.first()
	l.status.Revocations, l.status.Oldest = open, oldest
	l.status.Held, l.status.Stale, l.status.Reported = len(l.kept), len(l.stale), 0
	if l.reports() {
		l.status.Reported = removals
	}
}

// revocations counts open proofs, of those that are acted on.
func (l *Loop) revocations() (n int, oldest time.Time) {
	if l.reports() {
		return 0, time.Time{}
	}
	for p, proof := range l.proofs {
		if l.kept[p] {
			continue
		}
		if n++; oldest.IsZero() || proof.Asked.Before(oldest) {
			oldest = proof.Asked
		}
	}
	return n, oldest
}

// reachable notes whether the device answers, and records the change, once each way.
func (l *Loop) reachable(ok bool, cause error) {
	now, _ := l.cfg.Clock.Now()
	l.status.Lock()
	first := l.status.Since.IsZero()
	news := first || l.status.Reachable != ok
	l.status.Reachable = ok
	if news {
		l.status.Since = now
	}
	if ok {
		l.status.Fault, l.status.Message, l.status.Remedy, l.status.NextTry = "", "", "", time.Time{}
	}
	l.status.Unlock()
	if news {
		l.doors.at = l.mono()
		if ok && !first && l.rows > 0 && l.auditFailures == 0 {
			l.auditAt = l.mono() // it may have been swapped or reset while it was away
		}
		l.publish()
	}
	denied := fault.KindOf(cause) == fault.Denied // that it refuses us is news, also of one that did not answer
	if l.told.known && l.told.reachable == ok && (!denied || l.told.denied) {
		return
	}
	e := l.event(access.EventReachable, "", "")
	if !ok {
		e.Kind, e.Fault, e.Message = access.EventUnreachable, fault.KindOf(cause).String(), cause.Error()
		if remedy := fault.RemedyOf(cause); remedy != "" {
			e.Message += ". " + remedy
		}
	}
	if l.append(e) == nil {
		l.told.known, l.told.reachable, l.told.denied = true, ok, denied && !ok
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
