package store

import (
	"cmp"
	"context"
	"fmt"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// questions are what gateways leave open for a person. They follow from what gateways told and close
// themselves: nothing of them is stored.
func (r reader) questions(ctx context.Context, property access.PropertyID) ([]OpenConflict, error) {
	gws, err := r.gateways(ctx, property)
	var out []OpenConflict
	for _, g := range gws {
		if g.Ahead.Revision != 0 {
			out = append(out, OpenConflict{Conflict: model.Conflict{
				Property: property, Kind: "restored_database", Subject: string(g.ID), FoundBy: model.FoundByGateway,
				Text: fmt.Sprintf("%s Gateway %s has revision %d of epoch %d, the newest here is %d of %d. Nothing is published to it; it goes on with what it has.",
					ahead, g.ID, g.Ahead.Revision, g.Ahead.Epoch, g.Published.Revision, g.Published.Epoch),
				Remedy: Restore,
			}, FirstSeen: g.Told.At, LastSeen: g.Contact})
		}
	}
	if err != nil {
		return nil, err
	}
	done, err := r.overlays(ctx, property)
	for _, o := range done {
		if o.State == OverlayOpen {
			out = append(out, o.question(property))
		}
	}
	return out, err
}

// question asks what shall become of what somebody did at a gateway.
func (o Overlay) question(property access.PropertyID) OpenConflict {
	who := cmp.Or(o.Name, string(o.Person))
	what := fmt.Sprintf("%s revoked the access of %s by hand", o.By, who)
	if o.Kind == access.OverlayGrant {
		what = fmt.Sprintf("%s let %s in at door %s by hand until %s", o.By, who, o.Door, o.Until.UTC().Format("Jan 2, 15:04 UTC"))
	}
	command := func(do string) string {
		return fmt.Sprintf("gatehouse-cloud overlay %s --gateway %s --id %s", do, o.Gateway, o.ID)
	}
	return OpenConflict{Conflict: model.Conflict{
		Property: property, Kind: "overlay", Subject: string(o.Gateway) + " " + o.ID, FoundBy: model.FoundByGateway,
		Text: fmt.Sprintf("At gateway %s %s (%q). It holds there, whatever the records say, until somebody decides.", o.Gateway, what, o.Reason),
		Remedy: fmt.Sprintf("To make it the property's own: %s. If it was wrong: %s. If it is over: %s.",
			command("adopt"), command("reject"), command("lift")),
	}, FirstSeen: o.Made, LastSeen: o.Made}
}
