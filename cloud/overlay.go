package cloud

import (
	"context"
	"slices"

	"gatehouse/cloud/internal/policy"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Overlay is what somebody did at a gateway by hand, and what became of it.
type Overlay = store.Overlay

// Overlays lists what was done by hand at the gateways of a property, "" for all, the newest first.
func (c *Cloud) Overlays(ctx context.Context, property access.PropertyID) ([]Overlay, error) {
	return c.store.Overlays(ctx, property)
}

// SettleOverlay decides what becomes of an overlay: "adopt" makes it the property's own, "reject" undoes
// it, "lift" says that it was right and is over; an adopted one can be lifted later. The gateway hears of
// it with its next state and forgets its own. Anything else that was decided before is a Conflict.
func (c *Cloud) SettleOverlay(ctx context.Context, gw access.GatewayID, id, verb string) (o Overlay, err error) {
	to, ok := map[string]store.OverlayState{"adopt": store.OverlayAdopted, "reject": store.OverlayRejected, "lift": store.OverlayLifted}[verb]
	if !ok {
		return o, fault.New(fault.Invalid, "settle overlay", id, "%q: want adopt, reject or lift", verb)
	}
	g, err := c.gateway(ctx, gw)
	if err != nil {
		return o, err
	}
	if _, err := c.property(g.Property); err != nil {
		return o, err
	}
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		roster, err := tx.Roster(ctx, g.Property)
		if err != nil {
			return err
		}
		if o, err = tx.Settle(ctx, gw, id, to, c.now()); err != nil {
			return err
		}
		_, _, err = c.decide(ctx, tx, roster, true)
		return err
	})
	return o, err
}

// adopted are the overlays that stand in the wanted state.
func adopted(all []store.Overlay) []policy.ByHand {
	var out []policy.ByHand
	for _, o := range all {
		if o.State == store.OverlayAdopted {
			out = append(out, policy.ByHand{
				ID: string(o.Gateway) + "-" + o.ID, Kind: o.Kind, Person: o.Person, Door: o.Door, Window: o.Window, Reason: o.Reason, Made: o.Made,
			})
		}
	}
	return out
}

// settlements are the answers to a gateway's overlays, as long as it has them.
func settlements(gw access.GatewayID, all []store.Overlay) []access.Noun {
	var out []access.Noun
	for _, o := range all {
		if o.Gateway == gw && o.State != store.OverlayOpen && !o.Gone {
			out = append(out, access.Settlement{ID: o.ID, Person: o.Person, State: access.SettlementState(o.State)})
		}
	}
	return out
}

// encoded makes items of nouns; what cannot be one fails the whole.
func encoded(nouns ...[]access.Noun) (out []access.Item, err error) {
	for _, n := range slices.Concat(nouns...) {
		it, err := access.Encode(n)
		if err != nil {
			return nil, err
		}
		out = append(out, it)
	}
	return out, nil
}
