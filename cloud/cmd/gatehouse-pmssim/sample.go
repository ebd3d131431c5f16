package main

import (
	"bytes"

	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/protocol/cli"
)

// sample writes what testdata/pms/sample/sample.json must be, byte for byte.
func sample(c *cli.Call) func() error {
	out := c.Flags.String("out", "", "`file` to write")
	return func() error {
		if *out == "" {
			return cli.Usagef("--out is missing; name the file to write")
		}
		var b bytes.Buffer
		if err := rentmanagersim.WriteData(&b, rentmanagersim.Sample()); err != nil {
			return err
		}
		if err := cli.WriteFile(*out, b.Bytes(), 0o644); err != nil {
			return err
		}
		return c.Tell(map[string]any{"ok": true, "file": *out, "bytes": b.Len()}, "wrote %d bytes to %s", b.Len(), *out)
	}
}
