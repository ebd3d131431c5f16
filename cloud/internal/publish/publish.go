// Package publish brings each gateway to the newest revision of its wanted state: a delta where the
// gateway's own is known, a snapshot otherwise. It is level-triggered: what it sends depends on
// what the gateway says it has and what the store holds, never on what was sent before, so a lost
// message costs one hello.
//
// It knows the contract and no MQTT client; the assembly hands in how to send. Only the assembly
// imports it.
package publish

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"log/slog"
	"sync"
	"time"

	"gatehouse/protocol/access"
)

// Change is what brings a gateway from one position to another.
type Change struct {
	Put       []access.Item
	Gone      []access.Key
	To        access.Position
	DigestKey []byte
	Digest    access.Digest   // of the whole state at To
	Meant     access.Position // up to where somebody agrees with what is taken away
}

// Store is what is published from.
type Store interface {
	// Since is the change from base to the newest revision; false when base is unknown or too old.
	Since(ctx context.Context, gw access.GatewayID, base uint64) (Change, bool, error)
	// Snapshot is the whole newest state. To has revision 0 when there is none yet.
	Snapshot(ctx context.Context, gw access.GatewayID) (Change, error)
	// Position is the newest position; its revision is 0 when there is none yet, or when nothing may be
	// published because the gateway's own is newer. Since and Snapshot say the same.
	Position(ctx context.Context, gw access.GatewayID) (access.Position, error)
	// Meant is up to where somebody agrees with what the state takes away.
	Meant(ctx context.Context, gw access.GatewayID) (access.Position, error)
	// Acked is the newest position that the gateway has said it stored.
	Acked(ctx context.Context, gw access.GatewayID) (access.Position, error)
	// Through is the number of the last event of the gateway that is committed.
	Through(ctx context.Context, gw access.GatewayID) (uint64, error)
	// Gateways lists every enrolled gateway.
	Gateways(ctx context.Context) ([]access.GatewayID, error)
	// Sealing is the gateway's public sealing key.
	Sealing(ctx context.Context, gw access.GatewayID) (*ecdh.PublicKey, error)
	// Changes grows whenever any process commits a new revision.
	Changes(ctx context.Context) (uint64, error)
}

// Config is what a Publisher is made of.
type Config struct {
	Store Store
	// Signer is the key that signs what goes to a gateway; it may change from message to message.
	Signer func(context.Context, access.GatewayID) (ed25519.PrivateKey, error)
	// Send hands a message to the broker and returns when the broker has it, or with an error when
	// it may not have it.
	Send func(ctx context.Context, topic string, payload []byte) error
	Now  func() time.Time
	Log  *slog.Logger
	Poll time.Duration // how often to look for revisions of other processes; 0: 250 ms
}

// maxPause is the longest wait before a gateway that could not be published to is tried again. A
// new revision is tried at once all the same.
const maxPause = 30 * time.Second

// Publisher publishes. Make it with New, give Run one goroutine; the other methods may be called
// from any.
type Publisher struct {
	cfg  Config
	wake chan struct{}

	mu       sync.Mutex
	turns    map[access.GatewayID]chan struct{} // who holds the token may send to the gateway
	sent     map[access.GatewayID]access.Position
	answered map[access.GatewayID]answer
	meant    map[access.GatewayID]access.Position // the agreement that it was told of last
	flights  map[access.GatewayID]*flight
	hellos   uint64 // of all gateways, counted as they arrive
}

// New makes a publisher.
func New(cfg Config) *Publisher {
	if cfg.Poll == 0 {
		cfg.Poll = 250 * time.Millisecond
	}
	return &Publisher{
		cfg: cfg, wake: make(chan struct{}, 1), turns: map[access.GatewayID]chan struct{}{},
		sent: map[access.GatewayID]access.Position{}, answered: map[access.GatewayID]answer{}, meant: map[access.GatewayID]access.Position{},
		flights: map[access.GatewayID]*flight{},
	}
}

// Wake makes Run look at once. It never blocks.
func (p *Publisher) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Forget drops what was sent to gateways, so that Run sends it again at once: for use after the
// connection to the broker was lost with messages in flight.
func (p *Publisher) Forget() {
	p.mu.Lock()
	clear(p.sent)
	clear(p.flights)
	p.mu.Unlock()
	p.Wake()
}

// Run publishes new revisions until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	tick := time.NewTicker(p.cfg.Poll)
	defer tick.Stop()
	r := round{Publisher: p, failing: map[string]bool{}, due: true, pause: p.cfg.Poll}
	for ctx.Err() == nil {
		r.look(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-p.wake:
			r.due, r.retry = true, time.Time{}
		}
	}
	return nil
}

// round is what Run remembers from one look to the next.
type round struct {
	*Publisher
	seen    uint64          // the store's count of changes when it was last looked at
	due     bool            // there is something to do, or to try again
	retry   time.Time       // when to try again what failed
	pause   time.Duration   // from one try to the next
	failing map[string]bool // what was said to fail: it is logged once
}

func (r *round) look(ctx context.Context) {
	n, err := r.cfg.Store.Changes(ctx)
	r.note(ctx, "the count of changes", err)
	if err != nil {
		return
	}
	if n == r.seen && (!r.due || r.cfg.Now().Before(r.retry)) {
		return
	}
	if n != r.seen {
		r.pause = r.cfg.Poll
	}
	r.seen = n
	if r.due = !r.all(ctx); !r.due {
		r.pause = r.cfg.Poll
		return
	}
	r.retry = r.cfg.Now().Add(r.pause)
	r.pause = min(2*r.pause, maxPause)
}

// all reports whether every gateway was brought forward.
func (r *round) all(ctx context.Context) bool {
	gws, err := r.cfg.Store.Gateways(ctx)
	r.note(ctx, "the list of gateways", err)
	if err != nil {
		return false
	}
	good := true
	for _, gw := range gws {
		err := r.advance(ctx, gw)
		r.note(ctx, "gateway "+string(gw), err)
		good = good && err == nil
	}
	return good
}

// note logs the first failure and the end of failing.
func (r *round) note(ctx context.Context, what string, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !r.failing[what]:
		r.cfg.Log.Error("publishing fails and is tried again", "at", what, "err", err)
		r.failing[what] = true
	case err == nil && r.failing[what]:
		r.cfg.Log.Info("publishing works again", "at", what)
		delete(r.failing, what)
	}
}

// advance sends what is newer than both what the gateway acknowledged and what was sent already.
func (p *Publisher) advance(ctx context.Context, gw access.GatewayID) error {
	release, err := p.turn(ctx, gw)
	if err != nil {
		return err
	}
	defer release()
	to, err := p.cfg.Store.Position(ctx, gw)
	if err != nil {
		return err
	}
	base, err := p.cfg.Store.Acked(ctx, gw)
	if err != nil {
		return err
	}
	if sent := p.newest(gw); base.Before(sent) {
		base = sent
	}
	switch {
	case to.Revision == 0:
		return nil
	case !base.Before(to):
		return p.agreed(ctx, gw, to)
	}
	c, delta, err := p.since(ctx, gw, base)
	if err == nil && !delta {
		c, err = p.cfg.Store.Snapshot(ctx, gw)
	}
	if err != nil {
		return err
	}
	if !delta {
		base = access.Position{}
	}
	return p.state(ctx, gw, base.Revision, c, reply{})
}

// agreed tells a gateway that has the newest state of an agreement that is newer than the last it was
// told of. What it was told before this program started is not known; its hello asks for it.
func (p *Publisher) agreed(ctx context.Context, gw access.GatewayID, at access.Position) error {
	meant, err := p.cfg.Store.Meant(ctx, gw)
	if err != nil {
		return err
	}
	p.mu.Lock()
	told, known := p.meant[gw]
	if !known {
		p.meant[gw] = meant
	}
	p.mu.Unlock()
	if !known || !told.Before(meant) {
		return nil
	}
	c, ok, err := p.since(ctx, gw, at)
	if err != nil || !ok {
		return err
	}
	return p.state(ctx, gw, at.Revision, c, reply{})
}

func (p *Publisher) newest(gw access.GatewayID) access.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent[gw]
}

// since is the delta from a position to the newest; false when there is none.
func (p *Publisher) since(ctx context.Context, gw access.GatewayID, from access.Position) (Change, bool, error) {
	if from.Revision == 0 {
		return Change{}, false, nil
	}
	c, ok, err := p.cfg.Store.Since(ctx, gw, from.Revision)
	return c, ok && c.To.Epoch == from.Epoch && !c.To.Before(from), err
}

// turn waits until nobody else sends to the gateway: the chunks of two changes must not mix.
func (p *Publisher) turn(ctx context.Context, gw access.GatewayID) (release func(), err error) {
	p.mu.Lock()
	t := p.turns[gw]
	if t == nil {
		t = make(chan struct{}, 1)
		p.turns[gw] = t
	}
	p.mu.Unlock()
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
