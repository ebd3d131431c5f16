package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// inspect opens a file in a child process, as an agent would, and reads all of it. What was read
// must be right; what was not must be a typed error.
type finding struct {
	Quarantined bool
	Right       int
	Wrong       []string
	Errors      int // typed
	Other       []string
}

func inspect(dir string) {
	w, err := OpenWanted(dir, testKey(1), Options{Check: checkCommand(context.Background(), self(), 5*time.Second)})
	must(err)
	f := finding{Quarantined: w.Quarantined() != ""}
	m := court(300)
	note := func(err error) {
		var u *Unreadable
		if errors.As(err, &u) {
			f.Errors++
		} else if err != nil {
			f.Other = append(f.Other, err.Error())
		}
	}
	note(w.Items(context.Background(), func(it access.Item) error {
		if m[it.Key].Same(it) {
			f.Right++
		} else {
			f.Wrong = append(f.Wrong, string(it.Kind)+" "+it.ID)
		}
		return nil
	}))
	for n := range 300 {
		h, found, err := w.Holder(person(n))
		note(err)
		if err == nil && found && (len(h.Grants) != 2 || len(h.Credentials) != 1) {
			f.Wrong = append(f.Wrong, "holder "+string(person(n)))
		}
	}
	out, err := json.Marshal(f)
	must(err)
	fmt.Println(string(out))
	os.Exit(0)
}

const trials = 20

// TestE2_RandomDamageIsNeverReadAsTruth spoils random bytes of the file and lets a child read it.
func TestE2_RandomDamageIsNeverReadAsTruth(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	src := t.TempDir()
	w := openWanted(t, src)
	apply(t, w, court(300).snapshot(1, 1))
	var used int64
	if err := w.View(func(tx *bolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	good, err := os.ReadFile(filepath.Join(src, WantedFile))
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for trial := range trials {
		dir, bad := t.TempDir(), append([]byte{}, good...)
		at := r.Int64N(used - 64)
		for i := range int64(64) {
			bad[at+i] = byte(r.Uint32())
		}
		write(t, filepath.Join(dir, WantedFile), string(bad))
		cmd, lines := child(t, "inspect", dir)
		var f finding
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &f) != nil {
			t.Fatalf("trial %d: the reader died on damage at %d", trial, at)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if len(f.Wrong) > 0 || len(f.Other) > 0 {
			t.Errorf("trial %d, damage at %d: wrong %v, untyped %v", trial, at, f.Wrong, f.Other)
		}
		if f.Quarantined || f.Errors > 0 {
			noticed++
		}
	}
	t.Logf("%d of %d spoiled files were noticed, the rest was spoiled where nothing lies", noticed, trials)
	if noticed == 0 {
		t.Error("no damage was noticed: the test shows nothing")
	}
}

func TestReadersSeeWholeRevisionsWhileItChanges(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	apply(t, w, revision(1).snapshot(1, 1))
	stop, failed := make(chan struct{}), make(chan string, 10)
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				h, found, err := w.Holder(person(rand.IntN(20)))
				if err != nil || !found || len(h.Grants) != 2 || len(h.Credentials) != 1 {
					failed <- fmt.Sprintf("%+v %v %v", h, found, err)
					return
				}
			}
		})
	}
	for n := 2; n < 25; n++ {
		u := revision(n).snapshot(1, uint64(n))
		if n%2 == 0 {
			u.Base = uint64(n - 1)
		}
		apply(t, w, u)
	}
	close(stop)
	readers.Wait()
	select {
	case f := <-failed:
		t.Error(f)
	default:
	}
}

func TestHealingUnderReadersAndWriters(t *testing.T) {
	t.Parallel()
	s, _ := openSite(t, t.TempDir(), Options{})
	var n int
	s.commit = func(tx *bolt.Tx) error { // writers are serialized by bbolt, so n needs no lock
		if n++; n%3 == 0 {
			return errors.New("for the test")
		}
		return tx.Commit()
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	written := map[access.PersonID]bool{}
	for g := range 4 {
		work.Go(func() {
			for i := range 15 {
				p := access.PersonID(fmt.Sprintf("p%d-%d", g, i))
				err := s.Record("d1", p, &access.LedgerEntry{Person: p})
				mu.Lock()
				written[p] = err == nil
				mu.Unlock()
				_, _, _ = s.Entry("d1", p)
			}
		})
	}
	work.Wait()
	for p, want := range written {
		if _, found, err := s.Entry("d1", p); found != want || err != nil {
			t.Errorf("%s: found %v, want %v, %v", p, found, want, err)
		}
	}
	if len(written) != 60 {
		t.Errorf("%d writes", len(written))
	}
}

func TestDamagedStagingStartsAnew(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *Wanted){
		"a chunk":  func(t *testing.T, w *Wanted) { flip(t, w.file, stageKey(1), bucketStage) },
		"its head": func(t *testing.T, w *Wanted) { flip(t, w.file, "stage", bucketState) },
		"a chunk is gone": func(t *testing.T, w *Wanted) {
			err := w.Update(func(tx *bolt.Tx) error { return w.drawer(tx, bucketStage).delete(stageKey(1)) })
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openWanted(t, t.TempDir())
			old, next := court(1), court(6)
			apply(t, w, old.snapshot(1, 1))
			chunks := split(next.snapshot(1, 2), 2)
			apply(t, w, chunks[0])
			spoil(t, w)
			if a := apply(t, w, chunks[1]); a.Done {
				t.Fatal("half an update was applied")
			}
			same(t, w, old)
			apply(t, w, chunks[0])
			apply(t, w, chunks[1])
			same(t, w, next)
		})
	}
}

func TestItemsPassesOverWhatIsUnreadable(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	apply(t, w, m.snapshot(1, 1))
	flip(t, w.file, "g1", bucketItems, "grant")
	n := 0
	err := w.Items(t.Context(), func(access.Item) error { n++; return nil })
	var u *Unreadable
	if !errors.As(err, &u) || n != len(m)-1 {
		t.Errorf("%d of %d items, %v", n, len(m), err)
	}
	stop := errors.New("enough")
	if err := w.Items(t.Context(), func(access.Item) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestEmptyStore(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	pos, err := w.Position()
	digest, derr := w.Digest()
	if pos != (access.Position{}) || digest != (access.Digest{}) || err != nil || derr != nil {
		t.Errorf("%v %v %v %v", pos, digest, err, derr)
	}
	if p, err := w.Places(); err != nil || p.Property.ID != "" || p.Doors == nil {
		t.Errorf("%+v %v", p, err)
	}
	same(t, w, model{})
	if err := w.People(t.Context(), func(access.PersonID) error { return errors.New("somebody") }); err != nil {
		t.Error(err)
	}
	// A snapshot of nothing is a state too.
	if a := apply(t, w, model{}.snapshot(1, 1)); !a.Done || a.Places || len(a.People) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestSnapshotThatTakesEverythingAway(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	apply(t, w, court(4).snapshot(1, 1))
	a := apply(t, w, model{}.snapshot(1, 2))
	if a.Removed != 4 || a.Total != 4 || !a.Places || len(a.People) != 4 {
		t.Errorf("%+v", a)
	}
	same(t, w, model{})
	if a := apply(t, w, court(1).snapshot(1, 3)); a.Total != 0 {
		t.Errorf("%+v", a)
	}
}

func TestRecordOfNobodyBelongsToPlaces(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(1)
	k := access.Key{Kind: access.KindGrant, ID: "odd"}
	m[k] = access.Item{Key: k, Value: []byte(`{"id":"odd","person":"no such id!"}`)}
	apply(t, w, m.snapshot(1, 1))
	delete(m, k)
	if a := apply(t, w, m.delta(1, 2, nil, k)); len(a.People) != 0 || !a.Places || a.Total != 1 {
		t.Errorf("%+v", a)
	}
	same(t, w, m)
}

func TestPersonWithoutARecordIsNobody(t *testing.T) {
	t.Parallel()
	w := openWanted(t, t.TempDir())
	m := court(2)
	k := access.Key{Kind: access.KindPerson, ID: "p1"}
	delete(m, k)
	apply(t, w, m.snapshot(1, 1))
	if h, found, err := w.Holder("p1"); found || err != nil || len(h.Grants) != 2 {
		t.Errorf("found %v, %v, %d grants", found, err, len(h.Grants))
	}
}
