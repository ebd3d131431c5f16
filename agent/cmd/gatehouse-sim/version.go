package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"
)

// versionInfo is what `version --json` prints.
type versionInfo struct {
	OK      bool   `json:"ok"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func runVersion(_ context.Context, args []string, stdout, _ io.Writer) error {
	fs := flag.NewFlagSet("version", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print one JSON object")
	if err := parse("version", fs, args, stdout); err != nil {
		return err
	}
	v := buildVersion()
	if *asJSON {
		return json.NewEncoder(stdout).Encode(v)
	}
	_, err := fmt.Fprintf(stdout, "gatehouse-sim %s commit %s %s\n", v.Version, v.Commit, v.Go)
	return err
}

// Stamped by the build; see the Makefile.
var version, commit = "dev", "unknown"

func buildVersion() versionInfo {
	return versionInfo{OK: true, Version: version, Commit: commit, Go: runtime.Version()}
}
