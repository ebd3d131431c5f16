package serialport

import (
	"context"
	"time"
)

// Link is one open line. Once a call fails with anything but a silence while reading, the line is
// spent: every later call gives the same error, and only Close is left to do. One goroutine may
// read while another writes; any may close.
type Link interface {
	// Read waits for at least one byte and gives what there is. ErrTimeout when ctx reaches its
	// deadline first, ctx's own error when it is cancelled; both can be up to Tick late on a serial
	// port, lose no byte and leave the line usable.
	Read(ctx context.Context, p []byte) (int, error)
	// Write gives p to the line and returns once it has left, so that a wait for the answer can begin:
	// at 300 baud a frame takes seconds. ErrTimeout when ctx or Options.WriteTimeout ends first;
	// part of p may have gone out then, and the line is spent.
	Write(ctx context.Context, p []byte) error
	// Flush drops what has come in and was not read. What goes out is not touched.
	Flush() error
	// Close returns within CloseLimit, whatever the line does, and wakes who reads or writes; they
	// get ErrClosed. What has not left yet is dropped. Closing again does nothing.
	Close() error
}

const (
	// Tick is how often a reader of a serial port looks up: the shortest wait tarm/serial knows.
	Tick = 100 * time.Millisecond
	// CloseLimit is how long Close waits for a device whose driver does not let go.
	CloseLimit = 2 * time.Second

	// Longest is the most that one Write takes: lines of encoders carry frames of at most 1 KiB.
	Longest = 4 << 10
)

// Options of a line; the zero value is good.
type Options struct {
	// WriteTimeout is how much longer than the line's speed needs one Write may take; 0: 5 s.
	WriteTimeout time.Duration
	// DialTimeout bounds connecting to a device server; 0: 10 s.
	DialTimeout time.Duration
	// Counters, when given, count what happens. Several lines may share them.
	Counters *Counters
}

func (o Options) filled() Options {
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 5 * time.Second
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.Counters == nil {
		o.Counters = &Counters{}
	}
	return o
}

// Open opens the line at a. ErrBusy when another program holds the port, ErrUnplugged when nothing
// is there: no such device, no hardware behind it, or nobody who answers at the address.
func Open(ctx context.Context, a Address, o Options) (Link, error) {
	o = o.filled()
	l, err := open(ctx, a, o)
	o.Counters.opened(err)
	return l, err
}

func open(ctx context.Context, a Address, o Options) (Link, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, ended(ctx, "open", a.name())
	}
	if a.Host != "" {
		return dial(ctx, a, o)
	}
	l, err := openLine(a)
	if err != nil {
		return nil, err
	}
	return newPort(a, l, o), nil
}
