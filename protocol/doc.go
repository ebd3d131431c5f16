// Package protocol is the contract between gatehouse-cloud and gatehouse-agent: topics, messages,
// and the envelopes that make a broker unable to read, forge, replay or redirect them.
//
// Down (cloud to gateway): JSON, zstd above 1 KiB, sealed to the gateway's key with HPKE
// (RFC 9180, DHKEM X25519, HKDF-SHA256, ChaCha20-Poly1305), then a DSSE v1 envelope signed with
// Ed25519. Up: the same without sealing, signed with the gateway's key; what goes up holds ids,
// never names or secrets.
//
// It imports only access; it knows no MQTT client, no store and no clock. The bytes are frozen in
// testdata/protocol: vectors there are added, never edited.
package protocol

// Version is the version of the contract this program speaks. A peer of another version is
// answered as its line below says.
//
//	1  2026-11-22  first: state, command, receipt down; hello, ack, event, inventory, reply up.
//	               There is no older peer. A newer one must go on sending version 1 to a gateway
//	               whose hello says 1.
//	               Added since, which an older peer passes over: events of kind ring and tamper, and of an
//	               event how, device_time, unit and log.
const Version = 1

// Bounds on what a peer may send. They are checked before anything is allocated or decoded.
const (
	MaxMessage = 128 << 10 // bytes of one MQTT message, envelope included
	MaxPlain   = 512 << 10 // bytes of one message after decompression
	maxHeader  = 2 << 10   // bytes of a header
	zipAbove   = 1 << 10   // shorter bodies down are not worth compressing; up nothing is compressed
	maxChunks  = 4096      // chunks of one update

	maxSignatures = 4 // on one envelope; two while keys rotate
)
