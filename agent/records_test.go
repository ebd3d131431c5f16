package agent

import (
	"slices"
	"testing"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
)

// TestBoxAnswersWhatLoopsAsk keeps and reads every record that a device's loop needs, and says
// nothing of anybody while there is no state to go by.
func TestBoxAnswersWhatLoopsAsk(t *testing.T) {
	t.Parallel()
	b, err := openBox(t.TempDir(), trusted(), nil, quiet())
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	now := time.Now()
	everybody := func() (out []access.PersonID) {
		must(t, b.Edges(time.Time{}, now, func(p access.PersonID) error { out = append(out, p); return nil }))
		return out
	}
	if known, err := b.ChangedSince(0, nil); known || err != nil || len(everybody()) != 0 {
		t.Errorf("without a state: %v %v", known, err)
	}
	u := access.Update{Position: access.Position{Epoch: 1, Revision: 4}, Chunk: 1, Of: 1, Issued: now, DigestKey: make([]byte, 32),
		Put: items(t, resident(1, since(time.Hour))...)}
	for _, it := range u.Put {
		u.Digest.Toggle(u.DigestKey, it)
	}
	done, err := b.wanted.Apply(u, store.ApplyOptions{Now: now})
	must(t, err)
	b.position.Store(&done.Position)
	if got := everybody(); !slices.Equal(got, []access.PersonID{"p1"}) {
		t.Errorf("who has an edge: %v", got)
	}
	known, err := b.ChangedSince(4, func(access.PersonID) error { t.Error("nobody changed"); return nil })
	rev, issued, _, serr := b.Since("p1")
	if !known || err != nil || rev != 4 || !issued.Equal(now) || serr != nil {
		t.Errorf("since: %v %v, %d %s %v", known, err, rev, issued, serr)
	}

	must(t, b.site.PutHolds([]access.Hold{{Person: "p1", Cause: access.HoldBrake, Since: now}}))
	if h, err := b.Holds(); err != nil || h["p1"].Cause != access.HoldBrake || len(h) != 1 {
		t.Errorf("holds: %v %v", h, err)
	}
	p := access.Proof{Device: "d1", Person: "p1", Why: "moved out", Asked: now}
	must(t, b.OpenProofs([]access.Proof{p}))
	p.Confirmed = now.Add(time.Minute)
	must(t, b.RecordProof("d1", "p1", nil, p, access.Event{Kind: access.EventConfirmed}))
	if got, found, err := b.Proof("d1", "p1"); !found || err != nil || got.Open() || got.Number != 1 {
		t.Errorf("proof: %+v %v %v", got, found, err)
	}
	must(t, b.SaveDrift("d1", []access.Drift{{Device: "d1", Kind: access.DriftGhost, What: "nobody's"}}, access.Event{Kind: access.EventDrift}))
	if list, err := b.Drift("d1"); err != nil || len(list) != 1 {
		t.Errorf("drift: %v %v", list, err)
	}
	if s, err := b.outbox.Stats(); err != nil || s.Last != 2 {
		t.Errorf("events: %+v %v", s, err)
	}
}
