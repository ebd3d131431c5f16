package intake

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// typeStatus is how the unsigned status, which is no type of the contract, is counted.
const typeStatus protocol.Type = "status"

// Counts is a copy of the counters.
func (in *Intake) Counts() Counts {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := in.counts
	c.Taken, c.Refused, c.Keys = maps.Clone(c.Taken), maps.Clone(c.Refused), maps.Clone(c.Keys)
	return c
}

// from is who sent a message, as far as that is known.
type from struct {
	gateway  access.GatewayID
	typ      protocol.Type
	enrolled bool
}

func (in *Intake) take(ctx context.Context, m message) {
	f, err := in.handle(ctx, m)
	if err != nil && ctx.Err() != nil {
		return
	}
	if in.count(f, err) {
		in.cfg.Log.Warn("a message of a gateway was not taken in", "gateway", string(f.gateway), "type", string(f.typ), "err", err)
	}
}

// count counts and reports whether this is worth a line in the log.
func (in *Intake) count(f from, err error) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	about := complaint{about: "failed " + string(f.typ)}
	if f.enrolled {
		about.gateway = f.gateway
	}
	var refusal *protocol.Refusal
	switch {
	case err == nil:
		in.counts.Taken[f.typ]++
		delete(in.logged, about)
		delete(in.logged, complaint{about: "failed"})
		return false
	case errors.As(err, &refusal):
		in.counts.Refused[refusal.Reason]++
		about.about = string(refusal.Reason)
	default:
		in.counts.Failed++
		if !f.enrolled {
			about.about = "failed" // any type can be made up
		}
	}
	first := !in.logged[about]
	in.logged[about] = true
	return first
}

func (in *Intake) handle(ctx context.Context, m message) (from, error) {
	gw, typ, ok := protocol.ParseUp(m.topic)
	if !ok {
		if gw, ok = protocol.ParseStatus(m.topic); !ok {
			return from{}, protocol.Refuse(protocol.WrongType, "topic %q is not one of ours", m.topic)
		}
		typ = typeStatus
	}
	f := from{gateway: gw, typ: typ}
	keys, err := in.cfg.Store.Signing(ctx, gw)
	if err != nil {
		return f, err
	}
	if len(keys) == 0 {
		return f, protocol.Refuse(protocol.UnknownKey, "no gateway of this id is enrolled")
	}
	f.enrolled = true
	if typ == typeStatus {
		return f, in.status(ctx, gw, m)
	}
	h, body, err := protocol.OpenUp(gw, keys, m.payload)
	if err != nil {
		return f, err
	}
	if h.Type != typ {
		return f, protocol.Refuse(protocol.WrongType, "a %s on the topic of a %s", h.Type, typ)
	}
	by := keys[slices.IndexFunc(keys, func(k ed25519.PublicKey) bool { return protocol.KeyID(k) == h.Signer })]
	if !by.Equal(keys[0]) {
		if err := in.saved(in.cfg.Store.Heard(ctx, gw, by, in.cfg.Now())); err != nil {
			return f, err
		}
	}
	return f, in.dispatch(ctx, gw, by, typ, body)
}

func (in *Intake) dispatch(ctx context.Context, gw access.GatewayID, by ed25519.PublicKey, typ protocol.Type, body []byte) error {
	now := in.cfg.Now()
	switch typ {
	case protocol.TypeHello:
		return with(body, func(h protocol.Hello) error {
			if err := in.saved(in.cfg.Store.SaveHello(ctx, gw, h, now)); err != nil {
				return err
			}
			if h.Next != nil {
				in.noteKeys(gw, in.cfg.Store.Succeed(ctx, gw, by, *h.Next, now))
			}
			return in.cfg.Answers.Hello(ctx, gw, h)
		})
	case protocol.TypeAck:
		return with(body, func(a protocol.Ack) error { return in.saved(in.cfg.Store.SaveAck(ctx, gw, a, now)) })
	case protocol.TypeInventory:
		return with(body, func(i protocol.Inventory) error { return in.saved(in.cfg.Store.SaveInventory(ctx, gw, i, now)) })
	case protocol.TypeEvent:
		return with(body, func(e protocol.Events) error {
			through, err := in.cfg.Store.SaveEvents(ctx, gw, e, now)
			if err := in.saved(err); err != nil {
				return err
			}
			return in.cfg.Answers.Receipt(ctx, gw, through)
		})
	case protocol.TypeReply:
		return with(body, func(r protocol.Reply) error {
			in.cfg.Log.Info("reply to a command", "gateway", string(gw), "command", r.ID, "result", r.Result, "message", r.Message)
			return in.saved(in.cfg.Store.SaveReply(ctx, gw, r, now))
		})
	}
	return protocol.Refuse(protocol.WrongType, "a message of type %q", typ)
}

// noteKeys counts what became of announced keys. Whatever it is, the hello is answered: doors come first,
// and the next hello announces them again.
func (in *Intake) noteKeys(gw access.GatewayID, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	about := complaint{gw, "keys"}
	var refusal *protocol.Refusal
	switch {
	case err == nil:
		delete(in.logged, about)
		return
	case errors.As(err, &refusal):
		in.counts.Keys[refusal.Reason]++
		about.about = "keys " + string(refusal.Reason)
	default:
		in.counts.Failed++
	}
	if !in.logged[about] {
		in.cfg.Log.Warn("next keys of a gateway were not taken in, those before stay", "gateway", string(gw), "err", err)
	}
	in.logged[about] = true
}

// saved tells who wants to know that something was committed, before anybody is answered: an answer
// that fails does not undo it.
func (in *Intake) saved(err error) error {
	if err == nil && in.cfg.Changed != nil {
		in.cfg.Changed()
	}
	return err
}

func with[T any](body []byte, f func(T) error) error {
	v, err := protocol.Decode[T](body)
	if err != nil {
		return err
	}
	return f(v)
}

// status is unsigned and only a hint.
func (in *Intake) status(ctx context.Context, gw access.GatewayID, m message) error {
	var s protocol.Status
	if len(m.payload) > protocol.MaxMessage || json.Unmarshal(m.payload, &s) != nil {
		return protocol.Refuse(protocol.Malformed, "a status that is no JSON")
	}
	err := in.cfg.Store.SaveStatus(ctx, gw, s, in.cfg.Now())
	if err == nil && m.kept && s.Online {
		err = in.cfg.Answers.Greet(ctx, gw)
	}
	return err
}
