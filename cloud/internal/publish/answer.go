package publish

import (
	"context"
	"log/slog"
	"slices"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// answer is how a hello was last answered: the same question again means that the delta did not
// take, and a snapshot is due.
type answer struct {
	from, to access.Position
	delta    bool
}

// Hello answers a gateway's hello: the receipt it may have missed, and what its state lacks, each
// with the hello's nonce, which makes the answer also a proof of the time.
func (p *Publisher) Hello(ctx context.Context, gw access.GatewayID, h protocol.Hello) error {
	arrived := p.arrives()
	release, err := p.turn(ctx, gw)
	if err != nil {
		return err
	}
	defer release()
	through, err := p.cfg.Store.Through(ctx, gw)
	if err != nil {
		return err
	}
	if err := p.receipt(ctx, gw, protocol.Receipt{Through: through, Nonce: h.Nonce}); err != nil {
		return err
	}
	from := access.Position{Epoch: h.Epoch, Revision: h.Revision}
	c, delta, err := p.lacks(ctx, gw, h)
	if err != nil || c.To.Revision == 0 {
		return err
	}
	if c.To.Before(from) {
		p.cfg.Log.Warn("a gateway's state is newer than ours, so it is sent nothing: the database was restored from a backup; run gatehouse-cloud restored",
			"gateway", string(gw), "epoch", from.Epoch, "revision", from.Revision, "newest", c.To.Revision)
		return nil
	}
	base := from.Revision
	if !delta {
		base = 0
	}
	if err := p.state(ctx, gw, base, c, reply{h.Nonce, h.Staged, arrived}); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered[gw] = answer{from, c.To, delta}
	return nil
}

// lacks is what a gateway needs that says where it is: a delta (true), or a snapshot when it has
// nothing, something unknown or of another epoch, something that is not what the store says it
// should be, or did not take the delta. One that is gathering the delta's chunks is taking it.
func (p *Publisher) lacks(ctx context.Context, gw access.GatewayID, h protocol.Hello) (Change, bool, error) {
	from := access.Position{Epoch: h.Epoch, Revision: h.Revision}
	c, delta, err := p.since(ctx, gw, from)
	if err != nil {
		return c, false, err
	}
	if delta && from == c.To {
		delta = h.Digest == c.Digest
	} else if s := h.Staged; delta && (s == nil || s.Position != c.To || s.Base != from.Revision) {
		p.mu.Lock()
		delta = p.answered[gw] != answer{from, c.To, true}
		p.mu.Unlock()
	}
	if !delta {
		c, err = p.cfg.Store.Snapshot(ctx, gw)
	}
	return c, delta, err
}

// Receipt tells a gateway that its events are committed up to through.
func (p *Publisher) Receipt(ctx context.Context, gw access.GatewayID, through uint64) error {
	return p.receipt(ctx, gw, protocol.Receipt{Through: through})
}

// Greet says to a gateway that somebody listens, by the receipt it may have missed. One whose hello was not answered says
// it again; to all others it means nothing.
func (p *Publisher) Greet(ctx context.Context, gw access.GatewayID) error {
	through, err := p.cfg.Store.Through(ctx, gw)
	if err != nil {
		return err
	}
	return p.Receipt(ctx, gw, through)
}

func (p *Publisher) receipt(ctx context.Context, gw access.GatewayID, r protocol.Receipt) error {
	return p.down(ctx, gw, protocol.Header{Type: protocol.TypeReceipt}, r)
}

// reply is what a state says to the hello that it answers.
type reply struct {
	nonce   string
	staged  *protocol.Staged // chunks that the gateway has already
	arrived uint64           // the hello's number; 0: it answers none
}

// has reports whether the gateway has a chunk of just this change, cut in as many. The same change is
// always cut alike. When it lacks none all are sent again.
func (r reply) has(c Change, base uint64, chunk, of int) bool {
	s := r.staged
	return s != nil && s.Position == c.To && s.Base == base && s.Of == of && len(s.Have) < of && slices.Contains(s.Have, chunk)
}

// state sends a change in as many chunks as it needs, but for those that the gateway has or is about to
// have. Base 0 makes it a snapshot.
func (p *Publisher) state(ctx context.Context, gw access.GatewayID, base uint64, c Change, to reply) error {
	chunks, err := protocol.Split(c.Put, c.Gone)
	if err != nil {
		return err
	}
	f := p.flightOf(gw, c.To, base, len(chunks))
	sent := 0
	for i, s := range chunks {
		if f.reaches(i, to.arrived) || to.has(c, base, i+1, len(chunks)) {
			continue
		}
		begun := p.hellosSoFar()
		if err := p.chunk(ctx, gw, base, c, s, to, i+1, len(chunks)); err != nil {
			return err
		}
		f.begun[i] = begun + 1
		sent++
	}
	if sent == 0 { // all are on their way already; behind them goes the answer to the hello
		if err := p.chunk(ctx, gw, c.To.Revision, c, protocol.State{}, to, 1, 1); err != nil {
			return err
		}
	}
	p.mu.Lock()
	if p.sent[gw].Before(c.To) {
		p.sent[gw] = c.To
	}
	p.meant[gw] = c.Meant
	p.mu.Unlock()
	level := slog.LevelInfo
	if base == c.To.Revision { // nothing new
		level = slog.LevelDebug
	}
	p.cfg.Log.Log(ctx, level, "published", "gateway", string(gw), "revision", c.To.Revision, "base", base,
		"put", len(c.Put), "gone", len(c.Gone), "chunks", len(chunks), "sent", sent)
	return nil
}

// chunk sends one piece of a change.
func (p *Publisher) chunk(ctx context.Context, gw access.GatewayID, base uint64, c Change, s protocol.State, to reply, n, of int) error {
	s.DigestKey, s.Digest, s.Nonce, s.Meant = c.DigestKey, c.Digest, to.nonce, c.Meant
	h := protocol.Header{
		Type: protocol.TypeState, Epoch: c.To.Epoch, Revision: c.To.Revision, Base: base, Chunk: n, Of: of,
	}
	return p.down(ctx, gw, h, s)
}

func (p *Publisher) down(ctx context.Context, gw access.GatewayID, h protocol.Header, body any) error {
	key, err := p.cfg.Store.Sealing(ctx, gw)
	if err != nil {
		return err
	}
	signer, err := p.cfg.Signer(ctx, gw)
	if err != nil {
		return err
	}
	h.Gateway, h.Issued = gw, p.cfg.Now().UTC()
	msg, err := protocol.SealDown(h, body, signer, key)
	if err != nil {
		return err
	}
	return p.cfg.Send(ctx, protocol.DownTopic(gw, h.Type), msg)
}
