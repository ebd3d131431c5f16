package serialport

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// fate is how a line ended, and what every further call on it says of that.
type fate struct {
	line  string
	heard atomic.Bool // something came in

	mu    sync.Mutex
	spent *Error // nil while the line is good
}

// usable gives the error for a call that cannot begin.
func (f *fate) usable(ctx context.Context, op string) error {
	if err := f.broken(op); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ended(ctx, op, f.line)
	}
	return nil
}

func (f *fate) broken(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spent == nil {
		return nil
	}
	e := *f.spent
	e.Op = op
	return &e
}

// end makes err the fate of the line, unless it has one; Close may have come first. It gives the
// error for op, and whether it was the first.
func (f *fate) end(op string, err error) (error, bool) {
	e := &Error{Op: op, Line: f.line, Cause: err}
	var known *Error
	if errors.As(err, &known) {
		e.Kind, e.Cause, e.Remedy = known.Kind, known.Cause, known.Remedy
	}
	if errors.Is(e.Kind, ErrUnplugged) && e.Remedy == "" {
		e.Remedy = plugIn
	}
	f.mu.Lock()
	first := f.spent == nil
	if first {
		f.spent = e
	}
	f.mu.Unlock()
	return f.broken(op), first
}

// close makes ErrClosed the fate of the line, whatever it was.
func (f *fate) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spent = &Error{Line: f.line, Kind: ErrClosed}
}

// proven says that something has come in since the line was opened.
func (f *fate) proven() bool { return f.heard.Load() }
