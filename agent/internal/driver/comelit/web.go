package comelit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/wrap"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Defaults where the configuration says nothing. The pages are slow and small devices serve them (§7.4).
const (
	defaultWebPort = 8080 // §3
	defaultPace    = 100 * time.Millisecond
	defaultTimeout = 30 * time.Second
	maxPage        = 1 << 20
)

const (
	loginPage     = "/do-login.html"
	backupsPage   = "/config-backup.html"
	createPage    = "/create-backup.html"
	usersPage     = "/users.html"
	updatePage    = "/update.html"
	codePage      = "/create-actcode.html"
	loginMissing  = "LOGIN_IS_REQUIRED"  // the whole body (§3, R)
	refusedWords  = "Invalid request"    // somewhere in the page (§3, R)
	rightsMark    = "create-backup.html" // only an installer's backup page has it (§3, R)
	remedyRights  = "Log in to the device's web page as installer and see whether the Backup page still offers to make one; set its password anew here."
	remedyReach   = "Check power, cable, address and web port (8080) of the device, and that nothing between blocks it."
	remedyStrange = "Check that the address and web port are the Comelit device's and that it is not restarting."
)

// session is the way to the installer's pages of one device: exchanges one at a time, each on its own connection. A
// session there belongs to the caller's address or to a cookie (§3, R and R): both are kept.
type session struct {
	base     url.URL
	subject  string // for error messages, "panel lobby-1"
	password access.Secret
	wire     *http.Transport
	paced    http.RoundTripper
	cookies  map[string]string
}

func newSession(cfg driver.Config, deps driver.Deps) (*session, error) {
	base, err := webAddress(cfg)
	if err != nil {
		return nil, err
	}
	s := &session{base: base, subject: "panel " + base.Host, password: cfg.Password, cookies: map[string]string{}}
	if cfg.ID != "" {
		s.subject = "panel " + string(cfg.ID)
	}
	tlsConfig, err := tlsOf(cfg)
	if err != nil {
		return nil, err
	}
	timeout, pace := cfg.Timeout, cfg.Pace
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	if pace == 0 {
		pace = defaultPace
	}
	s.wire = &http.Transport{
		DialContext: deps.Dial, TLSClientConfig: tlsConfig,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
	}
	if deps.Dial == nil {
		s.wire.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1}).DialContext
	}
	s.paced = wrap.Serialised(wrap.Pace(wrap.Deadline(s.wire, timeout), pace))
	return s, nil
}

// webAddress is where the pages are: cfg.URL, or http:// and cfg.Host with its web port.
func webAddress(cfg driver.Config) (url.URL, error) {
	bad := func(key, why string) (url.URL, error) {
		return url.URL{}, fault.New(fault.Invalid, "configure", "panel "+string(cfg.ID), "%s: %s", key, why).
			WithRemedy("Give host = \"192.0.2.10\", or url = \"http://192.0.2.10:8080\" without path or password.")
	}
	if cfg.URL == "" {
		port := cfg.WebPort
		if port == 0 {
			port = defaultWebPort
		}
		switch {
		case cfg.Host == "":
			return bad("host", "it is missing")
		case strings.ContainsAny(cfg.Host, "/@?# "):
			return bad("host", "want a name or an address alone")
		case port < 0 || port > 65535:
			return bad("web-port", "want 1 to 65535")
		}
		return url.URL{Scheme: "http", Host: net.JoinHostPort(cfg.Host, strconv.Itoa(port))}, nil
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return bad("url", "want http://host:port or https://host:port and nothing more")
	}
	return url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// tlsOf pins the certificate of port 8443, which is a bad one on every device (§3): chains cannot be checked there.
func tlsOf(cfg driver.Config) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.InsecureTLS || cfg.TLSPin != ""}
	if cfg.TLSPin == "" {
		return c, nil
	}
	pin, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(cfg.TLSPin), ":", ""))
	if err != nil || len(pin) != sha256.Size {
		return nil, fault.New(fault.Invalid, "configure", "panel "+string(cfg.ID), "tls_pin: want the SHA-256 of the certificate, 64 hex digits")
	}
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if sum := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(sum[:], pin) {
			return fmt.Errorf("the certificate is not the pinned one; its SHA-256 is %x", sum)
		}
		return nil
	}
	return c, nil
}

// ask is one request. Query is as it goes out; form is set for a login only.
type ask struct {
	op, method, path, query string
	form                    url.Values
	ajax, write             bool
	most                    int64 // bytes of the answer; 0: maxPage
}

// do sends one request of a logged-in caller. A session that has ended meanwhile is renewed once: what the device
// answers without one it did not carry out.
func (s *session) do(ctx context.Context, a ask) ([]byte, error) {
	body, err := s.exchange(ctx, a)
	if err != nil || strings.TrimSpace(string(body[:min(len(body), 64)])) != loginMissing {
		return body, err
	}
	if err := s.login(ctx); err != nil {
		return nil, err
	}
	body, err = s.exchange(ctx, a)
	if err == nil && strings.TrimSpace(string(body[:min(len(body), 64)])) == loginMissing {
		return nil, fault.New(fault.Denied, a.op, s.subject, "the device forgets the login at once").
			WithRemedy("Somebody else may hold its one session: log out there, and try again.")
	}
	return body, err
}

// login logs in and proves it by a page that only an installer sees: phrases are in the device's language (§3).
func (s *session) login(ctx context.Context) error {
	const op = "log in to"
	clear(s.cookies)
	if _, err := s.exchange(ctx, ask{op: op, method: http.MethodPost, path: loginPage, form: url.Values{"l-pwd": {s.password.Reveal()}}}); err != nil {
		return err
	}
	page, err := s.exchange(ctx, ask{op: op, method: http.MethodGet, path: backupsPage})
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(string(page)) == loginMissing:
		return fault.New(fault.Denied, op, s.subject, "the device does not take the installer's password").
			WithRemedy("Give the password of the installer's web page; if it is right, somebody else may hold the one session there.")
	}
	return s.rights(op, page)
}

// rights says by the backup page whether the login is an installer's (row C16).
func (s *session) rights(op string, page []byte) error {
	if bytes.Contains(page, []byte(rightsMark)) {
		return nil
	}
	if len(bytes.TrimSpace(page)) == 0 {
		return fault.New(fault.Unreachable, op, s.subject, "the device answers with an empty page").WithRemedy(remedyStrange)
	}
	return fault.New(fault.Denied, op, s.subject, "the installer account lost its rights, or this is no page of a Comelit device").WithRemedy(remedyRights)
}

// exchange sends one request and reads the whole answer. Redirects are not followed: the password must not be led away.
func (s *session) exchange(ctx context.Context, a ask) ([]byte, error) {
	u := s.base
	u.Path, u.RawQuery = a.path, a.query
	var body io.Reader
	if a.form != nil {
		body = strings.NewReader(a.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, a.method, u.String(), body)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, a.op, s.subject, err)
	}
	s.dress(req, a)
	resp, err := s.paced.RoundTrip(req)
	if err != nil {
		return nil, s.failed(a, err)
	}
	defer resp.Body.Close()
	s.keep(resp)
	most := a.most
	if most == 0 {
		most = maxPage
	}
	out, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, s.failed(a, err)
	case int64(len(out)) > most:
		return nil, s.unclear(a, fmt.Errorf("the answer has more than %d bytes", most))
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, fault.New(fault.Unsupported, a.op, s.subject, "the device leads elsewhere (HTTP %d); redirects are not followed", resp.StatusCode).WithRemedy(remedyStrange)
	case resp.StatusCode != http.StatusOK:
		return nil, s.unclear(a, fmt.Errorf("HTTP %d", resp.StatusCode))
	}
	return out, nil
}

// dress gives a request the headers that the pages want: each form its Referer (§3, R).
func (s *session) dress(req *http.Request, a ask) {
	referer := s.base
	referer.Path = usersPage
	if a.path == loginPage || a.path == createPage {
		referer.Path = backupsPage
	}
	req.Header.Set("Referer", referer.String())
	if a.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if a.ajax {
		req.Header.Set("X-Requested-With", "XMLHttpRequest")
	}
	for name, value := range s.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

// keep stores a few cookies.
func (s *session) keep(resp *http.Response) {
	for _, c := range resp.Cookies() {
		if _, known := s.cookies[c.Name]; known || len(s.cookies) < 8 {
			s.cookies[c.Name] = c.Value
		}
	}
}

// failed is a request without an answer. A write that went out has an unknown outcome.
func (s *session) failed(a ask, err error) error {
	var op *net.OpError
	dialling := errors.As(err, &op) && op.Op == "dial"
	var timeout net.Error
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case a.write && !dialling:
		return s.unclear(a, err)
	case late && !dialling:
		return fault.New(fault.Timeout, a.op, s.subject, "no answer in time: %w", err).WithRemedy(remedyReach)
	}
	return fault.New(fault.Unreachable, a.op, s.subject, "%w", err).WithRemedy(remedyReach)
}

// unclear is an answer from which nothing follows.
func (s *session) unclear(a ask, err error) error {
	if a.write {
		return fault.New(fault.Timeout, a.op, s.subject, "sent, but not answered properly, so the outcome is unknown: %w", err).
			WithRemedy("Read the device before doing it again.")
	}
	return fault.New(fault.Unreachable, a.op, s.subject, "not answered as a Comelit page is: %w", err).WithRemedy(remedyStrange)
}

func (s *session) close() { s.wire.CloseIdleConnections() }
