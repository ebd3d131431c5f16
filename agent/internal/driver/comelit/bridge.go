package comelit

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/firmware-bridge/icona"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	defaultIcona    = 64100            // §1
	answerPatience  = 10 * time.Second // for a packet: longer than any answer that was seen
	remedyBridge    = "Check address and ICONA port (64100) of the device, that it is awake, and that nobody else uses the slot's token."
	remedyRefused   = "See on the device's Users page whether this gateway's slot is enabled and its token used nowhere else; else redeem a new activation code."
	remedyLookFirst = "Look at the door before opening it again."
)

// bridge is the way to the ICONA bridge of one device: at most one session at a time, in a slot of its own (§7.1).
type bridge struct {
	subject string
	host    string
	port    int
	token   access.Secret
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	log     *slog.Logger
	options icona.Options

	// turn belongs to whoever opens a session, or uses one that nobody keeps.
	turn chan struct{}

	mu    sync.Mutex
	shut  bool             // by Close
	live  *line            // registered, while somebody listens
	heard chan icona.Event // of whoever listens; nil: nobody
	names map[string]string
}

// line is a session that is logged in.
type line struct {
	session *icona.Session
	slot    icona.Configuration
}

func newBridge(cfg driver.Config, deps driver.Deps) *bridge {
	b := &bridge{
		subject: "panel " + cmp.Or(string(cfg.ID), cfg.Host+cfg.URL), host: cfg.Host, port: cmp.Or(cfg.IconaPort, defaultIcona), token: cfg.Token,
		dial: deps.Dial, log: deps.Log, turn: make(chan struct{}, 1),
	}
	if u, err := url.Parse(cfg.URL); err == nil && cfg.URL != "" {
		b.host = u.Hostname()
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.dial == nil {
		b.dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1}).DialContext
	}
	b.options = icona.Options{Patience: cmp.Or(cfg.Timeout, defaultTimeout), Answer: answerPatience, Tell: b.hear}
	b.options.Answer = min(b.options.Answer, b.options.Patience)
	return b
}

// close ends the session and whoever listens.
func (b *bridge) close() {
	b.mu.Lock()
	l := b.live
	b.live, b.shut = nil, true
	b.mu.Unlock()
	if l != nil {
		l.session.Close()
	}
}

// fails gives an error of the bridge its kind. Whatever was asked for was not done: Release has words of its own.
func (b *bridge) fails(op string, err error) error {
	var known *fault.Error
	var no icona.Refusal
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &no):
		return fault.New(fault.Denied, op, b.subject, "the bridge does not take the token: %w", err).WithRemedy(remedyRefused)
	case errors.Is(err, icona.ErrAnswer), errors.Is(err, icona.ErrFrame):
		return fault.New(fault.Unreachable, op, b.subject, "not answered as an ICONA bridge does: %w", err).WithRemedy(remedyBridge)
	}
	return fault.New(fault.Unreachable, op, b.subject, "%w", err).WithRemedy(remedyBridge)
}

// start opens a connection.
func (b *bridge) start(ctx context.Context) (*icona.Session, error) {
	conn, err := b.dial(ctx, "tcp", net.JoinHostPort(b.host, strconv.Itoa(b.port)))
	if err != nil {
		return nil, err
	}
	return icona.NewSession(conn, b.options), nil
}

// login opens a session and learns what the slot sees.
func (b *bridge) login(ctx context.Context) (*line, error) {
	s, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	l := &line{session: s}
	if err = s.Login(ctx, b.token.Reveal()); err == nil {
		l.slot, err = s.Configuration(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return l, nil
}

// purpose is what a session is for.
type purpose int

const (
	toLook purpose = iota // JSON alone
	toOpen                // packets too, registered where the device lets it
	toHear                // rings: registered
)

// open makes a session for a purpose. A device that does not answer a registration serves somebody else's, or a stale
// one (§7.1): doors are then tried without, on a new connection, since nothing about doors has been sent yet.
func (b *bridge) open(ctx context.Context, why purpose) (l *line, registered bool, err error) {
	if l, err = b.login(ctx); err != nil || why == toLook {
		return l, false, err
	}
	if err = l.session.Register(ctx, l.slot); err == nil {
		return l, true, nil
	}
	l.session.Close()
	if why == toHear || !errors.Is(err, icona.ErrSilent) {
		return nil, false, err
	}
	if l, err = b.login(ctx); err != nil {
		return nil, false, err
	}
	if err = l.session.Attach(ctx, l.slot); err != nil {
		l.session.Close()
		return nil, false, err
	}
	return l, false, nil
}

// borrow gives the session that rings are heard on, or one of its own; back returns it.
func (b *bridge) borrow(ctx context.Context, why purpose) (l *line, back func(), err error) {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	free := func() { <-b.turn }
	b.mu.Lock()
	l, shut := b.live, b.shut
	b.mu.Unlock()
	switch {
	case shut:
		free()
		return nil, nil, net.ErrClosed
	case l != nil && l.session.Err() == nil:
		free()
		return l, func() {}, nil
	}
	l, registered, err := b.open(ctx, why)
	if err != nil {
		free()
		return nil, nil, err
	}
	back = func() { l.session.Close(); free() }
	kept, shut := b.keep(l, registered)
	switch {
	case shut: // meanwhile
		back()
		return nil, nil, net.ErrClosed
	case kept:
		free()
		return l, func() {}, nil
	}
	return l, back, nil
}

// keep makes a registered session the one that rings are heard on, if anybody listens.
func (b *bridge) keep(l *line, registered bool) (kept, shut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept = registered && b.heard != nil && !b.shut; kept {
		b.live = l
	}
	return kept, b.shut
}
