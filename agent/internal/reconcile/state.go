package reconcile

import (
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
)

// state is what a loop knows while it runs. All of it can be learned anew from the store and the
// device, and is, when the loop is run again.
type state struct {
	panel driver.Panel // nil: to be opened

	knows   bool // what stands on the device, from the ledger
	limits  model.Limits
	probed  bool
	places  access.Places
	units   map[access.UnitID]plan.Bell // where the device calls each; nil: it finds them by name
	overlay []access.Overlay

	queue   *keyed[urgency]          // who is due now
	later   *keyed[time.Time]        // who is due by itself, and when
	again   map[access.PersonID]bool // to be looked at again, without news of them
	trusted bool                     // the clock was, at the last evaluation

	rows    int                          // rows on the device, as last counted
	secrets map[string]access.PersonID   // fingerprints of PINs and cards on the device
	carried map[access.PersonID][]string // the same by person
	names   map[uint32]int16             // fingerprints of our people's names there
	blocked map[access.PersonID]bool     // refused for want of room or for a collision

	refused map[access.PersonID]string              // what was last told of each; who is not in it was told of nothing
	untold  map[access.PersonID][]word              // collisions, told once it is clear that they stay
	strays  string                                  // doors that the property does not have, as last told
	told    struct{ known, reachable, denied bool } // what was last told of the device

	policy  access.DriftPolicy                // as the cloud wants it
	holds   map[access.PersonID]access.Hold   // of the whole property
	kept    map[access.PersonID]bool          // whose removal here waits because of one
	stale   map[access.PersonID]bool          // whose lease end does not act
	proofs  map[access.PersonID]*access.Proof // open ones
	opening []access.PersonID                 // of whom they are not stored yet

	acts     []access.Drift           // what people want done about rows that we did not write, oldest first
	deciding map[string]chan error    // who waits for it, by entry
	astray   map[access.PersonID]bool // whose row of ours is not as written

	failures      int       // in a row, of the device as a whole
	retryAt       time.Time // no request before this
	lookAt        time.Time // an idle device is asked again
	auditAt       time.Time
	every         time.Duration // from one audit to the next
	auditFailures int           // in a row
	answered      bool          // the device did, in this round

	mark    Mark      // as last saved
	decided time.Time // up to when everybody's edges were looked at
	seen    struct {  // the position, and since when it stands
		at    access.Position
		since time.Time
	}
	fullAt time.Time // everybody is decided anew; zero: it was done

	room  room
	hours hours
	doors doors
	store trouble
}

func newState(cfg Config) state {
	s := state{
		limits: cfg.Limits, every: cfg.Audit,
		queue: newKeyed(urgency.before), later: newKeyed(time.Time.Before),
		again: map[access.PersonID]bool{}, blocked: map[access.PersonID]bool{},
		names: map[uint32]int16{}, secrets: map[string]access.PersonID{}, carried: map[access.PersonID][]string{},
		refused: map[access.PersonID]string{}, untold: map[access.PersonID][]word{},
		kept: map[access.PersonID]bool{}, stale: map[access.PersonID]bool{}, proofs: map[access.PersonID]*access.Proof{},
		room:     room{waiting: map[access.PersonID]place{}},
		deciding: map[string]chan error{}, astray: map[access.PersonID]bool{},
		doors: doors{seen: map[string]int{}},
		store: trouble{owed: map[access.PersonID]*debt{}, unsaid: map[access.PersonID]bool{}},
	}
	if cfg.Open == nil {
		s.panel = cfg.Panel
	}
	return s
}

// urgency orders who is due: removals, then changes, then additions by the start of the grant.
type urgency struct {
	rank   int
	tried  time.Time // when the device last did not answer for this person; zero: not
	begins time.Time
}

func (u urgency) before(o urgency) bool {
	if u.rank != o.rank {
		return u.rank < o.rank
	}
	if !u.tried.Equal(o.tried) {
		return u.tried.Before(o.tried)
	}
	return u.begins.Before(o.begins)
}
