package cloud

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/pki"
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
		id, known, err := gatewayID(ctx, tx, property, req)
		if err != nil {
			return protocol.EnrollBundle{}, err
		}
		bundle, made, err := c.bundle(csr, id, property)
		if err != nil {
			return bundle, err
		}
		if known {
			err := tx.AddCertificate(ctx, id, store.Certificate{Serial: made.Serial, Signing: req.Signing, Made: c.now(), Ends: made.Ends})
			return bundle, firstOf(err, tx.Note(ctx, id, c.now(), store.ActBundle, ""))
		}
		err = tx.AddGateway(ctx, store.Gateway{ID: id, Property: property, Serial: made.Serial, Ends: made.Ends, Signing: req.Signing, Sealing: req.Sealing, Added: c.now()})
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
	old, err := c.gateway(ctx, gw)
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
		roster, err := tx.Roster(ctx, old.Property) // first: properties are taken before gateways
		if err != nil {
			return protocol.EnrollBundle{}, err
		}
		if k, found, err := tx.KeyOf(ctx, req.Signing); err != nil || found {
			return protocol.EnrollBundle{}, firstOf(err, fault.New(fault.Conflict, "replace", "gateway", "%s", whose(k)).
				WithRemedy("Make the request on the new box, with an empty state directory."))
		}
		bundle, made, err := c.bundle(csr, gw, old.Property)
		if err != nil {
			return bundle, err
		}
		was, err := tx.Replace(ctx, store.Gateway{ID: gw, Serial: made.Serial, Ends: made.Ends, Signing: req.Signing, Sealing: req.Sealing, Added: c.now()})
		p := protocol.Predecessor(was)
		bundle.Replaces = &p
		if err == nil {
			_, _, err = c.decide(ctx, tx, roster, false) // the old box's certificate is no item of the new one
		}
		return bundle, err
	})
}

// RevokeGateway refuses a gateway from now on: its messages, its certificates at the embedded broker, and to tell it
// anything. Another box may take its place (ReplaceGateway). It returns since when it is revoked, which may be earlier.
func (c *Cloud) RevokeGateway(ctx context.Context, gw access.GatewayID, why string) (since time.Time, err error) {
	if _, err := c.gateway(ctx, gw); err != nil {
		return since, err
	}
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		since, err = tx.Revoke(ctx, gw, why, c.now())
		return err
	})
	return since, err
}

// Gateway is an enrolled gateway with what it told last.
type Gateway = store.Gateway

// gateway reads one gateway; of one that is unknown it says which there are.
func (c *Cloud) gateway(ctx context.Context, id access.GatewayID) (Gateway, error) {
	g, err := c.store.Gateway(ctx, id)
	if fault.KindOf(err) != fault.Invalid || err == nil {
		return g, err
	}
	all, wrong := c.store.Gateways(ctx)
	if wrong != nil {
		return g, err
	}
	var ids []string
	for _, g := range all {
		ids = append(ids, string(g.ID)+" of "+string(g.Property))
	}
	known := "none is enrolled"
	if len(ids) > 0 {
		known = "known are " + strings.Join(ids, ", ")
	}
	return g, fault.New(fault.Invalid, "look up", "gateway", "there is no such gateway as %q; %s", id, known).WithRemedy("Look for its id with: gatehouse-cloud gateway list")
}

// Gateways lists the gateways of a property, "" for all, by id. A property that does not exist is Invalid.
func (c *Cloud) Gateways(ctx context.Context, property access.PropertyID) ([]Gateway, error) {
	if property != "" {
		if _, err := c.property(property); err != nil {
			return nil, err
		}
	}
	all, err := c.store.Gateways(ctx)
	return slices.DeleteFunc(all, func(g Gateway) bool { return property != "" && g.Property != property }), err
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

// bundle is what a gateway must know, with a new certificate.
func (c *Cloud) bundle(csr *x509.CertificateRequest, id access.GatewayID, property access.PropertyID) (protocol.EnrollBundle, pki.Issued, error) {
	broker, err := url.Parse(c.cfg.BrokerAddress)
	if err != nil {
		return protocol.EnrollBundle{}, pki.Issued{}, fault.Wrap(fault.Invalid, "read", "broker_address", err)
	}
	made, err := c.ca.Gateway(csr, id)
	if err != nil {
		return protocol.EnrollBundle{}, made, err
	}
	keys, _, err := c.publicKeys()
	return protocol.NewEnrollBundle(protocol.EnrollBundle{
		Gateway: id, Property: property, Broker: c.cfg.BrokerAddress, ServerName: broker.Hostname(),
		Certificate: made.PEM, CA: c.ca.CA(), CloudKeys: keys,
	}), made, err
}

// gatewayID is the id of the gateway that holds the request's keys, also as its next ones, or a new one.
func gatewayID(ctx context.Context, tx *store.Tx, property access.PropertyID, req protocol.EnrollRequest) (id access.GatewayID, known bool, err error) {
	k, found, err := tx.KeyOf(ctx, req.Signing)
	if err != nil {
		return "", false, err
	}
	conflict := fault.New(fault.Conflict, "add", "gateway", "%s", whose(k))
	switch {
	case !found:
		fresh, err := tx.NewID(ctx, "", store.GatewayIDs)
		return access.GatewayID(fresh), false, err
	case !taken(k):
		return "", false, conflict.WithRemedy("Make a new request on the box, with an empty state directory, and give it the place: gatehouse-cloud gateway add --replace %s.", k.Gateway)
	case k.Property != property:
		return "", false, conflict.WithRemedy("To move a box to another property, give its agent an empty state directory and make a new request.")
	}
	return k.Gateway, true, nil
}

// taken: what the key signs counts.
func taken(k store.GatewayKey) bool {
	return !k.Revoked && (k.State == store.KeyCurrent || k.State == store.KeyNext)
}

// whose says it of a key that is somebody's.
func whose(k store.GatewayKey) string {
	switch {
	case taken(k):
		return fmt.Sprintf("these keys are gateway %s of %s already", k.Gateway, k.Property)
	case k.Revoked:
		return fmt.Sprintf("these keys are those of gateway %s of %s, which is revoked", k.Gateway, k.Property)
	}
	return fmt.Sprintf("these keys were those of gateway %s of %s, and others took their place", k.Gateway, k.Property)
}
