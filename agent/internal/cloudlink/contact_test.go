package cloudlink

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// hellos are when hellos were sent, as offsets from began.
func hellos(s *fakeSession, began time.Time) (out []time.Duration) {
	_, times := sentOf[hello](s, protocol.TypeHello)
	for _, at := range times {
		out = append(out, at.Sub(began))
	}
	return out
}

// TestTowardsE4_AFailedStoreAsksAgainSoon: a revocation whose commit failed is asked for after a second, then more and
// more rarely up to a minute, until it is stored.
func TestTowardsE4_AFailedStoreAsksAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		s.revision(1, 0, "", time.Now())
		after(time.Minute)
		b.wanted.set(errDisk)
		began := time.Now()
		had := len(hellos(s, began))
		answered := had
		fail := func() { s.revision(2, 1, "", time.Now()) }
		fail()
		for range 260 { // the cloud answers every hello with the same
			after(time.Second)
			if all := hellos(s, began); len(all) > answered {
				answered = len(all)
				fail()
			}
		}
		want := []time.Duration{1, 3, 7, 15, 31, 63, 123, 183, 243}
		got := hellos(s, began)[had:]
		for i := range got {
			got[i] = got[i].Round(time.Second) / time.Second
		}
		if !slices.IsSortedFunc(got, func(a, b time.Duration) int { return int(a - b) }) || len(got) < 5 || got[0] != 1 {
			t.Fatalf("hellos after a failed store at seconds %d, want about %d", got, want)
		}
		for i := 1; i < len(got); i++ {
			if gap := got[i] - got[i-1]; gap > 62 {
				t.Errorf("%d s between two hellos, want at most a minute and the answer's way: %d", gap, got)
			}
		}
		b.wanted.set(nil)
		after(2 * time.Minute)
		quiet := len(hellos(s, began))
		fail()
		after(70 * time.Second)
		if b.wanted.Position() != at(1, 2) || len(hellos(s, began)) != quiet {
			t.Errorf("at %v after the disk is back, %d more hellos", b.wanted.Position(), len(hellos(s, began))-quiet)
		}
	})
}

// TestContactIsWhenNothingWasMissing: only an answer to a hello counts, and only when all of it is stored.
func TestContactIsWhenNothingWasMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		nonce := func() string { h, _ := sentOf[hello](s, protocol.TypeHello); return h[len(h)-1].Nonce }
		count := func(want int, why string) {
			t.Helper()
			synctest.Wait()
			if got := len(b.contacts.All()); got != want {
				t.Errorf("%s: %d contacts, want %d", why, got, want)
			}
		}
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Nonce: nonce()})
		count(0, "a receipt says nothing of the state")
		b.wanted.set(errDisk)
		s.revision(1, 0, nonce(), time.Now())
		count(0, "what was not stored")
		b.wanted.set(nil)
		chunk := func(i int) {
			s.down(protocol.TypeState, protocol.Header{Epoch: 1, Revision: 1, Chunk: i, Of: 2}, protocol.State{DigestKey: key, Nonce: nonce()})
		}
		chunk(1)
		count(0, "half an answer")
		chunk(2)
		count(1, "a whole answer")
		s.revision(2, 1, "", time.Now())
		count(1, "news that nobody asked for")
		after(5 * time.Minute)
		s.down(protocol.TypeState, protocol.Header{Epoch: 1, Revision: 2, Base: 2, Chunk: 1, Of: 1},
			protocol.State{DigestKey: key, Nonce: nonce(), Meant: at(1, 2)})
		count(2, "nothing new")
		if got := b.wanted.agreed(); !slices.Equal(got, []access.Position{at(1, 2)}) {
			t.Errorf("agreed %v", got)
		}
		if last := b.contacts.All()[1]; !last.Equal(time.Now()) {
			t.Errorf("contact at %s, now %s", last, time.Now())
		}
	})
}

// TestTowardsE4_AnotherEpochIsTakenAsASnapshotOnly: a change of an epoch that is not ours makes the link ask; the
// snapshot that answers is stored.
func TestTowardsE4_AnotherEpochIsTakenAsASnapshotOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		s.revision(7, 0, "", time.Now())
		state := func(base uint64) {
			s.down(protocol.TypeState, protocol.Header{Epoch: 2, Revision: 5, Base: base, Chunk: 1, Of: 1}, protocol.State{DigestKey: key})
		}
		state(4)
		after(3 * time.Second)
		all, _ := sentOf[hello](s, protocol.TypeHello)
		if last := all[len(all)-1]; len(all) != 2 || last.Foreign != 2 || last.Epoch != 1 || last.Revision != 7 {
			t.Fatalf("%d hellos, the last %+v", len(all), last)
		}
		state(0)
		after(5 * time.Minute)
		all, _ = sentOf[hello](s, protocol.TypeHello)
		if last := all[len(all)-1]; last.Foreign != 0 || last.Epoch != 2 || last.Revision != 5 {
			t.Errorf("after the snapshot: %+v", last)
		}
	})
}

// TestHelloSaysWhatOthersAdd.
func TestHelloSaysWhatOthersAdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.more = func(h *protocol.Hello) { h.Held = 30 }
		b.build(t)
		b.link.dial = n.dial
		b.run(t)
		if all, _ := sentOf[hello](n.last(), protocol.TypeHello); len(all) != 1 || all[0].Held != 30 {
			t.Errorf("hellos %+v", all)
		}
	})
}
