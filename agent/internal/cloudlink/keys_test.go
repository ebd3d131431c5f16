package cloudlink

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/prototest"
)

// TestIntervalsChangeWhileTheLinkRuns: a hello leaves by the new interval at once, and an interval that became shorter
// is not held against a cloud that kept to the longer one.
func TestIntervalsChangeWhileTheLinkRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		answer := func() {
			all, _ := sentOf[hello](s, protocol.TypeHello)
			s.down(protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Nonce: all[len(all)-1].Nonce})
		}
		answer()
		b.link.SetIntervals(time.Hour, time.Minute)
		began := time.Now()
		after(59 * time.Minute)
		if got := len(hellos(s, began)); got != 1 {
			t.Fatalf("%d hellos in 59 minutes of an interval of an hour", got)
		}
		b.link.SetIntervals(time.Minute, time.Minute)
		after(time.Second)
		if got := len(hellos(s, began)); got != 2 {
			t.Fatalf("%d hellos after the interval became a minute", got)
		}
		answer()
		for range 5 {
			after(time.Minute)
			answer()
		}
		if _, sessions := n.count(); sessions != 1 || len(hellos(s, began)) != 7 {
			t.Errorf("%d connections, %d hellos", sessions, len(hellos(s, began)))
		}
		b.link.Greet()
		after(3 * time.Second)
		if got := len(hellos(s, began)); got != 8 {
			t.Errorf("%d hellos after one was asked for", got)
		}
	})
}

// TestTowardsG7_KeysChangeWhileTheLinkRuns: both cloud keys are taken while they overlap, the old one not after; what
// cannot work is refused and changes nothing.
func TestTowardsG7_KeysChangeWhileTheLinkRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, b := virtual(t)
		b.run(t)
		s := n.last()
		first, second := n.cloud, prototest.NewSigningKey(t)
		trust := func(keys ...ed25519.PrivateKey) error {
			k := b.cfg.keys()
			k.Trusted = nil
			for _, key := range keys {
				k.Trusted = append(k.Trusted, prototest.Public(key))
			}
			return b.link.SetKeys(k)
		}
		revision := uint64(0)
		taken := func(key ed25519.PrivateKey) bool {
			n.cloud = key
			revision++
			s.revision(revision, 0, "", time.Now())
			return b.wanted.Position() == at(1, revision)
		}
		if trust() == nil || !taken(first) || taken(second) {
			t.Fatal("the first key alone must be trusted, and stays when none would be")
		}
		if err := trust(first, second); err != nil || !taken(first) || !taken(second) {
			t.Fatalf("both keys must be trusted: %v", err)
		}
		if err := trust(second); err != nil || taken(first) || !taken(second) {
			t.Fatalf("only the second key must be trusted: %v", err)
		}
		if n := b.refusedFor(t, "unknown_key"); n != 2 {
			t.Errorf("unknown keys are counted %v times, want 2", n)
		}
		own := prototest.NewGateway(t, n.g.ID)
		k := b.cfg.keys()
		k.Trusted, k.Also, k.Sealing = []ed25519.PublicKey{prototest.Public(second)}, []*ecdh.PrivateKey{k.Sealing}, own.Sealing
		if err := b.link.SetKeys(k); err != nil || !taken(second) {
			t.Errorf("sealed to the old key: %v", err)
		}
		if n.g.Sealing = own.Sealing; !taken(second) {
			t.Error("sealed to the new key: not taken")
		}
	})
}
