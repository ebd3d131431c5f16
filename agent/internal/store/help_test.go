package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// TestMain lets the test binary play gatehouse-agent in a child process: the hidden check, and
// writers that are killed in the middle of their work.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "db-check":
			os.Exit(CheckMain(os.Args[2], os.Stderr))
		case "write-wanted":
			writeWanted(os.Args[2])
		case "write-site":
			writeSite(os.Args[2])
		case "inspect":
			inspect(os.Args[2])
		case "compact":
			compactSite(os.Args[2])
			os.Exit(0)
		case "hold":
			hold(os.Args[2])
		}
	}
	os.Exit(m.Run())
}

func testKey(b byte) Key {
	k, err := NewKey([]byte{b, 31: 7})
	if err != nil {
		panic(err)
	}
	return k
}

// checked opens with the check in a child process.
func checked(t testing.TB) Options {
	return Options{Check: checkCommand(t.Context(), self(), checkLimit), LockWait: 100 * time.Millisecond}
}

// self is the words that start this test binary again: itself, behind the emulator that the tests
// run under when they were built for another machine (make arm).
func self() []string {
	exe, err := os.Executable()
	must(err)
	return append(strings.Fields(os.Getenv("GATEHOUSE_TEST_EMULATOR")), exe)
}

func openWanted(t testing.TB, dir string) *Wanted {
	t.Helper()
	w, err := OpenWanted(dir, testKey(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// model is a wanted state as a map.
type model map[access.Key]access.Item

func (m model) put(nouns ...access.Noun) []access.Item {
	var out []access.Item
	for _, n := range nouns {
		it, err := access.Encode(n)
		if err != nil {
			panic(err)
		}
		m[it.Key] = it
		out = append(out, it)
	}
	return out
}

func (m model) items() []access.Item {
	keys := slices.SortedFunc(maps.Keys(m), compareKeys)
	out := make([]access.Item, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

func (m model) digest(key []byte) (d access.Digest) {
	for _, it := range m {
		d.Toggle(key, it)
	}
	return d
}

func (m model) granted() int {
	people := map[access.PersonID]bool{}
	for _, it := range m {
		if it.Kind == access.KindGrant {
			people[owner(it)] = true
		}
	}
	return len(people)
}

var digestKey = []byte("a digest key for the tests only!")

// snapshot makes the whole of m one update.
func (m model) snapshot(epoch, rev uint64) access.Update {
	return access.Update{
		Position: access.Position{Epoch: epoch, Revision: rev}, Chunk: 1, Of: 1,
		Put: m.items(), DigestKey: digestKey, Digest: m.digest(digestKey),
	}
}

func (m model) delta(epoch, rev uint64, put []access.Item, gone ...access.Key) access.Update {
	u := m.snapshot(epoch, rev)
	u.Base, u.Put, u.Gone = rev-1, put, gone
	return u
}

// split spreads an update over n chunks.
func split(u access.Update, n int) []access.Update {
	out := make([]access.Update, n)
	for i := range out {
		out[i] = u
		out[i].Chunk, out[i].Of, out[i].Put, out[i].Gone = i+1, n, nil, nil
	}
	for i, it := range u.Put {
		c := &out[i*n/len(u.Put)]
		c.Put = append(c.Put, it)
	}
	out[0].Gone = u.Gone
	return out
}

// noon is when tests happen, by the box's clock.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

var today = ApplyOptions{Now: noon}

func apply(t testing.TB, w *Wanted, u access.Update) Applied {
	t.Helper()
	a, err := w.Apply(u, today)
	if err != nil {
		t.Fatalf("apply revision %d: %v", u.Revision, err)
	}
	return a
}

func stored(t testing.TB, w *Wanted) model {
	t.Helper()
	m := model{}
	err := w.Items(context.Background(), func(it access.Item) error { m[it.Key] = it; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func same(t testing.TB, w *Wanted, want model) {
	t.Helper()
	got := stored(t, w)
	if len(got) != len(want) {
		t.Errorf("%d items are stored, want %d", len(got), len(want))
	}
	for k, it := range want {
		if !got[k].Same(it) {
			t.Errorf("%s %s is %s, want %s", k.Kind, k.ID, got[k].Value, it.Value)
		}
	}
}

func person(n int) access.PersonID { return access.PersonID("p" + strconv.Itoa(n)) }

// resident is the nouns of one invented resident.
func resident(n int, pin string) []access.Noun {
	p, id := person(n), strconv.Itoa(n)
	return []access.Noun{
		access.Person{ID: p, Kind: access.Resident, First: "Ann", Last: "Number" + id, Email: "ann" + id + "@example.com"},
		access.Residency{ID: access.ResidencyID("r" + id), Person: p, Unit: "u1"},
		access.Credential{ID: access.CredentialID("c" + id), Person: p, Kind: access.PIN, Secret: access.NewSecret(pin)},
		access.Grant{ID: access.GrantID("g" + id), Person: p, Group: "common", Reason: "lives here"},
		access.Grant{ID: access.GrantID("h" + id), Person: p, Unit: "u1", Reason: "lives here"},
	}
}

func places() []access.Noun {
	return []access.Noun{
		access.Property{ID: "prop", Name: "Elm Court", Zone: "America/Chicago"},
		access.Building{ID: "b1", Name: "East"},
		access.Unit{ID: "u1", Name: "0101", Building: "b1"},
		access.Door{ID: "d1", Name: "Lobby"},
		access.Schedule{ID: "s1", Name: "Day", Weekly: []access.Weekly{{Days: []time.Weekday{1}, Start: "08:00", End: "24:00"}}},
		access.Group{ID: "common", Name: "Common", Doors: []access.DoorID{"d1"}},
	}
}

// court is a property with n residents.
func court(n int) model {
	m := model{}
	m.put(places()...)
	for i := range n {
		m.put(resident(i, fmt.Sprintf("%04d", 1000+i))...)
	}
	return m
}

func reasonOf(err error) string {
	var r interface{ Reason() string } // as cloudlink asks
	if errors.As(err, &r) {
		return r.Reason()
	}
	return ""
}

func wantFault(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("got %v (%s), want a fault of kind %s", err, fault.KindOf(err), kind)
	}
}

// notes is a journal for tests: one bucket, events under running numbers.
type notes struct{ restored int }

func (j *notes) Append(tx *bolt.Tx, evs ...access.Event) error {
	b, err := tx.CreateBucketIfNotExists([]byte("notes"))
	if err != nil {
		return err
	}
	for _, e := range evs {
		if e.Message == "refuse" {
			return errors.New("the journal refuses")
		}
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		e.Number = n
		v, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if err := b.Put(fmt.Appendf(nil, "%08d", n), v); err != nil {
			return err
		}
	}
	return nil
}

func (j *notes) Number(tx *bolt.Tx) (uint64, error) {
	if b := tx.Bucket([]byte("notes")); b != nil {
		return b.Sequence(), nil
	}
	return 0, nil
}

func (j *notes) Restored(*bolt.Tx) error { j.restored++; return nil }

func (j *notes) all(t testing.TB, s *Site) (out []access.Event) {
	t.Helper()
	err := s.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("notes"))
		if b == nil {
			return nil
		}
		return b.ForEach(func(_, v []byte) error {
			var e access.Event
			out = append(out, e)
			return json.Unmarshal(v, &out[len(out)-1])
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func openSite(t testing.TB, dir string, o Options) (*Site, *notes) {
	t.Helper()
	j := &notes{}
	s, err := OpenSite(dir, testKey(1), j, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, j
}

// child starts this test binary in a role and gives its output, line by line.
func child(t testing.TB, role, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	words := append(self(), role, dir)
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Stderr = os.Stderr
	_, inErr := cmd.StdinPipe() // stays open, so that a reading child waits
	out, err := cmd.StdoutPipe()
	if err = errors.Join(err, inErr); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// killAfter reads n lines, kills the child with SIGKILL, and returns the last complete line.
func killAfter(t testing.TB, cmd *exec.Cmd, lines *bufio.Scanner, n int) int {
	t.Helper()
	last := 0
	for i := 0; lines.Scan(); i++ {
		v, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
		if last = v; i == n {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait() // killed: that is no news
	return last
}

func hold(dir string) {
	w, err := OpenWanted(dir, testKey(1), Options{})
	must(err)
	fmt.Println(1)
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed
	must(w.Close())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}
