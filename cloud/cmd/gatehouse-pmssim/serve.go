package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"gatehouse/protocol/cli"
)

// shutdownGrace is how long requests in flight may finish.
const shutdownGrace = 2 * time.Second

// side is one address and what answers there.
type side struct {
	name    string // the key in the line on stdout
	address string
	handler http.Handler
}

// serve listens on every side, prints the addresses as one JSON line, and serves until ctx ends or a side fails.
func serve(ctx context.Context, sides []side, stdout, stderr io.Writer) error {
	listeners, err := listenAll(ctx, sides)
	if err != nil {
		return err
	}
	addresses := map[string]string{}
	errs := make(chan error, len(sides))
	servers := make([]*http.Server, len(sides))
	for i, s := range sides {
		servers[i] = &http.Server{
			Handler: s.handler, ReadHeaderTimeout: 10 * time.Second,
			ErrorLog: log.New(stderr, "gatehouse-pmssim: ", 0),
		}
		addresses[s.name] = listeners[i].Addr().String()
		go func() { errs <- servers[i].Serve(listeners[i]) }()
	}
	failure := json.NewEncoder(stdout).Encode(addresses)
	if failure == nil {
		select {
		case <-ctx.Done():
		case failure = <-errs:
			errs <- nil // keeps the count for stop
		}
	}
	stop(ctx, servers, errs)
	return failure
}

// stop ends the servers and waits for their goroutines.
func stop(ctx context.Context, servers []*http.Server, errs <-chan error) {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(grace) != nil {
			_ = s.Close() // it is over either way
		}
	}
	for range servers {
		<-errs //nolint:errcheck // told when it happened
	}
}

// listenAll opens every side or none.
func listenAll(ctx context.Context, sides []side) ([]net.Listener, error) {
	for _, s := range sides {
		if err := loopbackOnly(s); err != nil {
			return nil, err
		}
	}
	var open []net.Listener
	var lc net.ListenConfig
	for _, s := range sides {
		l, err := lc.Listen(ctx, "tcp", s.address)
		if err != nil {
			for _, o := range open {
				err = errors.Join(err, o.Close())
			}
			return nil, fmt.Errorf("cannot listen on %s %s: %w; choose a free port, or port 0", "--"+s.name, s.address, err)
		}
		open = append(open, l)
	}
	return open, nil
}

// loopbackOnly refuses whatever others on the network could reach: a simulator shows everything in clear.
func loopbackOnly(s side) error {
	if s.address == "" {
		return cli.Usagef("%s is missing; give a loopback address such as 127.0.0.1:8601", "--"+s.name)
	}
	at, err := netip.ParseAddrPort(s.address)
	if err != nil {
		return cli.Usagef("%s %s: not an address with a port, such as 127.0.0.1:8601", "--"+s.name, s.address)
	}
	if !at.Addr().Unmap().IsLoopback() {
		return cli.Usagef("%s %s: only loopback addresses (127.0.0.1 or [::1]) are served; a simulator shows everything in clear", "--"+s.name, s.address)
	}
	return nil
}
