package outbox

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
)

// TestMain lets the test binary play a gateway that is killed while it writes.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "write" {
		writeForever(os.Args[2])
	}
	os.Exit(m.Run())
}

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func options() Options {
	return Options{Now: func() (time.Time, bool) { return epoch, true }, Boot: "boot-1"}
}

// rig is an outbox on a file of its own, and what the cloud makes of it.
type rig struct {
	t    testing.TB
	path string
	opts Options
	db   *bolt.DB
	box  *Outbox
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "site.db"), opts: o}
	r.open()
	t.Cleanup(func() { _ = r.db.Close() })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	db, err := bolt.Open(r.path, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		r.t.Fatal(err)
	}
	r.db, r.box = db, New(r.opts)
	if err := r.box.Attach(db); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) restart() {
	r.t.Helper()
	_ = r.db.Close()
	r.open()
}

func (r *rig) append(evs ...access.Event) {
	r.t.Helper()
	if err := r.db.Update(func(tx *bolt.Tx) error { return r.box.Append(tx, evs...) }); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stats() Stats {
	r.t.Helper()
	s, err := r.box.Stats()
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) verify(public ed25519.PublicKey) Report {
	r.t.Helper()
	rep, err := r.box.Verify(public)
	if err != nil {
		r.t.Fatal(err)
	}
	return rep
}

// spoil changes the stored value of one event on disk.
func (r *rig) spoil(n uint64, change func(v []byte) []byte) {
	r.t.Helper()
	err := r.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketEvents))
		return b.Put(key(n), change(bytes.Clone(b.Get(key(n)))))
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func flipLast(v []byte) []byte { v[len(v)-2] ^= 1; return v }

func door(n int) access.Event {
	return access.Event{Kind: access.EventDoor, Device: "lobby", Person: "p1", Door: "d1", Granted: true, Attempt: n}
}

func removal(n int) access.Event {
	return access.Event{Kind: access.EventConfirmed, Op: access.OpRemove, Grade: access.Exact, Person: "p1", Attempt: n}
}

func started() access.Event { return access.Event{Kind: access.EventStarted} }

// cloud is the other side, after the contract: it takes events in order, exactly once, and checks
// that they join.
type cloud struct {
	through uint64
	link    access.Link
	known   bool
	events  map[uint64]access.Event
	raw     map[uint64]string
	lost    map[uint64]bool
}

func newCloud() *cloud {
	return &cloud{known: true, events: map[uint64]access.Event{}, raw: map[uint64]string{}, lost: map[uint64]bool{}}
}

// take is what intake does with one batch.
func (c *cloud) take(first uint64, prev access.Link, raw [][]byte) error {
	for i, b := range raw {
		var e access.Event
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		n := first + uint64(i)
		if e.Number != n {
			return fmt.Errorf("event %d calls itself %d", n, e.Number)
		}
		if err := c.one(e, prev, b); err != nil {
			return err
		}
		prev = access.Chain(prev, b)
	}
	return nil
}

func (c *cloud) one(e access.Event, prev access.Link, raw []byte) error {
	n := e.Number
	switch {
	case e.Kind == access.EventLost:
		if e.First > c.through+1 {
			return fmt.Errorf("lost from %d, but %d is the next", e.First, c.through+1)
		}
		for l := max(e.First, c.through+1); l <= n; l++ {
			c.lost[l] = true
		}
		if n > c.through {
			c.through, c.known = n, false
		}
		return nil
	case n <= c.through:
		if old, ok := c.raw[n]; ok && old != string(raw) {
			return fmt.Errorf("event %d came with other bytes", n)
		}
		return nil
	case n != c.through+1:
		return fmt.Errorf("event %d comes after %d", n, c.through)
	case c.known && prev != c.link:
		return fmt.Errorf("event %d does not join", n)
	}
	c.events[n], c.raw[n] = e, string(raw)
	c.through, c.link, c.known = n, access.Chain(prev, raw), true
	return nil
}

// drain sends everything that is pending, without receipts.
func (c *cloud) drain(b *Outbox, maxBytes int) error {
	for after := c.through; ; {
		first, prev, raw, _, err := b.Pending(after, maxBytes)
		if err != nil || len(raw) == 0 {
			return err
		}
		if err := c.take(first, prev, raw); err != nil {
			return err
		}
		next := first + uint64(len(raw)) - 1
		if next <= after {
			return errors.New("the outbox does not move on")
		}
		after = next
	}
}

// writeForever appends and tells each number once it is on disk.
func writeForever(path string) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	must(err)
	o := options()
	o.Events = 60
	b := New(o)
	must(b.Attach(db))
	for {
		must(db.Update(func(tx *bolt.Tx) error { return b.Append(tx, door(1), removal(2)) }))
		s, err := b.Stats()
		must(err)
		fmt.Println(s.Last)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}

func numbers(t testing.TB, lines *bufio.Scanner, stop func(i int)) (last uint64) {
	t.Helper()
	for i := 0; lines.Scan(); i++ {
		v, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		last = v
		stop(i)
	}
	return last
}
