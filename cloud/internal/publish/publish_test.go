package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

const gw = access.GatewayID("gw-a")

var one = []access.GatewayID{gw}

func TestE4_ANewRevisionGoesDownAsADelta(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 3) // 2 items, and 6 a person
	inBubble(t, one, func(r *rig) {
		r.run()
		r.after(10 * time.Second)
		r.wants(gw, "before there is a state", "")
		r.commit(gw, people[:8]...)
		r.after(time.Second)
		r.wants(gw, "the first state", "0→1 put 8 gone 0")
		r.commit(gw, people[:14]...)
		r.Wake()
		synctest.Wait()
		r.wants(gw, "a person more, at once", "1→2 put 6 gone 0")
		r.commit(gw, people[2:14]...)
		r.after(time.Second)
		r.wants(gw, "two items less", "2→3 put 0 gone 2")
		r.commit(gw, people[2:14]...)
		r.after(time.Second)
		r.wants(gw, "a revision without a change", "3→4 put 0 gone 0")
		r.after(time.Hour)
		r.wants(gw, "an hour of nothing", "")
		r.converged(gw)
	})
}

func TestE4_WhatTheGatewayAcknowledgedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 2)
	inBubble(t, one, func(r *rig) { // as after a restart of the cloud
		r.commit(gw, people[:8]...)
		r.store.set(gw, func(s *states) { s.acked = s.position() })
		r.run()
		r.wants(gw, "acknowledged", "")
		r.commit(gw, people...)
		r.after(time.Second)
		r.wants(gw, "newer than acknowledged", "1→2 put 6 gone 0")
	})
	inBubble(t, one, func(r *rig) { // a base that is too old, or of another epoch
		for range 3 {
			r.commit(gw, people[:8]...)
		}
		r.store.set(gw, func(s *states) { s.acked, s.floor = access.Position{Epoch: 1, Revision: 1}, 2 })
		r.run()
		r.wants(gw, "too old", "0→3 put 8 gone 0")
		r.store.set(gw, func(s *states) { s.epoch = 2 })
		r.Wake()
		synctest.Wait()
		r.wants(gw, "another epoch", "0→3 put 8 gone 0")
		r.converged(gw)
	})
}

func TestHello(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 2)
	for _, c := range []struct {
		name string
		do   func(r *rig, h *protocol.Hello)
		want string
	}{
		{"a new gateway", func(_ *rig, h *protocol.Hello) { *h = protocol.Hello{Nonce: h.Nonce} }, "0→3 put 14 gone 0 N"},
		{"nothing new", func(*rig, *protocol.Hello) {}, "3→3 put 0 gone 0 N"},
		{"one behind", func(_ *rig, h *protocol.Hello) { h.Revision = 2 }, "2→3 put 6 gone 0 N"},
		{"two behind", func(_ *rig, h *protocol.Hello) { h.Revision = 1 }, "1→3 put 12 gone 0 N"},
		{"an older epoch", func(_ *rig, h *protocol.Hello) { h.Epoch = 0 }, "0→3 put 14 gone 0 N"},
		{"ahead of the store", func(_ *rig, h *protocol.Hello) { h.Revision = 4 }, ""},
		{"of a later epoch", func(_ *rig, h *protocol.Hello) { h.Epoch = 2 }, ""},
		{"at the newest with another digest", func(_ *rig, h *protocol.Hello) { h.Digest[0] ^= 1 }, "0→3 put 14 gone 0 N"},
		{"behind with another digest", func(_ *rig, h *protocol.Hello) { h.Revision, h.Digest[0] = 2, h.Digest[0]^1 }, "2→3 put 6 gone 0 N"},
		{"older than deltas reach", func(r *rig, h *protocol.Hello) {
			h.Revision = 1
			r.store.set(gw, func(s *states) { s.floor = 2 })
		}, "0→3 put 14 gone 0 N"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, one, func(r *rig) {
				r.commit(gw, people[:2]...)
				r.commit(gw, people[:8]...)
				r.commit(gw, people...)
				r.store.set(gw, func(s *states) { s.through = 41 })
				h := protocol.Hello{Epoch: 1, Revision: 3, Digest: r.store.of[gw].change().Digest, Nonce: "N"}
				c.do(r, &h)
				r.say(gw, h)
				if m := r.boxes[gw].got[0]; m.Type != protocol.TypeReceipt || m.receipt != (protocol.Receipt{Through: 41, Nonce: "N"}) {
					t.Errorf("first answer %s %+v, want the receipt", m.Type, m.receipt)
				}
				if got := r.boxes[gw].got; len(got) > 1 && !got[1].Issued.Equal(time.Now()) {
					t.Error("issued at another time than now")
				}
				r.wants(gw, "answer", c.want)
			})
		})
	}
}

func TestHello_BeforeThereIsAState(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.hello(gw, "n1")
		got := r.boxes[gw].got
		if len(got) != 1 || got[0].receipt.Nonce != "n1" {
			t.Errorf("got %+v, want the receipt with the nonce and nothing else", got)
		}
	})
}

func TestHello_ADeltaThatDidNotTakeBecomesASnapshot(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 1)
	inBubble(t, one, func(r *rig) {
		r.commit(gw, people[:2]...)
		r.hello(gw, "n1")
		r.wants(gw, "new", "0→1 put 2 gone 0 n1")
		r.commit(gw, people...)
		same := protocol.Hello{Epoch: 1, Revision: 1, Nonce: "n2"}
		r.say(gw, same)
		r.wants(gw, "first time", "1→2 put 6 gone 0 n2")
		r.say(gw, same)
		r.wants(gw, "the same question", "0→2 put 8 gone 0 n2")
		r.commit(gw, people[:3]...)
		r.say(gw, same)
		r.wants(gw, "the same question, another answer", "1→3 put 1 gone 0 n2")
		r.hello(gw, "n3")
		r.wants(gw, "from the snapshot on", "2→3 put 0 gone 5 n3")
		r.hello(gw, "n4")
		r.hello(gw, "n5")
		r.wants(gw, "nothing new, asked twice", "3→3 put 0 gone 0 n4; 3→3 put 0 gone 0 n5")
	})
}

func TestHello_MeansThatRunNeedNotSendIt(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 1)
	inBubble(t, one, func(r *rig) {
		r.commit(gw, people...)
		r.hello(gw, "n1")
		r.run()
		r.wants(gw, "once", "0→1 put 8 gone 0 n1")
	})
}

// sending starts Run with a large snapshot and stops it in the middle of the first chunk; ask then says hello, and
// what the gateway got when all was sent is returned, a line a chunk, and in how many chunks the snapshot is cut.
func sending(r *rig, ask func()) (parts []string, of int) {
	r.t.Helper()
	r.commit(gw, prototest.People(r.t, 700)...)
	held := make(chan struct{})
	r.wire(func() { r.held = held })
	r.run()
	ask()
	synctest.Wait()
	close(held)
	synctest.Wait()
	parts = strings.Split(r.take(gw), "; ")
	chunks, err := protocol.Split(r.store.of[gw].items(), nil)
	if of = len(chunks); err != nil || of < 4 || len(parts) < of {
		r.t.Fatalf("%d chunks, %d messages: %v", of, len(parts), err)
	}
	for i, p := range parts[:of] {
		if want := fmt.Sprintf("(%d/%d)", i+1, of); !strings.Contains(p, want) {
			r.t.Errorf("message %d is %q, want chunk %s", i, p, want)
		}
	}
	return parts, of
}

// TestTowardsE4_AGatewayThatConnectsWhileItsStateIsSentGetsItOnce: but for the chunk that was under way before its hello came.
func TestTowardsE4_AGatewayThatConnectsWhileItsStateIsSentGetsItOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		parts, of := sending(r, func() { go func() { _ = r.Hello(r.t.Context(), gw, protocol.Hello{Nonce: "n"}) }() })
		if again := parts[of:]; len(again) != 1 || !strings.HasSuffix(again[0], fmt.Sprintf("(1/%d) n", of)) {
			t.Errorf("behind the snapshot came %q, want its first chunk as the answer", again)
		}
		r.converged(gw)
		r.boxes[gw].at, r.boxes[gw].items = access.Position{}, nil // it lost everything
		r.hello(gw, "m")
		if got := strings.Split(r.take(gw), "; "); len(got) != of {
			t.Errorf("a later hello that lacks all is answered by %d chunks, want %d", len(got), of)
		}
		r.converged(gw)
	})
}

// TestTowardsE4_TwoHellosAtOnceCostOneSnapshot: the second is answered behind what the first brings.
func TestTowardsE4_TwoHellosAtOnceCostOneSnapshot(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		parts, of := sending(r, func() {
			for _, nonce := range []string{"n1", "n2"} {
				go func() { _ = r.Hello(r.t.Context(), gw, protocol.Hello{Nonce: nonce}) }()
				synctest.Wait()
			}
		})
		again := parts[of:]
		if len(again) != 2 || !strings.HasSuffix(again[0], fmt.Sprintf("(1/%d) n1", of)) || again[1] != "1→1 put 0 gone 0 n2" {
			t.Errorf("behind the snapshot came %q", again)
		}
		r.converged(gw)
	})
}

func TestForget_AnAnswerCountsOnNothingSentBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		parts, of := sending(r, func() {
			go func() { _ = r.Hello(r.t.Context(), gw, protocol.Hello{Nonce: "n"}) }()
			synctest.Wait()
			r.Forget()
		})
		if len(parts) < 2*of { // the flight under way is not counted on: whole again, by the answer or by Run
			t.Errorf("%d messages after the connection was lost, want at least %d", len(parts), 2*of)
		}
		r.converged(gw)
	})
}

// TestTowardsE4_ADeltaThatIsBeingGatheredIsNoReasonForASnapshot: a gateway that asks again meanwhile gets what it still lacks.
func TestTowardsE4_ADeltaThatIsBeingGatheredIsNoReasonForASnapshot(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		people := prototest.People(t, 700)
		r.commit(gw, people[:2]...)
		r.hello(gw, "n1")
		r.take(gw)
		r.commit(gw, people...)
		chunks, err := protocol.Split(people[2:], nil)
		of := len(chunks)
		if err != nil || of < 4 {
			t.Fatalf("%d chunks: %v", of, err)
		}
		send, n := r.Publisher.cfg.Send, 0
		r.Publisher.cfg.Send = func(ctx context.Context, topic string, payload []byte) error {
			if n++; n == of+1 { // the receipt goes first
				return nil // the last chunk is lost
			}
			return send(ctx, topic, payload)
		}
		r.hello(gw, "n2")
		r.take(gw)
		h := protocol.Hello{Epoch: 1, Revision: 1, Nonce: "n3"}
		h.Staged = &protocol.Staged{Position: r.store.of[gw].position(), Base: 1, Of: of}
		for i := range of - 1 {
			h.Staged.Have = append(h.Staged.Have, i+1)
		}
		r.say(gw, h)
		if got := r.take(gw); !strings.HasPrefix(got, "1→2 ") || !strings.HasSuffix(got, fmt.Sprintf("(%d/%d) n3", of, of)) {
			t.Errorf("answered by %s, want the last chunk of the delta", got)
		}
		r.converged(gw)
	})
}

func TestMeantIsPassedOn(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.commit(gw, prototest.People(t, 1)...)
		r.store.set(gw, func(s *states) { s.meant = s.position() })
		r.hello(gw, "")
		if m := r.boxes[gw].got[1]; m.state.Meant != (access.Position{Epoch: m.Epoch, Revision: m.Revision}) {
			t.Errorf("a change that a person meant comes as meant up to %v", m.state.Meant)
		}
	})
}

// TestTowardsG3_AnAgreementArrivesWithoutAChange: once, as "nothing new", and with every answer.
func TestTowardsG3_AnAgreementArrivesWithoutAChange(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.commit(gw, prototest.People(t, 2)...)
		r.run()
		r.wants(gw, "the first state", "0→1 put 14 gone 0")
		agree := func() {
			r.store.set(gw, func(s *states) { s.meant = s.position() })
			r.store.mu.Lock()
			r.store.changes++
			r.store.mu.Unlock()
		}
		agree()
		r.after(2 * time.Second)
		if m := r.boxes[gw].got; len(m) != 1 || m[0].state.Meant != (access.Position{Epoch: 1, Revision: 1}) || m[0].Base != 1 {
			t.Errorf("after the agreement came %+v", m)
		}
		r.wants(gw, "an agreement", "1→1 put 0 gone 0")
		agree()
		r.after(time.Minute)
		r.wants(gw, "the same again", "")
		r.store.set(gw, func(s *states) { s.acked = s.position() })
		r.hello(gw, "n")
		if m := r.boxes[gw].got; m[len(m)-1].state.Meant.Revision != 1 {
			t.Errorf("nothing new comes without the agreement: %+v", m)
		}
	})
}

func TestForget_SendsAgainWhatMayBeLost(t *testing.T) {
	t.Parallel()
	people := prototest.People(t, 1)
	inBubble(t, one, func(r *rig) {
		r.wire(func() { r.dropped = true }) // the broker took it and then lost it
		r.commit(gw, people...)
		r.run()
		r.after(time.Minute)
		r.wants(gw, "lost", "")
		r.wire(func() { r.dropped = false })
		r.after(time.Minute)
		r.wants(gw, "nobody told us", "")
		r.Forget()
		synctest.Wait()
		r.wants(gw, "the connection was lost", "0→1 put 8 gone 0")
		r.store.set(gw, func(s *states) { s.acked = s.position() })
		r.Forget()
		synctest.Wait()
		r.wants(gw, "acknowledged meanwhile", "")
	})
}

// TestGreet: a gateway hears of a cloud that came to the broker after it.
func TestGreet(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.store.set(gw, func(s *states) { s.through = 41 })
		if err := r.Greet(r.t.Context(), gw); err != nil {
			t.Fatal(err)
		}
		if m := r.boxes[gw].got[0]; m.receipt != (protocol.Receipt{Through: 41}) {
			t.Errorf("got %+v", m.receipt)
		}
		r.store.breaks("Through", errors.New("no database"))
		if err := r.Greet(r.t.Context(), gw); err == nil {
			t.Error("greeted without knowing what is there")
		}
	})
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		if err := r.Receipt(r.t.Context(), gw, 77); err != nil {
			t.Fatal(err)
		}
		if m := r.boxes[gw].got[0]; m.receipt != (protocol.Receipt{Through: 77}) {
			t.Errorf("got %+v", m.receipt)
		}
	})
}

// TestChunksThatAreThereAreNotSentAgain: after a cut the gateway names what it has.
func TestChunksThatAreThereAreNotSentAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, one, func(r *rig) {
		r.commit(gw, prototest.People(t, 600)...)
		r.wire(func() { r.dropped = true })
		r.hello(gw, "cut")
		r.wire(func() { r.dropped = false })
		chunks, err := protocol.Split(r.store.of[gw].items(), nil)
		if err != nil || len(chunks) < 3 {
			t.Fatalf("%d chunks: %v", len(chunks), err)
		}
		of := len(chunks)
		at := access.Position{Epoch: 1, Revision: 1}
		all := make([]int, of)
		for i := range all {
			all[i] = i + 1
		}
		for _, c := range []struct {
			what   string
			staged protocol.Staged
			want   int // chunks sent
		}{
			{"all but the last", protocol.Staged{Position: at, Of: of, Have: all[:of-1]}, 1},
			{"the second", protocol.Staged{Position: at, Of: of, Have: []int{2}}, of - 1},
			{"of another revision", protocol.Staged{Position: access.Position{Epoch: 1, Revision: 7}, Of: of, Have: all[:1]}, of},
			{"of another base", protocol.Staged{Position: at, Base: 1, Of: of, Have: all[:1]}, of},
			{"cut in another number", protocol.Staged{Position: at, Of: of + 1, Have: all[:1]}, of},
			{"every one, and still it asks", protocol.Staged{Position: at, Of: of, Have: all}, of},
		} {
			r.boxes[gw].next, r.boxes[gw].got = 0, nil
			sent := 0
			r.Publisher.cfg.Send = func(_ context.Context, topic string, _ []byte) error {
				if topic == protocol.DownTopic(gw, protocol.TypeState) {
					sent++
				}
				return nil
			}
			r.say(gw, protocol.Hello{Nonce: "n", Staged: &c.staged})
			if sent != c.want {
				t.Errorf("%s: %d of %d chunks sent, want %d", c.what, sent, of, c.want)
			}
		}
	})
}
