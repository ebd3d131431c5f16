package serialport

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// line is an open port of the system, as port needs it.
type line interface {
	// Read waits for up to Tick. (0, io.EOF) means that nothing came, or that the port is gone: only
	// the time it took tells the two apart (encoders.md §8).
	Read(p []byte) (int, error)
	// Write returns when p has left the system, or when ctx ends with ctx's error.
	Write(ctx context.Context, p []byte) error
	Flush() error
	// Present says whether the name the port was opened by still means this port; ErrUnplugged if not.
	Present() error
	Close() error
}

// port is a Link over a serial port.
type port struct {
	address Address
	opts    Options
	line    line

	writing sync.Mutex // one frame at a time
	fate    fate
	shut    atomic.Bool // line.Close was called
}

var _ Link = (*port)(nil)

func newPort(a Address, l line, o Options) *port {
	return &port{address: a, opts: o.filled(), line: l, fate: fate{line: a.name()}}
}

// early is how many reads that return at once without a byte mean a port that is gone.
const early = 3

// Read is described at Link.
func (p *port) Read(ctx context.Context, b []byte) (int, error) {
	n, err := p.read(ctx, b)
	p.opts.Counters.read(n, err)
	return n, err
}

func (p *port) read(ctx context.Context, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for quick := 0; ; {
		if err := p.fate.usable(ctx, "read"); err != nil {
			return 0, err
		}
		began := time.Now()
		n, err := p.line.Read(b)
		if n > 0 {
			p.fate.heard.Store(true)
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, p.fail("read", err)
		}
		quick++
		if time.Since(began) >= Tick/2 {
			quick = 0
			p.opts.Counters.Idle.Add(1)
		}
		if quick >= early {
			return 0, p.fail("read", errHungUp)
		}
		if err := p.line.Present(); err != nil {
			return 0, p.fail("read", err)
		}
	}
}

var errHungUp = &Error{Kind: ErrUnplugged, Cause: errors.New("the port returns at once with nothing, as one does whose plug was pulled")}

// Write is described at Link.
func (p *port) Write(ctx context.Context, b []byte) error {
	err := p.write(ctx, b)
	p.opts.Counters.wrote(len(b), err)
	return err
}

func (p *port) write(ctx context.Context, b []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := p.fate.usable(ctx, "write"); err != nil {
		return err
	}
	if len(b) > Longest {
		return &Error{Op: "write", Line: p.address.name(), Cause: errTooLong}
	}
	ctx, cancel := context.WithTimeout(ctx, p.opts.WriteTimeout+p.address.SendTime(len(b)))
	defer cancel()
	switch err := p.line.Write(ctx, b); {
	case err == nil:
		return nil
	case ctx.Err() != nil && !errors.Is(err, ErrUnplugged):
		return p.fail("write", ended(ctx, "write", p.address.name()))
	default:
		return p.fail("write", err)
	}
}

var errTooLong = errors.New("more bytes than one frame has")

// Flush is described at Link.
func (p *port) Flush() error {
	if err := p.fate.broken("flush"); err != nil {
		return err
	}
	if err := p.line.Flush(); err != nil {
		return p.fail("flush", err)
	}
	return nil
}

// Close is described at Link.
func (p *port) Close() error {
	p.fate.close()
	return p.shutDown()
}

// shutDown closes the line once. The system may not let go of a broken adapter for a long time; the
// goroutine that waits for it then ends when it does.
func (p *port) shutDown() error {
	if p.shut.Swap(true) {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- p.line.Close() }()
	limit := time.NewTimer(CloseLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		return &Error{Op: "close", Line: p.address.name(), Kind: ErrTimeout, Remedy: "The adapter's driver hangs: plug it out and in."}
	}
}

// fail ends the line and lets go of the port: a number that stays taken would keep the system from
// giving it to the adapter when it is plugged in again.
func (p *port) fail(op string, err error) error {
	err, first := p.fate.end(op, err)
	if first {
		if errors.Is(err, ErrUnplugged) {
			p.opts.Counters.Unplugged.Add(1)
		}
		_ = p.shutDown() // the first error is the news
	}
	return err
}

func (p *port) proven() bool { return p.fate.proven() }
