package serialport

import (
	"context"
	"errors"
	"strings"
)

// What can be wrong with a line; ask with errors.Is.
var (
	// ErrTimeout: nothing came, or did not go out, in time. The line may be in order.
	ErrTimeout = errors.New("timed out")
	// ErrUnplugged: the port or the device server is gone, or was never there.
	ErrUnplugged = errors.New("unplugged")
	// ErrBusy: another program holds the port.
	ErrBusy = errors.New("taken by another program")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("closed")
	// ErrAddress: the address cannot be understood.
	ErrAddress = errors.New("not an address of a line")
)

// Error says what could not be done with which line, why, and what to do about it.
type Error struct {
	Op     string // open, read, write, flush, close
	Line   string // the address or the device
	Kind   error  // one of the errors above; nil for anything else
	Cause  error  // what the system said; may be nil
	Remedy string // may be ""
}

// Error is one sentence, without the remedy.
func (e *Error) Error() string {
	parts := []string{e.Op + " " + e.Line}
	for _, err := range []error{e.Kind, e.Cause} {
		if err != nil {
			parts = append(parts, err.Error())
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives kind and cause.
func (e *Error) Unwrap() []error {
	var out []error
	for _, err := range []error{e.Kind, e.Cause} {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

// ended is the error of a context that ended: its deadline is a timeout, its cancellation is not.
func ended(ctx context.Context, op, line string) error {
	e := &Error{Op: op, Line: line, Cause: ctx.Err()}
	if errors.Is(e.Cause, context.DeadlineExceeded) {
		e.Kind = ErrTimeout
	}
	return e
}

const plugIn = "Check the cable and the adapter; gatehouse-agent device ports lists what is there."
