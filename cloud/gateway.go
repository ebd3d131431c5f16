package cloud

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"net/url"

	"gatehouse/cloud/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// AddGateway enrols a new gateway of a property from its request and returns the bundle that its
// installer carries back. The same request again gives the same gateway with a new bundle, so that
// a lost file is no trouble; at another property it is a Conflict. The bundle holds no private key; the gateway's own never came here.
func (c *Cloud) AddGateway(ctx context.Context, property access.PropertyID, request []byte) (access.GatewayID, []byte, error) {
	if _, err := c.property(property); err != nil {
		return "", nil, err
	}
	req, csr, err := protocol.ParseEnrollRequest(request)
	if err != nil {
		return "", nil, err
	}
	return c.enrol(ctx, func(tx *store.Tx) (protocol.EnrollBundle, error) {
		id, known, err := gatewayID(ctx, tx, property, req, c.store)
		if err != nil {
			return protocol.EnrollBundle{}, err
		}
		bundle, serial, err := c.bundle(csr, id, property)
		if err != nil {
			return bundle, err
		}
		if known {
			return bundle, tx.AddCertificate(ctx, id, serial, c.now())
		}
		err = tx.AddGateway(ctx, store.Gateway{ID: id, Property: property, Serial: serial, Signing: req.Signing, Sealing: req.Sealing, Added: c.now()})
		if err != nil {
			return bundle, err
		}
		roster, err := tx.Roster(ctx, property)
		if err != nil {
			return bundle, err
		}
		_, _, err = c.decide(ctx, tx, roster, false)
		return bundle, err
	})
}

// ReplaceGateway gives the place of a gateway to a new box by its request: it has the gateway's id and
// takes up its events, its devices and what was written where. From then on the old box is refused,
// and so is the request of a box that is a gateway already (Conflict).
func (c *Cloud) ReplaceGateway(ctx context.Context, gw access.GatewayID, request []byte) (access.GatewayID, []byte, error) {
	old, err := c.store.Gateway(ctx, gw)
	if err != nil {
		return "", nil, err
	}
	if _, err := c.property(old.Property); err != nil {
		return "", nil, err
	}
	req, csr, err := protocol.ParseEnrollRequest(request)
	if err != nil {
		return "", nil, err
	}
	return c.enrol(ctx, func(tx *store.Tx) (protocol.EnrollBundle, error) {
		all, err := tx.Gateways(ctx)
		if err != nil {
			return protocol.EnrollBundle{}, err
		}
		for _, g := range all {
			if bytes.Equal(g.Signing, req.Signing) {
				return protocol.EnrollBundle{}, fault.New(fault.Conflict, "replace", "gateway", "these keys are gateway %s of %s already", g.ID, g.Property).
					WithRemedy("Make the request on the new box, with an empty state directory.")
			}
		}
		bundle, serial, err := c.bundle(csr, gw, old.Property)
		if err != nil {
			return bundle, err
		}
		was, err := tx.Replace(ctx, store.Gateway{ID: gw, Serial: serial, Signing: req.Signing, Sealing: req.Sealing, Added: c.now()})
		p := protocol.Predecessor(was)
		bundle.Replaces = &p
		return bundle, err
	})
}

// enrol runs work in a transaction and encodes the bundle that it makes.
func (c *Cloud) enrol(ctx context.Context, work func(*store.Tx) (protocol.EnrollBundle, error)) (access.GatewayID, []byte, error) {
	var bundle protocol.EnrollBundle
	err := c.store.Update(ctx, func(tx *store.Tx) (err error) {
		bundle, err = work(tx)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	raw, err := json.MarshalIndent(bundle, "", "  ")
	return bundle.Gateway, raw, err
}

// bundle is what a gateway must know, with a new certificate and its serial number.
func (c *Cloud) bundle(csr *x509.CertificateRequest, id access.GatewayID, property access.PropertyID) (protocol.EnrollBundle, string, error) {
	broker, err := url.Parse(c.cfg.BrokerAddress)
	if err != nil {
		return protocol.EnrollBundle{}, "", fault.Wrap(fault.Invalid, "read", "broker_address", err)
	}
	cert, serial, err := c.ca.Gateway(csr, id)
	if err != nil {
		return protocol.EnrollBundle{}, "", err
	}
	keys, _, err := c.publicKeys()
	return protocol.NewEnrollBundle(protocol.EnrollBundle{
		Gateway: id, Property: property, Broker: c.cfg.BrokerAddress, ServerName: broker.Hostname(),
		Certificate: cert, CA: c.ca.CA(), CloudKeys: keys,
	}), serial, err
}

// gatewayID is the id of the gateway that holds the request's keys, or a new one.
func gatewayID(ctx context.Context, tx *store.Tx, property access.PropertyID, req protocol.EnrollRequest, all *store.Store) (id access.GatewayID, known bool, err error) {
	gws, err := all.Gateways(ctx)
	if err != nil {
		return "", false, err
	}
	for _, g := range gws {
		switch {
		case !bytes.Equal(g.Signing, req.Signing):
		case g.Property != property:
			return "", false, fault.New(fault.Conflict, "add", "gateway", "these keys are gateway %s of %s already", g.ID, g.Property).
				WithRemedy("To move a box to another property, give its agent an empty state directory and make a new request.")
		default:
			return g.ID, true, nil
		}
	}
	fresh, err := tx.NewID(ctx, "", store.GatewayIDs)
	return access.GatewayID(fresh), false, err
}
