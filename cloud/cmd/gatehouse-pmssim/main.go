// Command gatehouse-pmssim plays property-management systems on loopback: for tests, for the demo, and for
// whoever wants to see Gatehouse at work without an account at a vendor. It listens on loopback addresses only.
// It must never be linked into gatehouse-cloud.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // dates are judged in a property's zone; a small machine may have no zone files
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
