package industrystd

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// Timing is how long things may take; zero fields take the defaults.
type Timing struct {
	Quiet   time.Duration // silence that ends the clearing of the line before a job; 50 ms
	Write   time.Duration // to hand a frame to the line; 10 s (§1.2) [T]
	Control time.Duration // for ACK or NAK, and between two bytes of a frame; 2 s (§1.2) [T]
	Answer  time.Duration // from ACK to the answer's first byte, for each card: people fetch cards; 60 s (§1.2) [T]
	Frame   time.Duration // for the whole of a frame once it began; 10 s
	Poll    time.Duration // between two ENQ to a busy peer; 200 ms (§1.2) [T]
}

// Counts of §1.2 [T] and bounds of our own.
const (
	frameTries = 3        // how often a frame that was answered with NAK goes out in all
	enqTries   = 3        // ENQ to a busy peer before each of them
	maxNoise   = 64 << 10 // bytes of noise and strange frames in one job
)

// Session speaks one dialect. It holds no state between jobs and may serve several links at once, each with one job
// at a time. After an unknown outcome open the link anew where that is possible: a late answer must not meet the next job.
type Session struct {
	Dialect Dialect
	Timing  Timing

	// Sending is called once, before a job's frame first leaves: whoever must survive a crash writes it down here.
	// An error keeps the frame from leaving. May be nil.
	Sending func(frame []byte) error
	// Accepted is called when the peer has accepted the frame and the wait for its answer begins. May be nil.
	Accepted func()
}

func (t Timing) withDefaults() Timing {
	return Timing{
		Quiet: cmp.Or(t.Quiet, 50*time.Millisecond), Write: cmp.Or(t.Write, 10*time.Second), Control: cmp.Or(t.Control, 2*time.Second),
		Answer: cmp.Or(t.Answer, time.Minute), Frame: cmp.Or(t.Frame, 10*time.Second), Poll: cmp.Or(t.Poll, 200*time.Millisecond),
	}
}

// Do checks j, sends it over link and waits for the answer: ENQ until the peer is ready, the frame, again at most twice when
// it is answered with NAK, then the answer, which is not acknowledged (§1.2). It never sends a frame again that the peer
// may have accepted. When ctx ends, Do returns at once; the outcome is then unknown if the frame was out.
func (s *Session) Do(ctx context.Context, link Link, j Job) Result {
	x := &exchange{s: s, link: link, job: j, timing: s.Timing.withDefaults()}
	if j.Command == Status {
		return x.finish(x.status(ctx))
	}
	m, err := Build(s.Dialect, j)
	if err != nil {
		return Result{Outcome: Refused, Cause: Limit, Message: fmt.Sprintf("%s was not sent: %v", j.Command, err), Err: err}
	}
	return x.finish(x.do(ctx, m))
}

// finish adds the record.
func (x *exchange) finish(r Result) Result {
	r.Record = x.record
	r.Record.Dropped = x.rx.Dropped()
	return r
}

// status asks once whether the peer is ready.
func (x *exchange) status(ctx context.Context) Result {
	if _, err := ParseDialect(string(x.s.Dialect)); err != nil {
		return Result{Outcome: Refused, Cause: Limit, Message: err.Error(), Err: err}
	}
	if err := x.clear(ctx); err != nil {
		return x.unsent(err)
	}
	ready, err := x.enquire(ctx)
	switch {
	case err != nil:
		return x.unsent(err)
	case !ready:
		return x.unsent(stopped{cause: Busy})
	}
	return Result{Outcome: Done}
}

// do carries a message through the handshake.
func (x *exchange) do(ctx context.Context, m Message) Result {
	frame, err := Encode(m)
	if err != nil { // Build has refused it already
		return Result{Outcome: Refused, Cause: Limit, Message: err.Error(), Err: err}
	}
	if err := x.clear(ctx); err != nil {
		return x.unsent(err)
	}
	for try := range frameTries {
		if err := x.awaitReady(ctx); err != nil {
			return x.unsent(err)
		}
		if try == 0 && x.s.Sending != nil {
			if err := x.s.Sending(frame); err != nil {
				return x.unsent(stopped{Held, err})
			}
		}
		if r, again := x.offer(ctx, frame); !again {
			return r
		}
	}
	return x.unsent(stopped{cause: NotTaken})
}

// offer sends the frame once. From here on only a NAK proves that it was not accepted; then again is true.
func (x *exchange) offer(ctx context.Context, frame []byte) (r Result, again bool) {
	if err := x.send(ctx, frame); err != nil {
		return x.unsure(err), false
	}
	until := time.Now().Add(x.timing.Control)
	for {
		u, err := x.next(ctx, until)
		switch {
		case err != nil:
			return x.unsure(err), false
		case u.IsFrame(): // the ACK got lost: since ENQ was answered, a frame that fits is ours
			if r, ours := x.read(u); ours {
				return r, false
			}
		case u[0] == NAK:
			return Result{}, true
		case u[0] == ACK:
			if x.s.Accepted != nil {
				x.s.Accepted()
			}
			return x.answer(ctx), false
		}
	}
}

// answer waits for a frame that answers the job; stray bytes and the answers to other things do not extend the wait.
func (x *exchange) answer(ctx context.Context) Result {
	until := time.Now().Add(x.timing.Answer * time.Duration(max(x.job.Keys, 1)))
	for {
		u, err := x.next(ctx, until)
		if err != nil {
			return x.unsure(err)
		}
		if !u.IsFrame() {
			continue
		}
		if r, ours := x.read(u); ours {
			return r
		}
	}
}
