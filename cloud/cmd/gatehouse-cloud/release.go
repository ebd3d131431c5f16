package main

import (
	"log/slog"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

func setUpRelease(c *cli.Call) func() error {
	open := opener(c)
	property := c.Flags.String("property", "", "the `PROPERTY` whose newest run is held")
	reason := c.Flags.String("reason", "", "`WHY` these people may lose their access; it stands in the run history")
	return func() error {
		if *property == "" || *reason == "" {
			return cli.Usagef("--property and --reason are both needed")
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			return told(c)(cl.Release(c, access.PropertyID(*property), *reason))
		})
	}
}

// told prints how a sync ended, well or not.
func told(c *cli.Call) func(cloud.SyncReport, error) error {
	return func(r cloud.SyncReport, err error) error {
		if err != nil {
			return c.TellFailure(r, theirs(err))
		}
		return tellReport(c, r)
	}
}
