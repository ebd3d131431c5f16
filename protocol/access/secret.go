package access

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"unique"
)

// Redacted is what a secret prints as, everywhere.
const Redacted = "(redacted)"

// Secret is a value that opens doors: a PIN or a card number. It prints, logs and marshals
// redacted, so that no log line, page or dump can leak one by accident; Reveal is the one way
// to the clear text, and Encode the one place that puts it on the (sealed) wire.
// The zero Secret is "none".
//
// The clear text stands behind a handle: fmt ignores methods where a Secret is in an unexported
// field of somebody else's struct, and then meets an address instead of digits. Secrets compare
// with == like strings.
type Secret struct{ clear unique.Handle[string] }

// NewSecret wraps clear text.
func NewSecret(clear string) Secret {
	if clear == "" {
		return Secret{}
	}
	return Secret{unique.Make(clear)}
}

// Reveal returns the clear text. Call it only where the value goes to a device, a sealed store
// or a sealed message.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.clear.Value()
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// String is redacted.
func (s Secret) String() string { return Redacted }

// GoString is redacted.
func (s Secret) GoString() string { return Redacted }

// Format is redacted for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// LogValue is redacted.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON is redacted.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(Redacted) }

// UnmarshalJSON reads clear text, as it stands in a sealed message. What MarshalJSON wrote is no
// secret any more and is refused, or it would come to stand on a panel as somebody's PIN.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var clear string
	if err := json.Unmarshal(b, &clear); err != nil {
		return invalid("read", "secret", "want a string") // the cause would quote what it found
	}
	if clear == Redacted {
		return invalid("read", "secret", "it was redacted")
	}
	*s = NewSecret(clear)
	return nil
}

// Equal compares clear texts; it is not constant-time and must not face an attacker.
func (s Secret) Equal(o Secret) bool { return s == o }
