package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Gateway is a gateway as it was enrolled, what we want of it, and what it told last.
type Gateway struct {
	ID       access.GatewayID
	Property access.PropertyID
	Serial   string    // of its client certificate
	Ends     time.Time // of that, when it is enrolled or replaced
	Signing  []byte    // its public keys
	Sealing  []byte
	Added    time.Time

	Published access.Position // its newest state; revision 0: nothing yet
	Stored    access.Position // what it said it keeps; zero: nothing yet
	StoredSum access.Digest   // its digest of that
	StoredAt  time.Time
	Told      Hello     // its last hello; zero At: none yet
	Contact   time.Time // the last message of it that was verified
	Online    Status    // what the broker says; a hint
	Inventory uint64    // number of its last inventory
	Events    uint64    // number of its last event here

	Meant access.Position // up to where what its state takes away is meant
	Ahead access.Position // a position it named that was never published from here; revision 0: none

	CertificateEnds time.Time // of the newest certificate for its keys; zero: not known
	Succeeding      time.Time // since when next keys wait for it to take them up; zero: none do
	Revoked         time.Time // zero: it is not
}

// AddGateway stores a newly enrolled gateway, with epoch 1, nothing published and a digest key of its
// own. Only the enrolment's fields of g are used. An id that is already there is a Conflict.
func (t *Tx) AddGateway(ctx context.Context, g Gateway) error {
	if !access.ValidID(string(g.ID)) {
		return fault.New(fault.Invalid, "add gateway", string(g.ID), "its id is not one")
	}
	if err := t.takeProperty(ctx, g.Property); err != nil {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	var got string
	err := t.row(ctx, `INSERT INTO gateways (id, property, serial, signing, sealing, added,
			epoch, revision, base_floor, digest_key, digest, stored_digest, last_link, listed)
		VALUES ($1, $2, $3, $4, $5, $6, 1, 0, 0, $7, $8, $8, $8, 1) ON CONFLICT (id) DO NOTHING RETURNING id`,
		g.ID, g.Property, g.Serial, g.Signing, g.Sealing, g.Added,
		t.sealer.seal(key, "gateways", string(g.ID), "digest_key"), access.Digest{}).Scan(&got)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "add gateway", string(g.ID), "there is already a gateway of this id")
	}
	if err != nil {
		return explain("add gateway", string(g.ID), err)
	}
	return firstOf(t.enrolled(ctx, g), t.Note(ctx, g.ID, g.Added, ActEnrolled, ""))
}

const gatewayColumns = `SELECT id, property, serial, signing, sealing, added, epoch, revision, stored_epoch, stored_revision, stored_digest, stored_at,
	protocol, software, boot, clock_trusted, clock_source, clock_now, waiting, hello_at, last_contact,
	online, online_boot, online_number, online_at, inventory, last_event, meant_epoch, meant_revision, ahead_epoch, ahead_revision, held,
	settings_known, settings_revision, settings_refused, settings_message, revoked,
	COALESCE((SELECT MAX(c.ends) FROM gateway_certificates c WHERE c.gateway = gateways.id AND c.ended = 0 AND (c.signing = gateways.signing OR c.signing IS NULL)), 0),
	COALESCE((SELECT MIN(k.made) FROM gateway_keys k WHERE k.gateway = gateways.id AND k.state = 'next'), 0) FROM gateways `

func gatewayFields(g *Gateway) []any {
	return []any{&g.ID, &g.Property, &g.Serial, &g.Signing, &g.Sealing, inTime(&g.Added), &g.Published.Epoch, &g.Published.Revision,
		&g.Stored.Epoch, &g.Stored.Revision, inDigest(&g.StoredSum), inTime(&g.StoredAt),
		&g.Told.Protocol, &g.Told.Software, &g.Told.Boot, &g.Told.Clock.Trusted, &g.Told.Clock.Source, inTime(&g.Told.Clock.Now),
		&g.Told.Waiting, inTime(&g.Told.At), inTime(&g.Contact),
		&g.Online.Online, &g.Online.Boot, &g.Online.Number, inTime(&g.Online.At), &g.Inventory, &g.Events,
		&g.Meant.Epoch, &g.Meant.Revision, &g.Ahead.Epoch, &g.Ahead.Revision, &g.Told.Held,
		&g.Told.Settings.Known, &g.Told.Settings.Revision, &g.Told.Settings.Refused, &g.Told.Settings.Message,
		inTime(&g.Revoked), inTime(&g.CertificateEnds), inTime(&g.Succeeding)}
}

// Gateways lists every gateway, by id.
func (s *Store) Gateways(ctx context.Context) (out []Gateway, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = list(ctx, r, gatewayFields, gatewayColumns+`ORDER BY id`)
		return err
	})
	return out, err
}

// Gateway reads one gateway; an unknown one is Invalid.
func (s *Store) Gateway(ctx context.Context, id access.GatewayID) (g Gateway, err error) {
	err = s.view(ctx, func(r reader) error {
		return missing(r.row(ctx, gatewayColumns+`WHERE id = $1`, id).Scan(gatewayFields(&g)...), "gateway", string(id))
	})
	return g, err
}

// Gateways lists every gateway within a transaction, by id.
func (t *Tx) Gateways(ctx context.Context) ([]Gateway, error) {
	out, err := list(ctx, t.reader, gatewayFields, gatewayColumns+`ORDER BY id`)
	return out, explain("list", "gateways", err)
}

// GatewaysOf lists the gateways of a property within a transaction, by id: the ones whose state
// follows from its roster.
func (t *Tx) GatewaysOf(ctx context.Context, property access.PropertyID) ([]Gateway, error) {
	out, err := t.gateways(ctx, property)
	return out, explain("list gateways", string(property), err)
}

func (r reader) gateways(ctx context.Context, property access.PropertyID) ([]Gateway, error) {
	return list(ctx, r, gatewayFields, gatewayColumns+`WHERE property = $1 ORDER BY id`, property)
}
