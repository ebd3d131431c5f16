package brokerlink

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// listen keeps the link listening until ctx ends. It says whether it ever heard, and what failed at the end, if anything.
func (l *Link) listen(ctx context.Context, s *session) (heard bool, err error) {
	wait := l.cfg.Limits.Again
	subscribed := false
	for fresh := true; ; fresh = false {
		err = l.hear(ctx, s, &subscribed, fresh)
		if s.ctx.Err() != nil && subscribed && !heard {
			err = l.mayNot(fault.New(fault.Denied, "send", "a test message", "the broker closed the connection over it"))
		}
		switch {
		case ctx.Err() != nil || s.ctx.Err() != nil: // the second ends the first, but not at once
			return heard, err
		case err == nil:
			heard, wait = true, l.cfg.Limits.Again
			l.hears()
			l.watchCertificate(ctx)
			sleep(ctx, l.cfg.Limits.EchoEvery)
		default:
			subscribed = false
			l.fail(err)
			sleep(ctx, wait)
			wait = min(2*wait, l.cfg.Limits.AgainMax)
		}
	}
}

// hear subscribes when that is to be done, and tests whether anything comes.
func (l *Link) hear(ctx context.Context, s *session, subscribed *bool, fresh bool) error {
	var err error
	if !*subscribed {
		err = s.subscribe(protocol.AllUp, protocol.AllStatus)
		*subscribed = err == nil
	}
	if fresh && l.cfg.Fresh != nil {
		l.cfg.Fresh() // also when refused: a cloud that hears nothing can still tell gateways who has lost access
	}
	if err == nil {
		err = l.echo(ctx, s)
	}
	if fault.KindOf(err) == fault.Denied {
		err = l.mayNot(err)
	}
	return err
}

// mayNot is a Denied with what the cloud must be allowed.
func (l *Link) mayNot(err error) error {
	return fault.New(fault.Denied, "listen to gateways at", l.broker.Host, "%w", err).
		WithRemedy("In the broker's access list let %s read %s and %s, and write %s and %s; packaging/mosquitto/gatehouse.acl does. Then reload the broker.",
			l.cfg.Name, protocol.AllUp, protocol.AllStatus, l.upTopic(), l.statusTopic())
}

// The topics of test messages: the branch of the cloud's own name. No gateway can be called so.
func (l *Link) upTopic() string {
	return protocol.UpTopic(access.GatewayID(l.cfg.Name), "echo")
}

func (l *Link) statusTopic() string { return protocol.StatusTopic(access.GatewayID(l.cfg.Name)) }

// test is one test message for each subscription.
type test struct {
	nonce string

	mu   sync.Mutex
	left []string // topics that have not come back
	done chan struct{}
}

// echo sends test messages and waits until they come back. It is Denied when one does not.
func (l *Link) echo(ctx context.Context, s *session) error {
	t := &test{nonce: rand.Text(), left: []string{l.upTopic(), l.statusTopic()}, done: make(chan struct{})}
	l.setTest(t)
	defer l.setTest(nil)
	for _, topic := range []string{l.upTopic(), l.statusTopic()} {
		if err := s.publish(ctx, topic, []byte(t.nonce)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Limits.Echo)
	defer cancel()
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		return fault.New(fault.Denied, "hear", strings.Join(t.left, " and "),
			"the broker grants the subscription and delivers nothing: the cloud's own test message did not come back within %s", l.cfg.Limits.Echo)
	}
}

func (l *Link) setTest(t *test) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.test = t
}

// receive sorts test messages out; whatever else is on the link's own branch is nobody's.
func (l *Link) receive(topic string, payload []byte, kept bool) {
	if topic != l.upTopic() && topic != l.statusTopic() {
		if kept && l.cfg.Kept != nil {
			l.cfg.Kept(topic, payload)
			return
		}
		l.cfg.Receive(topic, payload)
		return
	}
	l.mu.Lock()
	t := l.test
	l.mu.Unlock()
	if t != nil && t.nonce == string(payload) {
		t.back(topic)
	}
}

func (t *test) back(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.left, topic)
	if i < 0 {
		return // twice: QoS 1 allows it
	}
	if t.left = slices.Delete(t.left, i, i+1); len(t.left) == 0 {
		close(t.done)
	}
}

const (
	// ExpiryWarning is how long before the end of the broker's certificate the link begins to warn, once a day.
	ExpiryWarning = 30 * 24 * time.Hour
	warnEvery     = 24 * time.Hour
)

// watchCertificate warns before the broker's certificate ends. What is known of it is from the last handshake, and a
// connection may last for months; so near the end it looks again, to notice a renewed one.
func (l *Link) watchCertificate(ctx context.Context) {
	if now := l.cfg.Now(); l.expires(now) && now.Sub(l.lookedAt()) >= l.cfg.Limits.Look {
		if conn, err := l.open(ctx); err == nil {
			_ = conn.Close() // it was only looked at
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, ends := l.cfg.Now(), l.state.CertificateEnds
	if ends.Sub(now) >= ExpiryWarning || now.Sub(l.warned) < warnEvery {
		return
	}
	l.warned = now
	l.cfg.Log.Warn("the broker's certificate ends soon; after that neither gateways nor the cloud connect", "broker", l.cfg.Address, "ends", ends, "remedy", Renew)
}

func (l *Link) expires(now time.Time) bool { return l.State().CertificateEnds.Sub(now) < ExpiryWarning }

func (l *Link) lookedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.looked
}
