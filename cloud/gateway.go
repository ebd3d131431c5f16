package cloud

import (
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
// installer carries back. The bundle holds no private key; the gateway's own never came here.
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
		id, err := tx.NewID(ctx, "", store.GatewayIDs)
		if err != nil {
			return err
		}
		cert, serial, err := c.ca.Gateway(csr, access.GatewayID(id))
		if err != nil {
			return err
		}
		public, _ := c.ca.Signer().Public().(ed25519.PublicKey)
		bundle = protocol.NewEnrollBundle(protocol.EnrollBundle{
			Gateway: access.GatewayID(id), Property: property, Broker: c.cfg.BrokerAddress, ServerName: broker.Hostname(),
			Certificate: cert, CA: c.ca.CA(), CloudKeys: [][]byte{public},
		})
		return tx.AddGateway(ctx, store.Gateway{ID: bundle.Gateway, Property: property, Serial: serial, Signing: req.Signing, Sealing: req.Sealing, Added: c.now()})
	})
	if err != nil {
		return "", nil, err
	}
	if err := c.Decide(ctx, property); err != nil {
		return "", nil, err
	}
	raw, err := json.MarshalIndent(bundle, "", "  ")
	return bundle.Gateway, raw, err
}
