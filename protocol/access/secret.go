package access

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Redacted is what a secret prints as, everywhere.
const Redacted = "(redacted)"

// Secret is a value that opens doors: a PIN or a card number. It prints, logs and marshals
// redacted, so that no log line, page or dump can leak one by accident; Reveal is the one way
// to the clear text, and Encode the one place that puts it on the (sealed) wire.
// The zero Secret is "none".
type Secret struct{ clear string }

// NewSecret wraps clear text.
func NewSecret(clear string) Secret { return Secret{clear} }

// Reveal returns the clear text. Call it only where the value goes to a device, a sealed store
// or a sealed message.
func (s Secret) Reveal() string { return s.clear }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.clear == "" }

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

// UnmarshalJSON reads clear text, as it stands in a sealed message.
func (s *Secret) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.clear) }

// Equal compares clear texts; it is not constant-time and must not face an attacker.
func (s Secret) Equal(o Secret) bool { return s.clear == o.clear }
