package agent

import (
	"time"

	"gatehouse/protocol/access"
)

// The methods below are what reconcile asks of the files besides people and the ledger.

// Holds are the losses of access that wait for somebody's word. One that cannot be read still waits.
func (b *box) Holds() (map[access.PersonID]access.Hold, error) {
	out, err := b.site.Holds()
	_, err = b.passOver(err, "the person's access waits on, why is forgotten")
	return out, err
}

// Proof is the removal of a person from a device that is under way, or else the last one done.
func (b *box) Proof(d access.DeviceID, p access.PersonID) (access.Proof, bool, error) {
	proof, ok, err := b.site.Proof(d, p)
	return proof, ok, readable(err)
}

// OpenProofs begins proofs; those that are open stay as they are.
func (b *box) OpenProofs(proofs []access.Proof) error { return b.site.OpenProofs(proofs) }

// RecordProof changes the ledger, keeps a proof and appends events in one transaction.
func (b *box) RecordProof(d access.DeviceID, p access.PersonID, e *access.LedgerEntry, proof access.Proof, evs ...access.Event) error {
	return b.site.RecordProof(d, p, e, proof, evs...)
}

// Drift is what a device last showed that is not as it should be, as far as it can be read.
func (b *box) Drift(d access.DeviceID) ([]access.Drift, error) {
	out, err := b.site.Drift(d)
	_, err = b.passOver(err, "the next audit tells it anew")
	return out, err
}

// SaveDrift replaces that list and appends events in one transaction.
func (b *box) SaveDrift(d access.DeviceID, list []access.Drift, evs ...access.Event) error {
	return b.site.SaveDrift(d, list, evs...)
}

// Edges calls f with everybody who has a grant that begins or ends after from and not after to; with
// nobody while the state is unknown.
func (b *box) Edges(from, to time.Time, f func(access.PersonID) error) error {
	if b.unknown() {
		return nil
	}
	return b.wanted.Edges(from, to, f)
}

// ChangedSince calls f with everybody who changed after a revision of the present epoch; false when
// that is not known.
func (b *box) ChangedSince(rev uint64, f func(access.PersonID) error) (bool, error) {
	if b.unknown() {
		return false, nil
	}
	return b.wanted.ChangedSince(rev, f)
}

// Since tells when somebody changed last; zero when that is not known.
func (b *box) Since(p access.PersonID) (rev uint64, issued, stored time.Time, err error) {
	rev, issued, stored, err = b.wanted.Since(p)
	return rev, issued, stored, readable(err)
}
