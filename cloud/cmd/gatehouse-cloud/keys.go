package main

import (
	"log/slog"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

func setUpKeysRotate(c *cli.Call) func() error {
	open := opener(c)
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			waiting, err := cl.RotateKeys(c)
			if err != nil {
				return err
			}
			return c.Tell(map[string]any{"ok": true, "waiting": append([]access.GatewayID{}, waiting...)},
				"There is a next signing key, told to every gateway; each is signed to with it once it has acknowledged it. %d have not yet.\nBack up the state directory, run this again to see how many still wait, then: gatehouse-cloud keys retire", len(waiting))
		})
	}
}

func setUpKeysRetire(c *cli.Call) func() error {
	open := opener(c)
	force := c.Flags.Bool("force", false, "also while gateways have not acknowledged the next key: they hear nothing any more")
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			if err := cl.RetireKey(c, *force); err != nil {
				return err
			}
			return c.Tell(map[string]any{"ok": true}, "The old signing key is gone; gateways are told to forget it.")
		})
	}
}
