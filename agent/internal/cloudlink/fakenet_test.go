package cloudlink

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

var errNoRoute = errors.New("no route to host")

// fakeNet takes the place of dialing, so that time can be virtual.
type fakeNet struct {
	t        *testing.T
	g        prototest.Gateway
	cloud    ed25519.PrivateKey
	mu       sync.Mutex
	down     bool
	dials    []time.Time
	sessions []*fakeSession
}

// fakeSession is one connection of a fakeNet.
type fakeSession struct {
	net      *fakeNet
	greeting greeting
	gone     chan struct{}

	mu      sync.Mutex
	cause   error
	sent    []sentUp
	deaf    func(topic string) error // publish fails with it
	blocked bool                     // publish waits for its context
	grace   []time.Duration          // of every close
}

type sentUp struct {
	at    time.Time
	topic string
	h     protocol.Header
	body  []byte
}

// virtual makes a box on a fakeNet, with the product's own intervals, inside a bubble.
func virtual(t *testing.T, options ...func(*Config)) (*fakeNet, *box) {
	t.Helper()
	n := &fakeNet{t: t, g: prototest.NewGateway(t, "gw1"), cloud: prototest.NewSigningKey(t)}
	options = append([]func(*Config){limits(func(l *Limits) { *l = Limits{} })}, options...)
	b := newBox(t, n.g, "tcp://127.0.0.1:1", n.cloud, options...)
	b.link.dial = n.dial
	return n, b
}

func (n *fakeNet) dial(_ context.Context, g greeting) (session, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials = append(n.dials, time.Now())
	if n.down {
		return nil, errNoRoute
	}
	s := &fakeSession{net: n, greeting: g, gone: make(chan struct{})}
	n.sessions = append(n.sessions, s)
	return s, nil
}

func (n *fakeNet) setDown(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// last is the newest connection, once everything has settled.
func (n *fakeNet) last() *fakeSession {
	n.t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.sessions) == 0 {
		n.t.Fatal("no connection was made")
	}
	return n.sessions[len(n.sessions)-1]
}

func (n *fakeNet) count() (dials, sessions int) {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.dials), len(n.sessions)
}

func (s *fakeSession) publish(ctx context.Context, topic string, _ bool, payload []byte) error {
	s.mu.Lock()
	blocked, deaf := s.blocked, s.deaf
	s.mu.Unlock()
	if blocked {
		<-ctx.Done()
		return ctx.Err()
	}
	if deaf != nil {
		if err := deaf(topic); err != nil {
			return err
		}
	}
	up := sentUp{at: time.Now(), topic: topic, body: payload}
	if _, ok := protocol.ParseStatus(topic); !ok {
		h, body, err := protocol.OpenUp(s.net.g.ID, []ed25519.PublicKey{prototest.Public(s.net.g.Signing)}, payload)
		if err != nil {
			s.net.t.Errorf("%s: %v", topic, err)
		}
		up.h, up.body = h, body
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, up)
	return nil
}

func (s *fakeSession) subscribe(context.Context, string) error { return nil }
func (s *fakeSession) lost() <-chan struct{}                   { return s.gone }

func (s *fakeSession) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

func (s *fakeSession) close(grace time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grace = append(s.grace, grace)
}

// breaks ends the connection from outside.
func (s *fakeSession) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cause = err
	close(s.gone)
}

func (s *fakeSession) set(change func(*fakeSession)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// sentOf returns the bodies of a type that were sent on s, once everything has settled, and when.
func sentOf[T any](s *fakeSession, typ protocol.Type) (bodies []T, times []time.Time) {
	s.net.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, up := range s.sent {
		if !strings.HasSuffix(up.topic, "/up/"+string(typ)) {
			continue
		}
		v, err := protocol.Decode[T](up.body)
		if err != nil {
			s.net.t.Error(err)
		}
		bodies, times = append(bodies, v), append(times, up.at)
	}
	return bodies, times
}

// down delivers a message to the handler, as the broker would.
func (s *fakeSession) down(typ protocol.Type, h protocol.Header, body any) {
	s.net.t.Helper()
	msg, err := prototest.Seal(s.net.cloud, s.net.g, typ, h, body)
	if err != nil {
		s.net.t.Fatal(err)
	}
	s.greeting.receive(protocol.DownTopic(s.net.g.ID, typ), msg)
}

// revision delivers an empty revision on top of base; base 0 makes it a snapshot.
func (s *fakeSession) revision(r, base uint64, nonce string, issued time.Time) {
	s.net.t.Helper()
	s.down(protocol.TypeState, protocol.Header{Epoch: 1, Revision: r, Base: base, Chunk: 1, Of: 1, Issued: issued},
		protocol.State{DigestKey: key, Digest: access.Digest{}, Nonce: nonce})
}

// after lets virtual time pass.
func after(d time.Duration) { <-time.After(d) }
