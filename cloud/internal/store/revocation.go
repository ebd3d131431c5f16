package store

import (
	"context"
	"time"

	"gatehouse/protocol/access"
)

// Revocation is somebody who may still be on a device although their access is over, or the gateway is
// taking them off (row G1).
type Revocation struct {
	Property access.PropertyID
	Gateway  access.GatewayID
	Device   access.DeviceID
	Person   access.PersonID
	Name     string // "": gone from the roster
	State    State
	Asked    time.Time // when access ended, or the removal was asked for; zero: nobody knows
	Stored   time.Time // when the gateway knew; zero: it has not said
	Written  time.Time // when the device accepted the removal; zero: not yet
	Attempts int
}

// OpenRevocations lists them for all properties, the oldest first.
func (s *Store) OpenRevocations(ctx context.Context, now time.Time) (out []Revocation, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.revocations(ctx, "", now)
		return err
	})
	return out, err
}

// RevocationsOf lists those of one property.
func (s *Store) RevocationsOf(ctx context.Context, property access.PropertyID, now time.Time) (out []Revocation, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.revocations(ctx, property, now)
		return err
	})
	return out, err
}

func (r reader) revocations(ctx context.Context, property access.PropertyID, now time.Time) ([]Revocation, error) {
	const since = `CASE WHEN d.op = 'remove' AND d.asked <> 0 THEN d.asked ELSE COALESCE(e.until, 0) END`
	return list(ctx, r, func(v *Revocation) []any {
		return []any{&v.Property, &v.Gateway, &v.Device, &v.Person, &v.Name, &v.State, inTime(&v.Asked), inTime(&v.Stored), inTime(&v.Written), &v.Attempts}
	}, `SELECT g.property, d.gateway, d.device, d.person, COALESCE(p.first_name || ' ' || p.last_name, ''), d.state, `+since+`, d.stored,
			CASE WHEN d.op = 'remove' THEN d.written ELSE 0 END, CASE WHEN d.op = 'remove' THEN d.attempts ELSE 0 END
		FROM device_people d JOIN gateways g ON g.id = d.gateway
		LEFT JOIN access_ends e ON e.gateway = d.gateway AND e.person = d.person
		LEFT JOIN people p ON p.property = g.property AND p.id = d.person
		WHERE ($1 = '' OR g.property = $1) AND d.state <> 'removed'
			AND (d.op = 'remove' OR e.until <> 0 AND e.until <= $2 AND (d.written <> 0 OR d.confirmed <> 0))
		ORDER BY `+since+`, d.gateway, d.device, d.person`, property, now)
}
