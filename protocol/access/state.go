package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Kind names what an item of the wanted state is.
type Kind string

// The kinds of item, in the order in which a snapshot lists them.
const (
	KindProperty   Kind = "property"
	KindBuilding   Kind = "building"
	KindUnit       Kind = "unit"
	KindDoor       Kind = "door"
	KindSchedule   Kind = "schedule"
	KindGroup      Kind = "group"
	KindPerson     Kind = "person"
	KindResidency  Kind = "residency"
	KindCredential Kind = "credential"
	KindGrant      Kind = "grant"
	KindSettlement Kind = "overlay" // of an overlay made at the gateway

	// About the gateway itself, one item each. They do not decide who may open what, so one that
	// cannot be read never stops anything else.
	KindSettings    Kind = "settings"
	KindCloudKeys   Kind = "cloud_keys"
	KindCertificate Kind = "certificate"
)

// Kinds lists every kind about the property and its people that this program knows, OwnKinds those
// about the gateway itself. A peer may send others: they are kept as raw bytes
// and otherwise ignored, so that a newer cloud does not break an older gateway.
var Kinds = []Kind{KindProperty, KindBuilding, KindUnit, KindDoor, KindSchedule, KindGroup,
	KindPerson, KindResidency, KindCredential, KindGrant, KindSettlement}

// OwnKinds lists the kinds of item about the gateway itself.
var OwnKinds = []Kind{KindSettings, KindCloudKeys, KindCertificate}

// Key identifies an item.
type Key struct {
	Kind Kind   `json:"k"`
	ID   string `json:"id"`
}

// Item is one record of the wanted state with its bytes exactly as the cloud made them; the
// digest is over these bytes.
type Item struct {
	Key
	Value json.RawMessage `json:"v"`
}

// Format names the item and its size for every verb: the bytes of a credential hold its secret.
func (it Item) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, it.name()) }

// LogValue names the item and its size.
func (it Item) LogValue() slog.Value { return slog.StringValue(it.name()) }

func (it Item) name() string { return fmt.Sprintf("%s %s (%d bytes)", it.Kind, it.ID, len(it.Value)) }

// Noun is what can stand in an item.
type Noun interface{ Validate() error }

// Encode makes the item of a noun. It is the one place where a Secret is written in clear: items
// travel sealed and are stored sealed.
func Encode(n Noun) (Item, error) {
	if err := n.Validate(); err != nil {
		return Item{}, err
	}
	key, v := keyOf(n), any(n)
	if c, ok := n.(Credential); ok {
		v = clearCredential{c.ID, c.Person, c.Kind, c.Secret.Reveal()}
	}
	if key.ID == "" {
		return Item{}, invalid("encode", "item", "%T cannot stand in the state", n)
	}
	b, err := json.Marshal(v)
	return Item{Key: key, Value: b}, err
}

// clearCredential has Credential's JSON form with the secret in clear.
type clearCredential struct {
	ID     CredentialID   `json:"id"`
	Person PersonID       `json:"person"`
	Kind   CredentialKind `json:"kind"`
	Secret string         `json:"secret,omitempty"`
}

func keyOf(n Noun) Key {
	switch n := n.(type) {
	case Property:
		return Key{KindProperty, string(n.ID)}
	case Building:
		return Key{KindBuilding, string(n.ID)}
	case Unit:
		return Key{KindUnit, string(n.ID)}
	case Door:
		return Key{KindDoor, string(n.ID)}
	case Schedule:
		return Key{KindSchedule, string(n.ID)}
	case Group:
		return Key{KindGroup, string(n.ID)}
	case Person:
		return Key{KindPerson, string(n.ID)}
	case Residency:
		return Key{KindResidency, string(n.ID)}
	case Credential:
		return Key{KindCredential, string(n.ID)}
	case Grant:
		return Key{KindGrant, string(n.ID)}
	case Settlement:
		return Key{KindSettlement, n.ID}
	case Settings:
		return Key{KindSettings, n.ID}
	case CloudKeys:
		return Key{KindCloudKeys, n.ID}
	case Certificate:
		return Key{KindCertificate, n.ID}
	}
	return Key{}
}

// Decode reads an item's noun and checks it. A kind this program does not know gives (nil, nil).
// Unknown fields are ignored: they belong to a newer peer.
func Decode(it Item) (Noun, error) {
	switch it.Kind {
	case KindProperty:
		return decode[Property](it)
	case KindBuilding:
		return decode[Building](it)
	case KindUnit:
		return decode[Unit](it)
	case KindDoor:
		return decode[Door](it)
	case KindSchedule:
		return decode[Schedule](it)
	case KindGroup:
		return decode[Group](it)
	case KindPerson:
		return decode[Person](it)
	case KindResidency:
		return decode[Residency](it)
	case KindCredential:
		return decode[Credential](it)
	case KindGrant:
		return decode[Grant](it)
	case KindSettlement:
		return decode[Settlement](it)
	case KindSettings:
		return decode[Settings](it)
	case KindCloudKeys:
		return decode[CloudKeys](it)
	case KindCertificate:
		return decode[Certificate](it)
	}
	return nil, nil
}

func decode[N Noun](it Item) (Noun, error) {
	var n N
	if err := json.Unmarshal(it.Value, &n); err != nil {
		return nil, invalid("decode", string(it.Kind)+" "+it.ID, "%v", err)
	}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	if k := keyOf(n); k != it.Key {
		return nil, invalid("decode", string(it.Kind)+" "+it.ID, "the record inside calls itself %s %q", k.Kind, k.ID)
	}
	return n, nil
}

// Owner is the person an item belongs to, "" when it belongs to nobody (a door) or cannot be
// read. A change to the item is a change to that person.
func Owner(it Item) PersonID {
	switch it.Kind {
	case KindPerson:
		return PersonID(it.ID)
	case KindResidency, KindCredential, KindGrant, KindSettlement:
		var v struct {
			Person PersonID `json:"person"`
		}
		if json.Unmarshal(it.Value, &v) == nil {
			return v.Person
		}
	}
	return ""
}

// Same reports whether two items are the same bytes.
func (it Item) Same(o Item) bool { return it.Key == o.Key && bytes.Equal(it.Value, o.Value) }
