package cloud

import (
	"context"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Agree says that everything a gateway's state takes away up to a revision is meant, so that the gateway
// lets go whom it held; 0 is the newest. It returns up to where it is agreed now.
func (c *Cloud) Agree(ctx context.Context, gw access.GatewayID, through uint64) (meant access.Position, err error) {
	if _, err := c.gateway(ctx, gw); err != nil {
		return meant, err
	}
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		meant, err = tx.Agree(ctx, gw, through)
		return err
	})
	return meant, err
}

// Restored opens a new epoch for every gateway, after the database came back from a backup: what
// gateways lose by it waits for Agree. It returns the epochs. Without force it is refused (Conflict)
// unless a gateway has shown a state newer than the database's, because without need it makes every
// gateway hold what nobody doubts.
func (c *Cloud) Restored(ctx context.Context, force bool) (map[access.GatewayID]uint64, error) {
	epochs := map[access.GatewayID]uint64{}
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		gws, err := tx.Gateways(ctx)
		if err != nil {
			return err
		}
		seen := force
		for _, g := range gws {
			seen = seen || g.Ahead.Revision != 0
		}
		if !seen {
			return fault.New(fault.Conflict, "open", "new epoch", "no gateway has shown a state that is newer than this database").
				WithRemedy("If the database did come back from a backup, start gatehouse-cloud serve and wait until gateways said hello, or give --force.")
		}
		for _, g := range gws {
			if epochs[g.ID], err = tx.NewEpoch(ctx, g.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return epochs, err
}
