package main

import (
	"context"
	"log/slog"
	"os"

	"gatehouse/agent/internal/osservice"
)

// gateway is an assembled agent. Alive is nil while every loop turns and the store answers a read; Says is what status
// should say beside that, "" nothing.
type gateway interface {
	Run(ctx context.Context) error
	Alive() error
	Says() string
}

// serve runs the gateway that assemble makes, as a service when the service manager started this
// process. assemble hands ready to the assembly, which calls it when doors are being enforced.
func serve(ctx context.Context, log *slog.Logger, assemble func(ctx context.Context, ready func()) (gateway, error)) error {
	return osservice.Run(ctx, osservice.Options{Log: log, Getenv: os.Getenv}, func(ctx context.Context, ready func(osservice.Alive)) error {
		var g gateway // set before ready is called: an agent calls it from Run
		g, err := assemble(ctx, func() { ready(func() (string, error) { return g.Says(), g.Alive() }) })
		if err != nil {
			return err
		}
		return lean(ctx, g.Run)
	})
}
