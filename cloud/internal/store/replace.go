package store

import (
	"context"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Predecessor is what a box must know of the one whose place it takes (row G15).
type Predecessor struct {
	Event   uint64      // number of the last event that is here
	Link    access.Link // of that event
	Floor   access.Position
	Devices []access.Device
	Ledger  map[access.DeviceID][]access.PersonID
}

// Replace gives a gateway's place to another box, with other keys, and returns what the box must know
// of the one before it. From then on nothing that the old box signs, and no certificate of it, counts.
// What the old box told last is forgotten, its events and what it wrote where are not. Only g's keys,
// serial number and time are used.
func (t *Tx) Replace(ctx context.Context, g Gateway) (old Predecessor, err error) {
	h, over, err := t.headAndAhead(ctx, g.ID)
	switch {
	case err != nil:
		return old, err
	case over.Revision != 0:
		return old, fault.New(fault.Conflict, "replace gateway", string(g.ID), "%s", ahead).WithRemedy("%s", Restore)
	}
	if old, err = t.predecessor(ctx, g.ID, h.Position); err != nil {
		return old, explain("replace gateway", string(g.ID), err)
	}
	err = t.exec(ctx, `UPDATE gateways SET signing = $2, sealing = $3, serial = $4, added = $5, listed = 1, revoked = 0,
		stored_epoch = 0, stored_revision = 0, stored_at = 0, hello_at = 0, held = 0, settings_known = 0, inventory = 0,
		online = 0, online_boot = '', online_number = 0 WHERE id = $1`, g.ID, g.Signing, g.Sealing, g.Serial, g.Added)
	if err == nil {
		err = t.forgetSite(ctx, g.ID)
	}
	if err == nil {
		err = t.exec(ctx, `UPDATE gateway_keys SET state = 'gone', ended = CASE WHEN ended = 0 THEN $2 ELSE ended END WHERE gateway = $1`, g.ID, g.Added)
	}
	if err == nil {
		err = t.exec(ctx, `UPDATE gateway_certificates SET ended = $2 WHERE gateway = $1 AND ended = 0`, g.ID, g.Added)
	}
	if err != nil {
		return old, explain("replace gateway", string(g.ID), err)
	}
	return old, firstOf(t.enrolled(ctx, g), t.Note(ctx, g.ID, g.Added, ActReplaced, ""), t.admission(ctx))
}

// predecessor is what is known of a box. Whoever may be on a device stands in the ledger: the new box asks
// the device.
func (t *Tx) predecessor(ctx context.Context, gateway access.GatewayID, published access.Position) (p Predecessor, err error) {
	err = t.row(ctx, `SELECT last_event, last_link, stored_epoch, stored_revision FROM gateways WHERE id = $1`, gateway).
		Scan(&p.Event, inDigest(&p.Link), &p.Floor.Epoch, &p.Floor.Revision)
	if err != nil {
		return p, err
	}
	if published.Before(p.Floor) {
		p.Floor = published
	}
	p.Devices, err = list(ctx, t.reader, func(d *access.Device) []any { return []any{inJSON(d)} }, `SELECT body FROM devices WHERE gateway = $1 ORDER BY id`, gateway)
	if err != nil {
		return p, err
	}
	type written struct {
		device access.DeviceID
		person access.PersonID
	}
	rows, err := list(ctx, t.reader, func(w *written) []any { return []any{&w.device, &w.person} },
		`SELECT device, person FROM device_people WHERE gateway = $1 AND state <> 'removed' ORDER BY device, person`, gateway)
	for _, w := range rows {
		if p.Ledger == nil {
			p.Ledger = map[access.DeviceID][]access.PersonID{}
		}
		p.Ledger[w.device] = append(p.Ledger[w.device], w.person)
	}
	return p, err
}
