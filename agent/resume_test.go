package agent

import (
	"slices"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// chunksOf counts the chunks of a revision that left the broker after the first n messages.
func (h *house) chunksOf(n int) (out int) {
	for _, m := range h.broker.Messages.All()[n:] {
		if m.Topic == protocol.DownTopic(h.gw.ID, protocol.TypeState) {
			out++
		}
	}
	return out
}

// TestTowardsE4_ACutTransferGoesOnWhereItWas: half the chunks of a snapshot came before the power went. After the start
// the hello says which, and only the others are sent; a cloud of before sends all, and that works too.
func TestTowardsE4_ACutTransferGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	for name, older := range map[string]bool{"a cloud of today": false, "a cloud of before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nouns := places()
			for n := range 600 {
				nouns = append(nouns, resident(n+1, access.Window{From: time.Now().Add(time.Hour)})...)
			}
			h := newHouse(t).withCloud(nouns...)
			if older {
				h.keeper.Forgetful()
			}
			of, half := h.halfArrives()
			hellos, acks, seen := h.cloud.Hellos.Tail(), h.cloud.Acks.Read(), len(h.broker.Messages.All())
			h.start()
			hello := hellos.Next(t, "the hello after the cut").Body
			pos, _ := h.keeper.At()
			if s := hello.Staged; s == nil || s.Position != pos || s.Of != of || !slices.Equal(s.Have, half) {
				t.Fatalf("told %+v, want %v of %d", s, half, of)
			}
			h.acked(acks)
			want := of - len(half)
			if older {
				want = of
			}
			if got := h.chunksOf(seen); got != want {
				t.Errorf("%d chunks were sent, want %d of %d", got, want, of)
			}
			hellos = h.cloud.Hellos.Tail()
			h.stop()
			h.start()
			if s := hellos.Next(t, "a hello afterwards").Body.Staged; s != nil {
				t.Errorf("told of chunks that are no longer needed: %+v", s)
			}
		})
	}
}

// halfArrives brings every second chunk of the snapshot to an agent that then stops.
func (h *house) halfArrives() (of int, half []int) {
	h.t.Helper()
	msgs := h.keeper.Messages(h.t)
	a, err := New(h.t.Context(), h.cfg, Deps{Log: quiet(), Source: trusted()})
	must(h.t, err)
	defer func() { must(h.t, a.Close()) }()
	for i := 0; i < len(msgs); i += 2 {
		hd, body, err := h.gw.Opener(prototest.Public(h.cloud.Signing)).Open(msgs[i])
		must(h.t, err)
		s, err := protocol.Decode[protocol.State](body)
		must(h.t, err)
		if done, err := (linkWanted{a}).Apply(s.Update(hd)); done || err != nil {
			h.t.Fatalf("chunk %d: %v %v", i+1, done, err)
		}
		half = append(half, i+1)
	}
	return len(msgs), half
}
