package protocol

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/json"

	"gatehouse/protocol/access"
)

const (
	typeDown = "application/vnd.gatehouse.v1.down"
	typeUp   = "application/vnd.gatehouse.v1.up"
	sealInfo = "gatehouse/v1 down"
	encLen   = 32 // an X25519 encapsulated key
)

// SealDown makes the bytes of one message down. It fills in the header's version, key ids and
// compression; the caller sets the rest. The result is at most MaxMessage bytes, else an error.
func SealDown(h Header, body any, signer ed25519.PrivateKey, gateway *ecdh.PublicKey) ([]byte, error) {
	plain, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if len(plain) > MaxPlain {
		return nil, Refuse(Oversized, "a body of %d bytes", len(plain))
	}
	h.Version, h.Signer, h.Recipient = Version, SignerID(signer), KeyID(gateway.Bytes())
	plain, h.Zip = shrink(plain)
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(gateway, header, plain)
	if err != nil {
		return nil, err
	}
	msg, err := sign(typeDown, joinFrame(header, sealed), signer)
	if err == nil && len(msg) > MaxMessage {
		err = Refuse(Oversized, "%d bytes, at most %d are sent", len(msg), MaxMessage)
	}
	return msg, err
}

func seal(to *ecdh.PublicKey, aad, plain []byte) ([]byte, error) {
	pk, err := hpke.NewDHKEMPublicKey(to)
	if err != nil {
		return nil, err
	}
	enc, s, err := hpke.NewSender(pk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(sealInfo))
	if err != nil {
		return nil, err
	}
	ct, err := s.Seal(aad, plain)
	return append(enc, ct...), err
}

func unseal(key *ecdh.PrivateKey, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < encLen {
		return nil, Refuse(Malformed, "too short to be sealed")
	}
	sk, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, err
	}
	r, err := hpke.NewRecipient(sealed[:encLen], sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(sealInfo))
	if err != nil {
		return nil, Refuse(Unsealable, "%v", err)
	}
	plain, err := r.Open(aad, sealed[encLen:])
	if err != nil {
		return nil, Refuse(Unsealable, "the body does not open with this gateway's key: %v", err)
	}
	return plain, nil
}

// Opener opens messages that came down: it holds what a gateway trusts and who it is.
type Opener struct {
	Gateway access.GatewayID
	Trusted []ed25519.PublicKey // the cloud's active signing keys
	Sealing *ecdh.PrivateKey    // the gateway's own
	Also    []*ecdh.PrivateKey  // further ones of its own, while one takes another's place
}

// sealing is the key that a message was sealed to; nil: none of ours.
func (o Opener) sealing(recipient string) *ecdh.PrivateKey {
	for _, k := range append([]*ecdh.PrivateKey{o.Sealing}, o.Also...) {
		if KeyID(k.PublicKey().Bytes()) == recipient {
			return k
		}
	}
	return nil
}

// Open verifies, unseals and decompresses. Every error is a Refusal and nothing of the message may
// be used then. It checks neither age nor position: those need a clock and a store.
func (o Opener) Open(msg []byte) (Header, []byte, error) {
	frame, signer, err := verify(typeDown, msg, o.Trusted)
	if err != nil {
		return Header{}, nil, err
	}
	h, header, body, err := splitFrame(frame)
	if err != nil {
		return h, nil, err
	}
	key := o.sealing(h.Recipient)
	switch {
	case h.Gateway != o.Gateway:
		return h, nil, Refuse(WrongGateway, "made for gateway %q", h.Gateway)
	case h.Version != Version:
		return h, nil, Refuse(WrongVersion, "version %d, this gateway speaks %d", h.Version, Version)
	case h.Signer != signer:
		return h, nil, Refuse(BadSignature, "the header names another key than the one that signed")
	case key == nil:
		return h, nil, Refuse(WrongRecipient, "sealed to key %q", h.Recipient)
	case h.Type == TypeState && (h.Of < 1 || h.Of > maxChunks || h.Chunk < 1 || h.Chunk > h.Of):
		return h, nil, Refuse(Malformed, "chunk %d of %d", h.Chunk, h.Of)
	}
	plain, err := unseal(key, header, body)
	if err != nil {
		return h, nil, err
	}
	plain, err = grow(plain, h.Zip)
	return h, plain, err
}

// Decode reads a message's body.
func Decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, Refuse(Malformed, "body: %v", err)
	}
	return v, nil
}
