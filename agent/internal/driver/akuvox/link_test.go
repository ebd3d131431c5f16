package akuvox_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestNewNamesTheWrongKey(t *testing.T) {
	t.Parallel()
	pin := strings.Repeat("ab", 32)
	tests := map[string]struct {
		cfg driver.Config
		key string
	}{
		"no address":       {driver.Config{}, "url"},
		"no scheme":        {driver.Config{URL: "192.0.2.1"}, "url"},
		"other scheme":     {driver.Config{URL: "ftp://192.0.2.1"}, "url"},
		"no host":          {driver.Config{URL: "http://"}, "url"},
		"unreadable":       {driver.Config{URL: "http://[::1"}, "url"},
		"password inside":  {driver.Config{URL: "http://u:hunter2@192.0.2.1"}, "url"},
		"path":             {driver.Config{URL: "http://192.0.2.1/api"}, "url"},
		"query":            {driver.Config{URL: "http://192.0.2.1/?a=b"}, "url"},
		"pin without tls":  {driver.Config{URL: "http://192.0.2.1", TLSPin: pin}, "tls_pin"},
		"short pin":        {driver.Config{URL: "https://192.0.2.1", TLSPin: "abcd"}, "tls_pin"},
		"pin of no digits": {driver.Config{URL: "https://192.0.2.1", TLSPin: strings.Repeat("zz", 32)}, "tls_pin"},
	}
	for name, tt := range tests {
		p, err := akuvox.New(tt.cfg, driver.Deps{})
		wantKind(t, err, fault.Invalid)
		if p != nil || !strings.Contains(err.Error(), tt.key+":") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{"http://192.0.2.1", "http://192.0.2.1:8080/", "https://panel.example.com", "http://[2001:db8::1]:80"} {
		if _, err := akuvox.New(driver.Config{URL: url}, driver.Deps{}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	sim, err := akuvoxsim.New(akuvoxsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(sim)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	sum := sha256.Sum256(srv.Certificate().Raw)
	right := hex.EncodeToString(sum[:])
	colons := strings.ToUpper(strings.Join([]string{right[:2], right[2:32], right[32:]}, ":"))
	for name, tt := range map[string]struct {
		cfg  driver.Config
		good bool
	}{
		"default verifies":                {driver.Config{}, false},
		"insecure":                        {driver.Config{InsecureTLS: true}, true},
		"pinned":                          {driver.Config{TLSPin: right}, true},
		"pinned, colons":                  {driver.Config{TLSPin: colons}, true},
		"another pin":                     {driver.Config{TLSPin: strings.Repeat("ab", 32)}, false},
		"a pin is stronger than insecure": {driver.Config{TLSPin: strings.Repeat("ab", 32), InsecureTLS: true}, false},
	} {
		tt.cfg.URL = srv.URL
		_, _, err := newPanel(t, tt.cfg).Probe(t.Context())
		if tt.good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if !tt.good {
			wantKind(t, err, fault.Denied)
			if !strings.Contains(fault.RemedyOf(err), right) {
				t.Errorf("%s: the remedy %q does not give the fingerprint", name, fault.RemedyOf(err))
			}
		}
	}
	if n := len(sim.Requests()); n == 0 {
		t.Error("nothing came through")
	}
	_, err = newPanel(t, driver.Config{URL: strings.Replace(srv.URL, "https", "http", 1)}).List(t.Context())
	if err == nil || !strings.Contains(fault.RemedyOf(err), "https://") {
		t.Errorf("http to an https port: %v / %s", err, fault.RemedyOf(err))
	}
}

func TestPlainHTTPBehindHTTPSAddress(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	_, err := newPanel(t, driver.Config{URL: strings.Replace(w.url, "http", "https", 1), InsecureTLS: true}).List(t.Context())
	wantKind(t, err, fault.Unreachable)
	if !strings.Contains(fault.RemedyOf(err), "http://") {
		t.Errorf("remedy %q", fault.RemedyOf(err))
	}
}

func TestEachRequestHasItsOwnConnection(t *testing.T) {
	t.Parallel()
	w := newWild(t, (&wild{}).people(1))
	p := w.panel(t)
	for range 2 {
		if _, err := p.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range w.requests() {
		if r.header.Get("Connection") != "close" {
			t.Errorf("Connection: %q, want close", r.header.Get("Connection"))
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Bodies that are wrong in the ways of §1, on reads.
func TestBodies(t *testing.T) {
	t.Parallel()
	const rows = `{"retcode":0,"message":"OK","data":{"num":1,"item":[{"ID":"1","UserID":"GHp7","Name":"T. Jones"}]}}`
	tests := map[string]struct {
		body string
		want fault.Kind // -1: fine
	}{
		"plain":                {rows, -1},
		"byte order mark":      {"\xef\xbb\xbf" + rows, -1},
		"trailing HTTP":        {rows + "\r\nHTTP/1.1 200 OK\r\n\r\n{\"retcode\":-1}", -1},
		"bad UTF-8":            {strings.Replace(rows, "T. J", "T\xff J", 1), -1},
		"retcode as text":      {strings.Replace(rows, `:0,`, `:"0",`, 1), -1},
		"retcode 1":            {strings.Replace(rows, `:0,`, `:1,`, 1), -1},
		"Item":                 {strings.Replace(rows, `item`, `Item`, 1), -1},
		"empty":                {"", fault.Unreachable},
		"blank":                {" \r\n", fault.Unreachable},
		"web page":             {"<html><body>login</body></html>", fault.Invalid},
		"cut":                  {rows[:60], fault.Invalid},
		"no retcode":           {`{"data":{"num":0,"item":[]}}`, fault.Invalid},
		"no data":              {`{"retcode":0,"message":"OK"}`, fault.Invalid},
		"null data":            {`{"retcode":0,"message":"OK","data":null}`, fault.Invalid},
		"rows that are no row": {`{"retcode":0,"data":{"num":1,"item":["x"]}}`, fault.Invalid},
		"too large":            {`{"retcode":0,"data":{"item":[],"x":"` + strings.Repeat("x", 8<<20) + `"}}`, fault.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, &wild{before: func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
				_, _ = io.WriteString(rw, tt.body)
				return true
			}})
			got, err := w.panel(t).List(t.Context())
			if tt.want >= 0 {
				wantKind(t, err, tt.want)
				return
			}
			if err != nil || len(got) != 1 || got[0].Ref != "GHp7" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int][2]fault.Kind{ // read, write
		400: {fault.Invalid, fault.Invalid},
		403: {fault.Denied, fault.Denied},
		404: {fault.Unsupported, fault.Unsupported},
		405: {fault.Unsupported, fault.Unsupported},
		418: {fault.Invalid, fault.Invalid},
		500: {fault.Unreachable, fault.Timeout}, // a write may have been done
		503: {fault.Unreachable, fault.Timeout},
	} {
		w := newWild(t, &wild{before: func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
			rw.WriteHeader(status)
			return true
		}})
		_, err := w.panel(t).List(t.Context())
		wantKind(t, err, want[0])
		wantKind(t, newPanel(t, driver.Config{URL: w.url}).Apply(t.Context(), addJones()), want[1])
		if fault.RemedyOf(err) == "" {
			t.Errorf("HTTP %d: no word of what to do", status)
		}
	}
}

// An empty 200 to a write says nothing about what was done.
func TestWriteAnsweredWithNothingIsUnknown(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", `{"data":{}}`} {
		w := newWild(t, &wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
			_, _ = io.WriteString(rw, body)
			return r.Method == http.MethodPost
		}})
		wantKind(t, w.panel(t).Apply(t.Context(), addJones()), fault.Timeout)
		if n := len(w.requests()); n > 2 {
			t.Errorf("%q: %d requests: a write of unknown outcome was repeated", body, n)
		}
	}
}

func TestSlowPanelTimesOut(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(release) })
	p := newPanel(t, driver.Config{URL: srv.URL, Timeout: 50 * time.Millisecond})
	_, err := p.List(t.Context())
	wantKind(t, err, fault.Timeout)
	wantKind(t, p.Apply(t.Context(), addJones()), fault.Timeout)
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	p, err := akuvox.New(driver.Config{URL: "http://192.0.2.1"}, driver.Deps{Dial: refuse})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.List(t.Context())
	wantKind(t, err, fault.Unreachable)
	wantKind(t, p.Apply(t.Context(), addJones()), fault.Unreachable)
	if !strings.Contains(err.Error(), "no route") || !strings.Contains(err.Error(), "panel 192.0.2.1") {
		t.Errorf("%v names neither cause nor panel", err)
	}
}

// pipes is a listener in memory, so that a panel can be served in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

// virtual serves a simulated panel inside a synctest bubble.
func virtual(t *testing.T, o akuvoxsim.Options, cfg driver.Config) (*akuvoxsim.Panel, driver.Panel) {
	t.Helper()
	sim, err := akuvoxsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: sim, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	cfg.URL = "http://panel.example.com"
	p, err := akuvox.New(cfg, driver.Deps{Dial: l.dial})
	if err != nil {
		t.Fatal(err)
	}
	return sim, p
}

// §1, issue #96 there: a panel that locks up when calls overlap or follow within 0.25 s never does.
func TestPaceKeepsAPanelFromLockingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim, p := virtual(t, akuvoxsim.Options{
			Auth: akuvoxsim.AuthDigest, User: "gate", Password: "x",
			Faults: []akuvoxsim.FaultSetting{{Name: akuvoxsim.FaultLockup, On: true}},
		}, driver.Config{User: "gate", Password: access.NewSecret("x")})
		if _, _, err := p.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(t.Context(), addJones()); err != nil {
			t.Fatal(err)
		}
		start, done := time.Now(), make(chan error)
		for range 5 {
			go func() { _, err := p.Read(t.Context(), drivertest.Jones().Ref); done <- err }()
		}
		for range 5 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := time.Since(start); got != 5*250*time.Millisecond {
			t.Errorf("five reads took %v, want a quarter of a second each", got)
		}
		if s := sim.Stats(); s.Overlaps != 0 || s.MinGap < 250*time.Millisecond {
			t.Errorf("%d overlaps, smallest gap %v", s.Overlaps, s.MinGap)
		}
	})
}

func TestPaceIsASetting(t *testing.T) {
	t.Parallel()
	for pace, want := range map[time.Duration]time.Duration{-1: 0, 2 * time.Second: 2 * time.Second, 0: 250 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			_, p := virtual(t, akuvoxsim.Options{}, driver.Config{Pace: pace})
			start := time.Now()
			for range 2 {
				if _, err := p.List(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := time.Since(start); got != want {
				t.Errorf("pace %v: two reads took %v, want %v", pace, got, want)
			}
		})
	}
}

func TestCancelledWhileWaitingForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim, p := virtual(t, akuvoxsim.Options{}, driver.Config{Pace: time.Hour})
		if _, err := p.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := p.Apply(ctx, addJones())
		wantKind(t, err, fault.Unreachable) // nothing was sent: not unknown
		if time.Since(start) != time.Second || len(sim.Mutating()) != 0 {
			t.Errorf("returned after %v with %d writes", time.Since(start), len(sim.Mutating()))
		}
	})
}
