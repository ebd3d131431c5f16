// Command gatehouse-agent is the gateway: the program on the box at the property. `run` is the
// daemon; the other commands ask a running or resting agent, enrol the gateway, or talk to one
// device directly.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Stamped by the build; see the Makefile.
var version, commit = "dev", "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
