package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// again closes a site and opens it, so that only what is on disk is left.
func again(t testing.TB, s *Site, dir string) (*Site, *notes) {
	t.Helper()
	_ = s.Close()
	return openSite(t, dir, Options{})
}

func TestTowardsG3_HoldsLastWithTheirEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if h, err := s.Holds(); err != nil || h == nil || len(h) != 0 {
		t.Errorf("none: %v %v", h, err)
	}
	at := access.Position{Epoch: 1, Revision: 9}
	one := access.Hold{Person: "p1", Cause: access.HoldBrake, At: at, Since: noon}
	two := access.Hold{Person: "p2", Cause: access.HoldEpoch, At: at, Since: noon}
	for _, err := range []error{
		s.PutHolds([]access.Hold{one, {Person: "p2", Cause: access.HoldBrake}}, access.Event{Kind: access.EventHeld}),
		s.PutHolds([]access.Hold{two}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutHolds([]access.Hold{{Person: "p3"}}, access.Event{Message: "refuse"}); err == nil {
		t.Error("the journal's refusal is lost")
	}
	wantFault(t, s.PutHolds([]access.Hold{{Person: "p3"}, {Person: "no id"}}), fault.Internal)
	s, j := again(t, s, dir)
	if h, err := s.Holds(); err != nil || !cmp.Equal(h, map[access.PersonID]access.Hold{"p1": one, "p2": two}) {
		t.Errorf("%+v, %v", h, err)
	}
	if evs := j.all(t, s); len(evs) != 1 || evs[0].Kind != access.EventHeld {
		t.Errorf("events: %+v", evs)
	}
	flip(t, s.file, "p1", bucketHolds)
	h, err := s.Holds()
	var u *Unreadable
	if !errors.As(err, &u) || !cmp.Equal(h, map[access.PersonID]access.Hold{"p1": {Person: "p1"}, "p2": two}) {
		t.Errorf("one that the disk damaged: %+v, %v", h, err)
	}
	if err := s.DropHolds([]access.PersonID{"p1", "p9"}, access.Event{}); err != nil {
		t.Fatal(err)
	}
	if h, err := s.Holds(); err != nil || !cmp.Equal(h, map[access.PersonID]access.Hold{"p2": two}) || len(j.all(t, s)) != 2 {
		t.Errorf("dropped: %+v, %v", h, err)
	}
}

func TestG7_TheFloorOnlyRises(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	at := func(epoch, rev uint64) access.Position { return access.Position{Epoch: epoch, Revision: rev} }
	want := func(p access.Position) {
		t.Helper()
		if got, err := s.Floor(); got != p || err != nil {
			t.Errorf("%v %v, want %v", got, err, p)
		}
	}
	want(at(0, 0))
	for _, c := range []struct{ set, want access.Position }{
		{at(1, 7), at(1, 7)}, {at(1, 6), at(1, 7)}, {at(0, 99), at(1, 7)}, {at(2, 1), at(2, 1)}, {at(1, 99), at(2, 1)}, {at(2, 2), at(2, 2)},
	} {
		if err := s.SetFloor(c.set, access.Digest{1}); err != nil {
			t.Fatal(err)
		}
		want(c.want)
	}
	s, _ = again(t, s, dir)
	want(at(2, 2))
	flip(t, s.file, "position", bucketFloor)
	if _, err := s.Floor(); !isDamage(err) {
		t.Errorf("a damaged floor is %v", err)
	}
	if err := s.SetFloor(at(2, 3), access.Digest{2}); err != nil {
		t.Fatal(err)
	}
	want(at(2, 3))
}

func TestContactIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if c, err := s.Contact(); !c.IsZero() || err != nil {
		t.Errorf("%s %v", c, err)
	}
	for _, c := range []struct{ at, want time.Time }{
		{noon, noon}, {noon.Add(59 * time.Second), noon}, {noon.Add(-59 * time.Second), noon}, {noon.Add(time.Minute), noon.Add(time.Minute)},
		{noon.Add(-time.Hour), noon.Add(-time.Hour)}, // the clock was ahead and is right now
	} {
		if err := s.SetContact(c.at); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Contact(); !got.Equal(c.want) || err != nil {
			t.Errorf("at %s: %s %v", c.at, got, err)
		}
	}
	if err := s.SaveClock([]byte("then")); err != nil { // they share a bucket
		t.Fatal(err)
	}
	s, _ = again(t, s, dir)
	if got, _ := s.Contact(); !got.Equal(noon.Add(-time.Hour)) {
		t.Errorf("after a restart: %s", got)
	}
}

func proofOf(dev access.DeviceID, p access.PersonID) access.Proof {
	return access.Proof{Device: dev, Person: p, Cause: access.EndMoveOut, Why: "moved out", Revision: 7, Asked: noon, Stored: noon.Add(time.Second)}
}

func TestTowardsG1_AProofIsOneTransactionWithLedgerAndEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	entry := access.LedgerEntry{Person: "p1", State: access.Removing}
	p := proofOf("d1", "p1")
	p.Attempts = 1
	if err := s.RecordProof("d1", "p1", &entry, p, access.Event{Kind: access.EventFailed}); err != nil {
		t.Fatal(err)
	}
	done := p
	done.Confirmed, done.Grade = noon.Add(time.Minute), access.Exact
	if err := s.RecordProof("d1", "p1", nil, done, access.Event{Message: "refuse"}); err == nil {
		t.Fatal("the journal's refusal is lost")
	}
	s, _ = again(t, s, dir)
	if got, found, err := s.Proof("d1", "p1"); !cmp.Equal(got, p) || !found || err != nil {
		t.Errorf("open: %s %v %v", cmp.Diff(p, got), found, err)
	}
	if e, found, _ := s.Entry("d1", "p1"); !found || e.State != access.Removing {
		t.Errorf("entry: %+v %v", e, found)
	}
	if err := s.RecordProof("d1", "p1", nil, done, access.Event{Kind: access.EventWritten}, access.Event{Kind: access.EventConfirmed}); err != nil {
		t.Fatal(err)
	}
	s, j := again(t, s, dir)
	done.Number = 3
	if got, found, err := s.Proof("d1", "p1"); !cmp.Equal(got, done) || !found || err != nil {
		t.Errorf("closed: %s %v %v", cmp.Diff(done, got), found, err)
	}
	if _, found, _ := s.Entry("d1", "p1"); found {
		t.Error("the entry stays")
	}
	if evs := j.all(t, s); len(evs) != 3 || evs[2].Kind != access.EventConfirmed || evs[2].Number != done.Number {
		t.Errorf("events: %+v", evs)
	}
	if _, found, err := s.Proof("d1", "p9"); found || err != nil {
		t.Errorf("nobody's: %v %v", found, err)
	}
	wantFault(t, s.RecordProof("d1", "p2", nil, p), fault.Internal)
	wantFault(t, s.RecordProof("d/1", "p1", nil, access.Proof{Device: "d/1", Person: "p1"}), fault.Internal)
}

// proofs lists them as "device person", with a mark for closed ones.
func proofs(t testing.TB, s *Site, openOnly bool) (out []string) {
	t.Helper()
	err := s.Proofs(t.Context(), openOnly, func(p access.Proof) error {
		name := fmt.Sprint(p.Device, " ", p.Person)
		if !p.Open() {
			name += " closed"
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return out
}

func TestTowardsG1_ProofsOpenOnceCloseAndAreForgotten(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	first, later := proofOf("d1", "p1"), proofOf("d1", "p1")
	later.Asked = noon.Add(time.Hour)
	if err := s.OpenProofs([]access.Proof{first, proofOf("d2", "p1"), proofOf("d1", "p2")}); err != nil {
		t.Fatal(err)
	}
	if err := s.OpenProofs([]access.Proof{later}); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := s.Proof("d1", "p1"); !got.Asked.Equal(noon) {
		t.Errorf("one that is open was opened again: %s", got.Asked)
	}
	if got := proofs(t, s, false); !slices.Equal(got, []string{"d1 p1", "d1 p2", "d2 p1"}) {
		t.Errorf("%q", got)
	}
	done := first
	done.Confirmed = noon
	if err := s.RecordProof("d1", "p1", nil, done); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := s.Proof("d1", "p1"); got.Number != 0 {
		t.Errorf("without an event it has the number %d", got.Number)
	}
	if got := proofs(t, s, true); !slices.Equal(got, []string{"d1 p2", "d2 p1"}) {
		t.Errorf("open: %q", got)
	}
	if got := proofs(t, s, false); !slices.Equal(got, []string{"d1 p2", "d2 p1", "d1 p1 closed"}) {
		t.Errorf("all: %q", got)
	}
	if n, err := s.ForgetProofs(noon); n != 0 || err != nil {
		t.Errorf("one of this very moment: %d %v", n, err)
	}
	if n, err := s.ForgetProofs(noon.Add(time.Second)); n != 1 || err != nil {
		t.Errorf("forgotten: %d %v", n, err)
	}
	if got := proofs(t, s, false); !slices.Equal(got, []string{"d1 p2", "d2 p1"}) {
		t.Errorf("left: %q", got)
	}
	if err := s.OpenProofs([]access.Proof{later}); err != nil { // somebody came back and is gone again
		t.Fatal(err)
	}
	if got, _, _ := s.Proof("d1", "p1"); !got.Asked.Equal(later.Asked) {
		t.Errorf("opened anew: %+v", got)
	}
	wantFault(t, s.OpenProofs([]access.Proof{done}), fault.Internal)
	wantFault(t, s.OpenProofs([]access.Proof{{Device: "d1"}}), fault.Internal)
}

func TestProofsPassOverWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	if err := s.OpenProofs([]access.Proof{proofOf("d1", "p1"), proofOf("d1", "p2")}); err != nil {
		t.Fatal(err)
	}
	flip(t, s.file, "p1", bucketOpen, "d1")
	var seen []access.PersonID
	err := s.Proofs(t.Context(), true, func(p access.Proof) error { seen = append(seen, p.Person); return nil })
	if !isDamage(err) || !slices.Equal(seen, []access.PersonID{"p2"}) {
		t.Errorf("%v %v", seen, err)
	}
	if _, found, err := s.Proof("d1", "p1"); !found || !isDamage(err) {
		t.Errorf("%v %v", found, err)
	}
	stop := errors.New("enough")
	if err := s.Proofs(t.Context(), false, func(access.Proof) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Proofs(ctx, false, func(access.Proof) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := s.OpenProofs([]access.Proof{proofOf("d1", "p1")}); err != nil { // what cannot be read is begun anew
		t.Fatal(err)
	}
	if got := proofs(t, s, true); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// TestTowardsG1_WhatWentIsKept: rows that are astray no more, the newest hundred of each device.
func TestTowardsG1_WhatWentIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	for n := range mostGone + 5 {
		row := &access.DriftNote{Entry: fmt.Sprint("e", n), Native: "7", Act: access.DriftRemove, Reason: "moved out", Gone: true}
		stays := &access.DriftNote{Entry: "stays"}
		if err := s.SaveDrift("d1", nil, access.Event{Kind: access.EventDrift, At: noon, Drift: access.DriftGhost, Person: "p1", Message: "done", Row: row}, access.Event{Kind: access.EventDrift, Row: stays}); err != nil {
			t.Fatal(err)
		}
	}
	s, _ = again(t, s, dir)
	got, err := s.DriftGone("d1")
	want := access.Drift{Device: "d1", Kind: access.DriftGhost, Person: "p1", Native: "7", What: "done", Last: noon, Entry: "e104", Act: access.DriftRemove, Reason: "moved out"}
	if err != nil || len(got) != mostGone || got[0].Entry != "e5" || !cmp.Equal(got[mostGone-1], want) {
		t.Errorf("%d lines, from %s: %s %v", len(got), got[0].Entry, cmp.Diff(want, got[len(got)-1]), err)
	}
	if got, err := s.DriftGone("d2"); err != nil || len(got) != 0 {
		t.Errorf("another device: %v %v", got, err)
	}
}

func TestTowardsG4_DriftIsReplacedWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	var list []access.Drift
	for n := range 12 { // more than one digit, so that their order shows
		list = append(list, access.Drift{Device: "d1", Kind: access.DriftStranger, Native: fmt.Sprint(n), What: "not ours", First: noon, Last: noon})
	}
	if err := s.SaveDrift("d1", list, access.Event{Kind: access.EventDrift}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveDrift("d1", nil, access.Event{Message: "refuse"}); err == nil {
		t.Error("the journal's refusal is lost")
	}
	s, j := again(t, s, dir)
	if got, err := s.Drift("d1"); err != nil || !cmp.Equal(got, list) || len(j.all(t, s)) != 1 {
		t.Errorf("%s %v", cmp.Diff(list, got), err)
	}
	if got, err := s.Drift("d2"); err != nil || len(got) != 0 {
		t.Errorf("another device: %v %v", got, err)
	}
	if err := s.SaveDrift("d1", list[3:5]); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Drift("d1"); !cmp.Equal(got, list[3:5]) {
		t.Errorf("shorter: %v", got)
	}
	flip(t, s.file, "00000000", bucketDrift, "d1")
	if got, err := s.Drift("d1"); !isDamage(err) || !cmp.Equal(got, list[4:5]) {
		t.Errorf("damaged: %v %v", got, err)
	}
	if err := s.SaveDrift("d1", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Drift("d1"); err != nil || len(got) != 0 {
		t.Errorf("none: %v %v", got, err)
	}
	wantFault(t, s.SaveDrift("d1", []access.Drift{{Device: "d2"}}), fault.Internal)
	wantFault(t, s.SaveDrift("", nil), fault.Internal)
}

func TestObservedIsRemembered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := openSite(t, dir, Options{})
	if _, found, err := s.Observed("d1"); found || err != nil {
		t.Errorf("%v %v", found, err)
	}
	o := Observed{At: noon, Rows: 3, Secrets: map[string]access.PersonID{s.Fingerprint([]byte("1234")): "p1", s.Fingerprint([]byte("9")): ""}}
	if err := s.SaveObserved("d1", o); err != nil {
		t.Fatal(err)
	}
	s, _ = again(t, s, dir)
	if got, found, err := s.Observed("d1"); !found || err != nil || !cmp.Equal(got, o) {
		t.Errorf("%s %v", cmp.Diff(o, got), err)
	}
	flip(t, s.file, "d1", bucketObserved)
	if _, found, err := s.Observed("d1"); !found || !isDamage(err) {
		t.Errorf("damaged: %v %v", found, err)
	}
	wantFault(t, s.SaveObserved("", o), fault.Internal)
}

func TestTowardsG11_OverlaysOfOnePerson(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	for n, p := range []access.PersonID{"p1", "p2", "p1"} {
		if err := s.PutOverlay(access.Overlay{ID: fmt.Sprint("o", n), Kind: access.OverlayRevoke, Person: p}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.OverlaysOf("p1")
	if err != nil || len(got) != 2 || got[0].ID != "o0" || got[1].ID != "o2" {
		t.Errorf("%+v %v", got, err)
	}
	flip(t, s.file, "o2", bucketOverlay)
	if got, err := s.OverlaysOf("p1"); len(got) != 1 || !isDamage(err) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := s.OverlaysOf("p9"); len(got) != 0 || !isDamage(err) {
		t.Errorf("%+v %v", got, err)
	}
}

// TestE4_BucketsOfANewerProgramAreLeftAlone puts into both files what this program does not know:
// it works beside it and keeps it.
func TestE4_BucketsOfANewerProgramAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, m := openWanted(t, dir), court(3)
	s, _ := openSite(t, dir, checked(t))
	apply(t, w, m.snapshot(1, 1))
	if err := s.Record("d1", "p1", &access.LedgerEntry{Person: "p1"}); err != nil {
		t.Fatal(err)
	}
	strange := func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("a later idea"))
		if err != nil {
			return err
		}
		_, err = b.CreateBucket([]byte("d7"))
		return errors.Join(err, b.Put([]byte("k"), []byte("not sealed as we do")))
	}
	if err := errors.Join(w.Update(strange), s.Update(strange)); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Close(), s.Close()
	w = openWanted(t, dir)
	s, _ = openSite(t, dir, checked(t))
	apply(t, w, m.delta(1, 2, m.put(resident(1, "4321")[2])))
	apply(t, w, m.snapshot(1, 3))
	same(t, w, m)
	if n, err := w.CountPeople(); n != 3 || err != nil {
		t.Errorf("%d people, %v", n, err)
	}
	if devs, err := s.LedgerDevices(); !cmp.Equal(devs, []access.DeviceID{"d1"}) || err != nil {
		t.Errorf("%v %v", devs, err)
	}
	if err := s.Snapshot(); err != nil {
		t.Error(err)
	}
	if got := proofs(t, s, false); len(got) != 0 {
		t.Errorf("proofs %q", got)
	}
	for _, f := range []*file{w.file, s.file} {
		err := f.View(func(tx *bolt.Tx) error {
			if b := tx.Bucket([]byte("a later idea")); b == nil || b.Get([]byte("k")) == nil {
				t.Error("what a newer program keeps is gone")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// FuzzSiteRecords puts any bytes where records of site.db stand, properly sealed: what reads them
// says that they cannot be read or gives what stands there, and never brings the program down.
func FuzzSiteRecords(f *testing.F) {
	s, err := OpenSite(f.TempDir(), testKey(1), &notes{}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	s.db.NoSync = true
	for _, seed := range []string{"", "{}", `{"person":"p1"}`, `{"device":"d1","person":"p1","confirmed":"2026-03-02T12:00:00Z"}`,
		`{"epoch":18446744073709551615,"revision":1}`, `"2026-03-02T12:00:00Z"`, `{"secrets":{"ab":"p1"}}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := s.Update(func(tx *bolt.Tx) error {
			for _, at := range [][]string{{"p1", bucketHolds}, {"p1", bucketOpen, "d1"}, {"p1", bucketProofs, "d1"}, {"0", bucketDrift, "d1"},
				{"d1", bucketObserved}, {"position", bucketFloor}, {"contact", bucketClock}, {"o1", bucketOverlay}} {
				d, err := s.makeDrawer(tx, at[1:]...)
				if err == nil {
					err = d.put(at[0], b)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if h, err := s.Holds(); len(h) != 1 || err == nil && h["p1"].Person != "p1" {
			t.Errorf("holds %v, %v", h, err)
		}
		if p, found, err := s.Proof("d1", "p1"); !found || err == nil && p.Person != "p1" {
			t.Errorf("proof %v %v", p, err)
		}
		seen := 0
		err = s.Proofs(t.Context(), false, func(access.Proof) error { seen++; return nil })
		if (err == nil) != (seen == 2) {
			t.Errorf("%d proofs, %v", seen, err)
		}
		if list, err := s.Drift("d1"); len(list) == 1 == (err != nil) {
			t.Errorf("drift %v %v", list, err)
		}
		_, _, oerr := s.Observed("d1")
		_, ferr := s.Floor()
		_, cerr := s.Contact()
		_, verr := s.Overlays()
		for _, err := range []error{oerr, ferr, cerr, verr} {
			if err != nil && !isDamage(err) {
				t.Error(err)
			}
		}
	})
}

func TestEdgeKeysSortByTime(t *testing.T) {
	t.Parallel()
	sorted := slices.Clone(instants)
	sorted = append(sorted, time.Unix(math.MinInt32, 0), time.Unix(0, 0), time.Unix(0, 1))
	slices.SortFunc(sorted, time.Time.Compare)
	if !slices.IsSortedFunc(sorted, func(a, b time.Time) int { return strings.Compare(edgeKey(a), edgeKey(b)) }) {
		t.Error("keys do not sort as the instants do")
	}
}
