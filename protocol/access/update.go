package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Position is a place in a gateway's history of wanted states. A cloud restored from a backup
// opens a new epoch; within an epoch revisions only grow.
type Position struct {
	Epoch    uint64 `json:"epoch"`
	Revision uint64 `json:"revision"`
}

// Before orders positions.
func (p Position) Before(o Position) bool {
	return p.Epoch < o.Epoch || p.Epoch == o.Epoch && p.Revision < o.Revision
}

// Update is one chunk of a change of the wanted state, verified and opened. Base 0 makes it a
// snapshot: items not in any of its chunks are gone. Otherwise it is a delta on top of Base.
type Update struct {
	Position
	Base      uint64
	Chunk, Of int       // 1 of 1 for most
	Issued    time.Time // by the cloud's clock
	Put       []Item
	Gone      []Key
	DigestKey []byte // key of the digest, 32 bytes
	Digest    Digest // of the whole state at Position
	// Meant is the newest position up to which somebody at the cloud agrees with everything that the
	// state takes away. What is taken away later than that is subject to the gateway's own brake.
	Meant Position
}

// Snapshot reports whether the update replaces everything.
func (u Update) Snapshot() bool { return u.Base == 0 }

// Digest is an order-free hash over a set of items: the XOR of one HMAC-SHA-256 an item, so that
// one changed item costs two HMACs. It is safe against collisions made on purpose only while the
// key is secret, which is why the key travels sealed.
type Digest [sha256.Size]byte

// Toggle adds an item that is not in the set, or takes out one that is.
func (d *Digest) Toggle(key []byte, it Item) {
	m := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(it.Kind), {0}, []byte(it.ID), {0}, it.Value} {
		_, _ = m.Write(part) // a hash never fails
	}
	for i, b := range m.Sum(nil) {
		d[i] ^= b
	}
}

// String is the digest in hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText is the digest in hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads hex of exactly the digest's length.
func (d *Digest) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != len(d) {
		return invalid("read", "digest", "want %d hex characters", 2*len(d))
	}
	copy(d[:], raw)
	return nil
}

// Link is the hash that joins an event to all before it.
type Link = Digest

// Chain is the link after raw, the exact bytes of one event.
func Chain(prev Link, raw []byte) Link {
	h := sha256.New()
	_, _ = h.Write([]byte("gatehouse event v1\x00")) // a hash never fails
	_, _ = h.Write(prev[:])
	_, _ = h.Write(raw)
	return Link(h.Sum(nil))
}
