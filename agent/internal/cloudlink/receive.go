package cloudlink

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// receive is the MQTT handler. The broker is told that the message was taken when it returns, so what must last is
// on disk by then. It sends nothing and waits for nobody but the store. A redelivered message changes nothing. Two
// may run at once only while a connection that was thrown away still has one in the store.
func (l *Link) receive(topic string, payload []byte) {
	defer func() {
		if p := recover(); p != nil { // a link that died of one message would die of it again after every restart
			l.refused.add(topic, protocol.Refuse(panicked, "%v", p))
		}
	}()
	if err := l.take(topic, payload); err != nil {
		l.missing(l.refused.add(topic, err), topic, err)
	}
}

// take verifies a message and passes it on.
func (l *Link) take(topic string, payload []byte) error {
	name, ok := strings.CutPrefix(topic, protocol.DownTopic(l.cfg.Gateway, ""))
	if !ok {
		l.metrics.messages.WithLabelValues("in", "other").Inc()
		return protocol.Refuse(unknownTopic, "topic %q", topic)
	}
	typ := protocol.Type(name)
	switch typ {
	case protocol.TypeState, protocol.TypeReceipt, protocol.TypeCommand:
	default:
		l.metrics.messages.WithLabelValues("in", "other").Inc()
		return protocol.Refuse(unknownType, "type %q", name)
	}
	l.metrics.messages.WithLabelValues("in", name).Inc()
	h, body, err := l.opener().Open(payload)
	if err != nil {
		return err
	}
	if h.Type != typ {
		return protocol.Refuse(protocol.WrongType, "a %q on the topic of %q", h.Type, typ)
	}
	switch typ {
	case protocol.TypeState:
		return pass(l, h, body, func(s protocol.State) string { return s.Nonce }, l.state)
	case protocol.TypeReceipt:
		return pass(l, h, body, func(r protocol.Receipt) string { return r.Nonce }, l.receipt)
	default:
		return pass(l, h, body, func(protocol.Command) string { return "" }, l.command)
	}
}

func pass[T any](l *Link, h protocol.Header, body []byte, nonce func(T) string, to func(protocol.Header, T, bool) error) error {
	v, err := protocol.Decode[T](body)
	if err != nil {
		return err
	}
	answer, err := l.judge(h, nonce(v))
	if err != nil {
		return err
	}
	return to(h, v, answer)
}

// judge refuses what was under way too long. An answer to a hello is fresh by its nonce and gives time; anything else
// can be judged only by a clock that is trusted.
func (l *Link) judge(h protocol.Header, nonce string) (answer bool, err error) {
	now := l.deps.Now()
	if sent, fresh, first := l.nonces.echo(nonce, now); fresh {
		if first {
			l.setClock(h.Issued, sent, now)
		}
		l.want(func(t *todo) { t.answered, t.answer = now, sent })
		l.heard()
		return true, nil
	}
	at, trusted := l.deps.Clock.Now()
	if !trusted {
		return false, nil
	}
	if age := at.Sub(h.Issued); age > l.cfg.Limits.Transit {
		return false, protocol.Refuse(protocol.Stale, "issued %s ago, at most %s are allowed", age.Round(1e9), l.cfg.Limits.Transit)
	}
	l.heard()
	return false, nil
}

// state stores one chunk. The acknowledgement goes from the sending side. Contact, which lets a lease end act, is
// told only when nothing of what the cloud answered is still to be stored.
func (l *Link) state(h protocol.Header, s protocol.State, answer bool) error {
	became, err := l.apply(s.Update(h))
	if err != nil {
		return err
	}
	if became == stored {
		l.want(func(t *todo) { t.ack, t.hello, t.gap = true, false, l.cfg.Limits.Urgent })
		l.deps.OnState()
	}
	if became == awaiting {
		return nil
	}
	l.want(func(t *todo) { t.failed, t.wait, t.foreign = time.Time{}, 0, 0 })
	if answer {
		at, _ := l.deps.Clock.Now()
		l.deps.OnContact(at)
	}
	return nil
}

// outcome is what became of a state.
type outcome int

const (
	awaiting outcome = iota // more chunks are to come
	current                 // nothing new
	stored                  // a revision
)

func (l *Link) apply(u access.Update) (outcome, error) {
	l.storing.Lock()
	defer l.storing.Unlock()
	at := l.deps.Wanted.Position()
	if u.Position == at && u.Base == u.Revision && len(u.Put)+len(u.Gone) == 0 { // nothing new
		if have := l.deps.Wanted.Digest(); have != u.Digest {
			return awaiting, protocol.Refuse(protocol.BadDigest, "the cloud has another digest of revision %d", u.Revision)
		}
		return current, l.deps.Wanted.Meant(u.Meant)
	}
	done, err := l.deps.Wanted.Apply(u)
	switch {
	case err != nil && u.Position == at && reasonOf(err) == protocol.Replay:
		// Sent again although it is stored: the acknowledgement was lost on the way.
		l.want(func(t *todo) { t.ack = true })
	case err != nil && reasonOf(err) == protocol.Foreign:
		l.want(func(t *todo) { t.foreign = u.Epoch })
	}
	if err != nil || !done {
		return awaiting, err
	}
	return stored, nil
}

// missing asks for what a refused state shows to be missing here. Where the store failed, the same may succeed soon:
// the message is lost to the broker, and what it took away must not wait for the next hello.
func (l *Link) missing(why protocol.Reason, topic string, err error) {
	if topic != protocol.DownTopic(l.cfg.Gateway, protocol.TypeState) {
		return
	}
	switch why {
	case protocol.Gap, protocol.BadDigest, protocol.Stale, protocol.Foreign:
		l.want(func(t *todo) { t.hello = true })
		return
	}
	if atFault(err) {
		return
	}
	now := l.deps.Now()
	l.want(func(t *todo) {
		if t.failed.IsZero() { // the hello for an earlier one is not due yet
			t.failed, t.wait = now, min(max(2*t.wait, firstFailure), lastFailure)
		}
	})
}

// How long after a failure of the store the cloud is asked for the same again.
const (
	firstFailure = time.Second
	lastFailure  = time.Minute
)

// receipt leaves the outbox to the sending side: a receipt that is lost comes again. One that answers a hello also says
// what the cloud did not get of what left before it. One that does not, while a hello is unanswered, says that the cloud is
// there: it came to the broker after the hello, and is asked again soon.
func (l *Link) receipt(_ protocol.Header, r protocol.Receipt, answer bool) error {
	if last := l.deps.Outbox.Last(); r.Through > last {
		return protocol.Refuse(receiptAhead, "a receipt through event %d, the last one made is %d", r.Through, last)
	}
	now := l.deps.Now()
	l.want(func(t *todo) {
		t.confirm = max(t.confirm, r.Through)
		switch {
		case answer:
			t.known = &known{r.Through, t.answer}
		case t.answered.Before(t.asked) && t.spoke.IsZero():
			t.spoke = now.Add(rand.N(l.cfg.Limits.Urgent)) // not all gateways at once: a cloud that comes back greets them all
		}
	})
	return nil
}

// command hands a command to the workers. What a crash loses here was not begun: the cloud asks again or lets it lapse.
func (l *Link) command(_ protocol.Header, c protocol.Command, _ bool) error {
	select {
	case l.commands <- c:
		return nil
	default:
		l.reply(protocol.Reply{ID: c.ID, Result: "refused", Fault: "full", Message: fmt.Sprintf("%d commands are waiting already", maxWaiting)})
		return protocol.Refuse(busy, "command %s", c.ID)
	}
}

// setClock offers the cloud's time. A clock that is trusted because of it is told at once: the hello
// that this answers said the opposite.
func (l *Link) setClock(remote, sent, received time.Time) {
	before, _ := l.deps.Clock.Health()
	l.deps.Clock.Cloud(remote, sent, received)
	if after, _ := l.deps.Clock.Health(); after && !before {
		l.want(func(t *todo) { t.hello = true })
	}
}
