package protocol

import (
	"crypto/ecdh"
	"crypto/ed25519"

	"gatehouse/protocol/access"
)

// proven is what a succession's proof is over: the gateway and its present key stand in it, so that
// it can be used neither for another gateway nor a second time.
func (s Succession) proven(gateway access.GatewayID, old ed25519.PublicKey) []byte {
	b := []byte("gatehouse succession v1\x00" + string(gateway) + "\x00" + s.CSR + "\x00")
	for _, part := range [][]byte{old, s.Signing, s.Sealing} {
		b = append(b, part...)
	}
	return b
}

// NewSuccession announces that signing and sealing are to take the place of a gateway's keys, of
// which old is the one that signs now. csr is a certificate request in PEM; "" keeps the TLS key.
func NewSuccession(gateway access.GatewayID, old ed25519.PublicKey, csr string, signing ed25519.PrivateKey, sealing *ecdh.PublicKey) Succession {
	public, _ := signing.Public().(ed25519.PublicKey)
	s := Succession{CSR: csr, Signing: public, Sealing: sealing.Bytes()}
	s.Proof = ed25519.Sign(signing, s.proven(gateway, old))
	return s
}

// Check says whether whoever announced the keys holds the signing one and means this gateway, which
// is known by old. The request in CSR is for its reader to check. Errors are Refusals.
func (s Succession) Check(gateway access.GatewayID, old ed25519.PublicKey) error {
	if len(s.Signing) != ed25519.PublicKeySize {
		return Refuse(Malformed, "the next signing key has %d bytes", len(s.Signing))
	}
	if _, err := ecdh.X25519().NewPublicKey(s.Sealing); err != nil {
		return Refuse(Malformed, "the next sealing key: %v", err)
	}
	if !ed25519.Verify(s.Signing, s.proven(gateway, old), s.Proof) {
		return Refuse(BadSignature, "the next keys are not proven by their holder")
	}
	return nil
}
