package outbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestG10_EventsAreNumberedStampedAndChained(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	at := epoch.Add(-time.Hour)
	r.append(access.Event{Kind: access.EventWritten, At: at, Boot: "boot-0", Number: 99}, started())
	r.append(door(1))
	first, prev, raw, _, err := r.box.Pending(0, 1<<20)
	if err != nil || first != 1 || prev != (access.Link{}) || len(raw) != 3 {
		t.Fatalf("%d %s %d %v", first, prev, len(raw), err)
	}
	var evs [3]access.Event
	for i, b := range raw {
		if err := json.Unmarshal(b, &evs[i]); err != nil {
			t.Fatal(err)
		}
		if evs[i].Number != uint64(i+1) || !evs[i].Recorded.Equal(epoch) || evs[i].Unsure {
			t.Errorf("%+v", evs[i])
		}
	}
	if !evs[0].At.Equal(at) || !evs[0].Late() || evs[0].Boot != "boot-0" {
		t.Errorf("what the event brought was changed: %+v", evs[0])
	}
	if !evs[1].At.Equal(epoch) || evs[1].Boot != "boot-1" {
		t.Errorf("what it lacked was not filled in: %+v", evs[1])
	}
	_, prev, _, _, _ = r.box.Pending(2, 1<<20)
	if want := access.Chain(access.Chain(access.Link{}, raw[0]), raw[1]); prev != want {
		t.Errorf("the link before 3 is %s, want %s", prev, want)
	}
}

func TestEventsRecordedUnderAnUntrustedClockSaySo(t *testing.T) {
	t.Parallel()
	o := options()
	o.Now = func() (time.Time, bool) { return epoch, false }
	r := newRig(t, o)
	r.append(started())
	_, _, raw, _, _ := r.box.Pending(0, 1)
	var e access.Event
	if err := json.Unmarshal(raw[0], &e); err != nil || !e.Unsure {
		t.Errorf("%s", raw[0])
	}
}

func TestPendingHoldsToItsLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	for range 10 {
		r.append(door(1))
	}
	_, _, all, _, _ := r.box.Pending(0, 1<<20)
	size := len(all[0])
	for maxBytes, want := range map[int]int{0: 1, size: 1, 2*size + 2: 2, 1 << 20: 10} {
		if _, _, raw, _, err := r.box.Pending(0, maxBytes); len(raw) != want || err != nil {
			t.Errorf("%d bytes give %d events, want %d", maxBytes, len(raw), want)
		}
	}
	if first, _, raw, _, err := r.box.Pending(7, 1<<20); first != 8 || len(raw) != 3 || err != nil {
		t.Errorf("after 7: %d, %d, %v", first, len(raw), err)
	}
	if _, _, raw, _, err := r.box.Pending(10, 1<<20); len(raw) != 0 || err != nil {
		t.Errorf("after the last: %d, %v", len(raw), err)
	}
	if _, _, raw, _, err := newRig(t, options()).box.Pending(0, 1); len(raw) != 0 || err != nil {
		t.Errorf("of an empty one: %d, %v", len(raw), err)
	}
}

func TestG10_NumbersNeverStartAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	r.append(door(1), door(2), door(3))
	c := newCloud()
	if err := errors.Join(c.drain(r.box, 100), r.box.Confirm(3)); err != nil {
		t.Fatal(err)
	}
	if s := r.stats(); s.Waiting != 0 || s.Bytes != 0 || s.Last != 3 || s.Confirmed != 3 || s.First != 0 {
		t.Errorf("after all was confirmed: %+v", s)
	}
	r.restart()
	r.append(door(4))
	if err := c.drain(r.box, 100); err != nil || c.through != 4 {
		t.Errorf("through %d: %v", c.through, err)
	}
	if s := r.stats(); s.First != 4 || s.Waiting != 1 {
		t.Errorf("%+v", s)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	r.append(door(1), door(2), door(3))
	wantFault(t, r.box.Confirm(4), fault.Invalid)
	if s := r.stats(); s.Waiting != 3 {
		t.Error("a refused receipt deleted something")
	}
	for _, through := range []uint64{2, 2, 1, 0} {
		if err := r.box.Confirm(through); err != nil {
			t.Errorf("through %d: %v", through, err)
		}
	}
	if s := r.stats(); s.Waiting != 1 || s.Confirmed != 2 {
		t.Errorf("%+v", s)
	}
	if rep := r.verify(nil); !rep.ChainOK || rep.First != 3 || rep.Last != 3 {
		t.Errorf("%+v", rep)
	}
}

func TestConfirmOfVeryMany(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	evs := make([]access.Event, 2*confirmAtOnce+7)
	for i := range evs {
		evs[i] = door(i)
	}
	r.append(evs...)
	if err := r.box.Confirm(uint64(len(evs) - 3)); err != nil {
		t.Fatal(err)
	}
	if s := r.stats(); s.Waiting != 3 || s.Confirmed != uint64(len(evs)-3) {
		t.Errorf("%+v", s)
	}
}

func wantFault(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("got %v, want a fault of kind %s", err, kind)
	}
}

func TestRollbackUsesUpNoNumberAndWakesNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	no := errors.New("no")
	err := r.db.Update(func(tx *bolt.Tx) error { return errors.Join(r.box.Append(tx, door(1)), no) })
	if !errors.Is(err, no) {
		t.Fatal(err)
	}
	select {
	case <-r.box.Wake():
		t.Error("woken by what never happened")
	default:
	}
	r.append(door(2))
	if first, _, raw, _, _ := r.box.Pending(0, 1); first != 1 || !bytes.Contains(raw[0], []byte(`"attempt":2`)) {
		t.Errorf("%d %s", first, raw)
	}
	select {
	case <-r.box.Wake():
	default:
		t.Error("not woken")
	}
}

func TestWaitingEventsWakeTheSenderAfterARestart(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	r.append(door(1))
	r.restart()
	select {
	case <-r.box.Wake():
	default:
		t.Error("not woken")
	}
}

func TestUnattachedOutboxSaysSo(t *testing.T) {
	t.Parallel()
	b := New(options())
	_, _, _, _, err := b.Pending(0, 1)
	wantFault(t, err, fault.Internal)
	wantFault(t, b.Confirm(0), fault.Internal)
}

func TestRestoredSkipsNumbers(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	c := newCloud()
	r.append(door(1), door(2))
	copied, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.append(door(3), door(4)) // after the snapshot, and the cloud has them
	if err := c.drain(r.box, 1000); err != nil {
		t.Fatal(err)
	}
	_ = r.db.Close()
	if err := os.WriteFile(r.path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	r.open()
	if err := r.db.Update(r.box.Restored); err != nil {
		t.Fatal(err)
	}
	r.append(door(5))
	if err := c.drain(r.box, 1000); err != nil {
		t.Fatal(err)
	}
	if n := uint64(2 + skipped + 1); c.through != n || c.events[n].Attempt != 5 || c.events[4].Attempt != 4 || !c.lost[5] {
		t.Errorf("through %d: %+v", c.through, c.events)
	}
	if rep := r.verify(nil); !rep.ChainOK || rep.Lost != skipped {
		t.Errorf("%+v", rep)
	}
}

func TestG10_KillWhileWritingLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "site.db")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, proofs := newCloud(), 0
	for range 6 {
		words := append(strings.Fields(os.Getenv("GATEHOUSE_TEST_EMULATOR")), exe, "write", path) // see make arm
		cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := rand.IntN(40)
		told := numbers(t, bufio.NewScanner(out), func(i int) {
			if i == kill {
				_ = cmd.Process.Kill()
			}
		})
		_ = cmd.Wait() // killed: that is no news

		r := &rig{t: t, path: path, opts: options()}
		r.open()
		if last := r.stats().Last; last < told || last > told+2 && told > 0 || last%2 != 0 {
			t.Errorf("the last number is %d, told was %d", last, told)
		}
		if rep := r.verify(nil); !rep.ChainOK {
			t.Errorf("%+v", rep)
		}
		if err := c.drain(r.box, 1000); err != nil {
			t.Error(err)
		}
		if err := r.box.Confirm(c.through / 2); err != nil {
			t.Error(err)
		}
		_ = r.db.Close()
	}
	for n := uint64(2); n <= c.through; n += 2 {
		if c.events[n].Kind == access.EventConfirmed {
			proofs++
		}
	}
	if proofs == 0 || uint64(proofs) != c.through/2 {
		t.Errorf("%d proofs of %d arrived", proofs, c.through/2)
	}
}

// TestG10_ExactlyOnceProperty drives an outbox and a cloud through appends, roll-backs, receipts,
// lost batches, damage, full boxes and restarts.
func TestG10_ExactlyOnceProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		o := options()
		o.Events = rapid.IntRange(3, 40).Draw(rt, "room")
		r := newRig(t, o)
		c, sent := newCloud(), map[uint64]access.EventKind{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0, 1, 2:
				batch := rapid.SliceOfN(rapid.SampledFrom([]access.Event{door(1), door(1), removal(1), started()}), 1, 5).Draw(rt, "events")
				last := r.stats().Last
				r.append(batch...)
				for i, e := range batch {
					sent[last+uint64(i)+1] = e.Kind
				}
			case 3:
				if err := c.drain(r.box, rapid.IntRange(1, 2000).Draw(rt, "bytes")); err != nil {
					rt.Fatal(err)
				}
			case 4:
				if err := r.box.Confirm(uint64(rapid.IntRange(0, int(c.through)).Draw(rt, "through"))); err != nil {
					rt.Fatal(err)
				}
			case 5:
				r.restart()
			case 6:
				_ = r.db.Update(func(tx *bolt.Tx) error { return errors.Join(r.box.Append(tx, door(9)), errors.New("no")) })
			}
			if rep := r.verify(nil); !rep.ChainOK {
				rt.Fatalf("%+v", rep)
			}
			if s := r.stats(); s.Last != uint64(len(sent)) {
				rt.Fatalf("%d events, numbered to %d", len(sent), s.Last)
			}
		}
		if err := c.drain(r.box, 500); err != nil {
			rt.Fatal(err)
		}
		for n, kind := range sent {
			got, ok := c.events[n]
			if ok && got.Kind != kind || !ok && !c.lost[n] || !ok && kind == access.EventConfirmed {
				rt.Fatalf("event %d, %s: arrived %v, lost %v", n, kind, ok, c.lost[n])
			}
		}
	})
}
