package main

import (
	"cmp"
	"log/slog"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// overlayJSON is an overlay for scripts.
type overlayJSON struct {
	Gateway access.GatewayID   `json:"gateway"`
	ID      string             `json:"id"`
	Kind    access.OverlayKind `json:"kind"`
	Person  access.PersonID    `json:"person"`
	Name    string             `json:"name,omitempty"`
	Door    access.DoorID      `json:"door,omitempty"`
	From    time.Time          `json:"from,omitzero"`
	Until   time.Time          `json:"until,omitzero"`
	By      string             `json:"by"`
	ByName  string             `json:"by_name,omitempty"`
	Reason  string             `json:"reason"`
	Made    time.Time          `json:"made"`
	State   string             `json:"state"`
	Gone    bool               `json:"gone"` // the gateway no longer has it
}

func setUpOverlayList(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "only what was done at the gateways of this `PROPERTY`")
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			all, err := cl.Overlays(c, access.PropertyID(*property))
			if err != nil {
				return err
			}
			out := make([]overlayJSON, len(all))
			for i, o := range all {
				out[i] = overlayJSON{o.Gateway, o.ID, o.Kind, o.Person, o.Name, o.Door, o.From, o.Until, o.By, o.ByName, o.Reason, o.Made, string(o.State), o.Gone}
			}
			if c.JSON {
				return c.Tell(map[string]any{"ok": true, "overlays": out}, "")
			}
			if len(out) == 0 {
				return c.Tell(nil, "Nothing was done by hand.")
			}
			for _, o := range out {
				if err := c.Tell(nil, "%s  %s %s  %s %s %s  by %s at %s: %s", o.State, o.Gateway, o.ID, o.Kind, cmp.Or(o.Name, string(o.Person)), o.Door, cmp.Or(o.ByName, o.By), o.Made.Format(time.RFC3339), o.Reason); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// setUpOverlay is the command for one verb: adopt, reject or lift.
func setUpOverlay(verb string) func(c *cli.Call) func() error {
	return func(c *cli.Call) func() error {
		open := opener(c)
		gateway := c.Flags.String("gateway", "", "the `GATEWAY` at which it was done")
		id := c.Flags.String("id", "", "its `ID`, from overlay list")
		return func() error {
			if *gateway == "" || *id == "" {
				return cli.Usagef("--gateway and --id are both needed; gatehouse-cloud overlay list shows them")
			}
			return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
				o, err := cl.SettleOverlay(c, access.GatewayID(*gateway), *id, verb)
				if err != nil {
					return err
				}
				return c.Tell(map[string]any{"ok": true, "gateway": o.Gateway, "id": o.ID, "state": o.State},
					"The %s of %s at gateway %s is %s. The gateway hears of it with its next state.", o.Kind, cmp.Or(o.Name, string(o.Person)), o.Gateway, o.State)
			})
		}
	}
}
