package protocol

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// envelope is a DSSE v1 envelope (github.com/secure-systems-lab/dsse, envelope.md).
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"` // base64 in JSON
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// pae is DSSE's pre-authentication encoding: what is really signed.
func pae(payloadType string, payload []byte) []byte {
	var b bytes.Buffer
	b.WriteString("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " ")
	b.Write(payload)
	return b.Bytes()
}

// KeyID names a public key: the first 8 bytes of its SHA-256, in hex.
func KeyID(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// SignerID names the key that signs with k.
func SignerID(k ed25519.PrivateKey) string {
	public, _ := k.Public().(ed25519.PublicKey)
	return KeyID(public)
}

func sign(payloadType string, payload []byte, key ed25519.PrivateKey) ([]byte, error) {
	return json.Marshal(envelope{payloadType, payload, []signature{{SignerID(key), ed25519.Sign(key, pae(payloadType, payload))}}})
}

// verify returns the payload and the id of the trusted key that signed it. One good signature by a
// trusted key is enough: while keys rotate a message may carry two.
func verify(payloadType string, msg []byte, trusted []ed25519.PublicKey) ([]byte, string, error) {
	if len(msg) > MaxMessage {
		return nil, "", Refuse(Oversized, "%d bytes, at most %d are taken", len(msg), MaxMessage)
	}
	var e envelope
	if err := json.Unmarshal(msg, &e); err != nil {
		return nil, "", Refuse(Malformed, "not a signed envelope: %v", err)
	}
	if e.PayloadType != payloadType {
		return nil, "", Refuse(WrongType, "payload type %q, want %q", e.PayloadType, payloadType)
	}
	if len(e.Signatures) > maxSignatures { // each costs a verification
		return nil, "", Refuse(Malformed, "%d signatures", len(e.Signatures))
	}
	signed := pae(e.PayloadType, e.Payload)
	known := false
	for _, s := range e.Signatures {
		for _, k := range trusted {
			if s.KeyID != KeyID(k) {
				continue
			}
			known = true
			if ed25519.Verify(k, signed, s.Sig) {
				return e.Payload, s.KeyID, nil
			}
		}
	}
	if !known {
		return nil, "", Refuse(UnknownKey, "signed by no key that is trusted here")
	}
	return nil, "", Refuse(BadSignature, "the signature does not fit the message")
}
