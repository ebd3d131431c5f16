package store

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gatehouse/protocol/access"
)

// revision makes a state in which every record tells the revision, so that half of one shows.
func revision(n int) model {
	m := court(0)
	for i := range 20 {
		m.put(resident(i, fmt.Sprintf("%08d", n))...)
	}
	return m
}

// writeWanted applies revision after revision, by turns snapshots and deltas, and tells each one
// that is done.
func writeWanted(dir string) {
	w, err := OpenWanted(dir, testKey(1), Options{})
	must(err)
	pos, err := w.Position()
	must(err)
	for n := int(pos.Revision) + 1; ; n++ {
		m := revision(n)
		u := m.snapshot(1, uint64(n))
		if n%2 == 0 {
			u.Base = uint64(n - 1)
		}
		for _, c := range split(u, 3) {
			_, err := w.Apply(c, today)
			must(err)
		}
		fmt.Println(n)
	}
}

func TestE2_KillDuringApplyLeavesOneWholeRevision(t *testing.T) {
	t.Parallel()
	dir, last := t.TempDir(), 0
	for range 6 {
		cmd, lines := child(t, "write-wanted", dir)
		told := max(last, killAfter(t, cmd, lines, rand.IntN(12)))
		w, err := OpenWanted(dir, testKey(1), checked(t))
		if err != nil {
			t.Fatal(err)
		}
		if q := w.Quarantined(); q != "" {
			t.Fatalf("a kill damaged the file: %s", q)
		}
		pos, err := w.Position()
		if err != nil {
			t.Fatal(err)
		}
		if pos.Revision < uint64(told) || pos.Revision > uint64(told)+1 {
			t.Errorf("stands at %d, told was %d", pos.Revision, told)
		}
		if last = int(pos.Revision); last > 0 {
			same(t, w, revision(last))
		}
		_ = w.Close()
	}
	if last == 0 {
		t.Error("nothing was ever written: the test shows nothing")
	}
}

// writeSite records change after change with two events each, and tells each one that is done.
func writeSite(dir string) {
	s, err := OpenSite(dir, testKey(1), &notes{}, Options{})
	must(err)
	e, _, err := s.Entry("panel", "p1")
	must(err)
	for n := e.Attempts + 1; ; n++ {
		must(s.Record("panel", "p1", &access.LedgerEntry{Person: "p1", Attempts: n},
			access.Event{Kind: access.EventWritten, Attempt: n}, access.Event{Kind: access.EventConfirmed, Attempt: n}))
		fmt.Println(n)
	}
}

func TestG10_KillDuringRecordKeepsLedgerAndEventsTogether(t *testing.T) {
	t.Parallel()
	dir, last := t.TempDir(), 0
	for range 6 {
		cmd, lines := child(t, "write-site", dir)
		told := max(last, killAfter(t, cmd, lines, rand.IntN(40)))
		s, j := openSite(t, dir, checked(t))
		e, _, err := s.Entry("panel", "p1")
		if err != nil {
			t.Fatal(err)
		}
		if e.Attempts < told || e.Attempts > told+1 {
			t.Errorf("the ledger is at %d, told was %d", e.Attempts, told)
		}
		evs := j.all(t, s)
		if len(evs) != 2*e.Attempts {
			t.Fatalf("%d events for %d changes", len(evs), e.Attempts)
		}
		for i, ev := range evs {
			if ev.Attempt != i/2+1 || ev.Number != uint64(i+1) {
				t.Fatalf("event %d is %+v", i, ev)
			}
		}
		last = e.Attempts
		_ = s.Close()
	}
	if last == 0 {
		t.Error("nothing was ever written: the test shows nothing")
	}
}
