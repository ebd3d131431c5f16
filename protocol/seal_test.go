package protocol_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

func TestSealedRoundTrip(t *testing.T) {
	t.Parallel()
	o := opener(t)
	rapid.Check(t, func(rt *rapid.T) {
		want := protocol.State{
			DigestKey: rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "key"), Intended: rapid.Bool().Draw(rt, "intended"),
			Nonce: rapid.String().Draw(rt, "nonce"),
			Put:   rapid.SliceOfN(items(), 1, 30).Draw(rt, "put"), Gone: rapid.SliceOfN(keys(), 1, 10).Draw(rt, "gone"),
		}
		h := protocol.Header{Type: protocol.TypeState, Epoch: rapid.Uint64().Draw(rt, "epoch"), Revision: rapid.Uint64().Draw(rt, "rev"), Base: rapid.Uint64().Draw(rt, "base"), Chunk: 2, Of: 3}
		got, plain, err := o.Open(sealed(t, h, want))
		if err != nil {
			rt.Fatal(err)
		}
		if got.Epoch != h.Epoch || got.Revision != h.Revision || got.Base != h.Base || got.Chunk != 2 || got.Of != 3 || !got.Issued.Equal(issued) || got.Gateway != gateway {
			rt.Fatalf("header %+v, sent %+v", got, h)
		}
		if got.Version != protocol.Version || got.Signer != protocol.SignerID(signer("cloud")) || got.Recipient != protocol.KeyID(o.Sealing.PublicKey().Bytes()) {
			rt.Fatalf("the header was not filled in: %+v", got)
		}
		state, err := protocol.Decode[protocol.State](plain)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, state, cmp.Comparer(func(a, b access.Item) bool { return a.Same(b) })); diff != "" {
			rt.Fatalf("(-sent +got)\n%s", diff)
		}
	})
}

func TestSignedUpRoundTrip(t *testing.T) {
	t.Parallel()
	box := signer("box")
	rapid.Check(t, func(rt *rapid.T) {
		want := protocol.Reply{ID: ids().Draw(rt, "id"), Result: "done", Message: rapid.StringN(0, 3000, -1).Draw(rt, "message"), At: issued}
		msg, err := protocol.SignUp(protocol.Header{Type: protocol.TypeReply, Gateway: gateway, Issued: issued}, want, box)
		if err != nil {
			rt.Fatal(err)
		}
		h, body, err := protocol.OpenUp(gateway, []ed25519.PublicKey{public(box)}, msg)
		if err != nil || h.Type != protocol.TypeReply || h.Version != protocol.Version || h.Recipient != "" {
			rt.Fatalf("%+v, %v", h, err)
		}
		got, err := protocol.Decode[protocol.Reply](body)
		if err != nil || got != want {
			rt.Fatalf("got %+v (%v), sent %+v", got, err, want)
		}
	})
}

// The broker sees the message: neither its bytes, nor its payload, nor anything that unzips in it
// holds a PIN, a card or a name, in a short message and in a long one.
func TestG7_UnreadableForTheBroker(t *testing.T) {
	t.Parallel()
	const pin, card, name = "8051739264", "04A1B2C3D4E5F6", "Okonkwo-Baskerville"
	put := []access.Item{
		mustEncode(t, access.Credential{ID: "c-1", Person: "p-1", Kind: access.PIN, Secret: access.NewSecret(pin)}),
		mustEncode(t, access.Credential{ID: "c-2", Person: "p-1", Kind: access.Card, Secret: access.NewSecret(card)}),
		mustEncode(t, access.Person{ID: "p-1", Kind: access.Resident, Last: name}),
	}
	for _, copies := range []int{1, 40} {
		msg := sealed(t, protocol.Header{Type: protocol.TypeState, Chunk: 1, Of: 1}, protocol.State{Put: slices.Repeat(put, copies)})
		payload := takeApart(t, msg).Payload
		for _, clear := range []string{pin, card, name, `"secret"`, base64.StdEncoding.EncodeToString([]byte(pin))[:12]} {
			if bytes.Contains(msg, []byte(clear)) || bytes.Contains(payload, []byte(clear)) {
				t.Errorf("%d copies: %q can be read on the way", copies, clear)
			}
		}
		if zip := []byte{0x28, 0xb5, 0x2f, 0xfd}; bytes.Contains(payload, zip) {
			t.Errorf("%d copies: a zstd frame stands open in the message", copies)
		}
		if _, plain, err := opener(t).Open(msg); err != nil || !bytes.Contains(plain, []byte(pin)) {
			t.Errorf("%d copies: the gateway itself cannot read it: %v", copies, err)
		}
	}
}

func TestG7_SameBodySealsDifferentlyEachTime(t *testing.T) {
	t.Parallel()
	h, body := protocol.Header{Type: protocol.TypeReceipt}, protocol.Receipt{Through: 7}
	if bytes.Equal(sealed(t, h, body), sealed(t, h, body)) {
		t.Error("two messages with the same body are the same bytes: a broker can tell that nothing changed")
	}
}

func TestG7_ForgedByTheBroker(t *testing.T) {
	t.Parallel()
	o, body := opener(t), protocol.State{Intended: true}
	h := protocol.Header{Type: protocol.TypeState, Gateway: gateway, Issued: issued, Chunk: 1, Of: 1}
	forged, err := protocol.SealDown(h, body, signer("broker"), o.Sealing.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	_, plain, err := o.Open(forged)
	wantReason(t, err, protocol.UnknownKey)
	if plain != nil {
		t.Error("a refused message gave a body")
	}
	e := takeApart(t, forged)
	e.Signatures[0].KeyID = protocol.SignerID(signer("cloud"))
	_, _, err = o.Open(putTogether(t, e))
	wantReason(t, err, protocol.BadSignature)

	confirmed, err := protocol.SignUp(protocol.Header{Type: protocol.TypeAck, Gateway: gateway}, protocol.Ack{}, signer("broker"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = protocol.OpenUp(gateway, []ed25519.PublicKey{public(signer("box"))}, confirmed)
	wantReason(t, err, protocol.UnknownKey)
}

func TestG7_ReplayedToAnotherGateway(t *testing.T) {
	t.Parallel()
	msg := sealed(t, protocol.Header{Type: protocol.TypeState, Chunk: 1, Of: 1}, protocol.State{})
	other := opener(t)
	other.Gateway, other.Sealing = "gw-other", sealing(t, "other box")
	_, _, err := other.Open(msg)
	wantReason(t, err, protocol.WrongGateway)
	other.Gateway = gateway // a replaced box of the same name
	_, _, err = other.Open(msg)
	wantReason(t, err, protocol.WrongRecipient)

	up, err := protocol.SignUp(protocol.Header{Type: protocol.TypeAck, Gateway: gateway}, protocol.Ack{}, signer("box"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = protocol.OpenUp("gw-other", []ed25519.PublicKey{public(signer("box"))}, up)
	wantReason(t, err, protocol.WrongGateway)
}

// Turning round: nothing that goes one way is taken the other way, even under a trusted key.
func TestG7_TurnedRound(t *testing.T) {
	t.Parallel()
	down := sealed(t, protocol.Header{Type: protocol.TypeReceipt}, protocol.Receipt{})
	_, _, err := protocol.OpenUp(gateway, []ed25519.PublicKey{public(signer("cloud"))}, down)
	wantReason(t, err, protocol.WrongType)
	up, err := protocol.SignUp(protocol.Header{Type: protocol.TypeReceipt, Gateway: gateway}, protocol.Receipt{}, signer("cloud"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = opener(t).Open(up)
	wantReason(t, err, protocol.WrongType)
}

// Whatever bit is flipped on the way: the message is refused, or it still says the same.
func TestG7_NoChangedBitSaysSomethingElse(t *testing.T) {
	t.Parallel()
	o := opener(t)
	msg := sealed(t, protocol.Header{Type: protocol.TypeReceipt}, protocol.Receipt{Through: 5})
	h, plain, err := o.Open(msg)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range msg {
		changed := slices.Clone(msg)
		changed[i] ^= 1 << (i % 8)
		h2, plain2, err := o.Open(changed)
		switch {
		case err != nil:
			refused++
		case h2 != h || !bytes.Equal(plain, plain2):
			t.Fatalf("byte %d changed: %+v %s", i, h2, plain2)
		}
	}
	if refused < len(msg)*9/10 {
		t.Errorf("only %d of %d changes were refused", refused, len(msg))
	}
}

func TestG7_TwoActiveKeys(t *testing.T) {
	t.Parallel()
	o := opener(t)
	o.Trusted = append(o.Trusted, public(signer("next")))
	h := protocol.Header{Type: protocol.TypeReceipt, Gateway: gateway}
	next, err := protocol.SealDown(h, protocol.Receipt{}, signer("next"), o.Sealing.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, msg := range map[string][]byte{"old": sealed(t, h, protocol.Receipt{}), "next": next} {
		if _, _, err := o.Open(msg); err != nil {
			t.Errorf("%s key: %v", name, err)
		}
	}
	o.Trusted = o.Trusted[1:]
	_, _, err = o.Open(sealed(t, h, protocol.Receipt{}))
	wantReason(t, err, protocol.UnknownKey)
	o.Trusted = nil
	_, _, err = o.Open(next)
	wantReason(t, err, protocol.UnknownKey)
}

func TestTooManySignatures(t *testing.T) {
	t.Parallel()
	e := takeApart(t, sealed(t, protocol.Header{Type: protocol.TypeReceipt}, protocol.Receipt{}))
	good := e.Signatures[0]
	bad := signatureJSON{good.KeyID, bytes.Repeat([]byte{1}, 64)}
	e.Signatures = []signatureJSON{bad, bad, bad, good}
	if _, _, err := opener(t).Open(putTogether(t, e)); err != nil {
		t.Errorf("the fourth signature is good: %v", err)
	}
	e.Signatures = []signatureJSON{bad, bad, bad, bad, good}
	_, _, err := opener(t).Open(putTogether(t, e))
	wantReason(t, err, protocol.Malformed)
}

func noise(n int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

func TestNothingOversizedIsSent(t *testing.T) {
	t.Parallel()
	to, key := sealing(t, "box").PublicKey(), signer("cloud")
	h := protocol.Header{Type: protocol.TypeReply, Gateway: gateway}
	for name, body := range map[string]any{
		"does not compress":         protocol.Reply{Message: noise(128 << 10)},
		"too long before it does":   protocol.Reply{Message: strings.Repeat("a", protocol.MaxPlain)},
		"one byte too many of them": json.RawMessage(`"` + strings.Repeat("a", protocol.MaxPlain-1) + `"`),
	} {
		_, err := protocol.SealDown(h, body, key, to)
		wantReason(t, err, protocol.Oversized)
		_, err = protocol.SignUp(h, body, key)
		wantReason(t, err, protocol.Oversized)
		if !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
	most := json.RawMessage(`"` + strings.Repeat("a", protocol.MaxPlain-2) + `"`)
	_, plain, err := opener(t).Open(sealed(t, h, most))
	if err != nil || len(plain) != protocol.MaxPlain {
		t.Errorf("the longest body gave %d bytes, %v", len(plain), err)
	}
	full := json.RawMessage(`"` + strings.Repeat("a", 95<<10) + `"`) // nothing is compressed, and base64 adds a third
	msg, err := protocol.SignUp(h, full, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, plain, err = protocol.OpenUp(gateway, []ed25519.PublicKey{public(key)}, msg); err != nil || len(plain) != len(full) {
		t.Errorf("up, the longest body gave %d bytes, %v", len(plain), err)
	}
}

func TestLongestMessageIsTaken(t *testing.T) {
	t.Parallel()
	msg := sealed(t, protocol.Header{Type: protocol.TypeReceipt}, protocol.Receipt{Through: 5})
	padded := append(msg, bytes.Repeat([]byte(" "), protocol.MaxMessage-len(msg))...)
	if _, _, err := opener(t).Open(padded); err != nil {
		t.Errorf("%d bytes: %v", len(padded), err)
	}
	_, _, err := opener(t).Open(append(padded, ' '))
	wantReason(t, err, protocol.Oversized)
}

// A body that cannot be encoded is the caller's mistake and no message.
func TestUnencodableBody(t *testing.T) {
	t.Parallel()
	body := protocol.Command{Args: json.RawMessage("{")}
	if msg, err := protocol.SealDown(protocol.Header{}, body, signer("cloud"), sealing(t, "box").PublicKey()); err == nil {
		t.Errorf("sealed as %s", msg)
	}
	if msg, err := protocol.SignUp(protocol.Header{}, body, signer("box")); err == nil {
		t.Errorf("signed as %s", msg)
	}
}

// The caller cannot lie about what SealDown fills in.
func TestHeaderIsFilledIn(t *testing.T) {
	t.Parallel()
	lies := protocol.Header{Version: 99, Type: protocol.TypeReceipt, Signer: "x", Recipient: "y", Zip: true}
	h, _, err := opener(t).Open(sealed(t, lies, protocol.Receipt{}))
	if err != nil || h.Version != protocol.Version || h.Zip || len(h.Signer) != 16 || len(h.Recipient) != 16 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestChunkNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		chunk, of int
		ok        bool
	}{{1, 1, true}, {4096, 4096, true}, {0, 0, false}, {0, 1, false}, {2, 1, false}, {1, 4097, false}, {-1, 1, false}} {
		_, _, err := opener(t).Open(sealed(t, protocol.Header{Type: protocol.TypeState, Chunk: c.chunk, Of: c.of}, protocol.State{}))
		if (err == nil) != c.ok {
			t.Errorf("chunk %d of %d: %v", c.chunk, c.of, err)
		}
	}
	if _, _, err := opener(t).Open(sealed(t, protocol.Header{Type: protocol.TypeReceipt}, protocol.Receipt{})); err != nil {
		t.Errorf("a receipt has no chunks: %v", err)
	}
}

func TestDecodeRefusesInWords(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "null garbage", `{"through":-1}`, `{"through":"1"}`, `{"through":1}x`} {
		_, err := protocol.Decode[protocol.Receipt]([]byte(body))
		wantReason(t, err, protocol.Malformed)
	}
	r, err := protocol.Decode[protocol.Receipt]([]byte(`{"through":3,"mood":"sunny"}`))
	if err != nil || r.Through != 3 {
		t.Errorf("unknown fields are of a newer peer: %+v, %v", r, err)
	}
}

// A zip bomb is refused before it is unpacked: not parallel, so that only its memory is counted.
func TestBombCostsLittleMemory(t *testing.T) {
	for _, name := range []string{"down/bad-bomb-declared", "down/bad-bomb-undeclared", "down/bad-bomb-frames", "up/bad-bomb"} {
		v := readVector[vector](t, name+".json")
		_, _, _, _ = v.open(t) // makes the decoder, once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _, err := v.open(t)
		runtime.ReadMemStats(&after)
		wantReason(t, err, protocol.ZipBomb)
		if used := after.TotalAlloc - before.TotalAlloc; used > 16*protocol.MaxPlain {
			t.Errorf("%s: %d bytes were allocated to refuse it", name, used)
		}
	}
}
