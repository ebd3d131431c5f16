package protocol

import (
	"errors"
	"fmt"
)

// Reason says why a message was refused, as a word that counts in a metric.
type Reason string

// The reasons.
const (
	Oversized      Reason = "oversized"
	Malformed      Reason = "malformed"
	UnknownKey     Reason = "unknown_key"
	BadSignature   Reason = "bad_signature"
	WrongGateway   Reason = "wrong_gateway"
	WrongType      Reason = "wrong_type"
	WrongVersion   Reason = "wrong_version"
	WrongRecipient Reason = "wrong_recipient"
	Unsealable     Reason = "unsealable"
	ZipBomb        Reason = "zip_bomb"
	Stale          Reason = "stale"   // too long in transit
	Replay         Reason = "replay"  // a position already passed
	Foreign        Reason = "foreign" // another epoch
	Gap            Reason = "gap"     // a delta on a base that is not ours
	BadDigest      Reason = "bad_digest"
)

// Refusal is a message that was not acted on. Nothing changed because of it.
type Refusal struct {
	Reason Reason
	Err    error
}

// Error names the reason first.
func (r *Refusal) Error() string { return fmt.Sprintf("refused (%s): %v", r.Reason, r.Err) }

// Unwrap returns the detail.
func (r *Refusal) Unwrap() error { return r.Err }

// Refuse makes a refusal.
func Refuse(why Reason, format string, args ...any) error {
	return &Refusal{why, fmt.Errorf(format, args...)}
}

// ReasonOf is the reason in err, or Malformed when there is none.
func ReasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return Malformed
}
