package agent

import (
	"encoding/json"
	"time"

	"gatehouse/agent/internal/reconcile"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
)

// The methods below are what a loop keeps beside the ledger. While the wanted state is unknown nobody
// is looked at because of an index: nothing follows from a state that is not there.

// Edges calls f with everybody who has a grant that begins or ends after from and not after to.
func (w walker) Edges(from, to time.Time, f func(access.PersonID) error) error {
	if w.unknown() {
		return nil
	}
	return readable(w.wanted.Edges(from, to, f))
}

// ChangedSince calls f with everybody who changed after a revision of the stored epoch; false when
// that is not known.
func (w walker) ChangedSince(rev uint64, f func(access.PersonID) error) (bool, error) {
	if w.unknown() {
		return false, nil
	}
	ok, err := w.wanted.ChangedSince(rev, f)
	return ok, readable(err)
}

// Since tells of the newest revision that changed a person.
func (w walker) Since(p access.PersonID) (rev uint64, issued, stored time.Time, err error) {
	rev, issued, stored, err = w.wanted.Since(p)
	return rev, issued, stored, readable(err)
}

// Holds are the losses of access that wait for somebody's word, also those that cannot be read: that
// somebody waits is known.
func (w walker) Holds() (map[access.PersonID]access.Hold, error) {
	holds, err := w.site.Holds()
	_, err = w.passOver(err, "the person waits all the same")
	return holds, err
}

// Proof is the removal that is under way, or else the last one that was done.
func (w walker) Proof(d access.DeviceID, p access.PersonID) (access.Proof, bool, error) {
	proof, ok, err := w.site.Proof(d, p)
	return proof, ok, readable(err)
}

// RecordProof is Record with a proof in the same transaction.
func (w walker) RecordProof(d access.DeviceID, p access.PersonID, e *access.LedgerEntry, proof access.Proof, evs ...access.Event) error {
	return w.passing(e, evs, func() error { return w.site.RecordProof(d, p, e, proof, evs...) })
}

// OpenProofs begins proofs.
func (w walker) OpenProofs(proofs []access.Proof) error { return w.site.OpenProofs(proofs) }

// Drift is the list of astray rows as last kept; what of it cannot be read is told anew.
func (w walker) Drift(d access.DeviceID) ([]access.Drift, error) {
	list, err := w.site.Drift(d)
	_, err = w.passOver(err, "the device is read back and tells it again")
	return list, err
}

// SaveDrift replaces the list.
func (w walker) SaveDrift(d access.DeviceID, list []access.Drift, evs ...access.Event) error {
	return w.site.SaveDrift(d, list, evs...)
}

// Observed is what was kept of the last full read-back.
func (w walker) Observed(d access.DeviceID) (reconcile.Observed, bool, error) {
	o, ok, err := w.site.Observed(d)
	return reconcile.Observed(o), ok, readable(err)
}

// SaveObserved keeps what a full read-back showed.
func (w walker) SaveObserved(d access.DeviceID, o reconcile.Observed) error {
	return w.site.SaveObserved(d, store.Observed(o))
}

// Mark is up to where everybody was decided on a device.
func (w walker) Mark(d access.DeviceID) (m reconcile.Mark, ok bool, err error) {
	raw, err := w.site.Blob("mark/" + string(d))
	if err != nil || raw == nil {
		return m, false, readable(err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		w.log.Warn("how far a device was decided cannot be read; everybody is looked at", "device", string(d), "err", err)
		return reconcile.Mark{}, false, nil
	}
	return m, true, nil
}

// SaveMark keeps it.
func (w walker) SaveMark(d access.DeviceID, m reconcile.Mark) error {
	return saveJSON(w.site, "mark/"+string(d), m)
}
