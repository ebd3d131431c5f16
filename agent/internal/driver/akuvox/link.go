package akuvox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/wrap"
	"gatehouse/protocol/access/fault"
)

// maxBody bounds an answer: 20,000 rows stay well below it.
const maxBody = 8 << 20

// link is the way to one unit: exchanges one at a time, each on its own connection (§1).
type link struct {
	base    *url.URL
	subject string // for error messages, "panel lobby-1"
	login   *login
	wire    *http.Transport
	count   atomic.Uint64 // of exchanges begun
}

func newLink(cfg driver.Config, deps driver.Deps) (*link, error) {
	bad := func(key, format string, args ...any) error {
		return fault.New(fault.Invalid, "configure", "panel "+string(cfg.ID), key+": "+format, args...).
			WithRemedy("Give the address as http://192.0.2.10 or https://192.0.2.10, without path or password.")
	}
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, bad("url", "it cannot be read as an address")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, bad("url", "want http://host or https://host")
	case u.User != nil:
		return nil, bad("url", "it must not hold a user or password")
	case strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "":
		return nil, bad("url", "nothing may follow the host and port")
	case cfg.TLSPin != "" && u.Scheme != "https":
		return nil, bad("tls_pin", "the address is http://, where there is no certificate to check")
	}
	t, err := tlsConfig(cfg)
	if err != nil {
		return nil, bad("tls_pin", "%v", err)
	}
	l := &link{base: &url.URL{Scheme: u.Scheme, Host: u.Host}, subject: "panel " + subject(cfg, u)}
	timeout, pace := cfg.Timeout, cfg.Pace
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	if pace == 0 {
		pace = defaultPace
	}
	l.wire = &http.Transport{
		DialContext: dialer(deps), TLSClientConfig: t,
		DisableKeepAlives: true, // Connection: close; some units serve one connection only (§1)
		// HTTP/2 is not offered and nothing is repeated by the transport on a connection of its own.
		DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
	}
	paced := wrap.Serialised(wrap.Pace(wrap.Deadline(l.wire, timeout), pace))
	l.login = &login{next: paced, user: cfg.User, password: cfg.Password.Reveal()}
	return l, nil
}

func subject(cfg driver.Config, u *url.URL) string {
	if cfg.ID != "" {
		return string(cfg.ID)
	}
	return u.Host
}

func dialer(deps driver.Deps) func(context.Context, string, string) (net.Conn, error) {
	if deps.Dial != nil {
		return deps.Dial
	}
	return (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1}).DialContext
}

func (l *link) close() { l.wire.CloseIdleConnections() }

// answer is what came back, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask is one request before it is sent.
type ask struct {
	method, path string
	query        url.Values
	body         []byte
	manner       manner
}

// exchange sends one request and reads the whole answer. It never follows a redirect, so that
// credentials cannot be led to another host (§7).
func (l *link) exchange(ctx context.Context, a *ask) (answer, error) {
	l.count.Add(1)
	u := *l.base
	u.Path, u.RawQuery = a.path, a.query.Encode()
	var body io.Reader
	if a.body != nil {
		body = bytes.NewReader(a.body)
	}
	req, err := http.NewRequestWithContext(withManner(ctx, &a.manner), a.method, u.String(), body)
	if err != nil {
		return answer{}, err
	}
	if a.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := l.login.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = errTooLarge
	}
	return answer{resp.StatusCode, resp.Header, b}, err
}

var errTooLarge = errors.New("the answer is larger than 8 MiB")

// get does one reading request.
func (l *link) get(ctx context.Context, op, path string, query url.Values) (reply, error) {
	a := &ask{method: http.MethodGet, path: path, query: query}
	ans, err := l.exchange(ctx, a)
	if err != nil {
		return reply{}, l.readFailed(op, a, err)
	}
	if f := l.refusedByHTTP(op, ans, false); f != nil {
		return reply{}, f
	}
	r, err := decode(ans.body)
	if err != nil {
		return reply{}, l.notAPI(op, err)
	}
	return r, l.refusedByCode(op, r)
}

// post does one writing request. A failure after it was sent is a Timeout: what became of it is
// unknown and must be read before anything is repeated. With once it is not sent again after a 401
// either, and goes out under a challenge that nobody has used.
func (l *link) post(ctx context.Context, op, path string, body request, once bool) (reply, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return reply{}, fault.Wrap(fault.Internal, op, l.subject, err)
	}
	if err := l.prime(ctx, op, once); err != nil {
		return reply{}, err
	}
	a := &ask{method: http.MethodPost, path: path, body: b, manner: manner{once: once}}
	ans, err := l.exchange(ctx, a)
	if err != nil {
		return reply{}, l.writeFailed(op, a, err)
	}
	if f := l.refusedByHTTP(op, ans, true); f != nil {
		return reply{}, f
	}
	r, err := decode(ans.body)
	if err != nil {
		return reply{}, l.unknown(op, err)
	}
	return r, l.refusedByCode(op, r)
}

// prime fetches a challenge with a reading request, so that no write is sent in vain. fresh asks
// for a new one even when there is one: some units honour a nonce once only.
func (l *link) prime(ctx context.Context, op string, fresh bool) error {
	if canSign, open := l.login.primed(); open || canSign && !fresh {
		return nil
	}
	a := &ask{method: http.MethodGet, path: infoPath, manner: manner{bare: true}}
	ans, err := l.exchange(ctx, a)
	if err != nil {
		return l.notSent(op, err)
	}
	if canSign, _ := l.login.primed(); canSign && ans.status == http.StatusUnauthorized {
		return nil
	}
	if f := l.refusedByHTTP(op, ans, false); f != nil {
		return f
	}
	return nil
}
