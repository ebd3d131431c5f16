package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

func setUpGatewayAgree(c *cli.Call) func() error {
	open := opener(c)
	gateway := c.Flags.String("gateway", "", "the `GATEWAY` at which people wait for a word")
	through := c.Flags.Uint64("through", 0, "the last `REVISION` to agree with; without it the newest")
	return func() error {
		if *gateway == "" {
			return cli.Usagef("--gateway GATEWAY is missing: which one?")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			meant, err := cl.Agree(c, access.GatewayID(*gateway), *through)
			if err != nil {
				return err
			}
			return c.Tell(map[string]any{"ok": true, "gateway": *gateway, "epoch": meant.Epoch, "revision": meant.Revision},
				"Agreed with everything that gateway %s's state takes away up to revision %d of epoch %d. It lets go whom it held as soon as it hears of it.", *gateway, meant.Revision, meant.Epoch)
		})
	}
}

func setUpRestored(c *cli.Call) func() error {
	open := opener(c)
	force := c.Flags.Bool("force", false, "also when no gateway has shown yet that its state is newer than the database")
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			epochs, err := cl.Restored(c, *force)
			if err != nil {
				return err
			}
			var lines []string
			for _, id := range slices.Sorted(maps.Keys(epochs)) {
				lines = append(lines, fmt.Sprintf("  gateway %s: epoch %d", id, epochs[id]))
			}
			return c.Tell(map[string]any{"ok": true, "epochs": epochs},
				"A new epoch is open at %d gateways. Whom they would lose by the older records they hold until somebody agrees.\n%s\nRead the sources again, look at the page, then: gatehouse-cloud gateway agree --gateway GATEWAY", len(epochs), strings.Join(lines, "\n"))
		})
	}
}
