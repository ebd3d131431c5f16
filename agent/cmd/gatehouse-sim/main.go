// Command gatehouse-sim plays the devices of a property on loopback: for tests, for the demo, and for
// installers who want to try the gateway without a door. It listens on loopback addresses only. It must never
// be linked into the agent.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
