package cloud

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// RotateKeys makes the cloud's next signing key, if there is none yet, and tells it to every gateway. A
// gateway is signed to with it as soon as it has acknowledged it. It returns the gateways that have not.
func (c *Cloud) RotateKeys(ctx context.Context) (waiting []access.GatewayID, err error) {
	if err := c.ca.Rotate(); err != nil {
		return nil, err
	}
	if err := c.decideAll(ctx); err != nil {
		return nil, err
	}
	return c.withoutNext(ctx)
}

// Rotating is since when a change of the signing key is under way; zero: none is.
func (c *Cloud) Rotating() (time.Time, error) { return c.ca.Rotating() }

// RetireKey drops the old signing key. While a gateway has not acknowledged the next one it is refused
// (Conflict) without force: that gateway would hear nothing any more and had to be enrolled anew.
func (c *Cloud) RetireKey(ctx context.Context, force bool) error {
	waiting, err := c.withoutNext(ctx)
	if err != nil {
		return err
	}
	if len(waiting) > 0 && !force {
		return fault.New(fault.Conflict, "retire", "signing key", "%s not acknowledged the next one", has(waiting)).
			WithRemedy("Wait until every gateway was online. With --force those hear nothing any more and must be replaced with gateway add --replace.")
	}
	if err := c.ca.Retire(); err != nil {
		return err
	}
	return c.decideAll(ctx)
}

func has(gws []access.GatewayID) string {
	var names []string
	for _, g := range gws {
		names = append(names, string(g))
	}
	if len(names) == 1 {
		return "gateway " + names[0] + " has"
	}
	return fmt.Sprintf("%d gateways (%s) have", len(names), strings.Join(names[:min(len(names), 10)], ", "))
}

func (c *Cloud) decideAll(ctx context.Context) error {
	for _, p := range c.cfg.Properties {
		if err := c.Decide(ctx, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// withoutNext lists the gateways that may not know the next signing key yet.
func (c *Cloud) withoutNext(ctx context.Context) (out []access.GatewayID, err error) {
	gws, err := c.store.Gateways(ctx)
	for _, g := range gws {
		if !g.Revoked.IsZero() {
			continue
		}
		ok, wrong := c.store.HasOwn(ctx, g.ID, access.KindCloudKeys)
		if err = firstOf(err, wrong); !ok {
			out = append(out, g.ID)
		}
	}
	return out, err
}

// signer is the key that signs for a gateway: the next one once it has acknowledged it.
func (c *Cloud) signer(ctx context.Context, gw access.GatewayID) (ed25519.PrivateKey, error) {
	current, next, _, err := c.ca.Signers()
	if err != nil || next == nil {
		return current, err
	}
	if ok, err := c.store.HasOwn(ctx, gw, access.KindCloudKeys); err != nil || !ok {
		return current, err
	}
	return next, nil
}

// publicKeys are those with which the cloud may sign, the newest last; rotated as of pki.Signers.
func (c *Cloud) publicKeys() (keys [][]byte, rotated bool, err error) {
	current, next, rotated, err := c.ca.Signers()
	for _, k := range []ed25519.PrivateKey{current, next} {
		if len(k) == ed25519.PrivateKeySize {
			public, _ := k.Public().(ed25519.PublicKey)
			keys = append(keys, public)
		}
	}
	return keys, rotated, err
}

// own is what a gateway is told about itself.
func (c *Cloud) own(ctx context.Context, tx *store.Tx, gw store.Gateway) (out []access.Noun, err error) {
	if p, err := c.property(gw.Property); err == nil {
		if s := p.GatewaySettings(); s != nil {
			out = append(out, *s)
		}
	}
	keys, rotated, err := c.publicKeys()
	if rotated {
		out = append(out, access.CloudKeys{ID: access.GatewayItem, Keys: keys})
	}
	if err != nil {
		return nil, err
	}
	next, err := tx.Successor(ctx, gw.ID)
	if next != nil {
		out = append(out, *next)
	}
	return out, err
}
