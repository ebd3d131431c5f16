package protocol

import (
	"encoding/json"
	"time"

	"gatehouse/protocol/access"
)

// Header stands in front of every message. It is signed, and on the way down it is also bound to
// the sealed body, so that no part can be moved to another message. Fields that a type does not
// use stay zero.
type Header struct {
	Version   int              `json:"v"`
	Type      Type             `json:"type"`
	Gateway   access.GatewayID `json:"gw"`
	Epoch     uint64           `json:"epoch,omitempty"`
	Revision  uint64           `json:"rev,omitempty"`
	Base      uint64           `json:"base,omitempty"`  // 0: a snapshot
	Chunk     int              `json:"chunk,omitempty"` // 1..Of, of a state
	Of        int              `json:"of,omitempty"`
	Issued    time.Time        `json:"iat"`
	Signer    string           `json:"key"`          // id of the signing key
	Recipient string           `json:"to,omitempty"` // id of the sealing key, down only
	Zip       bool             `json:"zip,omitempty"`
}

// State is the body of down/state: one chunk of a snapshot or a delta. Which, and its place in
// history, stands in the header. A delta without items whose base is its revision says "nothing
// new", in answer to a hello.
type State struct {
	DigestKey []byte        `json:"digest_key"`
	Digest    access.Digest `json:"digest"`             // of the whole state at the header's revision
	Intended  bool          `json:"intended,omitempty"` // as if Meant were this state's position
	// Meant is the newest position up to which somebody agrees with what is taken away. It comes with
	// every state, "nothing new" included, so that an agreement arrives without a change.
	Meant access.Position `json:"meant,omitzero"`
	Nonce string          `json:"nonce,omitempty"` // of the hello that this answers
	Put   []access.Item   `json:"put,omitempty"`
	Gone  []access.Key    `json:"gone,omitempty"`
}

// Receipt is the body of down/receipt: the cloud has committed every event up to Through.
type Receipt struct {
	Through uint64 `json:"through"`
	Nonce   string `json:"nonce,omitempty"`
}

// Command is the body of down/command. The id is journalled before acting; a repeated id gets the
// stored reply; after the deadline it is refused.
type Command struct {
	ID       string          `json:"id"`
	Deadline time.Time       `json:"deadline"`
	Do       string          `json:"do"` // "open_door", "audit", …
	Args     json.RawMessage `json:"args,omitempty"`
}

// Hello is the body of up/hello, sent on every connect and at intervals; the cloud answers it with
// what is missing, echoing the nonce, which also proves that the answer is fresh.
type Hello struct {
	Protocol int           `json:"protocol"`
	Software string        `json:"software"`
	Epoch    uint64        `json:"epoch"` // 0 with Revision 0: nothing stored yet
	Revision uint64        `json:"rev"`
	Digest   access.Digest `json:"digest"`
	Boot     string        `json:"boot"`
	Nonce    string        `json:"nonce"`
	Clock    Clock         `json:"clock"`
	Waiting  uint64        `json:"waiting"` // events in the outbox

	Staged   *Staged     `json:"staged,omitempty"`   // chunks already there
	Settings *InForce    `json:"settings,omitempty"` // nil: only the gateway's own file
	Next     *Succession `json:"next,omitempty"`     // keys that are to replace the gateway's
	Held     int         `json:"held,omitempty"`     // people whose loss of access waits for somebody's word
	Foreign  uint64      `json:"foreign,omitempty"`  // an epoch that was offered and not taken up
}

// Staged tells which chunks of a change a gateway has, so that only the others need be sent again.
type Staged struct {
	access.Position
	Base uint64 `json:"base"`
	Of   int    `json:"of"`
	Have []int  `json:"have"` // chunk numbers, rising
}

// InForce is what became of the newest settings.
type InForce struct {
	Revision uint64 `json:"rev"`               // the state whose settings hold
	Refused  uint64 `json:"refused,omitempty"` // a later state whose settings were refused
	Message  string `json:"message,omitempty"` // why, naming the field
}

// Succession announces a gateway's next keys. Proof is by the next signing key over the old one, so
// that nobody announces a key that is not theirs; the message itself is signed by the old one.
type Succession struct {
	CSR     string `json:"csr,omitempty"` // PEM; "" keeps the TLS key
	Signing []byte `json:"signing"`       // Ed25519
	Sealing []byte `json:"sealing"`       // X25519
	Proof   []byte `json:"proof"`
}

// Clock is the health of a gateway's clock.
type Clock struct {
	Trusted bool      `json:"trusted"`
	Source  string    `json:"source"` // "ntp", "cloud", "held", "doubted", "none"
	Now     time.Time `json:"now"`
}

// Ack is the body of up/ack: the box has stored this position and works offline from now.
type Ack struct {
	access.Position
	Digest access.Digest `json:"digest"`
	At     time.Time     `json:"at"`
}

// Events is the body of up/event: consecutive events with the exact bytes that the chain is over.
type Events struct {
	First uint64            `json:"first"` // number of the first
	Prev  access.Link       `json:"prev"`  // link before the first
	Raw   []json.RawMessage `json:"events"`
	// Checkpoint is the gateway's signature over the link after event Checkpoint.Number, which is
	// among these or before them; nil when there is none.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
}

// Checkpoint is the gateway's word for its whole chain up to an event.
type Checkpoint struct {
	Number    uint64      `json:"n"`
	Link      access.Link `json:"link"`
	At        time.Time   `json:"at"`
	Signature []byte      `json:"sig"`
}

// Inventory is the body of up/inventory: every device of the gateway, as a whole.
type Inventory struct {
	Number  uint64          `json:"number"` // grows with every change
	Devices []access.Device `json:"devices"`
}

// Reply is the body of up/reply: the outcome of a command.
type Reply struct {
	ID      string    `json:"id"`
	Result  string    `json:"result"` // "done", "refused", "unknown"
	Fault   string    `json:"fault,omitempty"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
}

// Status is the retained, unsigned body of …/status. It is a hint for people; nothing is decided
// by it, because a late last will can overwrite a fresh "online".
type Status struct {
	Online bool      `json:"online"`
	Boot   string    `json:"boot"`
	Number uint64    `json:"number"` // grows with every connection of a boot
	At     time.Time `json:"at,omitzero"`
}
