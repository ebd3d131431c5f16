package cloud

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// intakeCloud is the cloud as the intake sees it: the store, and what a gateway's next keys lead to.
type intakeCloud struct {
	intakeStore
	c *Cloud
}

// Heard implements intake.Store.
func (i intakeCloud) Heard(ctx context.Context, gw access.GatewayID, key ed25519.PublicKey, at time.Time) error {
	changed, err := i.Store.Heard(ctx, store.Fence{}, gw, key, at)
	if changed {
		i.c.log.Info("a gateway's own keys changed: those before, and their certificate, are refused from now on", "gateway", string(gw))
	}
	return err
}

// Succeed implements intake.Store: the next keys are certified, kept, and told in the gateway's state, all in one
// transaction. Both keys are taken until the gateway is first heard by the next one, whatever is lost on the way.
func (i intakeCloud) Succeed(ctx context.Context, gw access.GatewayID, by ed25519.PublicKey, next protocol.Succession, at time.Time) error {
	key, csr, err := asked(gw, by, next)
	if err == nil {
		err = i.c.succeed(ctx, by, key, csr, at)
	}
	var refusal *protocol.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	return firstOf(i.Update(ctx, func(tx *store.Tx) error { return tx.Note(ctx, gw, at, store.ActRefused, refusal.Error()) }), err)
}

// maxRequest bounds a certificate request in bytes.
const maxRequest = 16 << 10

// asked checks everything that a succession proves by itself. The request is nil where the TLS key stays.
func asked(gw access.GatewayID, by ed25519.PublicKey, next protocol.Succession) (key store.GatewayKey, csr *x509.CertificateRequest, err error) {
	if err := next.Check(gw, by); err != nil {
		return key, nil, err
	}
	key = store.GatewayKey{Gateway: gw, Signing: next.Signing, Sealing: next.Sealing}
	if next.CSR == "" {
		return key, nil, nil
	}
	if len(next.CSR) > maxRequest {
		return key, nil, protocol.Refuse(protocol.Oversized, "a certificate request of %d bytes, at most %d are taken", len(next.CSR), maxRequest)
	}
	block, _ := pem.Decode([]byte(next.CSR))
	if block == nil {
		return key, nil, protocol.Refuse(protocol.Malformed, "the certificate request for the next keys is no PEM")
	}
	if csr, err = x509.ParseCertificateRequest(block.Bytes); err != nil {
		return key, nil, protocol.Refuse(protocol.Malformed, "the certificate request for the next keys: %v", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return key, nil, protocol.Refuse(protocol.BadSignature, "the certificate request for the next keys is not signed by its key")
	}
	key.TLS = csr.RawSubjectPublicKeyInfo
	return key, csr, nil
}

func (c *Cloud) succeed(ctx context.Context, by ed25519.PublicKey, key store.GatewayKey, csr *x509.CertificateRequest, at time.Time) error {
	if told, err := c.store.Awaits(ctx, key); err != nil || told { // every hello says it again
		return err
	}
	g, err := c.store.Gateway(ctx, key.Gateway)
	if err != nil {
		return err
	}
	fresh := false
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		roster, err := tx.Roster(ctx, g.Property) // first: properties are taken before gateways
		if err != nil {
			return err
		}
		said, err := tx.Announce(ctx, by, key)
		if err == nil {
			err = refusal(said)
		}
		if fresh = said == store.Fresh; err == nil && fresh {
			err = c.certify(ctx, tx, key, csr, at)
		}
		if err == nil {
			_, _, err = c.decide(ctx, tx, roster, false)
		}
		return err
	})
	if err == nil && fresh {
		c.log.Info("a gateway's next keys are certified; both are taken until it is heard by them", "gateway", string(key.Gateway))
	}
	return err
}

// certify makes what goes with the next keys and keeps it.
func (c *Cloud) certify(ctx context.Context, tx *store.Tx, key store.GatewayKey, csr *x509.CertificateRequest, at time.Time) error {
	key.Made = at
	if csr == nil {
		return tx.Succeed(ctx, key, store.Certificate{})
	}
	made, err := c.ca.Gateway(csr, key.Gateway)
	if err != nil {
		return protocol.Refuse(protocol.Malformed, "no certificate can be made for the next keys: %v", err)
	}
	key.PEM = made.PEM
	return tx.Succeed(ctx, key, store.Certificate{Serial: made.Serial, Signing: key.Signing, Made: at, Ends: made.Ends})
}

// refusal is why announced keys are not taken; nil when they are.
func refusal(a store.Announcement) error {
	switch a {
	case store.Changed:
		return protocol.Refuse(protocol.Replay, "the next signing key was announced before with another sealing or TLS key")
	case store.Used:
		return protocol.Refuse(protocol.Replay, "the next signing key is or was this gateway's own")
	case store.Elsewhere:
		return protocol.Refuse(protocol.WrongGateway, "the next signing key is or was another gateway's")
	case store.TooMany:
		return protocol.Refuse(protocol.Oversized, "%d next keys wait already to be heard", store.MaxNext)
	case store.Overtaken:
		return protocol.Refuse(protocol.UnknownKey, "not announced under the key in use")
	}
	return nil
}
