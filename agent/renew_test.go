package agent

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

func TestWhenACertificateIsRenewed(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	begin := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		what               string
		life, since, after time.Duration // since its beginning; since 0: the keys never changed
		want               bool
	}{
		{"young", 3652 * day, 0, 9 * 365 * day, false},
		{"half a year before its end", 3652 * day, 0, (3652 - 181) * day, false},
		{"less than that", 3652 * day, 0, (3652 - 180) * day, true},
		{"a short one, in its first two thirds", 90 * day, 0, 59 * day, false},
		{"in its last", 90 * day, 0, 60 * day, true},
		{"changed long ago", 90 * day, day, 60 * day, true},
		{"changed just now, and the cloud gave no longer one", 90 * day, 61 * day, 62 * day, false},
		{"a quarter later", 90 * day, 61 * day, 69 * day, true},
	} {
		cert := &x509.Certificate{NotBefore: begin, NotAfter: begin.Add(c.life)}
		var since time.Time
		if c.since > 0 {
			since = begin.Add(c.since)
		}
		if got := renewalDue(cert, since, begin.Add(c.after)); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// TestTowardsG7_KeysAreRenewedBeforeTheCertificateEnds, by the running agent itself: announced at once and taken over as
// those that were asked for by hand. Where it has ended already the way back is said.
func TestTowardsG7_KeysAreRenewedBeforeTheCertificateEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...) // its certificate lasts 25 hours
	hellos, story := h.cloud.Hellos.Read(), h.story()
	h.start()
	if next := hellos.Next(t, "the first hello").Body.Next; next != nil {
		t.Errorf("next keys although nothing ends: %+v", next)
	}
	must(t, h.agent.renew(time.Now().Add(15*time.Hour)))
	if k, err := loadKeys(h.agent.box.site); err != nil || k.Next != nil {
		t.Errorf("nine hours before the end there are next keys: %v", err)
	}
	for range 2 {
		must(t, h.agent.renew(time.Now().Add(17*time.Hour)))
	}
	story.until(access.EventSettings, "", "")
	told := hellos.Next(t, "a hello with the next keys").Body.Next
	if told == nil {
		t.Fatal("they are not told")
	}
	k, err := loadKeys(h.agent.box.site)
	must(t, err)
	sealing, err := ecdh.X25519().NewPrivateKey(k.Next.Sealing)
	must(t, err)
	h.cloud.Know(prototest.Gateway{ID: h.gw.ID, Signing: ed25519.NewKeyFromSeed(k.Next.Signing), Sealing: sealing})
	h.keeper.Own(access.KindCertificate, h.certificate(*told, "gw-1"))
	if e := story.until(access.EventSettings, "", ""); e.Fault != "" || !strings.Contains(e.Message, "own keys") {
		t.Errorf("told %+v", e)
	}
	if string(h.agent.box.id.ring.Load().public()) != string(told.Signing) {
		t.Error("they did not take over")
	}
	err = h.agent.renew(time.Now().Add(26 * time.Hour))
	if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.RemedyOf(err), "enroll accept") {
		t.Errorf("after its end: %v; %s", err, fault.RemedyOf(err))
	}
}
