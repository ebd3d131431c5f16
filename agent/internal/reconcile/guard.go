package reconcile

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

// How long a call of a driver may take before it is cancelled, and how long it then has to return:
// the contract of driver.Panel says a second. Reading back a panel of twenty thousand takes a quarter
// of an hour at the slowest pace, and where a row cannot be looked up every call may read them all.
const (
	shortCall = 2 * time.Minute
	longCall  = 25 * time.Minute
	grace     = 10 * time.Second
)

// Why an instance of a driver was replaced.
const (
	WhyPanic = "panic"
	WhyStuck = "stuck"
)

// fallen is the end of a driver's instance: it panicked, or never came back.
type fallen struct {
	why string
	err error
}

func (f *fallen) Error() string { return f.err.Error() }
func (f *fallen) Unwrap() error { return f.err }

func isFallen(err error) bool {
	var f *fallen
	return errors.As(err, &f)
}

// outcome is what one call came to.
type outcome[T any] struct {
	v     T
	err   error
	stack []byte // of a panic
}

// flight is one call of a driver, in a goroutine of its own: neither a panic nor a call that never
// returns takes the loop along. The goroutine ends with the call.
type flight[T any] struct {
	ctx    context.Context
	cancel context.CancelFunc
	panel  driver.Panel
	done   chan outcome[T]
}

// launch begins a call; land must follow.
func launch[T any](ctx context.Context, l *Loop, limit time.Duration, f func(context.Context, driver.Panel) (T, error)) (*flight[T], error) {
	if err := l.open(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	fl := &flight[T]{ctx: ctx, cancel: cancel, panel: l.panel, done: make(chan outcome[T], 1)}
	l.promise(limit + grace + slack)
	go func() { fl.done <- contain(func() (T, error) { return f(ctx, fl.panel) }) }()
	return fl, nil
}

// contain turns a panic into an error.
func contain[T any](f func() (T, error)) (out outcome[T]) {
	defer func() {
		if p := recover(); p != nil {
			words := fmt.Sprintf("a %T", p) // which may hold anything
			if err, ok := p.(runtime.Error); ok {
				words = err.Error()
			}
			out.err, out.stack = errors.New("the driver panicked: "+words), debug.Stack()
		}
	}()
	out.v, out.err = f()
	return out
}

// land waits for the call, and gives it up when it does not return in time.
func land[T any](l *Loop, fl *flight[T]) (T, error) {
	defer fl.cancel()
	select {
	case out := <-fl.done:
		return landed(l, fl, out)
	case <-fl.ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case out := <-fl.done:
		return landed(l, fl, out)
	case <-late.C:
	}
	if l.cfg.Open == nil { // it cannot be cut off, so nothing else may be sent
		return landed(l, fl, <-fl.done)
	}
	var none T
	go func() { // let go of the device whenever the call comes back
		<-fl.done
		_ = contain(func() (T, error) { return none, fl.panel.Close() })
	}()
	err := &fallen{WhyStuck, fault.New(fault.Timeout, "call", "device "+string(l.cfg.Device.ID), "the driver did not return %s after it was told to; it was cut off and replaced", grace)}
	l.replace(err, nil)
	return none, err
}

func landed[T any](l *Loop, fl *flight[T], out outcome[T]) (T, error) {
	fl.cancel()
	if out.stack == nil {
		return out.v, out.err
	}
	err := &fallen{WhyPanic, fault.Wrap(fault.Internal, "call", "device "+string(l.cfg.Device.ID), out.err)}
	go contain(func() (T, error) { return out.v, fl.panel.Close() })
	l.replace(err, out.stack)
	return out.v, err
}

// call is one call of the driver that the loop does nothing beside.
func call[T any](ctx context.Context, l *Loop, limit time.Duration, f func(context.Context, driver.Panel) (T, error)) (T, error) {
	fl, err := launch(ctx, l, limit, f)
	if err != nil {
		var none T
		return none, err
	}
	return land(l, fl)
}

// do is call for what only succeeds or fails.
func (l *Loop) do(ctx context.Context, limit time.Duration, f func(context.Context, driver.Panel) error) error {
	_, err := call(ctx, l, limit, func(ctx context.Context, p driver.Panel) (struct{}, error) { return struct{}{}, f(ctx, p) })
	return err
}

// perRow is how long a call about one row may take.
func (l *Loop) perRow() time.Duration {
	if l.limits.Lookup {
		return shortCall
	}
	return longCall
}

// replace counts a fallen instance and cuts it off at once; its successor is asked anew what it is.
func (l *Loop) replace(why *fallen, stack []byte) {
	l.status.Lock()
	if why.why == WhyPanic {
		l.status.Panics++
	} else {
		l.status.Stuck++
	}
	l.status.Unlock()
	l.log.Error("a driver fell and is replaced", "why", why.why, "err", why.err, "stack", string(stack))
	if l.cfg.Open == nil {
		return
	}
	l.source.take(nil)
	l.panel = nil
	if err := l.open(); err != nil {
		l.log.Error("the driver cannot be made anew; tried again", "err", err, "remedy", fault.RemedyOf(err))
	}
}

// open makes the driver when there is none.
func (l *Loop) open() error {
	if l.panel != nil {
		return nil
	}
	out := contain(l.cfg.Open)
	if out.err != nil {
		return fault.Wrap(fault.Internal, "set up", "device "+string(l.cfg.Device.ID), out.err)
	}
	l.panel, l.probed = out.v, false
	l.doors.begin()
	l.source.take(out.v)
	return nil
}

// close lets go of the device.
func (l *Loop) close(ctx context.Context) {
	if l.panel == nil {
		return
	}
	p := l.panel
	l.source.take(nil)
	if err := l.do(ctx, shortCall, func(context.Context, driver.Panel) error { return p.Close() }); err != nil {
		l.log.Warn("closing the device", "err", err)
	}
	l.panel = nil
}
