// Package fault gives every error of the house a kind, because the kind decides what happens
// next: try again, ask a person, or give up. It stands beside the nouns so that drivers, stores
// and both programs share one short list. It imports nothing of the house; everybody may import it.
package fault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Kind says what sort of thing went wrong. The zero Kind is Internal.
type Kind int

// The kinds, and what a caller does on meeting one.
const (
	Internal    Kind = iota // a defect of ours: report it, do not repeat it at once
	Unreachable             // no connection: try again later
	Timeout                 // sent, no answer in time: the outcome may be unknown, read before repeating
	Denied                  // credentials or rights refused: a person must mend it
	Full                    // no room on the other side: a person must make room
	Unsupported             // this device or peer cannot do it, ever
	Conflict                // it clashes with something that is already there
	Invalid                 // the input cannot be right: repeating it cannot help
)

var names = [...]string{"internal", "unreachable", "timeout", "denied", "full", "unsupported", "conflict", "invalid"}

// String is the kind's name as it stands in JSON, metrics and events.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return names[Internal]
	}
	return names[k]
}

// LogValue makes logs show the name.
func (k Kind) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Parse is the inverse of String; an unknown name is Internal.
func Parse(name string) Kind {
	for i, n := range names {
		if n == name {
			return Kind(i)
		}
	}
	return Internal
}

// Error is a fault: what was being done, to what, of which kind, and what a person can do about it.
type Error struct {
	Kind    Kind
	Op      string // what was being done, "read users"
	Subject string // to what, "panel lobby-1"; may be empty
	Remedy  string // what a person can do; may be empty
	Err     error  // the cause; may be nil
}

// Error gives one line without the remedy, which callers show beside it.
func (e *Error) Error() string {
	s := e.Op
	if e.Subject != "" {
		s += " " + e.Subject
	}
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return s + ": " + e.Kind.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a fault of a kind with a formatted cause.
func New(k Kind, op, subject, format string, args ...any) *Error {
	return &Error{Kind: k, Op: op, Subject: subject, Err: fmt.Errorf(format, args...)}
}

// Wrap gives err an operation, a subject and a kind. A nil err stays nil. A cause that already
// has a kind keeps it: whoever saw the failure first knew best.
func Wrap(k Kind, op, subject string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		k = known.Kind
	}
	return &Error{Kind: k, Op: op, Subject: subject, Err: err}
}

// All is one error of everything that is wrong, each on a line with its own remedy; nil without any,
// and a single one as it is. It has the kind of the first.
func All(op, subject string, errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	if len(errs) == 1 {
		return errs[0]
	}
	var lines []string
	for _, err := range errs {
		line := err.Error()
		if r := RemedyOf(err); r != "" {
			line += " (" + strings.TrimSuffix(r, ".") + ")"
		}
		lines = append(lines, line)
	}
	return New(KindOf(errs[0]), op, subject, "%s", strings.Join(lines, "\n"))
}

// WithRemedy returns e with words about what a person can do.
func (e *Error) WithRemedy(format string, args ...any) *Error {
	c := *e
	c.Remedy = fmt.Sprintf(format, args...)
	return &c
}

// KindOf is the kind of the outermost fault in err; a context that ran out is Timeout, anything
// else is Internal.
func KindOf(err error) Kind {
	var f *Error
	switch {
	case errors.As(err, &f):
		return f.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	default:
		return Internal
	}
}

// RemedyOf is the first remedy found in err, or "".
func RemedyOf(err error) string {
	for err != nil {
		var f *Error
		if !errors.As(err, &f) {
			return ""
		}
		if f.Remedy != "" {
			return f.Remedy
		}
		err = f.Err
	}
	return ""
}

// Retry says whether the same request may succeed later without anyone changing anything.
func Retry(k Kind) bool {
	return k == Unreachable || k == Timeout || k == Internal
}
