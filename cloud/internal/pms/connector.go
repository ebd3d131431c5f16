package pms

import (
	"context"
	"time"
)

// Connector reads one PMS account. Implementations live in pms/<vendor>.
//
// Pull answers four things that must not be confused: what was read, whether nothing is missing,
// what proves that, and what went wrong. With an error the snapshot holds whatever was read before
// it and complete is false: from an error nothing follows about anybody. complete and evidence
// repeat the snapshot's own fields (Answer sees to it); they stand in the signature so that no
// caller overlooks them. Pull keeps no state between calls, honours ctx, and never sends twice
// what may already have been done.
type Connector interface {
	Pull(ctx context.Context, want Request) (snap Snapshot, complete bool, evidence []string, err error)
}

// Request says how much to read. The zero Request is everything the account may see.
type Request struct {
	Properties []string  // PMS refs, or exact names that only one property has; none means all
	Unit       string    // one unit of one property (row S2); the answer is never complete
	Since      time.Time // changes since then, where the PMS can; the answer is never complete
}

// Partial says whether the request leaves things out on purpose, so that absence proves nothing.
func (r Request) Partial() bool { return r.Unit != "" || !r.Since.IsZero() }

// Answer makes Pull's four results out of a snapshot; an error makes it incomplete.
func Answer(s Snapshot, err error) (Snapshot, bool, []string, error) {
	if err != nil && s.Complete {
		s.Incomplete("the pull failed: " + err.Error())
	}
	return s, s.Complete, s.Evidence, err
}
