package cloudlink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// session is one connection to a broker, from CONNACK to its end; it is never reconnected. This is all of an MQTT
// client that the link uses, so that another client can take paho's place.
type session interface {
	// publish returns when the broker has the message. An error means that this is not known.
	publish(ctx context.Context, topic string, retained bool, payload []byte) error
	// subscribe fails when the broker refuses the filter.
	subscribe(ctx context.Context, filter string) error
	// lost is closed when the connection has ended; err then says why.
	lost() <-chan struct{}
	err() error
	// close says goodbye within grace, so that no last will is sent, and ends everything. With 0 it just ends.
	close(grace time.Duration)
}

// greeting is what a connection begins with.
type greeting struct {
	will    []byte // retained on the status topic when the connection breaks
	clean   bool   // let the broker drop what it holds for us
	receive func(topic string, payload []byte)
}

var (
	errClosed   = errors.New("closed")
	errEnded    = errors.New("the broker closed the connection")
	errNoPong   = errors.New("the broker no longer answers pings")
	errNoPuback = errors.New("the broker did not take a message in time")
	errDenied   = errors.New("the broker refuses the subscription: its access list must let the gateway read its own branch")
)

// pahoSession is a session on a paho client.
type pahoSession struct {
	client mqtt.Client
	pubAck time.Duration

	gone  chan struct{}
	mu    sync.Mutex
	cause error
	conn  net.Conn
}

// attach makes c the session's connection, unless the session has failed already.
func (s *pahoSession) attach(c net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = c
	return s.cause
}

// fail ends the session for its first cause. It closes the network connection, which makes paho end its goroutines.
func (s *pahoSession) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = err
	close(s.gone)
	if s.conn != nil {
		_ = s.conn.Close() // it may be closed already
	}
}

func (s *pahoSession) lost() <-chan struct{} { return s.gone }

func (s *pahoSession) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

func (s *pahoSession) publish(ctx context.Context, topic string, retained bool, payload []byte) error {
	return s.await(ctx, func() mqtt.Token { return s.client.Publish(topic, 1, retained, payload) })
}

func (s *pahoSession) subscribe(ctx context.Context, filter string) error {
	var token *mqtt.SubscribeToken
	err := s.await(ctx, func() mqtt.Token {
		token, _ = s.client.Subscribe(filter, 1, nil).(*mqtt.SubscribeToken)
		return token
	})
	if err != nil {
		return err
	}
	// A refused filter (SUBACK 0x80, MQTT 3.1.1 section 3.9.3) completes the token without an error.
	if granted, ok := token.Result()[filter]; !ok || granted > 2 {
		return fmt.Errorf("%s: %w", filter, errDenied)
	}
	return nil
}

// await waits for a token, and for nothing longer than the limit: paho's own waits have no context, and the token of
// a message that was sent when the connection broke never completes.
func (s *pahoSession) await(ctx context.Context, ask func() mqtt.Token) error {
	limit := time.NewTimer(s.pubAck)
	defer limit.Stop()
	asked := make(chan mqtt.Token, 1)
	go func() { asked <- ask() }() // paho blocks here, up to its write timeout, while the network takes nothing
	var token mqtt.Token
	var done <-chan struct{}
	for {
		select {
		case token = <-asked:
			done = token.Done()
		case <-done:
			return token.Error()
		case <-s.gone:
			return s.err()
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return errNoPuback
		}
	}
}

func (s *pahoSession) close(grace time.Duration) {
	if grace > 0 && s.err() == nil {
		s.client.Disconnect(uint(grace.Milliseconds()))
	}
	s.fail(errClosed)
	go s.client.Disconnect(0) // it waits for a handler that is still storing; nobody else needs to
}
