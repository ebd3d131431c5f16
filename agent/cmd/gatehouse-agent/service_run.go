package main

import (
	"context"
	"log/slog"
	"os"

	"gatehouse/agent/internal/osservice"
)

// gateway is an assembled agent. Alive is nil while every loop turns and the store answers a read.
type gateway interface {
	Run(ctx context.Context) error
	Alive() error
}

// serve runs the gateway that assemble makes, as a service when the service manager started this
// process. assemble hands ready to the assembly, which calls it when doors are being enforced.
func serve(ctx context.Context, log *slog.Logger, assemble func(ctx context.Context, ready func()) (gateway, error)) error {
	return osservice.Run(ctx, osservice.Options{Log: log, Getenv: os.Getenv}, func(ctx context.Context, ready func(func() error)) error {
		var g gateway // set before ready is called: an agent calls it from Run
		g, err := assemble(ctx, func() { ready(func() error { return g.Alive() }) })
		if err != nil {
			return err
		}
		return lean(ctx, g.Run)
	})
}
