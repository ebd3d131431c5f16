package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"gatehouse/agent/internal/health"
	"gatehouse/agent/internal/localui"
	"gatehouse/protocol/access/fault"
)

// How long an address that cannot be listened on is left alone, at first and at most.
const (
	firstListen = 5 * time.Second
	lastListen  = time.Minute
)

// server is one address with what answers there. Doors do not depend on any: an address that is
// taken is tried again, for as long as it takes.
type server struct {
	address string
	listen  func() (net.Listener, error)
	handler http.Handler
	log     *slog.Logger
	said    string // of the last failure: the same words are logged once
	what    string // what answers there, for the log
}

// servers are the page with metrics and health, and the socket for the command line.
func (a *Agent) servers() (out []*server) {
	if a.cfg.Listen != "" {
		out = append(out, &server{a.cfg.Listen, func() (net.Listener, error) { return listenPage(a.cfg.Listen, "listen") }, a.pages(), a.log, "", "page, metrics and health"})
	}
	if at := a.cfg.OnSite; at != "" {
		out = append(out, &server{at, func() (net.Listener, error) { return listenPage(at, "onsite_listen") }, localui.Acts(counter{a.onsite}, at), a.log, "", "page for staff on site"})
	}
	if at := a.cfg.Events; at != "" {
		out = append(out, &server{at, a.listenCalls, http.HandlerFunc(a.called), a.log, "", "address that devices call when something happens"})
	}
	path, ask := socketPath(a.cfg), http.NewServeMux()
	a.desk().serve(ask)
	return append(out, &server{path, func() (net.Listener, error) { return listenSocket(path) }, ask, a.log, "", ""})
}

// desk answers the command line while the agent runs.
func (a *Agent) desk() desk {
	return desk{box: a.box, cfg: a.cfg, agent: a, onsite: a.onsite, units: a.units}
}

func (a *Agent) pages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", localui.Handler(a.view))
	checks := []health.Check{{Name: "doors", Ask: a.enforcing}, {Name: "records", Ask: a.recording}, {Name: "enrolment", Ask: func() error { return a.box.lost }}}
	h, err := health.New(a.deps.Version, a.deps.Commit, checks, a.collectors()...)
	if err != nil {
		a.log.Error("metrics and health are not served", "err", err)
		return mux
	}
	h.Register(mux)
	return mux
}

// enforcing is the health check: every panel's loop has begun, whether or not panels answer.
func (a *Agent) enforcing() error {
	for _, p := range a.driven() {
		if p.loop.Status().Since.IsZero() {
			return fmt.Errorf("panel %s was not tried yet", p.cfg.ID)
		}
	}
	return nil
}

// recording is the health check: what happens at panels can be written down.
func (a *Agent) recording() error {
	for _, p := range a.driven() {
		if words := p.status().Storage; words != "" {
			return fmt.Errorf("removals act, additions and changes wait: %s", words)
		}
	}
	return nil
}

func listenPage(address, key string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "listen on", address, "%w", err).
			WithRemedy("Choose another address with %s, or stop the program that uses this one.", key)
	}
	return ln, nil
}

func listenSocket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(fault.Internal, "listen on", path, err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "listen on", path, "%w", err).
			WithRemedy("Give state_dir a shorter path, below 90 characters, on a local disk.")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// open tries to listen; nil when it cannot be done now.
func (s *server) open() net.Listener {
	ln, err := s.listen()
	if err != nil {
		if s.said != err.Error() {
			s.said = err.Error()
			s.log.Error("not served for now, tried again; doors are enforced all the same", "err", err, "remedy", fault.RemedyOf(err))
		}
		return nil
	}
	s.said = ""
	if ln.Addr().Network() == "tcp" {
		s.log.Info(s.what, "address", "http://"+ln.Addr().String())
	}
	return ln
}

// keep serves on ln, and listens again after a while whenever there is none, until ctx ends.
func (s *server) keep(ctx context.Context, ln net.Listener) {
	for wait := firstListen; ; wait = min(2*wait, lastListen) {
		if ln != nil {
			s.serve(ctx, ln)
			wait = firstListen
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		ln = s.open()
	}
}

// serve answers on ln until ctx ends or ln fails.
func (s *server) serve(ctx context.Context, ln net.Listener) {
	h := &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	if ln.Addr().Network() == "unix" { // an order may take minutes, and whoever gives one may do worse to this box
		h.ReadTimeout, h.WriteTimeout = 0, 0
	}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() }) // reading is all anybody does
	defer stop()
	if err := h.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("serving ended, listened anew soon", "address", s.address, "err", errors.Join(err, h.Close()))
	}
}
