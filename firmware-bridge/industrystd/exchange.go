package industrystd

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// exchange is one job on its way over a link.
type exchange struct {
	s      *Session
	link   Link
	job    Job
	timing Timing

	rx      Receiver
	waiting []byte    // read from the link, not yet fed to rx
	begun   time.Time // of the frame under way
	strange int       // bytes of units so far, wanted or not
	record  Transcript
}

// stopped is why an exchange cannot go on.
type stopped struct {
	cause Cause
	err   error // what lies behind it, if anything
}

func (s stopped) Error() string { return string(s.cause) }

func (s stopped) Unwrap() error { return s.err }

// clear throws away what lies on the line from earlier, until nothing comes for a moment.
func (x *exchange) clear(ctx context.Context) error {
	rest := make([]byte, 256)
	for until := time.Now().Add(x.timing.Control); time.Now().Before(until) && x.rx.dropped < maxNoise; {
		n, err := x.pull(ctx, x.timing.Quiet, rest)
		x.rx.dropped += n
		if stop := (stopped{}); errors.As(err, &stop) && stop.cause == Silent {
			return nil
		} else if err != nil {
			return err
		}
	}
	return stopped{cause: Noisy}
}

// awaitReady asks until the peer is ready, a few times.
func (x *exchange) awaitReady(ctx context.Context) error {
	for try := range enqTries {
		if try > 0 {
			if err := pause(ctx, x.timing.Poll); err != nil {
				return err
			}
		}
		if ready, err := x.enquire(ctx); ready || err != nil {
			return err
		}
	}
	return stopped{cause: Busy}
}

// enquire sends ENQ; false means busy. Only one is under way at a time, or a late ACK to it would pass for one to a frame.
func (x *exchange) enquire(ctx context.Context) (ready bool, err error) {
	if err := x.send(ctx, []byte{ENQ}); err != nil {
		return false, err
	}
	until := time.Now().Add(x.timing.Control)
	for {
		u, err := x.next(ctx, until)
		if err != nil {
			return false, err
		}
		if !u.IsFrame() && (u[0] == ACK || u[0] == NAK) {
			return u[0] == ACK, nil
		}
	}
}

// send writes and records.
func (x *exchange) send(ctx context.Context, p []byte) error {
	x.record.Entries = append(x.record.Entries, Entry{Sent: true, Bytes: p})
	patience, cancel := context.WithTimeout(ctx, x.timing.Write)
	defer cancel()
	return whyStopped(ctx, patience, x.link.Write(patience, p))
}

// next waits for a control byte or a frame until a moment; a frame that has begun by then may be finished.
func (x *exchange) next(ctx context.Context, until time.Time) (Unit, error) {
	for {
		if u, ok := x.feed(); ok {
			x.record.Entries = append(x.record.Entries, Entry{Bytes: u})
			x.strange += len(u)
			return u, nil
		}
		if x.rx.Dropped()+x.strange > maxNoise {
			return nil, stopped{cause: Noisy}
		}
		wait := time.Until(until)
		if x.rx.InFrame() {
			wait = min(x.timing.Control, time.Until(x.begun.Add(x.timing.Frame)))
		}
		if err := x.fill(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// fill waits for more bytes. A frame that stops half-way is dropped, and the wait for a whole one goes on.
func (x *exchange) fill(ctx context.Context, wait time.Duration) error {
	some := make([]byte, 256)
	n, err := x.pull(ctx, wait, some)
	x.waiting = some[:n]
	if stop := (stopped{}); x.rx.InFrame() && errors.As(err, &stop) && stop.cause == Silent {
		x.rx.Abandon()
		return nil
	}
	return err
}

// pull reads what there is, waiting for it at most wait.
func (x *exchange) pull(ctx context.Context, wait time.Duration, p []byte) (int, error) {
	patience, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for range 100 {
		n, err := x.link.Read(patience, p)
		if n > 0 {
			return n, nil // an error comes again with the next read
		}
		if err != nil {
			return 0, whyStopped(ctx, patience, err)
		}
	}
	return 0, stopped{HungUp, io.ErrNoProgress}
}

// whyStopped tells the end of the caller's context from our own patience, and both from a line that is gone.
func whyStopped(ctx, patience context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return stopped{Cancelled, ctx.Err()}
	case patience.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return stopped{Silent, err}
	}
	return stopped{HungUp, err}
}

// pause waits between two ENQ.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return stopped{Cancelled, ctx.Err()}
	case <-time.After(d):
		return nil
	}
}

// feed hands waiting bytes to the receiver up to the end of a unit.
func (x *exchange) feed() (Unit, bool) {
	for len(x.waiting) > 0 {
		b := x.waiting[0]
		x.waiting = x.waiting[1:]
		before := x.rx.InFrame()
		u, ok := x.rx.Feed(b)
		if ok {
			return u, true
		}
		if !before && x.rx.InFrame() {
			x.begun = time.Now()
		}
	}
	return nil, false
}
