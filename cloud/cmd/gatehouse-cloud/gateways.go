package main

import (
	"log/slog"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// gatewayJSON is a gateway for scripts; its keys are those of status.json.
type gatewayJSON struct {
	ID              access.GatewayID  `json:"id"`
	Property        access.PropertyID `json:"property"`
	Software        string            `json:"software,omitempty"`
	Added           time.Time         `json:"added"`
	Online          bool              `json:"online"` // what the broker says; a hint
	Contact         time.Time         `json:"contact,omitzero"`
	CertificateEnds time.Time         `json:"certificate_ends,omitzero"`
	NextKeys        time.Time         `json:"next_keys,omitzero"` // since when it may take them up
	Revoked         time.Time         `json:"revoked,omitzero"`
	Epoch           uint64            `json:"epoch"`
	Stored          uint64            `json:"stored"` // revision that it keeps, of its own epoch
	StoredEpoch     uint64            `json:"stored_epoch"`
	Published       uint64            `json:"published"` // the newest there is
}

func setUpGatewayList(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "only the gateways of this `PROPERTY`")
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			all, err := cl.Gateways(c, access.PropertyID(*property))
			if err != nil {
				return err
			}
			out := make([]gatewayJSON, len(all))
			for i, g := range all {
				out[i] = gatewayJSON{g.ID, g.Property, g.Told.Software, g.Added, g.Online.Online, g.Contact, g.CertificateEnds, g.Succeeding, g.Revoked,
					g.Published.Epoch, g.Stored.Revision, g.Stored.Epoch, g.Published.Revision}
			}
			if c.JSON {
				return c.Tell(map[string]any{"ok": true, "gateways": out}, "")
			}
			if len(out) == 0 {
				return c.Tell(nil, "No gateway is enrolled. Enrol one with: gatehouse-cloud gateway add")
			}
			for _, g := range out {
				if err := g.tell(c); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// tell prints one line.
func (g gatewayJSON) tell(c *cli.Call) error {
	when := func(t time.Time, none, form string) string {
		if t.IsZero() {
			return none
		}
		return t.UTC().Format(form)
	}
	online, state, keys := "offline", "", ""
	switch {
	case !g.Revoked.IsZero():
		keys = "  revoked " + g.Revoked.UTC().Format(time.RFC3339)
	case !g.NextKeys.IsZero():
		keys = "  next keys wait since " + g.NextKeys.UTC().Format(time.RFC3339)
	}
	if g.Online && g.Revoked.IsZero() {
		online = "online"
	}
	if g.Stored == g.Published && g.StoredEpoch == g.Epoch {
		state = ", up to date"
	}
	return c.Tell(nil, "%s  %s  %s, last heard %s  certificate until %s  revision %d of %d, epoch %d%s%s", g.ID, g.Property, online,
		when(g.Contact, "never", time.RFC3339), when(g.CertificateEnds, "unknown", time.DateOnly), g.Stored, g.Published, g.Epoch, state, keys)
}

func setUpGatewayRevoke(c *cli.Call) func() error {
	open := opener(c)
	why := c.Flags.String("reason", "", "`WHY`; it stands in the gateway's history")
	return func() error {
		gw := access.GatewayID(c.Flags.Arg(0))
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			since, err := cl.RevokeGateway(c, gw, *why)
			if err != nil {
				return err
			}
			return c.Tell(map[string]any{"ok": true, "gateway": gw, "revoked": since}, `Gateway %s is revoked since %s: nothing that it says counts, and it is told nothing more.
It still opens doors by the dates it has. Take it off its panels, and put another box in its place, made from the new box's request:
  gatehouse-cloud gateway add --replace %s --request FILE --out BUNDLE
A broker beside the cloud has to be told too: packaging/mosquitto/README.md, "Revoking a gateway".`, gw, since.UTC().Format(time.RFC3339), gw)
		})
	}
}
