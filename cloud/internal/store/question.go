package store

import (
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
	return out, err
}
