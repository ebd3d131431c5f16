package main

import (
	"fmt"
	"log/slog"

	"gatehouse/cloud"
	"gatehouse/protocol/cli"
)

func setUpCheck(c *cli.Call) func() error {
	path := c.Flags.String("config", "", "`FILE` with the cloud's settings")
	return func() error {
		if *path == "" {
			return cli.Usagef("--config FILE is missing: which file?")
		}
		log := slog.New(slog.NewTextHandler(c.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		cfg, doubts, err := cloud.CheckConfig(*path, log)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("The configuration is good: %d properties.", len(cfg.Properties))
		if len(cfg.Properties) == 1 {
			text = "The configuration is good: 1 property."
		}
		for _, d := range doubts {
			text += "\n  perhaps not meant: " + d
		}
		return c.Tell(map[string]any{"ok": true, "properties": len(cfg.Properties), "warnings": append([]string{}, doubts...)}, "%s", text)
	}
}
