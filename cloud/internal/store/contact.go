package store

import (
	"context"
	"time"

	"gatehouse/protocol/access"
)

// Hello is what a gateway says on every connect. It is authoritative: what it says it has stored
// replaces whatever was known, also backwards, because a box may lose its cache.
type Hello struct {
	Protocol int
	Software string
	Position access.Position // what it has stored; zero: nothing
	Digest   access.Digest
	Boot     string
	Clock    Clock
	Waiting  uint64    // events in its outbox
	Held     int       // people whose loss of access waits for somebody's word
	At       time.Time // when we received it
	Settings InForce   // what became of the settings
}

// InForce is what became of a gateway's settings.
type InForce struct {
	Known    bool   // it said so; else only its own file holds, or it is older than settings
	Revision uint64 // the state whose settings hold
	Refused  uint64 // a later state whose settings were refused; 0: none
	Message  string // why
}

// Clock is the health of a gateway's clock as it told at Hello.At.
type Clock struct {
	Trusted bool
	Source  string
	Now     time.Time // its clock; compare with Hello.At
}

// Status is the connection as the broker tells it: a hint for people, nothing is decided by it.
type Status struct {
	Online bool
	Boot   string
	Number uint64 // connections since boot
	At     time.Time
}

// SaveHello stores a hello.
func (s *Store) SaveHello(ctx context.Context, under Fence, gateway access.GatewayID, h Hello) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		err := t.told(ctx, gateway, h.At, `protocol = $3, software = $4, stored_epoch = $5, stored_revision = $6, stored_digest = $7,
			stored_at = CASE WHEN stored_epoch = $5 AND stored_revision = $6 THEN stored_at ELSE $2 END,
			boot = $8, clock_trusted = $9, clock_source = $10, clock_now = $11, waiting = $12, held = $13, hello_at = $2,
			settings_known = $14, settings_revision = $15, settings_refused = $16, settings_message = $17`,
			h.Protocol, h.Software, h.Position.Epoch, h.Position.Revision, h.Digest,
			h.Boot, h.Clock.Trusted, h.Clock.Source, h.Clock.Now, h.Waiting, h.Held,
			h.Settings.Known, h.Settings.Revision, h.Settings.Refused, h.Settings.Message)
		if err == nil {
			err = firstOf(t.noteAhead(ctx, gateway, h.Position), t.settle(ctx, gateway))
		}
		if err == nil && h.Held == 0 { // whatever was told before
			err = t.exec(ctx, `DELETE FROM holds WHERE gateway = $1`, gateway)
		}
		return explain("save hello of gateway", string(gateway), err)
	})
}

// SaveAck stores that a gateway has stored a position. One that arrives late, after a newer one, only
// counts as contact.
func (s *Store) SaveAck(ctx context.Context, under Fence, gateway access.GatewayID, pos access.Position, digest access.Digest, at time.Time) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		if err := firstOf(t.told(ctx, gateway, at, ``), t.noteAhead(ctx, gateway, pos)); err != nil {
			return err
		}
		return explain("save ack of gateway", string(gateway), t.exec(ctx, `UPDATE gateways
			SET stored_epoch = $2, stored_revision = $3, stored_digest = $4, stored_at = $5
			WHERE id = $1 AND (stored_epoch < $2 OR stored_epoch = $2 AND stored_revision < $3)`,
			gateway, pos.Epoch, pos.Revision, digest, at))
	})
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// SaveInventory replaces a gateway's devices, when the number is newer than the stored one's.
func (s *Store) SaveInventory(ctx context.Context, under Fence, gateway access.GatewayID, number uint64, devices []access.Device, at time.Time) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		if err := t.told(ctx, gateway, at, ``); err != nil {
			return err
		}
		var stored uint64
		if err := t.row(ctx, `SELECT inventory FROM gateways WHERE id = $1`, gateway).Scan(&stored); err != nil || number <= stored {
			return explain("save inventory of gateway", string(gateway), err)
		}
		rows := make([][]any, len(devices))
		for i, d := range devices {
			rows[i] = []any{gateway, d.ID, encode(d)}
		}
		err := t.exec(ctx, `DELETE FROM devices WHERE gateway = $1`, gateway)
		if err == nil {
			err = t.bulk(ctx, `INSERT INTO devices (gateway, id, body)`, ``, rows)
		}
		if err == nil {
			err = t.forgetDevices(ctx, gateway)
		}
		if err == nil {
			err = t.exec(ctx, `UPDATE gateways SET inventory = $1, inventory_at = $2 WHERE id = $3`, number, at, gateway)
		}
		return explain("save inventory of gateway", string(gateway), err)
	})
}

// SaveStatus stores what the broker says about a connection. A last will that arrives after the next
// connection of the same boot was announced is ignored. It is no contact: nobody signed it.
func (s *Store) SaveStatus(ctx context.Context, under Fence, gateway access.GatewayID, st Status) error {
	return s.fenced(ctx, under, func(t *Tx) error {
		return explain("save status of gateway", string(gateway), t.exec(ctx, `UPDATE gateways
			SET online = $2, online_boot = $3, online_number = $4, online_at = $5
			WHERE id = $1 AND (online_boot <> $3 OR online_number <= $4)`,
			gateway, st.Online, st.Boot, st.Number, st.At))
	})
}

// told takes the gateway's row, notes the contact ($2) and sets what else was told, from $3 on.
func (t *Tx) told(ctx context.Context, gateway access.GatewayID, at time.Time, set string, args ...any) error {
	if set != "" {
		set = ", " + set
	}
	var id string
	err := t.row(ctx, `UPDATE gateways SET last_contact = CASE WHEN last_contact < $2 THEN $2 ELSE last_contact END`+set+` WHERE id = $1 RETURNING id`,
		append([]any{gateway, at}, args...)...).Scan(&id)
	return missing(err, "gateway", string(gateway))
}
