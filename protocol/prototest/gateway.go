package prototest

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Gateway is a gateway's name and keys. Real ones never leave the box.
type Gateway struct {
	ID      access.GatewayID
	Signing ed25519.PrivateKey
	Sealing *ecdh.PrivateKey
}

// NewGateway makes keys for a gateway.
func NewGateway(t testing.TB, id access.GatewayID) Gateway {
	t.Helper()
	sealing, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	return Gateway{ID: id, Signing: NewSigningKey(t), Sealing: sealing}
}

// NewSigningKey makes an Ed25519 key.
func NewSigningKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return key
}

// Public is the public half of a signing key.
func Public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// Up makes the bytes of a message that the gateway sends, issued now.
func (g Gateway) Up(t testing.TB, typ protocol.Type, body any) []byte {
	t.Helper()
	msg, err := protocol.SignUp(protocol.Header{Type: typ, Gateway: g.ID, Issued: time.Now()}, body, g.Signing)
	must(t, err)
	return msg
}

// Opener opens what a cloud with that signing key sends to the gateway.
func (g Gateway) Opener(cloud ...ed25519.PublicKey) protocol.Opener {
	return protocol.Opener{Gateway: g.ID, Trusted: cloud, Sealing: g.Sealing}
}

// People makes n invented residents of one building as items: unit, person, residency, PIN, card and grant for each.
func People(t testing.TB, n int) []access.Item {
	t.Helper()
	items := []access.Item{
		item(t, access.Property{ID: "p1", Name: "Elm Court", Zone: "America/Chicago"}),
		item(t, access.Door{ID: "lobby", Name: "Lobby"}),
	}
	for i := range n {
		items = append(items, person(t, i)...)
	}
	return items
}

func person(t testing.TB, i int) []access.Item {
	t.Helper()
	id := func(kind string) string { return fmt.Sprintf("%s%05d", kind, i) }
	from := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	who := access.PersonID(id("r"))
	return []access.Item{
		item(t, access.Unit{ID: access.UnitID(id("u")), Name: fmt.Sprintf("%04d", i)}),
		item(t, access.Person{ID: who, Kind: access.Resident, First: "Resident", Last: id("No"), Email: id("r") + "@example.com"}),
		item(t, access.Residency{ID: access.ResidencyID(id("s")), Person: who, Unit: access.UnitID(id("u")), Window: access.Window{From: from}}),
		item(t, access.Credential{ID: access.CredentialID(id("p")), Person: who, Kind: access.PIN, Secret: access.NewSecret(fmt.Sprintf("%06d", 100000+i))}),
		item(t, access.Credential{ID: access.CredentialID(id("c")), Person: who, Kind: access.Card, Secret: access.NewSecret(fmt.Sprintf("A%07X", i))}),
		item(t, access.Grant{ID: access.GrantID(id("g")), Person: who, Door: "lobby", Window: access.Window{From: from}, Reason: "lives here"}),
	}
}

func item(t testing.TB, n access.Noun) access.Item {
	t.Helper()
	it, err := access.Encode(n)
	must(t, err)
	return it
}

// DigestOf is the digest of a whole state.
func DigestOf(key []byte, items []access.Item) access.Digest {
	var d access.Digest
	for _, it := range items {
		d.Toggle(key, it)
	}
	return d
}

// Warm makes and reads one compressed message. The coders of package protocol are made on first use and live on;
// made inside a synctest bubble they could not be used outside it. A package that mixes the two calls Warm in TestMain.
func Warm() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	msg, err := protocol.SignUp(protocol.Header{Gateway: "warm"}, make([]byte, 64<<10), key)
	if err == nil {
		_, _, err = protocol.OpenUp("warm", []ed25519.PublicKey{Public(key)}, msg)
	}
	if err != nil {
		panic(err) // constants in, so only a defect can
	}
}
