package cloud

import (
	"context"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
)

// EventReport is what a walk over a gateway's stored events found; without Problems all is well.
type EventReport = store.EventReport

// EventRecord is one stored event with the exact bytes that its gateway signed.
type EventRecord = store.Record

// EventCheckpoint is a gateway's signature over its events up to one.
type EventCheckpoint = store.Checkpoint

// VerifyEvents walks every stored event of a gateway again: numbers, hash chain, the gateway's signatures.
func (c *Cloud) VerifyEvents(ctx context.Context, gw access.GatewayID) (EventReport, error) {
	if _, err := c.gateway(ctx, gw); err != nil {
		return EventReport{}, err
	}
	return c.store.Verify(ctx, gw)
}

// ExportEvents hands out a gateway's stored events after a number, in order, until f fails, and returns
// the signatures with which they can be proven elsewhere.
func (c *Cloud) ExportEvents(ctx context.Context, gw access.GatewayID, after uint64, f func(EventRecord) error) ([]EventCheckpoint, error) {
	if _, err := c.gateway(ctx, gw); err != nil {
		return nil, err
	}
	if err := c.store.Export(ctx, gw, after, f); err != nil {
		return nil, err
	}
	return c.store.Checkpoints(ctx, gw)
}
