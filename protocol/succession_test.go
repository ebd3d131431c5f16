package protocol_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// TestTowardsG7_SuccessionIsProvenByItsHolder: nobody announces a key that is not theirs, for another gateway, or after
// another key took the old one's place.
func TestTowardsG7_SuccessionIsProvenByItsHolder(t *testing.T) {
	old, next, other := signer("box"), signer("next"), signer("other")
	box := sealing(t, "next box").PublicKey()
	good := protocol.NewSuccession("gw-1", public(old), "CSR", next, box)
	tests := []struct {
		name   string
		gw     access.GatewayID
		old    ed25519.PublicKey
		change func(*protocol.Succession)
		reason protocol.Reason
	}{
		{"good", "gw-1", public(old), func(*protocol.Succession) {}, ""},
		{"for another gateway", "gw-2", public(old), func(*protocol.Succession) {}, protocol.BadSignature},
		{"over another key", "gw-1", public(other), func(*protocol.Succession) {}, protocol.BadSignature},
		{"another signing key", "gw-1", public(old), func(s *protocol.Succession) { s.Signing = public(other) }, protocol.BadSignature},
		{"another sealing key", "gw-1", public(old), func(s *protocol.Succession) { s.Sealing = sealing(t, "box").PublicKey().Bytes() }, protocol.BadSignature},
		{"another request", "gw-1", public(old), func(s *protocol.Succession) { s.CSR = "" }, protocol.BadSignature},
		{"half a signing key", "gw-1", public(old), func(s *protocol.Succession) { s.Signing = s.Signing[:16] }, protocol.Malformed},
		{"half a sealing key", "gw-1", public(old), func(s *protocol.Succession) { s.Sealing = s.Sealing[:16] }, protocol.Malformed},
	}
	for _, tt := range tests {
		s := good
		tt.change(&s)
		err := s.Check(tt.gw, tt.old)
		if reason(err) != tt.reason {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestTowardsG7_BothSealingKeysOpenWhileOneReplacesTheOther.
func TestTowardsG7_BothSealingKeysOpenWhileOneReplacesTheOther(t *testing.T) {
	old, next, third := sealing(t, "box"), sealing(t, "next"), sealing(t, "third")
	o := opener(t)
	o.Sealing, o.Also = next, append(o.Also, old)
	for _, tt := range []struct {
		name   string
		to     *ecdh.PrivateKey
		reason protocol.Reason
	}{{"the new one", next, ""}, {"the old one", old, ""}, {"a stranger's", third, protocol.WrongRecipient}} {
		h := protocol.Header{Type: protocol.TypeReceipt, Gateway: gateway}
		msg, err := protocol.SealDown(h, protocol.Receipt{Through: 7}, signer("cloud"), tt.to.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.Open(msg); reason(err) != tt.reason {
			t.Errorf("sealed to %s: %v", tt.name, err)
		}
	}
}

// reason is why something was refused, "" when it was not.
func reason(err error) protocol.Reason {
	if err == nil {
		return ""
	}
	return protocol.ReasonOf(err)
}
