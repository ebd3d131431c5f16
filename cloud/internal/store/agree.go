package store

import (
	"context"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Terms are what is known of a new wanted state beside its items.
type Terms struct {
	Now time.Time
	// Agreed: whoever is taken out by it is meant to be, because a person said so or a sync passed the
	// brake. Without it a state is still meant when it takes access from nobody.
	Agreed bool
}

// ahead says that the gateway's state is newer than ours: this database came back from a backup.
const ahead = "This database is older than the gateway's state: it was restored from a backup."

// Restore is the remedy for a database that came back from a backup.
const Restore = "Run gatehouse-cloud restored, look at what is published then, and agree with: gatehouse-cloud gateway agree --gateway GATEWAY."

// Agree says that everything a gateway's state takes away up to a revision is meant; 0 is the newest.
// It never takes back what was agreed. A revision that does not exist is Invalid; a gateway whose state
// is newer than ours is a Conflict.
func (t *Tx) Agree(ctx context.Context, gateway access.GatewayID, through uint64) (access.Position, error) {
	h, over, err := t.headAndAhead(ctx, gateway)
	switch {
	case err != nil:
		return access.Position{}, err
	case over.Revision != 0:
		return access.Position{}, fault.New(fault.Conflict, "agree for gateway", string(gateway), "%s", ahead).WithRemedy("%s", Restore)
	case through > h.Revision:
		return access.Position{}, fault.New(fault.Invalid, "agree for gateway", string(gateway), "there is no revision %d; the newest is %d", through, h.Revision).
			WithRemedy("Leave --through away to agree with the newest.")
	case through != 0:
		h.Revision = through
	}
	if !h.Meant.Before(h.Position) {
		return h.Meant, nil
	}
	t.revisions = true // so that publishers look
	return h.Position, explain("agree for gateway", string(gateway), t.exec(ctx,
		`UPDATE gateways SET meant_epoch = $2, meant_revision = $3 WHERE id = $1`, gateway, h.Epoch, h.Revision))
}

// headAndAhead takes the gateway's row.
func (t *Tx) headAndAhead(ctx context.Context, gateway access.GatewayID) (h head, over access.Position, err error) {
	h, err = t.scanHead(t.row(ctx, `UPDATE gateways SET revision = revision WHERE id = $1 RETURNING `+headColumns, gateway), gateway)
	if err == nil {
		err = t.row(ctx, `SELECT ahead_epoch, ahead_revision FROM gateways WHERE id = $1`, gateway).Scan(&over.Epoch, &over.Revision)
	}
	return h, over, explain("read gateway", string(gateway), err)
}

// noteAhead remembers that a gateway named a position that was never published from here. Until an
// epoch is opened (NewEpoch) nothing may be published to it: what would come out is older than what it
// has, and could carry the same number.
func (t *Tx) noteAhead(ctx context.Context, gateway access.GatewayID, pos access.Position) error {
	return t.exec(ctx, `UPDATE gateways SET ahead_epoch = $2, ahead_revision = $3
		WHERE id = $1 AND (epoch < $2 OR epoch = $2 AND revision < $3) AND (ahead_epoch < $2 OR ahead_epoch = $2 AND ahead_revision < $3)`,
		gateway, pos.Epoch, pos.Revision)
}

// settle moves the agreement up to what a gateway has taken up with nobody left waiting. Not across an
// epoch: a restored cloud needs a person's word.
func (t *Tx) settle(ctx context.Context, gateway access.GatewayID) error {
	return t.exec(ctx, `UPDATE gateways SET meant_revision = stored_revision WHERE id = $1 AND held = 0 AND meant_epoch = epoch
		AND stored_epoch = epoch AND meant_revision < stored_revision AND stored_revision <= revision`, gateway)
}

// NewEpoch opens a new epoch for a gateway, above every one it is known to have: its next state comes
// whole, and what it takes away waits for Agree. The next events may begin beyond the ones stored here.
func (t *Tx) NewEpoch(ctx context.Context, gateway access.GatewayID) (epoch uint64, err error) {
	err = t.row(ctx, `UPDATE gateways SET epoch = 1 + CASE WHEN ahead_epoch > epoch THEN ahead_epoch WHEN stored_epoch > epoch THEN stored_epoch ELSE epoch END,
		base_floor = revision, ahead_epoch = 0, ahead_revision = 0, anew = 1 WHERE id = $1 RETURNING epoch`, gateway).Scan(&epoch)
	t.revisions = true
	return epoch, missing(err, "gateway", string(gateway))
}

// HasOwn reports whether a gateway has stored the newest item of a kind about itself. Without one it has
// not.
func (s *Store) HasOwn(ctx context.Context, gateway access.GatewayID, kind access.Kind) (ok bool, err error) {
	err = s.view(ctx, func(r reader) error {
		var n int
		err := r.row(ctx, `SELECT COUNT(*) FROM gateway_items i JOIN gateways g ON g.id = i.gateway
			WHERE g.id = $1 AND i.kind = $2 AND g.stored_epoch = g.epoch AND g.stored_revision >= i.revision`, gateway, kind).Scan(&n)
		ok = n > 0
		return err
	})
	return ok, err
}
