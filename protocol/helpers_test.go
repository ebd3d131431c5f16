package protocol_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

const gateway = access.GatewayID("gw-7f3k2a")

var issued = time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)

// signer is a signing key that is the same in every run.
func signer(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func sealing(t testing.TB, name string) *ecdh.PrivateKey {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	k, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// opener is the gateway under test: it trusts the key "cloud" and unseals with "box".
func opener(t testing.TB) protocol.Opener {
	t.Helper()
	return protocol.Opener{Gateway: gateway, Trusted: []ed25519.PublicKey{public(signer("cloud"))}, Sealing: sealing(t, "box")}
}

// sealed is a message of the cloud to that gateway.
func sealed(t testing.TB, h protocol.Header, body any) []byte {
	t.Helper()
	h.Gateway, h.Issued = gateway, issued
	msg, err := protocol.SealDown(h, body, signer("cloud"), sealing(t, "box").PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func mustEncode(t testing.TB, n access.Noun) access.Item {
	t.Helper()
	it, err := access.Encode(n)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func wantReason(t testing.TB, err error, want protocol.Reason) {
	t.Helper()
	if err == nil {
		t.Fatalf("taken, want it refused as %s", want)
	}
	if got := protocol.ReasonOf(err); got != want {
		t.Fatalf("refused as %s (%v), want %s", got, err, want)
	}
}

// envelopeJSON is DSSE's JSON, to take messages apart without the code under test.
type envelopeJSON struct {
	PayloadType string          `json:"payloadType"`
	Payload     []byte          `json:"payload"`
	Signatures  []signatureJSON `json:"signatures"`
}

type signatureJSON struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

func takeApart(t testing.TB, msg []byte) envelopeJSON {
	t.Helper()
	var e envelopeJSON
	if err := json.Unmarshal(msg, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func putTogether(t testing.TB, e envelopeJSON) []byte {
	t.Helper()
	msg, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// ids draws what access.ValidID takes.
func ids() *rapid.Generator[string] { return rapid.StringMatching(`[a-zA-Z0-9_-]{1,20}`) }

// credentials draws credentials with an awkward secret.
func credentials() *rapid.Generator[access.Credential] {
	return rapid.Custom(func(t *rapid.T) access.Credential {
		return access.Credential{
			ID: access.CredentialID(ids().Draw(t, "id")), Person: access.PersonID(ids().Draw(t, "person")),
			Kind: access.PIN, Secret: access.NewSecret(rapid.StringMatching(`[0-9<>&"\\é]{1,12}`).Draw(t, "secret")),
		}
	})
}

// items draws items of known and unknown kinds.
func items() *rapid.Generator[access.Item] {
	return rapid.Custom(func(t *rapid.T) access.Item {
		if rapid.Bool().Draw(t, "known") {
			it, err := access.Encode(credentials().Draw(t, "credential"))
			if err != nil {
				t.Fatal(err)
			}
			return it
		}
		value, err := json.Marshal(map[string]string{"text": rapid.String().Draw(t, "text")})
		if err != nil {
			t.Fatal(err)
		}
		return access.Item{Key: access.Key{Kind: access.Kind(ids().Draw(t, "kind")), ID: ids().Draw(t, "id")}, Value: value}
	})
}

func keys() *rapid.Generator[access.Key] {
	return rapid.Custom(func(t *rapid.T) access.Key {
		return access.Key{Kind: access.Kind(ids().Draw(t, "kind")), ID: ids().Draw(t, "id")}
	})
}
