package store

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// nextKey is a pair of keys by name, with a request for a certificate.
func nextKey(name string) GatewayKey {
	return GatewayKey{Gateway: "gw1", Signing: []byte(name), Sealing: []byte(name + " seals"), TLS: []byte(name + " connects"), PEM: name + " pem", Made: noon()}
}

// announce lets gw1 ask for keys under a key, and keeps them when they are fresh.
func announce(t testing.TB, s *Store, by string, k GatewayKey) (out Announcement) {
	t.Helper()
	s.update(t, func(ctx context.Context, tx *Tx) (err error) {
		if out, err = tx.Announce(ctx, []byte(by), k); err != nil || out != Fresh {
			return err
		}
		var c Certificate
		if k.PEM != "" {
			c = Certificate{Serial: string(k.Signing), Signing: k.Signing, Made: noon(), Ends: noon().AddDate(1, 0, 0)}
		}
		return tx.Succeed(ctx, k, c)
	})
	return out
}

func heard(t testing.TB, s *Store, key string) bool {
	t.Helper()
	return must(s.Heard(t.Context(), Fence{}, "gw1", []byte(key), noon().Add(time.Hour)))(t)
}

// taken is whose signature counts, in order.
func taken(t testing.TB, s *Store) (out []string) {
	t.Helper()
	for _, k := range must(s.Signing(t.Context(), "gw1"))(t) {
		out = append(out, string(k))
	}
	return out
}

func admitted(t testing.TB, s *Store, serials ...string) (out []string) {
	t.Helper()
	for _, serial := range serials {
		if must(s.Admits(t.Context(), "gw1", serial))(t) {
			out = append(out, serial)
		}
	}
	return out
}

func successor(t testing.TB, s *Store) (c *access.Certificate) {
	t.Helper()
	s.update(t, func(ctx context.Context, tx *Tx) (err error) {
		c, err = tx.Successor(ctx, "gw1")
		return err
	})
	return c
}

// TestTowardsG7_BothKeysCountUntilTheNextIsHeard, and then the one before is refused with its certificates.
func TestTowardsG7_BothKeysCountUntilTheNextIsHeard(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		if successor(t, s) != nil || heard(t, s, "signing key") {
			t.Error("there is a successor that nobody asked for")
		}
		if got := announce(t, s, "signing key", nextKey("b")); got != Fresh {
			t.Fatalf("announced: %v", got)
		}
		for what, c := range map[string]struct {
			by   string
			k    GatewayKey
			want Announcement
		}{
			"again":                 {"signing key", nextKey("b"), Repeated},
			"with another TLS key":  {"signing key", GatewayKey{Gateway: "gw1", Signing: []byte("b"), Sealing: []byte("b seals")}, Changed},
			"the key in use":        {"signing key", nextKey("signing key"), Used},
			"under another key":     {"b", nextKey("c"), Overtaken},
			"by an unknown gateway": {"signing key", GatewayKey{Gateway: "gw9", Signing: []byte("c")}, Overtaken},
		} {
			if got := announce(t, s, c.by, c.k); got != c.want {
				t.Errorf("%s: %v, want %v", what, got, c.want)
			}
		}
		wantSame(t, "keys that count", taken(t, s), []string{"signing key", "b"})
		wantSame(t, "certificates", admitted(t, s, "0a1b", "b", "c"), []string{"0a1b", "b"})
		wantSame(t, "what it is told", successor(t, s), &access.Certificate{ID: access.GatewayItem, PEM: "b pem", Signing: []byte("b"), Sealing: []byte("b seals")})
		g := must(s.Gateway(t.Context(), "gw1"))(t)
		if string(g.Sealing) != "sealing key" || !g.Succeeding.Equal(noon()) {
			t.Errorf("sealed to %q while %v", g.Sealing, g.Succeeding)
		}
		before := must(s.Admissions(t.Context()))(t)
		if !heard(t, s, "b") || heard(t, s, "b") || heard(t, s, "signing key") || heard(t, s, "c") {
			t.Error("the change-over happens once, and only to a next key")
		}
		wantSame(t, "keys that count", taken(t, s), []string{"b"})
		wantSame(t, "certificates", admitted(t, s, "0a1b", "b"), []string{"b"})
		g = must(s.Gateway(t.Context(), "gw1"))(t)
		if string(g.Signing) != "b" || string(g.Sealing) != "b seals" || g.Serial != "b" || !g.Succeeding.IsZero() || !g.CertificateEnds.Equal(noon().AddDate(1, 0, 0)) {
			t.Errorf("after it: %+v", g)
		}
		if c := successor(t, s); c == nil || c.PEM != "b pem" {
			t.Errorf("a gateway that lost its word is told %v", c)
		}
		if n := must(s.Admissions(t.Context()))(t); n == before {
			t.Error("nobody is told to look who is connected")
		}
		if got := announce(t, s, "b", nextKey("signing key")); got != Used {
			t.Errorf("back to the key before: %v", got)
		}
	})
}

// TestTowardsG7_OfSeveralNextKeysNoneIsDroppedBeforeOneIsHeard: a box may have taken up any of them.
func TestTowardsG7_OfSeveralNextKeysNoneIsDroppedBeforeOneIsHeard(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		for _, name := range []string{"b", "c", "d", "e"} {
			if got := announce(t, s, "signing key", nextKey(name)); got != Fresh {
				t.Errorf("%s: %v", name, got)
			}
		}
		if got := announce(t, s, "signing key", nextKey("f")); got != TooMany {
			t.Errorf("one too many: %v", got)
		}
		if c := successor(t, s); string(c.Signing) != "e" {
			t.Errorf("told of %s", c.Signing)
		}
		if must(s.Awaits(t.Context(), nextKey("b")))(t) || announce(t, s, "signing key", nextKey("b")) != Repeated || !must(s.Awaits(t.Context(), nextKey("b")))(t) {
			t.Error("the keys that are asked for again are not those that are told")
		}
		if c := successor(t, s); string(c.Signing) != "b" {
			t.Errorf("told of %s", c.Signing)
		}
		heard(t, s, "c")
		wantSame(t, "keys that count", taken(t, s), []string{"c"})
		wantSame(t, "certificates", admitted(t, s, "0a1b", "b", "c", "d", "e"), []string{"c"})
		if c := successor(t, s); string(c.Signing) != "c" {
			t.Errorf("told of %s", c.Signing)
		}
		if got := announce(t, s, "c", nextKey("d")); got != Used {
			t.Errorf("one that was given up: %v", got)
		}
	})
}

// TestTowardsG7_TheTLSKeyMayStay: without a request the certificate goes on with the next keys.
func TestTowardsG7_TheTLSKeyMayStay(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		k := nextKey("b")
		k.TLS, k.PEM = nil, ""
		announce(t, s, "signing key", nextKey("x"))
		announce(t, s, "signing key", k)
		if c := successor(t, s); c.PEM != "" || string(c.Signing) != "b" {
			t.Errorf("told %+v", c)
		}
		heard(t, s, "b")
		wantSame(t, "certificates", admitted(t, s, "0a1b", "x"), []string{"0a1b"})
		if g := must(s.Gateway(t.Context(), "gw1"))(t); g.Serial != "0a1b" || string(g.Signing) != "b" {
			t.Errorf("%+v", g)
		}
	})
}

// TestTowardsG7_KeysOfAnotherGatewayAreNobodyElses, in whatever state.
func TestTowardsG7_KeysOfAnotherGatewayAreNobodyElses(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		s.update(t, func(ctx context.Context, tx *Tx) error {
			return tx.AddGateway(ctx, Gateway{ID: "gw2", Property: "maples", Serial: "2", Signing: []byte("two"), Sealing: []byte("two seals"), Added: noon()})
		})
		two := nextKey("two")
		if got := announce(t, s, "signing key", two); got != Elsewhere {
			t.Errorf("%v", got)
		}
		s.update(t, func(ctx context.Context, tx *Tx) error {
			_, err := tx.Revoke(ctx, "gw2", "", noon())
			return err
		})
		if got := announce(t, s, "signing key", two); got != Elsewhere {
			t.Errorf("of a revoked one: %v", got)
		}
	})
}

// TestTowardsG7_ARevokedGatewayIsNobody until another box has its place.
func TestTowardsG7_ARevokedGatewayIsNobody(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		announce(t, s, "signing key", nextKey("b"))
		revoke := func(at time.Time) (since time.Time, err error) {
			err = s.Update(t.Context(), func(tx *Tx) error { since, err = tx.Revoke(t.Context(), "gw1", "stolen", at); return err })
			return since, err
		}
		for i := range 2 {
			if since := must(revoke(noon().Add(time.Duration(i) * time.Hour)))(t); !since.Equal(noon()) {
				t.Errorf("revoked since %s", since)
			}
		}
		if got := announce(t, s, "signing key", nextKey("c")); got != Overtaken {
			t.Errorf("next keys of a revoked gateway: %v", got)
		}
		if taken(t, s) != nil || admitted(t, s, "0a1b", "b") != nil {
			t.Error("it counts still")
		}
		if err := s.Update(t.Context(), func(tx *Tx) error { _, err := tx.Revoke(t.Context(), "gw9", "", noon()); return err }); fault.KindOf(err) != fault.Invalid {
			t.Errorf("an unknown one: %v", err)
		}
		s.update(t, func(ctx context.Context, tx *Tx) error {
			_, err := tx.Replace(ctx, Gateway{ID: "gw1", Serial: "9", Signing: []byte("z"), Sealing: []byte("z seals"), Added: noon().Add(2 * time.Hour)})
			return err
		})
		wantSame(t, "keys of the new box", taken(t, s), []string{"z"})
		wantSame(t, "its certificates", admitted(t, s, "0a1b", "b", "9"), []string{"9"})
		if successor(t, s) != nil {
			t.Error("it is told of the old box's next keys")
		}
		var history []string
		for _, a := range must(s.Acts(t.Context(), "gw1"))(t) {
			history = append(history, fmt.Sprint(a.What, " ", a.Words, " ", a.Times))
		}
		wantSame(t, "history", history, []string{"replaced  1", "revoked stolen 1", "certified  1", "enrolled  1"})
	})
}

// TestAHistoryHasItsLimit, and what happens again and again is one line.
func TestAHistoryHasItsLimit(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		s.update(t, func(ctx context.Context, tx *Tx) error {
			for i := range keepActs + 5 {
				if err := tx.Note(ctx, "gw1", noon(), ActRefused, fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return firstOf(tx.Note(ctx, "gw1", noon(), ActRefused, "x"), tx.Note(ctx, "gw1", noon().Add(time.Minute), ActRefused, "x"))
		})
		var n int
		if err := s.read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM gateway_acts`).Scan(&n); err != nil || n != keepActs {
			t.Errorf("%d lines are kept, %v", n, err)
		}
		acts := must(s.Acts(t.Context(), "gw1"))(t)
		if a := acts[0]; len(acts) != actsShown || a.Words != "x" || a.Times != 2 || !a.At.Equal(noon().Add(time.Minute)) {
			t.Errorf("%d lines, the newest %+v", len(acts), a)
		}
	})
}

// TestTowardsG10_WhatTheKeyBeforeSignedStaysSigned: checkpoints of it are taken and hold also when they come after the
// change; one by a key that never was the gateway's is a problem.
func TestTowardsG10_WhatTheKeyBeforeSignedStaysSigned(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s, key := withSigner(t, dsn)
		next := prototest.NewSigningKey(t)
		send := func(first uint64, prev access.Link, raw [][]byte, c *Checkpoint) {
			t.Helper()
			if _, err := s.SaveEvents(t.Context(), Fence{}, "gw1", Events{First: first, Prev: prev, Raw: raw, Received: noon(), Checkpoint: c}); err != nil {
				t.Fatal(err)
			}
		}
		raw, link := chain(1, access.Link{}, started(10)...)
		send(1, access.Link{}, raw, signed(key, 10, link))
		announce(t, s, string(prototest.Public(key)), nextKey(string(prototest.Public(next))))
		heard(t, s, string(prototest.Public(next)))
		raw, after := chain(11, link, started(10)...)
		send(11, link, raw, signed(key, 20, after)) // made before the change, sent after it
		raw, end := chain(21, after, started(10)...)
		send(21, after, raw, signed(next, 30, end))
		r := must(s.Verify(t.Context(), "gw1"))(t)
		wantSame(t, "report", r, EventReport{Events: 30, First: 1, Last: 30, Checkpoints: 3, Signed: 30})

		stranger := prototest.NewSigningKey(t)
		c := signed(stranger, 25, must(s.Audit(t.Context(), "gw1", 24, 1))(t)[0].Link)
		s.update(t, func(ctx context.Context, tx *Tx) error {
			return tx.exec(ctx, `INSERT INTO checkpoints (gateway, n, link, at, signature, signing) VALUES ('gw1', 25, $1, 0, $2, $3)`,
				c.Link, c.Signature, []byte(prototest.Public(stranger)))
		})
		if r = must(s.Verify(t.Context(), "gw1"))(t); len(r.Problems) != 1 {
			t.Errorf("a good signature by nobody: %v", r.Problems)
		}
	})
}

// TestMigrate_KeysOfBeforeAreKept: a gateway enrolled under the schema before goes on, and what its box before it signed
// is still its own.
func TestMigrate_KeysOfBeforeAreKept(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		old := &Store{}
		kind, err := old.connect(dsn, busyTimeout)
		if err != nil {
			t.Fatal(err)
		}
		p, err := newMigrations(kind, old.write)
		if err == nil {
			_, err = p.UpTo(t.Context(), 5)
		}
		if err != nil {
			t.Fatal(err)
		}
		fill(t, old.write)
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		s := openStore(t, dsn)
		wantSame(t, "keys that count", taken(t, s), []string{"signing key"})
		wantSame(t, "certificates", admitted(t, s, "0a1b", "0a1c"), []string{"0a1b"})
		if g := must(s.Gateway(t.Context(), "gw1"))(t); !g.CertificateEnds.Equal(noon().Add(3652 * 24 * time.Hour)) {
			t.Errorf("its certificate ends %s", g.CertificateEnds)
		}
		var states []string
		for _, k := range must(s.Keys(t.Context(), "gw1"))(t) {
			states = append(states, string(k.Signing)+" "+string(k.State))
		}
		wantSame(t, "keys", states, []string{"signing key current", "the box before gone"})
		announce(t, s, "signing key", nextKey("b"))
		heard(t, s, "b")
		wantSame(t, "certificates after a change", admitted(t, s, "0a1b", "b"), []string{"b"})
	})
}

// fill writes a gateway as it was kept under version 5.
func fill(t testing.TB, db *sql.DB) {
	t.Helper()
	at, later := noon().UnixMilli(), noon().Add(time.Hour).UnixMilli()
	for _, c := range []struct {
		do   string
		args []any
	}{
		{`INSERT INTO properties (id, name, zone, origin, ref, settings) VALUES ('maples', '', 'America/Chicago', 'csv', '', '{}')`, nil},
		{`INSERT INTO gateways (id, property, serial, signing, sealing, added, epoch, revision, base_floor, digest_key, digest, stored_digest, last_link, listed)
			VALUES ('gw1', 'maples', '0a1b', $1, $2, $3, 1, 0, 0, $4, $5, $5, $5, 1)`,
			[]any{[]byte("signing key"), []byte("sealing key"), at, []byte{}, make([]byte, 32)}},
		{`INSERT INTO gateway_certificates (gateway, serial, made) VALUES ('gw1', '0a1b', $1)`, []any{at}},
		{`INSERT INTO checkpoints (gateway, n, link, at, signature, signing) VALUES ('gw1', 1, $1, $2, $3, $4), ('gw1', 2, $1, $2, $3, $5)`,
			[]any{make([]byte, 32), later, []byte{}, []byte("the box before"), []byte("signing key")}},
	} {
		if _, err := db.ExecContext(t.Context(), c.do, c.args...); err != nil {
			t.Fatal(c.do, err)
		}
	}
}
