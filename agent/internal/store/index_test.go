package store

import (
	"errors"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

// drama drives a store and remembers by brute force what the index must say.
type drama struct {
	t     *rapid.T
	dir   string
	w     *Wanted
	m     model
	at    access.Position
	base  uint64 // from here on every change is known
	since map[access.PersonID]stamp
	log   map[uint64][]access.PersonID
	first stamp
	blind bool // a record is damaged: it counts as access
	bent  bool // a mark was: it counts as access until it is found
}

var instants = []time.Time{{}, noon.Add(-48 * time.Hour), noon.Add(-time.Nanosecond), noon, noon.Add(time.Nanosecond),
	noon.Add(time.Hour), time.Date(1969, 12, 31, 23, 59, 59, 5, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}

// anyGrants changes a few people, their grants having dates.
func anyGrants(t *rapid.T, m model) model {
	next := step(t, m)
	for range rapid.IntRange(0, 4).Draw(t, "dated") {
		n := rapid.IntRange(0, 6).Draw(t, "whose")
		from, until := rapid.SampledFrom(instants).Draw(t, "from"), rapid.SampledFrom(instants).Draw(t, "until")
		g := access.Grant{ID: access.GrantID("d" + string(person(n))), Person: person(n), Group: "common", Reason: "lives here",
			Window: access.Window{From: from, Until: until}}
		if rapid.Bool().Draw(t, "hands") { // an id may change hands
			g.ID = "dx"
		}
		if !until.IsZero() {
			g.Ends = rapid.SampledFrom([]access.EndReason{access.EndMoveOut, access.EndRevoked}).Draw(t, "ends")
		}
		if g.Validate() == nil {
			next.put(g)
		}
	}
	return next
}

// grantsOf reads a model by brute force.
func grantsOf(m model) map[access.PersonID][]access.Grant {
	out := map[access.PersonID][]access.Grant{}
	for _, it := range m {
		if n, err := access.Decode(it); err == nil && it.Kind == access.KindGrant {
			g := n.(access.Grant)
			out[g.Person] = append(out[g.Person], g)
		}
	}
	return out
}

func openIn(m model, at time.Time) map[access.PersonID]bool {
	out := map[access.PersonID]bool{}
	for p, list := range grantsOf(m) {
		_, named := m[access.Key{Kind: access.KindPerson, ID: string(p)}]
		if named && slices.ContainsFunc(list, func(g access.Grant) bool { return g.Contains(at) }) {
			out[p] = true
		}
	}
	return out
}

func (d *drama) deliver(u access.Update, next model) {
	issued := noon.Add(time.Duration(u.Revision) * time.Minute).Add(-24 * time.Hour)
	u.Issued, u.Chunk, u.Of = issued, 1, 1
	var told *Loss
	a, err := d.w.Apply(u, ApplyOptions{Now: noon, Hold: func(l Loss) error { told = &l; return nil }})
	if err != nil || !a.Done {
		d.t.Fatalf("%+v, %v", a, err)
	}
	was := openIn(d.m, noon)
	if told != nil && told.Open != len(was) && !d.blind && !d.bent {
		d.t.Fatalf("told that %d people had access, want %d", told.Open, len(was))
	}
	for _, p := range a.Lost {
		if !was[p] && !d.blind || next.rank(p, noon.Add(soon)) >= max(1, d.m.rank(p, noon)) {
			d.t.Fatalf("%s lost nothing", p)
		}
	}
	now := stamp{u.Revision, u.Issued, noon}
	switch {
	case d.at == access.Position{}:
		d.base, d.first = u.Revision, now
	case u.Epoch != d.at.Epoch:
		d.base, d.log = u.Revision, map[uint64][]access.PersonID{}
		maps.DeleteFunc(d.since, func(p access.PersonID, _ stamp) bool { return !hasItems(next, p) }) // forgotten
	case u.Revision == d.at.Revision:
		d.base, d.log = u.Revision+1, map[uint64][]access.PersonID{}
	}
	for _, p := range touched(d.m, next) {
		d.since[p] = now
		d.log[u.Revision] = append(d.log[u.Revision], p)
	}
	d.m, d.at, d.blind = next, u.Position, false
}

func (d *drama) restart() {
	_ = d.w.Close()
	d.w = openRapid(d.t, d.dir)
}

// check compares what the index says with everything that it could say.
func (d *drama) check(exact bool) {
	for range 3 {
		from, to := rapid.SampledFrom(instants).Draw(d.t, "after"), rapid.SampledFrom(instants).Draw(d.t, "to")
		var got, want []access.PersonID
		if err := d.w.Edges(from, to, func(p access.PersonID) error { got = append(got, p); return nil }); err != nil {
			d.t.Fatal(err)
		}
		for p, list := range grantsOf(d.m) {
			if slices.ContainsFunc(list, func(g access.Grant) bool { return edgeIn(g.From, from, to) || edgeIn(g.Until, from, to) }) {
				want = append(want, p)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			d.t.Fatalf("edges after %s to %s: %v, want %v", from, to, got, want)
		}
	}
	if !exact {
		return
	}
	for rev := uint64(0); rev <= d.at.Revision+1; rev++ {
		d.checkSince(rev)
	}
	for n := range 7 {
		p := person(n)
		want, changed := d.since[p]
		if !changed {
			want = d.first
		}
		rev, issued, stored, err := d.w.Since(p)
		if err != nil || rev != want.Revision || !issued.Equal(want.Issued) || !stored.Equal(want.Stored) {
			d.t.Fatalf("%s changed in %d (%s, %s), %v; want %+v", p, rev, issued, stored, err, want)
		}
	}
}

func (d *drama) checkSince(rev uint64) {
	var got []access.PersonID
	ok, err := d.w.ChangedSince(rev, func(p access.PersonID) error { got = append(got, p); return nil })
	if want := rev >= d.base && rev <= d.at.Revision; err != nil || ok != want {
		d.t.Fatalf("since %d: known %v, want %v (%v)", rev, ok, want, err)
	}
	set := map[access.PersonID]bool{}
	for r, people := range d.log {
		for _, p := range people {
			set[p] = set[p] || r > rev
		}
	}
	maps.DeleteFunc(set, func(_ access.PersonID, in bool) bool { return !in || !ok })
	if want := slices.Sorted(maps.Keys(set)); !slices.Equal(got, want) {
		d.t.Fatalf("since %d: %v, want %v", rev, got, want)
	}
}

func hasItems(m model, p access.PersonID) bool {
	for _, it := range m {
		if owner(it) == p {
			return true
		}
	}
	return false
}

func edgeIn(edge, from, to time.Time) bool {
	return !edge.IsZero() && edge.After(from) && !edge.After(to)
}

// TestIndexSaysWhatReadingEverybodyWould drives deltas and snapshots, restarts, later epochs, damage
// that a snapshot mends, and indexes that are lost.
func TestIndexSaysWhatReadingEverybodyWould(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(root, "run")
		if err != nil {
			t.Fatal(err)
		}
		d := &drama{t: t, dir: dir, w: openRapid(t, dir), m: model{}, since: map[access.PersonID]stamp{}, log: map[uint64][]access.PersonID{}}
		defer func() { _ = d.w.Close() }()
		start := model{}
		start.put(places()...)
		start = anyGrants(t, start)
		d.deliver(start.snapshot(3, 5), start)
		d.since, d.log = map[access.PersonID]stamp{}, map[uint64][]access.PersonID{} // the first state is where it begins
		exact := true
		for range rapid.IntRange(1, 7).Draw(t, "steps") {
			next := anyGrants(t, d.m)
			u := between(d.m, next, d.at.Revision+1, rapid.Bool().Draw(t, "snapshot"))
			u.Epoch = d.at.Epoch
			switch rapid.IntRange(0, 7).Draw(t, "event") {
			case 0:
				u = next.snapshot(d.at.Epoch+1, uint64(rapid.IntRange(1, 9).Draw(t, "opens at")))
			case 1:
				d.loseIndex()
				exact = false
			case 2:
				exact, d.bent = false, true
				d.hurtIndex()
			case 3:
				u = next.snapshot(d.at.Epoch, d.at.Revision+1)
				exact, d.blind = false, true
				d.hurtItem()
			}
			d.deliver(u, next)
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				d.restart()
			}
			d.check(exact)
		}
	})
}

// loseIndex makes the file one of an older program.
func (d *drama) loseIndex() {
	err := d.w.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(bucketIndex)) })
	if err != nil {
		d.t.Fatal(err)
	}
	if rapid.Bool().Draw(d.t, "starts without") {
		d.restart()
	}
}

// hurtIndex spoils the first value of each part of the index.
func (d *drama) hurtIndex() {
	part := rapid.SampledFrom([]string{indexMarks, indexEdges, indexChanges}).Draw(d.t, "part")
	d.hurt(bucketIndex, part)
}

func (d *drama) hurtItem() { d.hurt(bucketItems, string(access.KindGrant)) }

func (d *drama) hurt(path ...string) {
	err := d.w.Update(func(tx *bolt.Tx) error {
		b := d.w.drawer(tx, path...).b
		if b == nil {
			return nil
		}
		k, v := b.Cursor().First()
		if k == nil {
			return nil
		}
		bad := slices.Clone(v)
		bad[len(bad)/2] ^= 0x40
		return b.Put(slices.Clone(k), bad)
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestIndexOfAnOlderFileIsMadeAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	m := court(3)
	m.put(access.Grant{ID: "g1", Person: "p1", Group: "common", Window: access.Window{Until: noon}, Ends: access.EndVisit, Reason: "visit"})
	apply(t, w, m.snapshot(1, 1))
	// An older program applies a change and leaves the index as it was.
	err := w.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(bucketIndex)) })
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	w = openWanted(t, dir)
	if got := edgesOf(t, w, time.Time{}, noon); !slices.Equal(got, []access.PersonID{"p1"}) {
		t.Errorf("edges: %v", got)
	}
	if ok, err := w.ChangedSince(0, nil); ok || err != nil {
		t.Errorf("what changed before is known: %v %v", ok, err)
	}
	if ok, err := w.ChangedSince(1, nil); !ok || err != nil {
		t.Errorf("that nothing changed since is not known: %v %v", ok, err)
	}
	if rev, issued, stored, err := w.Since("p1"); rev != 0 || !issued.IsZero() || !stored.IsZero() || err != nil {
		t.Errorf("%d %s %s %v", rev, issued, stored, err)
	}
}

// staleIndex is a file in which an older program has moved the state on.
func staleIndex(t *testing.T, dir string) {
	t.Helper()
	w := openWanted(t, dir)
	err := w.Update(func(tx *bolt.Tx) error {
		x, err := w.viewIndex(tx)
		if err != nil {
			return err
		}
		x.head.Revision--
		return putJSON(x.heads, "head", x.head)
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
}

func TestIndexThatAnOlderProgramLeftBehindIsNotBelieved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	m := court(3)
	apply(t, w, m.snapshot(1, 4))
	apply(t, w, m.delta(1, 5, m.put(resident(1, "4321")[2])))
	_ = w.Close()
	staleIndex(t, dir)
	w = openWanted(t, dir)
	if ok, err := w.ChangedSince(4, nil); ok || err != nil {
		t.Errorf("a stale index is believed: %v %v", ok, err)
	}
	apply(t, w, m.delta(1, 6, m.put(resident(2, "4321")[2])))
	var got []access.PersonID
	ok, err := w.ChangedSince(5, func(p access.PersonID) error { got = append(got, p); return nil })
	if !ok || err != nil || !slices.Equal(got, []access.PersonID{"p2"}) {
		t.Errorf("%v %v %v", got, ok, err)
	}
}

func edgesOf(t testing.TB, w *Wanted, from, to time.Time) (out []access.PersonID) {
	t.Helper()
	if err := w.Edges(from, to, func(p access.PersonID) error { out = append(out, p); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestStartWithTheIndexReadsNobody spoils every record of every person: who reads one is found out.
func TestStartWithTheIndexReadsNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	m := court(40)
	for n := range 40 {
		m.put(access.Grant{ID: access.GrantID("e" + string(person(n))), Person: person(n), Group: "common", Reason: "visit",
			Window: access.Window{Until: noon.Add(time.Duration(n) * time.Hour)}, Ends: access.EndVisit})
	}
	apply(t, w, m.snapshot(1, 1))
	apply(t, w, m.delta(1, 2, m.put(resident(7, "7777")[2])))
	err := w.Update(func(tx *bolt.Tx) error {
		for _, path := range [][]string{{bucketItems, "person"}, {bucketItems, "grant"}, {bucketItems, "credential"}, {bucketItems, "residency"}, {bucketPeople}} {
			b := w.drawer(tx, path...).b
			var keys []string
			_ = b.ForEach(func(k, _ []byte) error { keys = append(keys, string(k)); return nil })
			for _, k := range keys {
				if err := b.Put([]byte(k), []byte("spoilt")); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	w = openWanted(t, dir)
	if got := edgesOf(t, w, noon.Add(90*time.Minute), noon.Add(3*time.Hour)); !slices.Equal(got, []access.PersonID{"p2", "p3"}) {
		t.Errorf("edges: %v", got)
	}
	var changed []access.PersonID
	ok, err := w.ChangedSince(1, func(p access.PersonID) error { changed = append(changed, p); return nil })
	if !ok || err != nil || !slices.Equal(changed, []access.PersonID{"p7"}) {
		t.Errorf("changed: %v %v %v", changed, ok, err)
	}
	if rev, _, _, err := w.Since("p7"); rev != 2 || err != nil {
		t.Errorf("since: %d %v", rev, err)
	}
	if w.Damaged() {
		t.Error("somebody was read")
	}
	if _, _, err := w.Holder("p7"); err == nil {
		t.Error("the test spoils nothing")
	}
}

func TestListOfChangesIsBounded(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	w.db.NoSync = true
	m := court(3)
	apply(t, w, m.snapshot(1, 1))
	gone := m.items()
	gone = slices.DeleteFunc(gone, func(it access.Item) bool { return owner(it) != "p2" })
	var keys []access.Key
	for _, it := range gone {
		keys = append(keys, it.Key)
		delete(m, it.Key)
	}
	apply(t, w, m.delta(1, 2, nil, keys...))
	if rev, _, _, _ := w.Since("p2"); rev != 2 {
		t.Errorf("who left changed in %d", rev)
	}
	for rev := uint64(3); rev <= keepChanges+2; rev++ {
		apply(t, w, m.delta(1, rev, m.put(resident(int(rev%2), string(rune('1'+rev%7))+"234")[2])))
	}
	if ok, err := w.ChangedSince(1, nil); ok || err != nil {
		t.Errorf("reaches back for ever: %v", err)
	}
	var people []access.PersonID
	ok, err := w.ChangedSince(2, func(p access.PersonID) error { people = append(people, p); return nil })
	if !ok || err != nil || len(people) != 2 {
		t.Errorf("%v %v %v", people, ok, err)
	}
	err = w.View(func(tx *bolt.Tx) error {
		x, err := w.viewIndex(tx)
		if err != nil {
			return err
		}
		if x.marks.b.Get([]byte("p2")) != nil {
			t.Error("the mark of who left long ago is kept")
		}
		if x.head.Kept != keepChanges || x.head.Names != keepChanges {
			t.Errorf("keeps %d revisions with %d names", x.head.Kept, x.head.Names)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestIndexCallbacksEndTheWalk(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(3)
	if got := edgesOf(t, w, time.Time{}, noon); len(got) != 0 {
		t.Errorf("an empty store has edges: %v", got)
	}
	if ok, err := w.ChangedSince(0, nil); ok || err != nil {
		t.Errorf("an empty store knows what changed: %v", err)
	}
	for n := range 3 {
		m.put(access.Grant{ID: access.GrantID("e" + string(person(n))), Person: person(n), Group: "common", Reason: "visit",
			Window: access.Window{Until: noon}, Ends: access.EndVisit})
	}
	apply(t, w, court(3).snapshot(1, 1))
	apply(t, w, m.snapshot(1, 2))
	stop, calls := errors.New("enough"), 0
	end := func(access.PersonID) error { calls++; return stop }
	if err := w.Edges(time.Time{}, noon, end); !errors.Is(err, stop) {
		t.Errorf("edges: %v", err)
	}
	if _, err := w.ChangedSince(1, end); !errors.Is(err, stop) {
		t.Errorf("changes: %v", err)
	}
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

func TestAMendedStateIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(3)
	apply(t, w, m.snapshot(1, 1))
	apply(t, w, m.delta(1, 2, m.put(resident(1, "4321")[2])))
	flip(t, w.file, "g2", bucketItems, "grant")
	if _, _, err := w.Holder("p2"); err == nil {
		t.Fatal("nothing is damaged")
	}
	if a := apply(t, w, m.snapshot(1, 2)); !slices.Equal(a.People, []access.PersonID{"p2"}) {
		t.Errorf("mended: %v", a.People)
	}
	if ok, err := w.ChangedSince(2, nil); ok || err != nil {
		t.Errorf("who looked at the damaged state is told that nothing changed: %v", err)
	}
	apply(t, w, m.delta(1, 3, m.put(resident(0, "4321")[2])))
	if ok, err := w.ChangedSince(3, nil); !ok || err != nil {
		t.Errorf("nor does it know later: %v", err)
	}
}

func TestWhoLeavesWithALaterEpochLeavesNoEdge(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	apply(t, w, m.snapshot(1, 1))
	visit := m.put(access.Grant{ID: "g1", Person: "p1", Group: "common", Window: access.Window{Until: noon}, Ends: access.EndVisit, Reason: "visit"})
	apply(t, w, m.delta(1, 2, visit))
	apply(t, w, court(1).snapshot(2, 9))
	if got := edgesOf(t, w, time.Time{}, noon); len(got) != 0 {
		t.Errorf("edges of who is gone: %v", got)
	}
	if rev, _, _, err := w.Since("p1"); rev != 9 || err != nil {
		t.Errorf("gone since %d, %v", rev, err)
	}
}
