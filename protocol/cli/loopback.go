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

// Side is one address of a simulator and what answers there: exactly one of Handler, Stream and Packets.
type Side struct {
	Name    string // the key in the line on stdout, and the flag
	Address string
	Handler http.Handler
	// Stream and Packets serve what is not HTTP. They return nil when ctx has ended, with everything closed.
	Stream  func(context.Context, net.Listener) error
	Packets func(context.Context, net.PacketConn) error
}

// opened is a side that listens.
type opened struct {
	at    string
	serve func() error // until stop
	stop  func(grace context.Context)
	close func() error // instead of serve
}

// ServeLoopback is what simulators share: it listens on every side, loopback addresses only, prints
// the addresses as one JSON line, and serves until ctx ends or a side fails.
func ServeLoopback(ctx context.Context, program string, sides []Side, stdout, stderr io.Writer) error {
	all, err := openAll(ctx, sides, log.New(stderr, program+": ", 0))
	if err != nil {
		return err
	}
	addresses := map[string]string{}
	errs := make(chan error, len(sides))
	for i, o := range all {
		addresses[sides[i].Name] = o.at
		go func() { errs <- o.serve() }()
	}
	failure := json.NewEncoder(stdout).Encode(addresses)
	if failure == nil {
		select {
		case <-ctx.Done():
		case failure = <-errs:
			errs <- nil // keeps the count for stop
		}
	}
	stop(ctx, all, errs)
	return failure
}

// stop ends the sides and waits for their goroutines.
func stop(ctx context.Context, all []opened, errs <-chan error) {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	for _, o := range all {
		o.stop(grace)
	}
	for range all {
		<-errs //nolint:errcheck // told when it happened
	}
}

// openAll opens every side or none.
func openAll(ctx context.Context, sides []Side, complain *log.Logger) ([]opened, error) {
	for _, s := range sides {
		if err := loopbackOnly(s); err != nil {
			return nil, err
		}
	}
	var all []opened
	for _, s := range sides {
		o, err := s.open(ctx, complain)
		if err != nil {
			for _, o := range all {
				err = errors.Join(err, o.close())
			}
			return nil, fmt.Errorf("cannot listen on %s %s: %w; choose a free port, or port 0", "--"+s.Name, s.Address, err)
		}
		all = append(all, o)
	}
	return all, nil
}

func (s Side) open(ctx context.Context, complain *log.Logger) (opened, error) {
	var lc net.ListenConfig
	raw, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := opened{stop: func(context.Context) { cancel() }}
	if s.Packets != nil {
		pc, err := lc.ListenPacket(ctx, "udp", s.Address)
		if err != nil {
			cancel()
			return opened{}, err
		}
		o.at, o.close, o.serve = pc.LocalAddr().String(), pc.Close, func() error { return s.Packets(raw, pc) }
		return o, nil
	}
	l, err := lc.Listen(ctx, "tcp", s.Address)
	if err != nil {
		cancel()
		return opened{}, err
	}
	o.at, o.close, o.serve = l.Addr().String(), l.Close, func() error { return s.Stream(raw, l) }
	if s.Stream == nil {
		server := &http.Server{Handler: s.Handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: complain}
		o.serve = func() error { return server.Serve(l) }
		o.stop = func(grace context.Context) {
			cancel()
			if server.Shutdown(grace) != nil {
				_ = server.Close() // it is over either way
			}
		}
	}
	return o, nil
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
