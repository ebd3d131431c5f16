package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"gatehouse/protocol/access"
)

// A gateway's keys change without a visit (row G7). It announces the next ones under the present one;
// both are taken until it is first heard by the next; from then on what came before is refused. Which
// key ever was whose is kept, because events were signed by it.

// KeyState is what a gateway's key is good for.
type KeyState string

// The states of a key.
const (
	KeyNext    KeyState = "next"    // certified, not heard yet: taken beside the current one
	KeyCurrent KeyState = "current" // the one that is sealed to
	KeyPast    KeyState = "past"    // gave way to a next one; what it signed before stays signed
	KeyGone    KeyState = "gone"    // given up before it was heard, or of a box that was replaced
)

// GatewayKey is a pair of keys of a gateway, its signing key being its name.
type GatewayKey struct {
	Gateway  access.GatewayID
	Property access.PropertyID
	Signing  []byte
	Sealing  []byte
	TLS      []byte // the public key that a certificate was asked for; empty: it keeps the one before
	PEM      string // that certificate
	State    KeyState
	Made     time.Time
	Ended    time.Time // zero: it is taken
	Revoked  bool      // its gateway is
	turn     int64
}

// Certificate is a client certificate that was made for a gateway.
type Certificate struct {
	Serial  string // in hex
	Signing []byte // the signing key that goes with it
	Made    time.Time
	Ends    time.Time
}

// MaxNext is how many next keys of one gateway may wait to be heard. More than one comes only from a box
// that lost the ones before; none of them is dropped, because the box may have taken it up already.
const MaxNext = 4

const keyColumns = `SELECT k.gateway, g.property, k.signing, k.sealing, k.tls, k.pem, k.state, k.made, k.ended, k.turn, CASE WHEN g.revoked = 0 THEN 0 ELSE 1 END
	FROM gateway_keys k JOIN gateways g ON g.id = k.gateway `

func keyFields(k *GatewayKey) []any {
	return []any{&k.Gateway, &k.Property, &k.Signing, &k.Sealing, &k.TLS, &k.PEM, &k.State, inTime(&k.Made), inTime(&k.Ended), &k.turn, &k.Revoked}
}

// Keys lists every key by which a gateway was ever to be known, those of its enrolment first.
func (s *Store) Keys(ctx context.Context, gateway access.GatewayID) (out []GatewayKey, err error) {
	err = s.view(ctx, func(r reader) error {
		out, err = r.keys(ctx, gateway)
		return err
	})
	return out, err
}

func (r reader) keys(ctx context.Context, gateway access.GatewayID) ([]GatewayKey, error) {
	return list(ctx, r, keyFields, keyColumns+`WHERE k.gateway = $1 ORDER BY k.made, k.turn`, gateway)
}

// Signing are the keys whose signature counts now, the current one first; none for a gateway that is
// unknown or revoked.
func (s *Store) Signing(ctx context.Context, gateway access.GatewayID) (out [][]byte, err error) {
	err = s.view(ctx, func(r reader) error {
		rows, err := list(ctx, r, func(b *[]byte) []any { return []any{b} }, `SELECT k.signing FROM gateway_keys k JOIN gateways g ON g.id = k.gateway
			WHERE k.gateway = $1 AND g.revoked = 0 AND k.state IN ('current', 'next') ORDER BY k.state, k.turn`, gateway)
		out = rows
		return err
	})
	return out, err
}

// KeyOf finds whose key a signing key is or was; found is false when it is nobody's.
func (t *Tx) KeyOf(ctx context.Context, signing []byte) (k GatewayKey, found bool, err error) {
	all, err := list(ctx, t.reader, keyFields, keyColumns+`WHERE k.signing = $1 ORDER BY k.ended, k.gateway LIMIT 1`, signing)
	if err != nil || len(all) == 0 {
		return k, false, explain("look up key", "", err)
	}
	return all[0], true, nil
}

// enrolled keeps the keys and the certificate with which a gateway was enrolled.
func (t *Tx) enrolled(ctx context.Context, g Gateway) error {
	err := t.addKey(ctx, GatewayKey{Gateway: g.ID, Signing: g.Signing, Sealing: g.Sealing, State: KeyCurrent, Made: g.Added})
	return firstOf(err, t.AddCertificate(ctx, g.ID, Certificate{g.Serial, g.Signing, g.Added, g.Ends}))
}

func (t *Tx) addKey(ctx context.Context, k GatewayKey) error {
	return explain("save key of gateway", string(k.Gateway), t.exec(ctx, `INSERT INTO gateway_keys (gateway, signing, sealing, tls, state, turn, pem, made, ended)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`, k.Gateway, k.Signing, k.Sealing, k.TLS, k.State, k.turn, k.PEM, k.Made))
}

// AddCertificate keeps a certificate that was made for a gateway: it may connect with it.
func (t *Tx) AddCertificate(ctx context.Context, gateway access.GatewayID, c Certificate) error {
	return explain("save certificate of gateway", string(gateway), t.exec(ctx,
		`INSERT INTO gateway_certificates (gateway, serial, made, signing, ends) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (gateway, serial) DO NOTHING`,
		gateway, c.Serial, c.Made, c.Signing, c.Ends))
}

// Admits reports whether a gateway may connect with the certificate of a serial number: not one that is
// unknown or revoked, nor with a certificate from before its box was replaced or its keys changed.
func (s *Store) Admits(ctx context.Context, gateway access.GatewayID, serial string) (ok bool, err error) {
	err = s.view(ctx, func(r reader) error {
		var n int
		err := r.row(ctx, `SELECT COUNT(*) FROM gateways g WHERE g.id = $1 AND g.revoked = 0 AND (g.listed = 0
			OR EXISTS (SELECT 1 FROM gateway_certificates c WHERE c.gateway = g.id AND c.serial = $2 AND c.ended = 0))`, gateway, serial).Scan(&n)
		ok = n > 0
		return err
	})
	return ok, err
}

const admissions = "admission" // counted like ids

// admission counts that somebody may be admitted no longer.
func (t *Tx) admission(ctx context.Context) error {
	_, err := t.count(ctx, "", admissions, 1)
	return err
}

// Admissions grows whenever any process takes back what Admits said.
func (s *Store) Admissions(ctx context.Context) (n uint64, err error) {
	err = s.view(ctx, func(r reader) error {
		err := r.row(ctx, `SELECT n FROM counters WHERE property = '' AND kind = $1`, admissions).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return n, err
}

// Announcement is what became of next keys that a gateway asked for.
type Announcement int

// The outcomes. Only with Fresh is there something to do.
const (
	Fresh     Announcement = iota // nobody's key yet: to be certified and kept with Succeed
	Repeated                      // they wait already
	Changed                       // they wait already, with other parts beside the signing key
	Used                          // they were this gateway's before, or are now
	Elsewhere                     // they are another gateway's
	TooMany                       // MaxNext wait already
	Overtaken                     // who asks does not sign with the current key, or is revoked
)

// Announce takes the gateway's row and looks what next keys are to it. With Repeated they become the
// ones that were asked for last.
func (t *Tx) Announce(ctx context.Context, by []byte, next GatewayKey) (Announcement, error) {
	var current []byte
	err := t.row(ctx, `UPDATE gateways SET revision = revision WHERE id = $1 AND revoked = 0 RETURNING signing`, next.Gateway).Scan(&current)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !bytes.Equal(current, by) {
		return Overtaken, nil
	}
	if err != nil {
		return Overtaken, explain("announce keys of gateway", string(next.Gateway), err)
	}
	k, found, err := t.KeyOf(ctx, next.Signing)
	switch {
	case err != nil:
		return Overtaken, err
	case found && k.Gateway != next.Gateway:
		return Elsewhere, nil
	case found && k.State != KeyNext:
		return Used, nil
	case found && !(bytes.Equal(k.Sealing, next.Sealing) && bytes.Equal(k.TLS, next.TLS)):
		return Changed, nil
	case found:
		return Repeated, explain("announce keys of gateway", string(next.Gateway), t.exec(ctx, `UPDATE gateway_keys
			SET turn = 1 + (SELECT MAX(o.turn) FROM gateway_keys o WHERE o.gateway = $1)
			WHERE gateway = $1 AND signing = $2 AND turn < (SELECT MAX(o.turn) FROM gateway_keys o WHERE o.gateway = $1)`, next.Gateway, next.Signing))
	}
	var waiting int
	err = t.row(ctx, `SELECT COUNT(*) FROM gateway_keys WHERE gateway = $1 AND state = 'next'`, next.Gateway).Scan(&waiting)
	if waiting >= MaxNext {
		return TooMany, err
	}
	return Fresh, explain("announce keys of gateway", string(next.Gateway), err)
}

// Awaits reports whether just these next keys are the ones that were asked for last and wait.
func (s *Store) Awaits(ctx context.Context, next GatewayKey) (ok bool, err error) {
	err = s.view(ctx, func(r reader) error {
		var n int
		err := r.row(ctx, `SELECT COUNT(*) FROM gateway_keys WHERE gateway = $1 AND signing = $2 AND sealing = $3 AND tls = $4 AND state = 'next'
			AND turn = (SELECT MAX(o.turn) FROM gateway_keys o WHERE o.gateway = $1)`, next.Gateway, next.Signing, next.Sealing, next.TLS).Scan(&n)
		ok = n > 0
		return err
	})
	return ok, err
}

// Succeed keeps next keys that Announce found Fresh, with the certificate made for them; the zero one
// keeps the TLS key. From now on they are taken beside the current ones.
func (t *Tx) Succeed(ctx context.Context, next GatewayKey, c Certificate) error {
	next.State = KeyNext
	if err := t.row(ctx, `SELECT 1 + MAX(turn) FROM gateway_keys WHERE gateway = $1`, next.Gateway).Scan(&next.turn); err != nil {
		return explain("save next keys of gateway", string(next.Gateway), err)
	}
	err := t.addKey(ctx, next)
	if err == nil && c.Serial != "" {
		err = t.AddCertificate(ctx, next.Gateway, c)
	}
	return firstOf(err, t.Note(ctx, next.Gateway, next.Made, ActCertified, ""))
}

// Successor is what a gateway is told of its keys: those that were asked for last and still are, or
// became, its own. Nil: none ever were.
func (t *Tx) Successor(ctx context.Context, gateway access.GatewayID) (*access.Certificate, error) {
	all, err := list(ctx, t.reader, func(c *access.Certificate) []any { return []any{&c.PEM, &c.Signing, &c.Sealing} },
		`SELECT pem, signing, sealing FROM gateway_keys WHERE gateway = $1 AND state IN ('next', 'current') AND turn > 0 ORDER BY turn DESC LIMIT 1`, gateway)
	if err != nil || len(all) == 0 {
		return nil, explain("read keys of gateway", string(gateway), err)
	}
	all[0].ID = access.GatewayItem
	return &all[0], nil
}

// Heard notes that a gateway signed with a key. When that was a next one it is the current one from now
// on, and changed is true: the keys and the certificates before are refused, and so are other next keys.
func (s *Store) Heard(ctx context.Context, under Fence, gateway access.GatewayID, signing []byte, at time.Time) (changed bool, err error) {
	err = s.fenced(ctx, under, func(t *Tx) error {
		changed = false
		var old []byte
		if err := t.row(ctx, `UPDATE gateways SET revision = revision WHERE id = $1 RETURNING signing`, gateway).Scan(&old); err != nil {
			return missing(err, "gateway", string(gateway))
		}
		k, found, err := t.KeyOf(ctx, signing)
		if err != nil || !found || k.Gateway != gateway || k.State != KeyNext {
			return err
		}
		changed = true
		return explain("change keys of gateway", string(gateway), t.changeOver(ctx, k, old, at))
	})
	return changed, err
}

func (t *Tx) changeOver(ctx context.Context, k GatewayKey, old []byte, at time.Time) error {
	err := t.exec(ctx, `UPDATE gateway_keys SET ended = $2, state = CASE WHEN state = 'current' THEN 'past' ELSE 'gone' END
		WHERE gateway = $1 AND state IN ('current', 'next') AND signing <> $3`, k.Gateway, at, k.Signing)
	if err == nil {
		err = t.exec(ctx, `UPDATE gateway_keys SET state = 'current' WHERE gateway = $1 AND signing = $2`, k.Gateway, k.Signing)
	}
	listed := `, listed = 1`
	if err == nil && k.PEM == "" { // the TLS key and what was made for it stay
		listed = ``
		err = t.exec(ctx, `UPDATE gateway_certificates SET signing = $2 WHERE gateway = $1 AND ended = 0 AND (signing = $3 OR signing IS NULL)`, k.Gateway, k.Signing, old)
	}
	if err == nil {
		err = t.exec(ctx, `UPDATE gateway_certificates SET ended = $2 WHERE gateway = $1 AND ended = 0 AND (signing IS NULL OR signing <> $3)`, k.Gateway, at, k.Signing)
	}
	if err == nil {
		err = t.exec(ctx, `UPDATE gateways SET signing = $2, sealing = $3, serial = COALESCE((SELECT MAX(c.serial) FROM gateway_certificates c
			WHERE c.gateway = $1 AND c.signing = $2 AND c.ended = 0), serial)`+listed+` WHERE id = $1`, k.Gateway, k.Signing, k.Sealing)
	}
	return firstOf(err, t.Note(ctx, k.Gateway, at, ActChanged, ""), t.admission(ctx))
}

// Revoke makes a gateway one that nobody listens to and nobody tells anything, until another box takes
// its place. What it wrote, and what of its events is here, stays. Again, it changes nothing.
func (t *Tx) Revoke(ctx context.Context, gateway access.GatewayID, why string, at time.Time) (since time.Time, err error) {
	if err := t.row(ctx, `UPDATE gateways SET revision = revision WHERE id = $1 RETURNING revoked`, gateway).Scan(inTime(&since)); err != nil || !since.IsZero() {
		return since, missing(err, "gateway", string(gateway))
	}
	err = t.exec(ctx, `UPDATE gateways SET revoked = $2, online = 0 WHERE id = $1`, gateway, at)
	if err == nil {
		err = t.exec(ctx, `UPDATE gateway_certificates SET ended = $2 WHERE gateway = $1 AND ended = 0`, gateway, at)
	}
	return at, explain("revoke gateway", string(gateway), firstOf(err, t.Note(ctx, gateway, at, ActRevoked, why), t.admission(ctx)))
}
