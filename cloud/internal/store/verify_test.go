package store

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"strings"
	"testing"

	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// withSigner opens a database whose gateway gw1 has a real signing key.
func withSigner(t testing.TB, dsn string) (*Store, ed25519.PrivateKey) {
	t.Helper()
	s, key := openStore(t, dsn), prototest.NewSigningKey(t)
	s.update(t, func(ctx context.Context, tx *Tx) error {
		if err := tx.UpsertProperty(ctx, maples()); err != nil {
			return err
		}
		g := gatewayOne()
		g.Signing = prototest.Public(key)
		return tx.AddGateway(ctx, g)
	})
	return s, key
}

// signed is a checkpoint by the words of agent/internal/outbox.CheckpointMessage.
func signed(key ed25519.PrivateKey, n uint64, link access.Link) *Checkpoint {
	msg := append([]byte("gatehouse checkpoint v1\x00"), binary.BigEndian.AppendUint64(nil, n)...)
	return &Checkpoint{Number: n, Link: link, At: noon(), Signature: ed25519.Sign(key, append(msg, link[:]...))}
}

// TestG10_TheCloudVerifiesToo: the stored events are walked again, and every change to them shows.
func TestG10_TheCloudVerifiesToo(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s, key := withSigner(t, dsn)
		raw, link := chain(1, access.Link{}, started(1500)...)
		send := func(first uint64, prev access.Link, raw [][]byte, c *Checkpoint) {
			t.Helper()
			if _, err := s.SaveEvents(t.Context(), Fence{}, "gw1", Events{First: first, Prev: prev, Raw: raw, Received: noon(), Checkpoint: c}); err != nil {
				t.Fatal(err)
			}
		}
		send(1, access.Link{}, raw, signed(key, 1500, link))
		lost, after := chain(1504, access.Link{}, access.Event{Kind: access.EventLost, First: 1501, Last: 1503})
		send(1504, access.Link{}, lost, signed(prototest.NewSigningKey(t), 1504, after)) // by nobody we know
		more, end := chain(1505, after, started(2)...)
		send(1505, after, more, signed(key, 1506, end))
		r := must(s.Verify(t.Context(), "gw1"))(t)
		wantSame(t, "report", r, EventReport{Events: 1503, First: 1, Last: 1506, Checkpoints: 2, Signed: 1506, Lost: []Span{{1501, 1503}}})

		for _, c := range []struct{ name, do, words string }{
			{"a changed time", `UPDATE events SET raw = $1 WHERE gateway = 'gw1' AND n = 700`, "event 700 does not join the chain"},
			{"a link that was computed anew", `UPDATE events SET link = $1 WHERE gateway = 'gw1' AND n = 1506`, "signed another chain up to event 1506"},
		} {
			var before, bytes []byte
			column := map[bool]string{true: "raw", false: "link"}[strings.Contains(c.do, "raw")]
			where := c.do[strings.Index(c.do, "WHERE"):]
			s.update(t, func(ctx context.Context, tx *Tx) error {
				return tx.row(ctx, `SELECT `+column+` FROM events `+where).Scan(&before)
			})
			bytes = append([]byte{}, before...)
			if column == "raw" {
				bytes = []byte(strings.Replace(string(before), "12:00:00", "12:00:01", 1))
			} else {
				bytes[0] ^= 1
			}
			s.update(t, func(ctx context.Context, tx *Tx) error { return tx.exec(ctx, c.do, bytes) })
			if r := must(s.Verify(t.Context(), "gw1"))(t); !strings.Contains(strings.Join(r.Problems, "; "), c.words) {
				t.Errorf("%s: problems %q, want %q", c.name, r.Problems, c.words)
			}
			s.update(t, func(ctx context.Context, tx *Tx) error { return tx.exec(ctx, c.do, before) })
		}
		s.update(t, func(ctx context.Context, tx *Tx) error {
			return tx.exec(ctx, `DELETE FROM events WHERE gateway = 'gw1' AND (n = 300 OR n > 1504)`)
		})
		r = must(s.Verify(t.Context(), "gw1"))(t)
		got := strings.Join(r.Problems, "; ")
		for _, want := range []string{"events 300 to 300 are missing", "events 1505 to 1506 are missing at the end", "signed event 1506, which is not here"} {
			if !strings.Contains(got, want) {
				t.Errorf("problems %q, want %q", got, want)
			}
		}
		n := 0
		err := s.Export(t.Context(), "gw1", 2, func(e Record) error { n++; return nil })
		if err != nil || n != 1498 {
			t.Errorf("%d events exported: %v", n, err)
		}
	})
}

// TestTowardsG10_AHoleOfARestoreIsAccountedFor.
func TestTowardsG10_AHoleOfARestoreIsAccountedFor(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s, _ := withSigner(t, dsn)
		raw, link := chain(1, access.Link{}, started(9)...)
		if _, err := tell(t, s, 1, access.Link{}, raw[:2]); err != nil {
			t.Fatal(err)
		}
		s.update(t, func(ctx context.Context, tx *Tx) error { _, err := tx.NewEpoch(ctx, "gw1"); return err })
		later, _ := chain(10, link, started(3)...)
		if _, err := tell(t, s, 10, link, later); err != nil {
			t.Fatal(err)
		}
		r := must(s.Verify(t.Context(), "gw1"))(t)
		wantSame(t, "report", r, EventReport{Events: 5, First: 1, Last: 12, Holes: []Span{{3, 9}}})
	})
}
