package protocol_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"gatehouse/protocol"
	"gatehouse/testdata"
)

// paeOf is DSSE's pre-authentication encoding, written a second time for the tests.
func paeOf(kind string, payload []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(kind), kind, len(payload)), payload...)
}

// What is signed is what DSSE says, so that any DSSE tool can check our messages.
func TestEnvelopeIsDSSE(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(testdata.Dir("protocol/v1"), "rfc.json")
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		DSSE []struct{ Type, Payload, PAE string }
	}
	if err := json.Unmarshal(raw, &published); err != nil || len(published.DSSE) == 0 {
		t.Fatalf("no published vectors: %v", err)
	}
	for _, p := range published.DSSE {
		if got := string(paeOf(p.Type, []byte(p.Payload))); got != p.PAE {
			t.Errorf("PAE %q, want %q", got, p.PAE)
		}
	}
	msg, err := protocol.SignUp(protocol.Header{Type: protocol.TypeAck, Gateway: gateway}, protocol.Ack{}, signer("box"))
	if err != nil {
		t.Fatal(err)
	}
	e := takeApart(t, msg)
	if len(e.Signatures) != 1 || e.PayloadType != "application/vnd.gatehouse.v1.up" {
		t.Fatalf("%+v", e)
	}
	if s := e.Signatures[0]; s.KeyID != protocol.KeyID(public(signer("box"))) || !ed25519.Verify(public(signer("box")), paeOf(e.PayloadType, e.Payload), s.Sig) {
		t.Error("the signature is not over DSSE's encoding of type and payload")
	}
}

func TestKeyIDs(t *testing.T) {
	t.Parallel()
	if got := protocol.KeyID(nil); got != "e3b0c44298fc1c14" { // SHA-256 of nothing begins so
		t.Errorf("KeyID(nil) = %s", got)
	}
	if a, b := protocol.SignerID(signer("a")), protocol.SignerID(signer("b")); a == b || a != protocol.KeyID(public(signer("a"))) {
		t.Errorf("%s %s", a, b)
	}
}
