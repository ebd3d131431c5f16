package serialport

import (
	"context"
	"time"
)

// until lets ctx end a call that knows deadlines only: when ctx ends, the deadline becomes one that
// has passed. The returned function is called after the call and waits until that can happen no more.
func until(ctx context.Context, set func(time.Time) error) (release func()) {
	_ = set(time.Time{}) // a descriptor without deadlines gives its error to the call itself
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = set(time.Unix(1, 0)) // closed meanwhile: then the call has ended too
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// drain waits until queued says that no byte is still to be sent, asking about as often as the line's
// speed makes sense. tcdrain would do the same, but nothing interrupts it.
func drain(ctx context.Context, a Address, queued func() (int, error)) error {
	for {
		n, err := queued()
		if n == 0 || err != nil {
			return err
		}
		wait := time.NewTimer(min(max(a.SendTime(n), time.Millisecond), Tick))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}
