package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func item(kind access.Kind, id, value string) access.Item {
	return access.Item{Key: access.Key{Kind: kind, ID: id}, Value: json.RawMessage(value)}
}

// manyItems is n people, each with a residency, a PIN and a grant, as policy makes them.
func manyItems(n int) []access.Item {
	out := []access.Item{item(access.KindProperty, "maples", `{"id":"maples","name":"The Maples","zone":"America/Chicago"}`)}
	for i := range n {
		p := fmt.Sprintf("p%d", i)
		out = append(out,
			item(access.KindPerson, p, `{"id":"`+p+`","kind":"resident","last":"Lee"}`),
			item(access.KindResidency, "r"+p, `{"id":"r`+p+`","person":"`+p+`","unit":"u1"}`),
			item(access.KindCredential, "c"+p, `{"id":"c`+p+`","person":"`+p+`","kind":"pin","secret":"`+manyPIN(i)+`"}`),
			item(access.KindGrant, "g"+p, `{"id":"g`+p+`","person":"`+p+`","group":"common","reason":"lives here"}`))
	}
	return out
}

func setState(t testing.TB, s *Store, items []access.Item) (pos access.Position, changed bool) {
	t.Helper()
	s.update(t, func(ctx context.Context, tx *Tx) (err error) {
		pos, changed, err = tx.SetState(ctx, "gw1", items, Terms{Now: noon()})
		return err
	})
	return pos, changed
}

func digestOf(key []byte, items []access.Item) (d access.Digest) {
	for _, it := range items {
		d.Toggle(key, it)
	}
	return d
}

func TestSetState_RevisionOnlyWhenSomethingChanged(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		at := func(revision uint64) access.Position { return access.Position{Epoch: 1, Revision: revision} }
		step := func(name string, items []access.Item, revision uint64, wantChanged bool) {
			t.Helper()
			before := must(s.Changes(t.Context()))(t)
			pos, changed := setState(t, s, items)
			if pos != at(revision) || changed != wantChanged {
				t.Errorf("%s: %v %v, want revision %d, %v", name, pos, changed, revision, wantChanged)
			}
			if after := must(s.Changes(t.Context()))(t); (after > before) != wantChanged {
				t.Errorf("%s: changes went from %d to %d", name, before, after)
			}
		}
		step("nothing wanted yet", nil, 0, false)
		step("first", manyItems(3), 1, true)
		step("the same", manyItems(3), 1, false)
		shuffled := manyItems(3)
		slices.Reverse(shuffled)
		step("the same in another order", shuffled, 1, false)
		step("one more", manyItems(4), 2, true)
		moved := manyItems(4)
		moved[4].Value = json.RawMessage(`{"id":"gp0","person":"p0","door":"lobby","reason":"moved"}`)
		step("one changed", moved, 3, true)
		step("blanks are bytes too", append(slices.Clone(moved[:1]), append([]access.Item{item(access.KindPerson, "p0", `{"id":"p0", "kind":"resident","last":"Lee"}`)}, moved[2:]...)...), 4, true)
		step("everything gone", nil, 5, true)
		step("still nothing", nil, 5, false)
	})
}

func TestSince_IsWhatChanged(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		first := manyItems(3)
		setState(t, s, first)        // 1
		setState(t, s, manyItems(2)) // 2: p2 goes
		last := manyItems(2)         // 3: p0's grant moves, p1 goes
		last[4].Value = json.RawMessage(`{"id":"gp0","person":"p0","door":"lobby","reason":"moved"}`)
		last = last[:5]
		setState(t, s, last)
		since := func(base access.Position) (access.Update, bool) {
			t.Helper()
			u, ok, err := s.Since(t.Context(), "gw1", base)
			if err != nil {
				t.Fatal(err)
			}
			return u, ok
		}
		u, ok := since(access.Position{Epoch: 1, Revision: 2})
		if !ok || u.Base != 2 || u.Revision != 3 || u.Epoch != 1 {
			t.Fatalf("since 2: %+v %v", u.Position, ok)
		}
		wantSame(t, "put", u.Put, last[4:5])
		wantSame(t, "gone", u.Gone, []access.Key{{Kind: access.KindPerson, ID: "p1"}, {Kind: access.KindResidency, ID: "rp1"},
			{Kind: access.KindCredential, ID: "cp1"}, {Kind: access.KindGrant, ID: "gp1"}})
		wantSame(t, "digest", u.Digest, digestOf(u.DigestKey, last))

		u, ok = since(access.Position{Epoch: 1, Revision: 3})
		if !ok || len(u.Put)+len(u.Gone) != 0 || u.Base != 3 {
			t.Errorf("since the newest: %+v %v, want nothing new", u, ok)
		}
		for name, base := range map[string]access.Position{
			"nothing stored": {}, "revision 0": {Epoch: 1}, "ahead of us": {Epoch: 1, Revision: 4}, "another epoch": {Epoch: 2, Revision: 2}, "no epoch": {Revision: 2},
		} {
			if _, ok := since(base); ok {
				t.Errorf("%s: there is a delta, want a snapshot", name)
			}
		}
		_, _, err := s.Since(t.Context(), "gw9", access.Position{Epoch: 1, Revision: 1})
		wantKind(t, err, fault.Invalid, "no such gateway")
	})
}

// Whatever happens between two positions, the delta leads from one to the other.
func TestSince_LeadsFromAnyRevision(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		rnd := rand.New(rand.NewPCG(1, 2))
		history := map[uint64]map[access.Key]string{}
		state := map[access.Key]string{}
		for range 25 {
			for range 1 + rnd.IntN(4) {
				k := access.Key{Kind: access.Kinds[rnd.IntN(3)], ID: fmt.Sprintf("i%d", rnd.IntN(6))}
				if rnd.IntN(3) == 0 {
					delete(state, k)
				} else {
					state[k] = fmt.Sprintf(`{"v":%d}`, rnd.IntN(3))
				}
			}
			var items []access.Item
			for k, v := range state {
				items = append(items, item(k.Kind, k.ID, v))
			}
			pos, _ := setState(t, s, items)
			history[pos.Revision] = maps.Clone(state)
		}
		snapshot := must(s.Snapshot(t.Context(), "gw1"))(t)
		wantSame(t, "digest kept up", snapshot.Digest, digestOf(snapshot.DigestKey, snapshot.Put))
		for base, was := range history {
			if base == 0 {
				continue
			}
			u, ok, err := s.Since(t.Context(), "gw1", access.Position{Epoch: 1, Revision: base})
			if err != nil || !ok {
				t.Fatalf("since %d: %v %v", base, ok, err)
			}
			for _, it := range u.Put {
				was[it.Key] = string(it.Value)
			}
			for _, k := range u.Gone { // last: no key may stand in both
				delete(was, k)
			}
			wantSame(t, fmt.Sprintf("state after the delta since %d", base), was, state)
		}
	})
}

func TestSnapshot_InOrderAndInClear(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		if u := must(s.Snapshot(t.Context(), "gw1"))(t); u.Revision != 0 || u.Epoch != 1 || len(u.Put) != 0 || len(u.DigestKey) != 32 {
			t.Errorf("before anything: %+v", u)
		}
		items := append(manyItems(2), item("elevator", "e1", `{"floor":3}`)) // a kind from a newer policy
		setState(t, s, items)
		u := must(s.Snapshot(t.Context(), "gw1"))(t)
		if !u.Snapshot() || u.Revision != 1 {
			t.Errorf("it is base %d, revision %d", u.Base, u.Revision)
		}
		want := []access.Item{items[0], items[1], items[5], items[2], items[6], items[3], items[7], items[4], items[8], items[9]}
		wantSame(t, "items", u.Put, want)
		wantSame(t, "digest", u.Digest, digestOf(u.DigestKey, items))
		_, err := s.Snapshot(t.Context(), "gw9")
		wantKind(t, err, fault.Invalid, "no such gateway")
	})
}

func TestSetState_Refuses(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		err := s.Update(t.Context(), func(tx *Tx) error {
			_, _, err := tx.SetState(t.Context(), "gw1", append(manyItems(1), manyItems(1)...), Terms{Now: noon()})
			return err
		})
		wantKind(t, err, fault.Invalid, "named twice")
		err = s.Update(t.Context(), func(tx *Tx) error { _, _, err := tx.SetState(t.Context(), "gw9", nil, Terms{Now: noon()}); return err })
		wantKind(t, err, fault.Invalid, "no such gateway")
		wantSame(t, "position", must(s.Gateway(t.Context(), "gw1"))(t).Published, access.Position{Epoch: 1})
	})
}

func TestSetState_OldTombstonesGo(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		setState(t, s, manyItems(2))
		setState(t, s, manyItems(1))
		if _, err := s.write.ExecContext(t.Context(), `UPDATE gateways SET revision = $1`, 2*keepRevisions); err != nil {
			t.Fatal(err)
		}
		setState(t, s, nil) // revision 20,001
		for base, want := range map[uint64]bool{2: false, keepRevisions: false, keepRevisions + 1: true, 2 * keepRevisions: true} {
			_, ok, err := s.Since(t.Context(), "gw1", access.Position{Epoch: 1, Revision: base})
			if err != nil || ok != want {
				t.Errorf("since %d: %v %v, want %v", base, ok, err, want)
			}
		}
		var n int
		if err := s.read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM gateway_gone`).Scan(&n); err != nil || n != 5 {
			t.Errorf("%d tombstones (%v), want the 5 of the last revision", n, err)
		}
	})
}

func TestSetState_MovedRowDoesNotOpen(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		setState(t, s, manyItems(2))
		if _, err := s.write.ExecContext(t.Context(), `UPDATE gateway_items SET value = (SELECT value FROM gateway_items WHERE id = 'cp1') WHERE id = 'cp0'`); err != nil {
			t.Fatal(err)
		}
		_, err := s.Snapshot(t.Context(), "gw1")
		wantKind(t, err, fault.Internal, "does not open")
	})
}

// Two processes publish to the same gateway at once: revisions are allocated one by one, and the
// digest fits what is stored.
func TestSetState_TwoProcesses(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		stores := []*Store{withGateway(t, dsn), openStore(t, dsn)}
		var lock sync.Mutex
		seen := map[uint64]bool{}
		var wait sync.WaitGroup
		for i := range 12 {
			wait.Go(func() {
				err := stores[i%2].Update(t.Context(), func(tx *Tx) error {
					pos, changed, err := tx.SetState(t.Context(), "gw1", manyItems(i+1), Terms{Now: noon()})
					lock.Lock()
					defer lock.Unlock()
					if changed && seen[pos.Revision] {
						t.Errorf("revision %d was allocated twice", pos.Revision)
					}
					seen[pos.Revision] = true
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		u := must(stores[1].Snapshot(t.Context(), "gw1"))(t)
		if u.Revision != 12 || len(seen) != 12 {
			t.Errorf("revision %d after %d different states, want 12", u.Revision, len(seen))
		}
		wantSame(t, "digest", u.Digest, digestOf(u.DigestKey, u.Put))
		if n := must(stores[1].Changes(t.Context()))(t); n != 12 {
			t.Errorf("%d changes seen by the other process, want 12", n)
		}
	})
}

// BenchmarkSetState is 10,000 people: unchanged, and with one changed.
func BenchmarkSetState(b *testing.B) {
	for _, db := range []struct {
		name string
		dsn  func(testing.TB) string
	}{{"sqlite", sqliteDSN}, {"postgres", postgresDSN}} {
		b.Run(db.name, func(b *testing.B) {
			s := withGateway(b, db.dsn(b))
			items := manyItems(10_000)
			b.Run("first", func(b *testing.B) {
				for b.Loop() {
					setState(b, s, nil)
					setState(b, s, items)
				}
			})
			setState(b, s, items)
			b.Run("unchanged", func(b *testing.B) {
				for b.Loop() {
					setState(b, s, items)
				}
			})
			b.Run("one", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					items[4].Value = json.RawMessage(fmt.Sprintf(`{"id":"gp0","person":"p0","door":"lobby","reason":"%d"}`, i))
					setState(b, s, items)
				}
			})
			b.Run("snapshot", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Snapshot(b.Context(), "gw1"); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
