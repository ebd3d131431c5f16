package protocol_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// sized draws items of very different sizes whose bytes hardly compress.
func sized() *rapid.Generator[access.Item] {
	return rapid.Custom(func(t *rapid.T) access.Item {
		n := rapid.SampledFrom([]int{0, 1, 100, 3000, 40 << 10, 80 << 10}).Draw(t, "size")
		return randomItem(rapid.Uint64().Draw(t, "seed"), n, ids().Draw(t, "id"))
	})
}

// randomItem has n random printable characters: 6.6 bits in each byte, nothing to find twice.
func randomItem(seed uint64, n int, id string) access.Item {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		for b[i] = '"'; b[i] == '"' || b[i] == '\\' || b[i] == '<' || b[i] == '>' || b[i] == '&'; {
			b[i] = byte(' ' + r.IntN(95))
		}
	}
	return access.Item{Key: access.Key{Kind: "noise", ID: id}, Value: json.RawMessage(`"` + string(b) + `"`)}
}

func join(chunks []protocol.State) (put []access.Item, gone []access.Key) {
	for _, s := range chunks {
		put, gone = append(put, s.Put...), append(gone, s.Gone...)
	}
	return put, gone
}

func TestSplitLosesNothingAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	o := opener(t)
	rapid.Check(t, func(rt *rapid.T) {
		put := rapid.SliceOfN(sized(), 0, 12).Draw(rt, "put")
		gone := rapid.SliceOfN(keys(), 0, 200).Draw(rt, "gone")
		chunks, err := protocol.Split(put, gone)
		if err != nil || len(chunks) == 0 {
			rt.Fatalf("%d chunks, %v", len(chunks), err)
		}
		put2, gone2 := join(chunks)
		if !slices.EqualFunc(put, put2, access.Item.Same) || !slices.Equal(gone, gone2) {
			rt.Fatal("the chunks together are something else")
		}
		for i, s := range chunks {
			if len(chunks) > 1 && len(s.Put)+len(s.Gone) == 0 {
				rt.Fatalf("chunk %d is empty", i+1)
			}
			s.DigestKey, s.Nonce, s.Intended = make([]byte, 32), noise(24), true
			msg := sealed(t, protocol.Header{Type: protocol.TypeState, Chunk: i + 1, Of: len(chunks), Epoch: 1 << 60, Revision: 1 << 60, Base: 1 << 60}, s)
			if len(msg) > protocol.MaxMessage {
				rt.Fatalf("chunk %d is %d bytes on the wire", i+1, len(msg))
			}
			if _, _, err := o.Open(msg); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// The worst case: full of bytes that do not compress, or of removals with the longest ids.
func TestSplitFullChunksFit(t *testing.T) {
	t.Parallel()
	var put []access.Item
	for i := range 3000 {
		put = append(put, randomItem(uint64(i), 150, "item-with-a-rather-long-id-of-40-letters"))
	}
	var gone []access.Key
	for range 6000 {
		gone = append(gone, access.Key{Kind: access.KindCredential, ID: "item-with-a-rather-long-id-of-40-letters"})
	}
	chunks, err := protocol.Split(put, gone)
	if err != nil {
		t.Fatal(err)
	}
	longest := 0
	for i, s := range chunks {
		msg := sealed(t, protocol.Header{Type: protocol.TypeState, Chunk: i + 1, Of: len(chunks)}, s)
		longest = max(longest, len(msg))
	}
	if longest > protocol.MaxMessage || longest < protocol.MaxMessage/2 {
		t.Errorf("the longest of %d messages has %d bytes: want them below %d, and well filled", len(chunks), longest, protocol.MaxMessage)
	}
	t.Logf("%d chunks, the longest %d of %d bytes", len(chunks), longest, protocol.MaxMessage)
}

func TestSplitNothingIsOneChunk(t *testing.T) {
	t.Parallel()
	chunks, err := protocol.Split(nil, nil)
	if err != nil || len(chunks) != 1 {
		t.Errorf("%d chunks, %v: a change that only moves the revision must be told", len(chunks), err)
	}
}

func TestSplitItemTooLarge(t *testing.T) {
	t.Parallel()
	small, large := randomItem(1, 10, "small"), randomItem(1, 100<<10, "large-one")
	chunks, err := protocol.Split([]access.Item{small, large}, nil)
	wantReason(t, err, protocol.Oversized)
	if chunks != nil {
		t.Error("half a change was given")
	}
	if diff := cmp.Diff("refused (oversized): noise large-one has 102402 bytes", err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	put, gone := []access.Item{randomItem(1, 3, "a")}, []access.Key{{Kind: "k", ID: "b"}}
	s := protocol.State{DigestKey: []byte{1}, Digest: access.Digest{2}, Meant: access.Position{Epoch: 3, Revision: 1}, Nonce: "n", Put: put, Gone: gone}
	got := s.Update(protocol.Header{Epoch: 3, Revision: 4, Base: 2, Chunk: 5, Of: 6, Issued: issued})
	want := access.Update{Position: access.Position{Epoch: 3, Revision: 4}, Base: 2, Chunk: 5, Of: 6, Issued: issued,
		Put: put, Gone: gone, DigestKey: []byte{1}, Digest: access.Digest{2}, Meant: access.Position{Epoch: 3, Revision: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, meant := range []access.Position{{}, {Epoch: 2, Revision: 9}, {Epoch: 3, Revision: 4}} {
		s.Intended, s.Meant = true, meant
		if got := s.Update(protocol.Header{Epoch: 3, Revision: 4}).Meant; got != (access.Position{Epoch: 3, Revision: 4}) {
			t.Errorf("intended, and meant up to %v: taken as %v", meant, got)
		}
	}
	if got.Snapshot() || !(access.Update{}).Snapshot() {
		t.Error("base 0 alone makes a snapshot")
	}
}
