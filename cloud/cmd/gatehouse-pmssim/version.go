package main

import (
	"runtime"

	"gatehouse/protocol/cli"
)

// Stamped by the build; see the Makefile.
var version, commit = "dev", "unknown"

// versionInfo is what `version --json` prints.
type versionInfo struct {
	OK      bool   `json:"ok"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func versionCommand(c *cli.Call) func() error {
	return func() error {
		v := versionInfo{OK: true, Version: version, Commit: commit, Go: runtime.Version()}
		return c.Tell(v, "gatehouse-pmssim %s commit %s %s", v.Version, v.Commit, v.Go)
	}
}
