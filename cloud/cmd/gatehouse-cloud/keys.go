package main

import (
	"fmt"
	"log/slog"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

func setUpKeysRotate(c *cli.Call) func() error {
	open := opener(c)
	return func() error {
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			since, err := cl.Rotating()
			if err != nil {
				return err
			}
			waiting, err := cl.RotateKeys(c)
			if err != nil {
				return err
			}
			said := "There is a next signing key"
			if !since.IsZero() {
				said = "A change of the signing key is under way since " + since.Format(time.RFC3339) + ": no other key was made, the next one is there"
			}
			return c.Tell(struct {
				OK      bool               `json:"ok"`
				Since   time.Time          `json:"since,omitzero"` // of a change that was under way before
				Waiting []access.GatewayID `json:"waiting"`
			}{true, since, append([]access.GatewayID{}, waiting...)},
				"%s, told to every gateway; each is signed to with it once it has acknowledged it. %s\nBack up the state directory, run this again to see how many still wait, then: gatehouse-cloud keys retire", said, stillWait(waiting))
		})
	}
}

// stillWait names who has not acknowledged the next key.
func stillWait(waiting []access.GatewayID) string {
	if len(waiting) == 0 {
		return "Every one has."
	}
	return fmt.Sprintf("%d have not yet, such as %s.", len(waiting), waiting[0])
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
