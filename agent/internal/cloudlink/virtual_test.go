package cloudlink

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

func TestHelloComesAtItsIntervalAndSilenceCostsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		first, _ := sentOf[hello](s, protocol.TypeHello)
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Nonce: first[0].Nonce})
		after(5*time.Minute + time.Second)
		hellos, times := sentOf[hello](s, protocol.TypeHello)
		if len(hellos) != 2 || times[1].Sub(times[0]) != 5*time.Minute || hellos[0].Nonce == hellos[1].Nonce {
			t.Fatalf("%d hellos at %v", len(hellos), times)
		}
		s.revision(1, 0, hellos[1].Nonce, time.Now()) // the cloud is there
		after(14*time.Minute + 58*time.Second)
		if _, sessions := n.count(); sessions != 1 {
			t.Fatalf("%d connections although the cloud answered", sessions)
		}
		after(35 * time.Second)
		if _, sessions := n.count(); sessions != 2 {
			t.Fatalf("%d connections after 15 minutes of silence, want a second", sessions)
		}
		if hellos, _ := sentOf[hello](n.last(), protocol.TypeHello); len(hellos) == 0 || hellos[0].Revision != 1 {
			t.Errorf("the new connection began with %+v", hellos)
		}
		lines := b.lines.All()
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "the cloud has not answered for 15m") }) {
			t.Errorf("log %q", lines)
		}
	})
}

func TestUnansweredHelloIsRepeatedMoreAndMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		began := time.Now()
		b.run(t)
		s := n.last()
		after(14 * time.Minute)
		var offsets []time.Duration
		hellos, times := sentOf[hello](s, protocol.TypeHello)
		for _, at := range times {
			offsets = append(offsets, at.Sub(began)/time.Second)
		}
		if want := []time.Duration{0, 30, 90, 210, 450, 750}; !slices.Equal(offsets, want) {
			t.Errorf("hellos at seconds %d, want %d", offsets, want)
		}
		s.revision(1, 0, hellos[len(hellos)-1].Nonce, time.Now())
		after(3*time.Minute + 45*time.Second)
		if more, times := sentOf[hello](s, protocol.TypeHello); len(more) != len(hellos)+1 || times[len(hellos)].Sub(times[len(hellos)-1]) != 5*time.Minute {
			t.Errorf("%d hellos after an answer", len(more)-len(hellos))
		}
	})
}

// TestACloudThatCameLaterIsAskedAgainSoon: its greeting shows that it is there, and its answer what it did not get.
func TestACloudThatCameLaterIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.outbox.add(3, 0)
		b.run(t)
		s := n.last()
		after(10 * time.Second)
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{})
		after(2 * time.Second)
		hellos, _ := sentOf[hello](s, protocol.TypeHello)
		if batches, _ := sentOf[protocol.Events](s, protocol.TypeEvent); len(hellos) != 2 || len(batches) != 1 {
			t.Fatalf("%d hellos and %d batches after the greeting, want 2 and 1", len(hellos), len(batches))
		}
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Nonce: hellos[1].Nonce})
		if batches, _ := sentOf[protocol.Events](s, protocol.TypeEvent); len(batches) != 2 || batches[1].First != 1 || len(batches[1].Raw) != 3 {
			t.Errorf("what nobody heard was sent again as %+v", batches[1:])
		}
		for range 20 { // a cloud that answers
			s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{})
			after(time.Second)
		}
		if hellos, _ := sentOf[hello](s, protocol.TypeHello); len(hellos) != 2 {
			t.Errorf("%d hellos to a cloud that answered", len(hellos)-2)
		}
	})
}

// TestACloudThatGreetsAndNeverAnswersIsAskedMoreAndMoreRarely, whatever it says.
func TestACloudThatGreetsAndNeverAnswersIsAskedMoreAndMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		for range 240 {
			s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{})
			after(time.Second)
		}
		hellos, times := sentOf[hello](s, protocol.TypeHello)
		if len(hellos) < 8 || len(hellos) > 12 || times[1].Sub(times[0]) < 2*time.Second || times[2].Sub(times[1]) < 4*time.Second {
			t.Errorf("%d hellos in 4 minutes, at %v", len(hellos), times)
		}
	})
}

func TestUrgentHellosGetRarerWhileTheyDoNotHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		s.revision(1, 0, "", time.Now())
		began := time.Now()
		for range 60 { // a gap every second
			after(time.Second)
			s.revision(9, 8, "", time.Now())
		}
		var offsets []time.Duration
		_, times := sentOf[hello](s, protocol.TypeHello)
		for _, at := range times[1:] {
			offsets = append(offsets, at.Sub(began))
		}
		want := []time.Duration{2 * time.Second, 6 * time.Second, 14 * time.Second, 30 * time.Second}
		if !slices.Equal(offsets, want) {
			t.Errorf("hellos at %v, want %v", offsets, want)
		}
		s.revision(2, 1, "", time.Now()) // it helped
		after(40 * time.Second)
		s.revision(9, 8, "", time.Now())
		if more, _ := sentOf[hello](s, protocol.TypeHello); len(more) != len(times)+1 {
			t.Errorf("%d hellos, want one at once", len(more)-len(times))
		}
	})
}

func TestRefusalsLogOneLineAReasonAndMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		for range 90 {
			s.revision(9, 8, "", time.Now())
			s.greeting.receive("gatehouse/v1/gw1/down/weather", nil)
			s.greeting.receive("gatehouse/v1/gw9/down/state", nil)
			after(time.Second)
		}
		lines := map[string][]string{}
		for _, l := range b.lines.All() {
			if strings.HasPrefix(l, "a message was refused") {
				reason := strings.Fields(strings.SplitN(l, "reason=", 2)[1])[0]
				lines[reason] = append(lines[reason], l)
			}
		}
		for _, reason := range []string{"gap", "unknown_type", "unknown_topic"} {
			if got := lines[reason]; len(got) != 2 || !strings.Contains(got[1], "more_since_last_line=59") {
				t.Errorf("%s: %q", reason, got)
			}
			if n := b.refusedFor(t, reason); n != 90 {
				t.Errorf("%s: counted %v", reason, n)
			}
		}
	})
}

func TestFirstAttemptIsAtOnceAndLaterOnesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		n.setDown(true)
		began := time.Now()
		b.run(t)
		after(time.Hour)
		n.count()
		if n.dials[0] != began {
			t.Errorf("first attempt after %s", n.dials[0].Sub(began))
		}
		same := map[time.Duration]bool{}
		for i, at := range n.dials[1:] {
			wait := at.Sub(n.dials[i])
			if most := min(30*time.Second<<min(i+1, 4), 2*time.Minute); wait > most {
				t.Errorf("waited %s before attempt %d, at most %s", wait, i+2, most)
			}
			same[wait] = true
		}
		if tries := len(n.dials); tries < 30 || len(same) < tries/2 {
			t.Errorf("%d attempts in an hour, %d different waits", tries, len(same))
		}
		if st := b.link.Status(); st.Connected || st.LastError != errNoRoute.Error() {
			t.Errorf("status %+v", st)
		}
		n.setDown(false)
		after(2 * time.Minute)
		if st := b.link.Status(); !st.Connected || st.LastError != "" {
			t.Errorf("status %+v", st)
		}
		n.setDown(true)
		n.last().breaks(errEnded)
		after(2 * time.Minute)
		var counts []string
		for _, l := range b.lines.All() {
			if _, count, ok := strings.Cut(l, "failed_in_a_row="); ok {
				counts = append(counts, strings.Fields(count)[0])
			}
		}
		if i := slices.Index(counts, "0"); i < 30 || counts[0] != "1" || counts[i-1] != fmt.Sprint(i) || counts[i+1] != "1" {
			t.Errorf("failures in a row are counted as %v: anew after a connection", counts)
		}
	})
}

func TestEventsKeepToTheWindowAndAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.outbox.add(100, 20<<10) // 4 a batch
		b.run(t)
		s := n.last()
		batches, _ := sentOf[protocol.Events](s, protocol.TypeEvent)
		if len(batches) != maxFlying {
			t.Fatalf("%d batches under way, want %d", len(batches), maxFlying)
		}
		size := 0
		for _, raw := range batches[0].Raw {
			size += len(raw)
		}
		if size > 100<<10 || len(batches[0].Raw) != 4 {
			t.Errorf("a batch of %d events, %d bytes", len(batches[0].Raw), size)
		}
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: 8})
		if batches, _ = sentOf[protocol.Events](s, protocol.TypeEvent); len(batches) != maxFlying+2 || b.outbox.left() != 92 {
			t.Fatalf("%d batches after a receipt for two, %d events left", len(batches), b.outbox.left())
		}
		sent := len(batches)
		after(3 * time.Minute)
		batches, times := sentOf[protocol.Events](s, protocol.TypeEvent)
		again := batches[sent:]
		// After 30 s, then 60 s, one batch at a time, from the last receipt: the cloud behind this broker may be down.
		if len(again) != 2 || again[0].First != 9 || again[1].First != 9 {
			t.Fatalf("%d batches again, %v", len(again), times[sent:])
		}
		if d := times[sent+1].Sub(times[sent]); d != time.Minute {
			t.Errorf("repeated after %s", d)
		}
		for b.outbox.left() > 0 { // a cloud that is back
			batches, _ = sentOf[protocol.Events](s, protocol.TypeEvent)
			last := batches[len(batches)-1]
			s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: last.First + uint64(len(last.Raw)) - 1})
			synctest.Wait()
		}
	})
}

func TestReconnectSendsFromTheLastReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.outbox.add(3, 0)
		b.run(t)
		s := n.last()
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: 1})
		synctest.Wait()
		s.breaks(errEnded)
		after(31 * time.Second)
		batches, _ := sentOf[protocol.Events](n.last(), protocol.TypeEvent)
		if len(batches) == 0 || batches[0].First != 2 || len(batches[0].Raw) != 2 {
			t.Errorf("%d batches on the new connection", len(batches))
		}
	})
}

func TestOutboxThatFailsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.outbox.add(1, 0)
		b.outbox.setBroken(errDisk)
		b.run(t)
		s := n.last()
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: 1})
		after(10 * time.Second)
		b.outbox.setBroken(nil)
		b.outbox.add(1, 0)
		if batches, _ := sentOf[protocol.Events](s, protocol.TypeEvent); len(batches) != 1 {
			t.Errorf("%d batches once the outbox can be read", len(batches))
		}
	})
}

func TestTransitIsJudgedByATrustedClockOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		old := time.Now().Add(-time.Hour)
		s.revision(1, 0, "", old)
		if b.wanted.Position() != at(0, 0) || b.refusedFor(t, "stale") != 1 || !b.link.Status().LastContact.IsZero() {
			t.Errorf("at %v, stale %v: an old message passed a trusted clock", b.wanted.Position(), b.refusedFor(t, "stale"))
		}
		b.clock.set(-time.Hour, false)
		s.revision(1, 0, "", old)
		if b.wanted.Position() != at(1, 1) || b.refusedFor(t, "stale") != 1 {
			t.Errorf("at %v: without a trusted clock age cannot be judged", b.wanted.Position())
		}
	})
}

func TestAnswerToAHelloIsFreshAndGivesTimeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.clock.set(24*time.Hour, true) // trusted, and a day wrong
		b.run(t)
		s := n.last()
		hellos, _ := sentOf[hello](s, protocol.TypeHello)
		after(3 * time.Second)
		remote := time.Now().Add(-time.Second)
		s.revision(1, 0, hellos[0].Nonce, remote)
		s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Nonce: hellos[0].Nonce})
		if got := b.clock.offered(); len(got) != 1 || !got[0].remote.Equal(remote) || got[0].took != 3*time.Second {
			t.Errorf("offered %+v", got)
		}
		if b.wanted.Position() != at(1, 1) || b.link.Status().LastContact.IsZero() {
			t.Errorf("at %v, status %+v", b.wanted.Position(), b.link.Status())
		}
		s.revision(2, 1, "made-up", remote)
		if b.refusedFor(t, "stale") != 1 {
			t.Error("a nonce that was never sent made a message fresh")
		}
	})
}

func TestNonceOfADayAgoProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		hellos, _ := sentOf[hello](n.last(), protocol.TypeHello)
		s := n.last()
		n.setDown(true)
		s.breaks(errEnded)
		held := time.Now()
		after(24 * time.Hour) // the broker held the answer meanwhile
		s.revision(1, 0, hellos[0].Nonce, held)
		if b.refusedFor(t, "stale") != 1 || len(b.clock.offered()) != 0 {
			t.Errorf("stale %v, time offered %v", b.refusedFor(t, "stale"), b.clock.offered())
		}
	})
}

func TestNothingNewIsNotStoredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		s.revision(4, 0, "", time.Now())
		s.revision(4, 4, "", time.Now())
		if b.wanted.applied != 1 || b.metric(t, "gatehouse_cloudlink_refused_messages_total") != 0 {
			t.Errorf("applied %d times", b.wanted.applied)
		}
		s.down(protocol.TypeState, protocol.Header{Epoch: 1, Revision: 4, Base: 4, Chunk: 1, Of: 1}, protocol.State{DigestKey: key, Digest: access.Digest{7}})
		if b.refusedFor(t, "bad_digest") != 1 {
			t.Error("another digest of the same revision was taken for nothing new")
		}
	})
}

func TestStoreThatFailsIsCountedAndNothingIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.wanted.fail = errDisk
		b.run(t)
		s := n.last()
		s.revision(1, 0, "", time.Now())
		acks, _ := sentOf[protocol.Ack](s, protocol.TypeAck)
		if len(acks) != 0 || b.refusedFor(t, "internal") != 1 || len(b.states) != 0 {
			t.Errorf("%d acks, counted %v", len(acks), b.refusedFor(t, "internal"))
		}
		b.wanted.fail = reasoned{}
		s.revision(1, 0, "", time.Now())
		if b.refusedFor(t, "no_room") != 1 {
			t.Error("a reason of the store's own is not counted")
		}
	})
}

type reasoned struct{}

func (reasoned) Error() string  { return "the file is at its limit" }
func (reasoned) Reason() string { return "no_room" }

func TestPanicInTheStoreCostsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		b.wanted.during = func(u access.Update) {
			if u.Revision == 1 {
				panic("index out of range")
			}
		}
		s.revision(1, 0, "", time.Now())
		s.revision(2, 0, "", time.Now())
		if b.refusedFor(t, "panic") != 1 || b.wanted.Position() != at(1, 2) {
			t.Errorf("panics %v, at %v", b.refusedFor(t, "panic"), b.wanted.Position())
		}
	})
}

func TestAckAndReplyThatDidNotLeaveGoWithTheNextConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		s.set(func(s *fakeSession) { s.deaf = func(string) error { return errNoPuback } })
		s.revision(1, 0, "", time.Now())
		s.down(protocol.TypeCommand, protocol.Header{}, protocol.Command{ID: "c1", Do: "audit"})
		after(31 * time.Second)
		next := n.last()
		acks, _ := sentOf[protocol.Ack](next, protocol.TypeAck)
		replies, _ := sentOf[protocol.Reply](next, protocol.TypeReply)
		if next == s || len(acks) != 1 || acks[0].Position != at(1, 1) || len(replies) != 1 || replies[0].ID != "c1" {
			t.Errorf("acks %+v, replies %+v", acks, replies)
		}
		if s.grace[0] != 0 {
			t.Error("it said goodbye on a connection that takes nothing")
		}
	})
}

func TestOneAckMayStandForManyRevisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		s.set(func(s *fakeSession) { s.blocked = true })
		b.outbox.add(1, 0) // the sending side is busy with it
		synctest.Wait()
		for r := uint64(1); r <= 50; r++ {
			s.revision(r, r-1, "", time.Now())
		}
		if len(b.states) != 50 {
			t.Fatalf("%d revisions stored while the sending side hangs", len(b.states))
		}
		s.breaks(errEnded)
	})
}

func TestCommandsBeyondTheQueueAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		stop := b.run(t)
		s := n.last()
		for i := range commandWorkers + maxWaiting + 1 {
			s.down(protocol.TypeCommand, protocol.Header{}, protocol.Command{ID: fmt.Sprintf("c%d", i), Do: "wait"})
			synctest.Wait()
		}
		replies, _ := sentOf[protocol.Reply](s, protocol.TypeReply)
		if len(replies) != 1 || replies[0].ID != "c20" || replies[0].Result != "refused" || b.refusedFor(t, "busy") != 1 {
			t.Errorf("replies %+v", replies)
		}
		stop() // the commands in hand end with the link
	})
}

func TestWithoutCommandsEveryOneIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.link.deps.Commands = nil
		b.run(t)
		n.last().down(protocol.TypeCommand, protocol.Header{}, protocol.Command{ID: "c1", Do: "open_door"})
		if replies, _ := sentOf[protocol.Reply](n.last(), protocol.TypeReply); len(replies) != 1 || replies[0].Fault != "unsupported" || replies[0].At.IsZero() {
			t.Errorf("replies %+v", replies)
		}
	})
}

func TestShortConnectionsAreForgottenAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t, limits(func(l *Limits) { l.Retry, l.RetryMax = time.Second, time.Second }))
		b.run(t)
		for range twinLosses {
			n.last().breaks(errEnded)
			after(2 * time.Second)
		}
		if st := b.link.Status(); !st.Connected || !strings.Contains(st.LastError, "another box") {
			t.Errorf("status %+v", st)
		}
		after(twinWindow)
		if st := b.link.Status(); st.LastError != "" {
			t.Errorf("status %+v", st)
		}
		n.last().breaks(errNoPong) // the network's fault, not a twin's
		after(time.Second)
		if got := b.metric(t, "gatehouse_cloudlink_short_connections_total"); got != twinLosses {
			t.Errorf("counted %v", got)
		}
	})
}

func TestShutdownWhileTheNetworkTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		stop := b.run(t)
		s := n.last()
		s.set(func(s *fakeSession) { s.blocked = true })
		b.outbox.add(1, 0)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestStatusCarriesBootAndNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		n.last().breaks(errNoPong)
		after(31 * time.Second)
		s := n.last()
		var will, online protocol.Status
		if err := errors.Join(json.Unmarshal(s.greeting.will, &will), json.Unmarshal(s.sent[0].body, &online)); err != nil {
			t.Fatal(err)
		}
		if will.Online || will.Number != 2 || will.Boot != "boot-7" || !online.Online || online.Number != 2 || online.At.IsZero() {
			t.Errorf("will %+v, status %+v", will, online)
		}
	})
}

func TestCertificatesAreJudgedByTheLaterClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := virtual(t)
		for off, want := range map[time.Duration]time.Duration{-time.Hour: 0, 0: 0, 20 * 365 * 24 * time.Hour: 20 * 365 * 24 * time.Hour} {
			b.clock.set(off, false)
			if got := time.Until(b.link.certificateTime()); got != want {
				t.Errorf("clock off by %s: certificates are judged %s from now", off, got)
			}
		}
	})
}
