package cloudlink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/protocol"
)

// helloLives is how many hellos in a row may stay unanswered before the connection is given up.
const helloLives = 3

// subscribeTries is how often a refused subscription is asked for again before the connection is given up: mochi
// v2.7.9 refuses one whose packet id equals that of a message it is just delivering.
const subscribeTries = 3

// outboxRetry is when an outbox that failed is asked again.
const outboxRetry = 30 * time.Second

// conversation is the sending side of one connection. It belongs to one goroutine.
type conversation struct {
	*Link
	s         session
	began     time.Time
	lastHello time.Time     // zero before the first
	patience  time.Duration // until a hello is repeated for want of an answer
	gap       time.Duration // the same when the cloud was heard meanwhile
	inventory uint64        // number of the last one sent
	told      bool          // an inventory was sent at all
	window    *window
	retry     time.Time // when to ask the outbox again after it failed; zero: at once
}

// converse says what a connection begins with and then whatever is due, until the connection or ctx ends.
func (l *Link) converse(ctx context.Context, s session, number uint64) error {
	if err := l.begin(ctx, s, number); err != nil {
		return err
	}
	l.setConnected()
	c := &conversation{Link: l, s: s, began: l.deps.Now(), window: newWindow(l.cfg.Limits.Receipt, l.limits.Load().Hello)}
	for {
		next, err := c.step(ctx)
		if err != nil {
			return err
		}
		if err := c.wait(ctx, next); err != nil {
			return err
		}
	}
}

// begin subscribes, and only then says that the gateway is online: one that hears nothing is not.
func (l *Link) begin(ctx context.Context, s session, number uint64) error {
	for try := 1; ; try++ {
		err := s.subscribe(ctx, protocol.AllDown(l.cfg.Gateway))
		if err == nil {
			break
		}
		if !errors.Is(err, errDenied) || try == subscribeTries || !pause(ctx, 100*time.Millisecond) {
			return err
		}
	}
	return s.publish(ctx, protocol.StatusTopic(l.cfg.Gateway), true, l.statusBody(number, true))
}

// wait returns when something may be due.
func (c *conversation) wait(ctx context.Context, next time.Time) error {
	timer := time.NewTimer(next.Sub(c.deps.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.s.lost():
		return c.s.err()
	case <-timer.C:
	case <-c.nudge:
	case <-c.deps.Outbox.Wake():
		c.retry = time.Time{}
	case <-c.deps.Inventory.Changed():
	}
	return nil
}

// step sends all that is due, what others wait for first, and says when the next is.
func (c *conversation) step(ctx context.Context) (time.Time, error) {
	c.confirm()
	if err := c.silent(); err != nil {
		return time.Time{}, err
	}
	for _, send := range []func(context.Context) error{c.hello, c.ack, c.replies, c.devices, c.events} {
		if err := send(ctx); err != nil {
			return time.Time{}, err
		}
	}
	next := c.helloDue()
	if at := c.silentAt(); at.Before(next) {
		next = at
	}
	if at, ok := c.window.due(); ok && at.Before(next) {
		next = at
	}
	if !c.retry.IsZero() && c.retry.Before(next) {
		next = c.retry
	}
	return next, nil
}

// confirm passes a receipt on to the outbox.
func (c *conversation) confirm() {
	c.mu.Lock()
	through, has := c.todo.confirm, c.todo.known
	c.todo.confirm, c.todo.known = 0, nil
	c.mu.Unlock()
	if through > 0 {
		if err := c.deps.Outbox.Confirm(through); err != nil {
			// The events stay and are sent again, and the cloud receipts them again.
			c.log.Error("a receipt was not stored", "through", through, "error", err)
			return
		}
		c.window.receipt(through)
	}
	if has != nil {
		c.window.missed(has.through, has.asked)
	}
}

// helloDue is when the next hello leaves: at its interval; sooner when the last one is not answered, since the cloud
// may have come back to the broker after it, and soon when it was heard to be there; or as soon as the limit on urgent
// ones lets it.
func (c *conversation) helloDue() time.Time {
	if c.lastHello.IsZero() {
		return c.began
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	due := c.lastHello.Add(c.limits.Load().Hello)
	if again := c.lastHello.Add(c.patience); c.todo.answered.Before(c.lastHello) && again.Before(due) {
		due = again
	}
	if soon := c.lastHello.Add(c.todo.gap); (c.todo.hello || c.todo.greet) && soon.Before(due) {
		due = soon
	}
	if again := c.todo.failed.Add(c.todo.wait); !c.todo.failed.IsZero() && again.Before(due) {
		due = again
	}
	if soon := later(c.todo.spoke, c.lastHello.Add(c.gap)); !c.todo.spoke.IsZero() && c.todo.answered.Before(c.lastHello) && soon.Before(due) {
		due = soon
	}
	return due
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// hello says where the gateway stands, which makes the cloud send what is missing.
func (c *conversation) hello(ctx context.Context) error {
	now := c.deps.Now()
	if now.Before(c.helloDue()) {
		return nil
	}
	c.mu.Lock()
	if c.todo.hello || c.todo.greet {
		c.todo.gap = min(2*c.todo.gap, c.limits.Load().Hello)
	}
	c.todo.hello, c.todo.greet, c.todo.failed = false, false, time.Time{}
	foreign := c.todo.foreign
	c.patience = 2 * c.patience
	if !c.todo.spoke.IsZero() {
		c.gap = min(2*c.gap, c.cfg.Limits.Receipt)
	}
	if c.lastHello.IsZero() || !c.todo.answered.Before(c.lastHello) {
		c.patience, c.gap = c.cfg.Limits.Receipt, c.cfg.Limits.Urgent
	}
	c.todo.spoke, c.todo.asked = time.Time{}, now
	c.mu.Unlock()
	pos, digest := c.standing()
	at, _ := c.deps.Clock.Now()
	trusted, source := c.deps.Clock.Health()
	c.lastHello = now
	h := protocol.Hello{
		Protocol: protocol.Version, Software: c.cfg.Software, Epoch: pos.Epoch, Revision: pos.Revision, Digest: digest,
		Boot: c.cfg.Boot, Nonce: c.nonces.issue(now), Waiting: c.waiting(),
		Clock: protocol.Clock{Trusted: trusted, Source: source, Now: at}, Foreign: foreign,
	}
	c.deps.Hello(&h)
	return c.send(ctx, protocol.TypeHello, h)
}

// silentAt is when the cloud's silence becomes too long.
func (c *conversation) silentAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := c.todo.answered
	for _, other := range []time.Time{c.began, c.todo.paced} { // before either, other intervals held
		if heard.Before(other) {
			heard = other
		}
	}
	return heard.Add(helloLives * c.limits.Load().Hello)
}

// silent gives up a connection on which the cloud has not answered for several intervals: it may lead nowhere.
func (c *conversation) silent() error {
	if c.deps.Now().Before(c.silentAt()) {
		return nil
	}
	return fmt.Errorf("the broker is there but the cloud has not answered for %s: starting over", helloLives*c.limits.Load().Hello)
}

// waiting is how many events the cloud does not have yet.
func (c *conversation) waiting() uint64 {
	first, _, raw, _, err := c.deps.Outbox.Pending(0, 1)
	if err != nil || len(raw) == 0 {
		return 0 // a failure is logged where events are sent
	}
	return c.deps.Outbox.Last() - first + 1
}

// ack says what is stored now. One may stand for several revisions.
func (c *conversation) ack(ctx context.Context) error {
	c.mu.Lock()
	due := c.todo.ack
	c.todo.ack = false
	c.mu.Unlock()
	if !due {
		return nil
	}
	pos, digest := c.standing()
	at, _ := c.deps.Clock.Now()
	err := c.send(ctx, protocol.TypeAck, protocol.Ack{Position: pos, Digest: digest, At: at})
	if err != nil {
		c.want(func(t *todo) { t.ack = true }) // for the next connection
	}
	return err
}

// replies sends what commands came to, oldest first.
func (c *conversation) replies(ctx context.Context) error {
	for {
		c.mu.Lock()
		var r protocol.Reply
		n := len(c.todo.replies)
		if n > 0 {
			r, c.todo.replies = c.todo.replies[0], c.todo.replies[1:]
		}
		c.mu.Unlock()
		if n == 0 {
			return nil
		}
		if err := c.send(ctx, protocol.TypeReply, r); err != nil {
			c.want(func(t *todo) { t.replies = append([]protocol.Reply{r}, t.replies...) }) // for the next connection
			return err
		}
	}
}

// devices sends the inventory on every connection and after every change.
func (c *conversation) devices(ctx context.Context) error {
	number, devices := c.deps.Inventory.Devices()
	if c.told && number == c.inventory {
		return nil
	}
	c.told, c.inventory = true, number
	return c.send(ctx, protocol.TypeInventory, protocol.Inventory{Number: number, Devices: devices})
}

// events sends batches while the window has room.
func (c *conversation) events(ctx context.Context) error {
	now := c.deps.Now()
	c.window.overdue(now)
	if now.Before(c.retry) {
		return nil
	}
	c.retry = time.Time{}
	for c.window.room() {
		first, prev, raw, check, err := c.deps.Outbox.Pending(c.window.next, batchBytes)
		if err != nil {
			c.log.Error("the outbox cannot be read", "after", c.window.next, "error", err)
			c.retry = now.Add(outboxRetry)
			return nil
		}
		if len(raw) == 0 {
			return nil
		}
		e := protocol.Events{First: first, Prev: prev, Raw: make([]json.RawMessage, len(raw)), Checkpoint: check}
		for i, r := range raw {
			e.Raw[i] = r
		}
		if err := c.send(ctx, protocol.TypeEvent, e); err != nil {
			return err
		}
		c.window.left(first+uint64(len(raw))-1, c.deps.Now())
	}
	return nil
}

// send signs a body and gives it to the broker. One that cannot be made is a defect: it is logged and left out, since
// a new connection would not help.
func (c *conversation) send(ctx context.Context, typ protocol.Type, body any) error {
	at, _ := c.deps.Clock.Now()
	msg, err := protocol.SignUp(protocol.Header{Type: typ, Gateway: c.cfg.Gateway, Issued: at}, body, c.keys.Load().Signing)
	if err != nil {
		c.log.Error("a message cannot be made", "type", typ, "error", err)
		return nil
	}
	if err := c.s.publish(ctx, protocol.UpTopic(c.cfg.Gateway, typ), false, msg); err != nil {
		return fmt.Errorf("send %s: %w", typ, err)
	}
	c.metrics.messages.WithLabelValues("out", string(typ)).Inc()
	return nil
}
