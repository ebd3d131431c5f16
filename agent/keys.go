package agent

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"slices"
	"time"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Keys change both ways without a visit. The cloud's: it lists those it may sign with, old and new
// for a while, signed with one that is trusted already. The gateway's: next ones are made here, told
// in every hello, and take over when the state has the certificate for them. Each step is one write,
// so that a power cut leaves the keys of before or those of after.

const (
	keepPast = 4         // public keys of before that checkpoints are still verified with
	oldOpens = time.Hour // how long the sealing key of before opens what was under way
)

// ring makes what these keys are used as.
func (k *keys) ring(certificate string, cloud [][]byte) (*ring, error) {
	pair, err := k.pair(certificate)
	if err != nil {
		return nil, err
	}
	r := &ring{cert: pair, signing: ed25519.NewKeyFromSeed(k.Signing)}
	if r.sealing, err = ecdh.X25519().NewPrivateKey(k.Sealing); err != nil {
		return nil, err
	}
	others := [][]byte{k.Old}
	if k.Next != nil {
		others = append(others, k.Next.Sealing) // the cloud may use it before it has said so
	}
	for _, raw := range others {
		if key, err := ecdh.X25519().NewPrivateKey(raw); err == nil {
			r.also = append(r.also, key)
		}
	}
	r.trusted, r.past = publicKeys(cloud), publicKeys(k.Past)
	return r, nil
}

// publicKeys leaves out what is none: at a key of another length the library panics.
func publicKeys(raw [][]byte) (out []ed25519.PublicKey) {
	for _, key := range raw {
		if len(key) == ed25519.PublicKeySize {
			out = append(out, key)
		}
	}
	return out
}

// pair joins the TLS key and its certificate.
func (k *keys) pair(certificate string) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(certificate), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.TLS}))
	if err != nil {
		return pair, fault.New(fault.Conflict, "accept", "bundle", "its certificate is not for this gateway's key: %w", err).
			WithRemedy("Use the bundle made from this gateway's own request.")
	}
	return pair, nil
}

func (r *ring) keys() cloudlink.Keys {
	return cloudlink.Keys{Signing: r.signing, Sealing: r.sealing, Also: r.also, Trusted: r.trusted}
}

func (r *ring) public() ed25519.PublicKey {
	public, _ := r.signing.Public().(ed25519.PublicKey)
	return public
}

// EnrollRenew makes the keys that are to take the place of the gateway's, unless there are some
// already. The agent tells the cloud of them when it runs, and changes over by itself. The agent
// must not be running now.
func EnrollRenew(cfg config.Config, log *slog.Logger) error {
	return withSite(cfg, log, func(s *store.Site) error {
		id, err := loadIdentity(s)
		if err != nil {
			return err
		}
		k, err := loadKeys(s)
		if err != nil {
			return err
		}
		if id == nil || k == nil {
			return fault.New(fault.Conflict, "renew", "keys", "this gateway is not enrolled").
				WithRemedy("Begin with: gatehouse-agent enroll request --out FILE")
		}
		if k.Next != nil {
			return nil
		}
		if k.Next, err = makeKeys(); err != nil {
			return err
		}
		if err := saveJSON(s, blobKeys, k); err != nil {
			return err
		}
		return s.Snapshot()
	})
}

// succession announces the next keys; nil when there are none.
func (a *Agent) succession() *protocol.Succession {
	k, err := loadKeys(a.box.site)
	if err != nil || k == nil || k.Next == nil || a.box.id == nil {
		return nil // what cannot be read was told at the start
	}
	csr, err := k.Next.csr()
	if err != nil {
		a.log.Error("the next keys cannot be announced", "err", err)
		return nil
	}
	sealing, err := ecdh.X25519().NewPrivateKey(k.Next.Sealing)
	if err != nil {
		a.log.Error("the next keys cannot be announced", "err", err)
		return nil
	}
	next := protocol.NewSuccession(a.box.id.bundle.Gateway, a.box.id.ring.Load().public(), csr, ed25519.NewKeyFromSeed(k.Next.Signing), sealing.PublicKey())
	return &next
}

// takeKeys acts by what the state says of keys.
func (a *Agent) takeKeys(own store.Own) error {
	if a.box.id == nil {
		return nil
	}
	a.keying.Lock()
	defer a.keying.Unlock()
	if own.CloudKeys != nil {
		if err := a.trust(own.CloudKeys.Keys); err != nil {
			return err
		}
	}
	if own.Certificate != nil {
		return a.succeed(*own.Certificate)
	}
	return nil
}

// trust changes whom the gateway obeys. A list without any key that is trusted now is refused: a
// mistake in it would leave the gateway deaf for good.
func (a *Agent) trust(list [][]byte) error {
	now := *a.box.id.ring.Load()
	var next []ed25519.PublicKey
	for _, key := range list {
		next = append(next, ed25519.PublicKey(key))
	}
	equal := func(a, b ed25519.PublicKey) bool { return a.Equal(b) }
	if slices.EqualFunc(now.trusted, next, equal) {
		return nil
	}
	if !slices.ContainsFunc(next, func(k ed25519.PublicKey) bool {
		return slices.ContainsFunc(now.trusted, func(t ed25519.PublicKey) bool { return t.Equal(k) })
	}) {
		return a.refuseKeys("cloud_keys: none of the listed keys is trusted now; list the old and the new one for a while")
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	e := a.box.event(access.EventSettings, "the cloud's signing keys changed")
	if err := a.box.site.SaveBlob(blobCloudKeys, raw, e); err != nil {
		return err
	}
	now.trusted = next
	a.log.Info("the cloud's signing keys changed", "keys", len(next))
	return a.use(&now)
}

// succeed lets the next keys take over when the cloud knows the gateway by them.
func (a *Agent) succeed(c access.Certificate) error {
	k, err := loadKeys(a.box.site)
	if err != nil || k == nil || k.Next == nil || !k.Next.named(c) {
		return err // they took over already, or others are meant
	}
	now := a.box.id.ring.Load()
	next := *k.Next
	if c.PEM == "" {
		next.TLS, next.Certificate = k.TLS, k.Certificate
	} else {
		next.Certificate = c.PEM
	}
	next.Old, next.Past = k.Sealing, append(slices.Clone(k.Past), now.public())
	next.Past = next.Past[max(0, len(next.Past)-keepPast):]
	next.Since, _ = a.box.clock.Now()
	certificate := next.Certificate
	if certificate == "" {
		certificate = a.box.id.bundle.Certificate
	}
	var cloud [][]byte
	for _, key := range now.trusted {
		cloud = append(cloud, key)
	}
	r, err := next.ring(certificate, cloud)
	if err == nil {
		err = a.named(r)
	}
	if err != nil {
		return a.refuseKeys("certificate: " + err.Error())
	}
	if err := a.saveKeys(&next, a.box.event(access.EventSettings, "the gateway's own keys changed")); err != nil {
		return err
	}
	a.box.at(pointChanged)
	a.log.Info("the gateway's own keys changed")
	return a.use(r)
}

// saveKeys keeps keys and what is told of them, in one write.
func (a *Agent) saveKeys(k *keys, e access.Event) error {
	raw, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return a.box.site.SaveBlob(blobKeys, raw, e)
}

// named says whether the cloud means these keys.
func (k *keys) named(c access.Certificate) bool {
	public, _ := ed25519.NewKeyFromSeed(k.Signing).Public().(ed25519.PublicKey)
	sealing, err := ecdh.X25519().NewPrivateKey(k.Sealing)
	return err == nil && public.Equal(ed25519.PublicKey(c.Signing)) && slices.Equal(sealing.PublicKey().Bytes(), c.Sealing)
}

// named refuses a certificate with another gateway's name: the broker would.
func (a *Agent) named(r *ring) error {
	leaf, err := x509.ParseCertificate(r.cert.Certificate[0])
	if err == nil && leaf.Subject.CommonName != string(a.box.id.bundle.Gateway) {
		err = fault.New(fault.Invalid, "check", "certificate", "it is for %q", leaf.Subject.CommonName)
	}
	return err
}

// use makes everything that signs, opens or trusts do so by r from now on.
func (a *Agent) use(r *ring) error {
	a.box.id.ring.Store(r)
	if a.link == nil {
		return nil
	}
	a.link.Greet()
	return a.link.SetKeys(r.keys())
}

// refuseKeys tells once what the cloud has wrong about keys. Nothing else depends on it.
func (a *Agent) refuseKeys(why string) error {
	if last := a.wrongKeys.Swap(&why); last != nil && *last == why {
		return nil
	}
	a.log.Error("keys of the cloud were refused, those before stay", "why", why)
	e := a.box.event(access.EventSettings, "refused, the keys before stay: "+why)
	e.Fault = fault.Invalid.String()
	return a.box.site.Tell(e)
}

// retire forgets the sealing key of before when nothing sealed to it can be under way any more.
func (a *Agent) retire(now time.Time) error {
	if a.box.id == nil {
		return nil
	}
	a.keying.Lock()
	defer a.keying.Unlock()
	k, err := loadKeys(a.box.site)
	if err != nil || k == nil || k.Old == nil || now.Sub(k.Since) < oldOpens {
		return err
	}
	k.Old = nil
	if err := saveJSON(a.box.site, blobKeys, k); err != nil {
		return err
	}
	r := *a.box.id.ring.Load()
	r.also = nil
	return a.use(&r)
}
