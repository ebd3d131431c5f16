package brokerlink

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/protocol/access/fault"
)

const (
	keepAlive = 20 * time.Second
	pingLimit = 10 * time.Second
	farewell  = 250 * time.Millisecond
)

var (
	errEnded  = errors.New("the broker closed the connection")
	errNoPong = errors.New("the broker no longer answers pings")
)

// session is one connection, from CONNACK to its end.
type session struct {
	client mqtt.Client
	limit  time.Duration   // for an answer
	ctx    context.Context // ends with the connection and with nothing else; the cause says why
	end    context.CancelCauseFunc
}

// dial makes one attempt: TCP, TLS, CONNECT, CONNACK. It leaves nothing behind on failure.
func (l *Link) dial(ctx context.Context) (*session, error) {
	s := &session{limit: l.cfg.Limits.Answer}
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx)) // not ctx: there is a goodbye to say
	attempt, cancel := context.WithTimeout(ctx, l.cfg.Limits.Connect)
	defer cancel()
	s.client = mqtt.NewClient(l.options(attempt, s))
	token := s.client.Connect()
	select {
	case <-token.Done():
	case <-attempt.Done(): // the connection is closed with s.ctx, which ends the client's goroutines
	}
	err := attempt.Err()
	if err == nil {
		err = token.Error()
	}
	if err != nil {
		s.end(err)
		return nil, err
	}
	return s, nil
}

func (l *Link) options(attempt context.Context, s *session) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions()
	o.Servers = []*url.URL{l.broker}
	return o.SetClientID(l.cfg.Name).SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectTimeout(l.cfg.Limits.Connect).SetWriteTimeout(l.cfg.Limits.Answer).SetKeepAlive(keepAlive).SetPingTimeout(pingLimit).
		SetOrderMatters(true).SetStore(mqtt.NewOrderedMemoryStore()).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { l.receive(m.Topic(), m.Payload(), m.Retained()) }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.end(words(err)) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
			conn, err := l.open(attempt)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(s.ctx, func() { _ = conn.Close() }) // it may be closed already
			return patient{conn, newBounded(conn), l.cfg.Limits.Answer}, nil
		})
}

// patient is a connection with a limit on what is read, and a deadline on every write: paho puts none on pings and
// acknowledgements, and would not notice a network that takes nothing.
type patient struct {
	net.Conn
	in    *bounded
	limit time.Duration
}

func (p patient) Read(b []byte) (int, error) { return p.in.Read(b) }

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// words gives the network's ends a meaning. What was closed on this side without a cause was closed by paho, which does
// so when a ping stays unanswered.
func words(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errEnded
	case errors.Is(err, net.ErrClosed):
		return errNoPong
	}
	return err
}

func (s *session) publish(ctx context.Context, topic string, payload []byte) error {
	// The client keeps what it is given until the broker has it, and the caller may go before.
	payload = bytes.Clone(payload)
	return s.await(ctx, func() mqtt.Token { return s.client.Publish(topic, 1, false, payload) })
}

// subscribe is Denied when the broker refuses a filter.
func (s *session) subscribe(filters ...string) error {
	asked := map[string]byte{}
	for _, f := range filters {
		asked[f] = 1
	}
	var token *mqtt.SubscribeToken
	err := s.await(s.ctx, func() mqtt.Token {
		token, _ = s.client.SubscribeMultiple(asked, nil).(*mqtt.SubscribeToken)
		return token
	})
	if err != nil {
		return err
	}
	for _, f := range filters { // a refusal (SUBACK 0x80, MQTT 3.1.1 section 3.9.3) completes the token without an error
		if code, ok := token.Result()[f]; !ok || code > 2 {
			return fault.New(fault.Denied, "subscribe to", f, "the broker refuses it")
		}
	}
	return nil
}

// await waits for a token, and for nothing longer than the limit: paho's own waits have no context.
func (s *session) await(ctx context.Context, ask func() mqtt.Token) error {
	limit := time.NewTimer(s.limit)
	defer limit.Stop()
	asked := make(chan mqtt.Token, 1)
	go func() { asked <- ask() }() // paho blocks here, up to its write timeout, while the network takes nothing
	var token mqtt.Token
	var done <-chan struct{}
	var failed error
	for {
		select {
		case token = <-asked:
			done = token.Done()
		case <-done:
			if failed = token.Error(); failed == nil {
				return nil
			}
			done = nil // mostly the connection has ended, and that is told in a moment, with its cause
			limit.Reset(min(s.limit, time.Second))
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			if failed != nil {
				return failed
			}
			return fault.New(fault.Timeout, "wait for", "the broker", "no answer within %s", s.limit).WithRemedy("The broker is overloaded or stuck: its log says more.")
		}
	}
}

// close says goodbye and ends the connection.
func (s *session) close() {
	if s.ctx.Err() == nil {
		s.client.Disconnect(uint(farewell.Milliseconds()))
	}
	s.end(net.ErrClosed)
	go s.client.Disconnect(0) // it waits for goroutines that end with the connection; nobody else needs to
}
