package cli

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
)

// shutdownGrace is how long requests in flight may finish.
const shutdownGrace = 2 * time.Second

// Side is one address of a simulator and what answers there.
type Side struct {
	Name    string // the key in the line on stdout, and the flag
	Address string
	Handler http.Handler
}

// ServeLoopback is what simulators share: it listens on every side, loopback addresses only, prints
// the addresses as one JSON line, and serves until ctx ends or a side fails.
func ServeLoopback(ctx context.Context, program string, sides []Side, stdout, stderr io.Writer) error {
	listeners, err := listenAll(ctx, sides)
	if err != nil {
		return err
	}
	addresses := map[string]string{}
	errs := make(chan error, len(sides))
	servers := make([]*http.Server, len(sides))
	for i, s := range sides {
		servers[i] = &http.Server{
			Handler: s.Handler, ReadHeaderTimeout: 10 * time.Second,
			ErrorLog: log.New(stderr, program+": ", 0),
		}
		addresses[s.Name] = listeners[i].Addr().String()
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
func listenAll(ctx context.Context, sides []Side) ([]net.Listener, error) {
	for _, s := range sides {
		if err := loopbackOnly(s); err != nil {
			return nil, err
		}
	}
	var open []net.Listener
	var lc net.ListenConfig
	for _, s := range sides {
		l, err := lc.Listen(ctx, "tcp", s.Address)
		if err != nil {
			for _, o := range open {
				err = errors.Join(err, o.Close())
			}
			return nil, fmt.Errorf("cannot listen on %s %s: %w; choose a free port, or port 0", "--"+s.Name, s.Address, err)
		}
		open = append(open, l)
	}
	return open, nil
}

// loopbackOnly refuses whatever others on the network could reach: a simulator shows everything in clear.
func loopbackOnly(s Side) error {
	if s.Address == "" {
		return Usagef("%s is missing; give a loopback address such as 127.0.0.1:8090", "--"+s.Name)
	}
	at, err := netip.ParseAddrPort(s.Address)
	if err != nil {
		return Usagef("%s %s: not an address with a port, such as 127.0.0.1:8090", "--"+s.Name, s.Address)
	}
	if !at.Addr().Unmap().IsLoopback() {
		return Usagef("%s %s: only loopback addresses (127.0.0.1 or [::1]) are served; a simulator shows everything in clear", "--"+s.Name, s.Address)
	}
	return nil
}
