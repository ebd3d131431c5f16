package protocol

import (
	"crypto/ed25519"
	"encoding/json"

	"gatehouse/protocol/access"
)

// SignUp makes the bytes of one message up. It fills in the header's version and key id; the
// caller sets the rest. Nothing is compressed: a compressor is 2 % of the agent and a megabyte of
// its memory, and what goes up is small.
func SignUp(h Header, body any, signer ed25519.PrivateKey) ([]byte, error) {
	plain, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if len(plain) > MaxPlain {
		return nil, Refuse(Oversized, "a body of %d bytes", len(plain))
	}
	h.Version, h.Signer = Version, SignerID(signer)
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	msg, err := sign(typeUp, joinFrame(header, plain), signer)
	if err == nil && len(msg) > MaxMessage {
		err = Refuse(Oversized, "%d bytes, at most %d are sent", len(msg), MaxMessage)
	}
	return msg, err
}

// OpenUp verifies a message that came up on the branch of gateway and returns its header and body.
// Every error is a Refusal.
func OpenUp(gateway access.GatewayID, trusted []ed25519.PublicKey, msg []byte) (Header, []byte, error) {
	frame, signer, err := verify(typeUp, msg, trusted)
	if err != nil {
		return Header{}, nil, err
	}
	h, _, body, err := splitFrame(frame)
	if err != nil {
		return h, nil, err
	}
	switch {
	case h.Gateway != gateway:
		return h, nil, Refuse(WrongGateway, "calls itself gateway %q", h.Gateway)
	case h.Version != Version:
		return h, nil, Refuse(WrongVersion, "version %d, this cloud speaks %d", h.Version, Version)
	case h.Signer != signer:
		return h, nil, Refuse(BadSignature, "the header names another key than the one that signed")
	}
	body, err = grow(body, h.Zip)
	return h, body, err
}
