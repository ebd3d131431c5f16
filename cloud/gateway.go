package cloud

import (
	"bytes"
	"context"
	"crypto/ed25519"
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
	broker, err := url.Parse(c.cfg.BrokerAddress)
	if err != nil {
		return "", nil, fault.Wrap(fault.Invalid, "read", "broker_address", err)
	}
	var bundle protocol.EnrollBundle
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		id, known, err := gatewayID(ctx, tx, property, req, c.store)
		if err != nil {
			return err
		}
		cert, serial, err := c.ca.Gateway(csr, id)
		if err != nil {
			return err
		}
		public, _ := c.ca.Signer().Public().(ed25519.PublicKey)
		bundle = protocol.NewEnrollBundle(protocol.EnrollBundle{
			Gateway: id, Property: property, Broker: c.cfg.BrokerAddress, ServerName: broker.Hostname(),
			Certificate: cert, CA: c.ca.CA(), CloudKeys: [][]byte{public},
		})
		if known {
			return nil
		}
		err = tx.AddGateway(ctx, store.Gateway{ID: id, Property: property, Serial: serial, Signing: req.Signing, Sealing: req.Sealing, Added: c.now()})
		if err != nil {
			return err
		}
		roster, err := tx.Roster(ctx, property)
		if err != nil {
			return err
		}
		_, _, err = c.decide(ctx, tx, roster, false)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	raw, err := json.MarshalIndent(bundle, "", "  ")
	return bundle.Gateway, raw, err
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
