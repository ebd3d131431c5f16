package rentmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Bounds of one exchange.
const (
	maxBody     = 32 << 20 // a page of 1000 tenants with everything is a few megabytes
	callTimeout = 90 * time.Second
	maxAttempts = 3 // of a request that fails on the way or on the server; reading twice does no harm
	maxThrottle = 6 // of a request that is told to wait
)

// The vendor's headers (§1.1).
const (
	headerToken    = "X-RM12Api-ApiToken"
	headerLocation = "X-RM12Api-LocationID"
)

const (
	remedyURL     = "Check url: want https://COMPANY.api.rentmanager.com, with the API enabled for the account."
	remedyLogin   = "Check username, password_file and location_id, and that the user may use the Web API. Nothing changes here until it works again."
	remedyLater   = "The next sync tries again; nothing changes here until it works."
	remedyRights  = "Give the API user the right to read properties, units, tenants and user-defined fields."
	remedyLimits  = "Sync less often, or ask the vendor for a higher limit. The next sync tries again."
	remedyTooMuch = "Read fewer properties at once, or raise the number of calls."
)

// reply is an answer with its body whole, without byte order mark and blanks around it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// get reads one page. A token that is not accepted any more is replaced once (§1.1). The reply is
// one of 200, 204, 206 and 404; everything else is an error.
func (p *pull) get(ctx context.Context, what, path string, q url.Values) (reply, error) {
	op := "read " + what + " from"
	if p.token.IsZero() {
		if err := p.signIn(ctx); err != nil {
			return reply{}, err
		}
	}
	r, err := p.try(ctx, op, http.MethodGet, path, q, nil)
	if err == nil && r.status == http.StatusUnauthorized {
		p.deps.Log.Info("Rent Manager does not accept its token any more; signing in again", "host", p.base.Host)
		p.token = access.Secret{}
		if err := p.signIn(ctx); err != nil {
			return reply{}, err
		}
		r, err = p.try(ctx, op, http.MethodGet, path, q, nil)
	}
	if err != nil {
		return reply{}, err
	}
	return r, p.refused(op, r)
}

// signIn gets a token (§1.1).
func (p *pull) signIn(ctx context.Context) error {
	const op = "sign in to"
	login := map[string]any{"Username": p.cfg.Username, "Password": p.cfg.Password.Reveal()}
	if p.cfg.LocationID != 0 {
		login["LocationID"] = p.cfg.LocationID
	}
	body, err := json.Marshal(login)
	if err != nil {
		return fault.New(fault.Internal, op, p.subject(), "the login cannot be written as JSON") // the cause could quote it
	}
	r, err := p.try(ctx, op, http.MethodPost, "Authentication/AuthorizeUser", nil, body)
	if err != nil {
		return err
	}
	switch r.status {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest:
		return fault.New(fault.Denied, op, p.subject(), "user and password are refused (HTTP %d)%s", r.status, p.said(r)).WithRemedy("%s", remedyLogin)
	case http.StatusNotFound, http.StatusNoContent:
		return fault.New(fault.Unreachable, op, p.subject(), "there is no Web API at this address (HTTP %d)", r.status).WithRemedy("%s", remedyURL)
	default:
		if err := p.refused(op, r); err != nil {
			return err
		}
	}
	token, ok := readToken(r.body)
	if !ok || r.status != http.StatusOK {
		return fault.New(fault.Unreachable, op, p.subject(), "the answer is not a token%s", p.shape(r)).WithRemedy("%s", remedyURL)
	}
	p.token = token
	return nil
}

// readToken takes the bare JSON string of the reply; without its quotes too.
func readToken(b []byte) (access.Secret, bool) {
	s := string(b)
	if strings.HasPrefix(s, `"`) && json.Unmarshal(b, &s) != nil {
		return access.Secret{}, false
	}
	plain := func(r rune) bool { return r > ' ' && r < 0x7f && !strings.ContainsRune(`<>{}[]"`, r) }
	if len(s) < 4 || len(s) > 4096 || strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) >= 0 || s == "null" {
		return access.Secret{}, false
	}
	return access.NewSecret(s), true
}

// try sends a request until it is answered, waiting where that makes sense. The reply may still be
// a refusal.
func (p *pull) try(ctx context.Context, op, method, path string, q url.Values, body []byte) (reply, error) {
	for attempt := 1; ; attempt++ {
		if err := p.pace(ctx, op); err != nil {
			return reply{}, err
		}
		r, err := p.once(ctx, op, method, path, q, body)
		wait, again := p.again(r, err, attempt)
		if !again {
			return r, err
		}
		p.tell(r, err, wait, attempt)
		if err := p.wait(ctx, op, wait); err != nil {
			return reply{}, err
		}
		p.notBefore = time.Time{} // the wait was what this answer asked for
	}
}

// tell says what is waited for, because somebody may be sitting in front of it.
func (p *pull) tell(r reply, err error, wait time.Duration, attempt int) {
	what, most := fmt.Sprintf("HTTP %d", r.status), maxAttempts
	switch {
	case err != nil:
		what = errTorn.Error()
	case r.status == http.StatusTooManyRequests:
		most = maxThrottle
	}
	p.deps.Log.Warn(fmt.Sprintf("%s, trying again in %s (%d of %d)", what, seconds(wait), attempt+1, most), "host", p.base.Host)
}

// seconds is a wait as people say it, never shorter than it is.
func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int(math.Ceil(d.Seconds()))) }

// again says whether the same request should be sent once more, and how long to wait before.
func (p *pull) again(r reply, err error, attempt int) (time.Duration, bool) {
	backoff := time.Second << (attempt - 1)
	switch {
	case err == nil && r.status == http.StatusTooManyRequests:
		return throttled(r.header, p.deps.Now(), backoff), attempt < maxThrottle
	case err == nil && r.status >= 500:
		return throttled(r.header, p.deps.Now(), backoff), attempt < maxAttempts
	}
	return backoff, errors.Is(err, errTorn) && attempt < maxAttempts
}

// errTorn is an answer that broke off on its way.
var errTorn = errors.New("the answer broke off")

// once sends one request and reads the whole answer.
func (p *pull) once(ctx context.Context, op, method, path string, q url.Values, body []byte) (reply, error) {
	if p.calls >= p.cfg.MaxCalls {
		return reply{}, fault.New(fault.Full, op, p.subject(), "the %d calls one pull may spend are used up", p.cfg.MaxCalls).WithRemedy("%s", remedyTooMuch)
	}
	p.calls++
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	u := *p.base
	u.Path, u.RawQuery = u.Path+"/"+path, q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return reply{}, fault.Wrap(fault.Internal, op, p.subject(), err)
	}
	p.dress(req)
	res, err := p.client.Do(req)
	if err != nil {
		return reply{}, p.broken(op, err, false)
	}
	defer func() { _ = res.Body.Close() }() // what was read counts
	p.noteLimits(res.Header)
	b, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	switch {
	case err != nil:
		return reply{}, p.broken(op, err, true)
	case len(b) > maxBody:
		return reply{}, fault.New(fault.Invalid, op, p.subject(), "the answer is larger than %d MiB", maxBody>>20).WithRemedy("Ask for smaller pages.")
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	if (res.StatusCode == http.StatusOK || res.StatusCode == http.StatusPartialContent) && halfJSON(b) {
		return reply{}, fault.New(fault.Unreachable, op, p.subject(), "%w: half a JSON document", errTorn).WithRemedy("%s", remedyLater)
	}
	return reply{status: res.StatusCode, header: res.Header, body: b}, nil
}

func (p *pull) dress(req *http.Request) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gatehouse")
	if req.Method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		return
	}
	req.Header.Set(headerToken, p.token.Reveal())
	if p.cfg.LocationID != 0 {
		req.Header.Set(headerLocation, strconv.Itoa(p.cfg.LocationID))
	}
}

// halfJSON spots a list, object or string that does not end.
func halfJSON(b []byte) bool {
	return len(b) > 0 && strings.ContainsRune(`[{"`, rune(b[0])) && !json.Valid(b)
}

// broken explains a request that got no whole answer. The error of the HTTP client names the
// address, which holds no secret, but so do we; only its cause is kept.
func (p *pull) broken(op string, err error, answered bool) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var n net.Error
	var dial *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Timeout, op, p.subject(), "given up: %w", err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &n) && n.Timeout():
		return fault.New(fault.Timeout, op, p.subject(), "no answer in time: %w", err).WithRemedy("%s", remedyLater)
	case !answered && errors.As(err, &dial) && dial.Op == "dial":
		return fault.New(fault.Unreachable, op, p.subject(), "%w", err).WithRemedy("Check the network and url. %s", remedyLater)
	case answered, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &dial):
		return fault.New(fault.Unreachable, op, p.subject(), "%w: %w", errTorn, err).WithRemedy("%s", remedyLater)
	}
	return fault.New(fault.Unreachable, op, p.subject(), "%w", err).WithRemedy("Check the network and url. %s", remedyLater)
}

// refused turns a status into a fault, nil for those that a list may have (§1.3).
func (p *pull) refused(op string, r reply) error {
	say := func(k fault.Kind, remedy, format string, args ...any) error {
		return fault.New(k, op, p.subject(), format+"%s", append(args, p.said(r))...).WithRemedy("%s", remedy)
	}
	switch {
	case r.status == http.StatusOK, r.status == http.StatusPartialContent, r.status == http.StatusNoContent, r.status == http.StatusNotFound:
		return nil
	case r.status >= 300 && r.status < 400:
		return say(fault.Unreachable, remedyURL, "it points to another address (HTTP %d, to %s), which is not followed with credentials", r.status, hostOf(r.header))
	case r.status == http.StatusUnauthorized:
		return say(fault.Denied, remedyLogin, "the token is refused just after signing in (HTTP 401)")
	case r.status == http.StatusForbidden:
		return say(fault.Denied, remedyRights, "no right to read any of it (HTTP 403)")
	case r.status == http.StatusTooManyRequests:
		return say(fault.Unreachable, remedyLimits, "too many requests (HTTP 429), also after waiting")
	case r.status >= 500:
		return say(fault.Unreachable, remedyLater, "the server failed (HTTP %d)", r.status)
	}
	return say(fault.Invalid, "Ask for help with this message: the vendor's API may have changed.", "refused (HTTP %d)", r.status)
}

func hostOf(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	if err != nil || u.Host == "" {
		return "somewhere else"
	}
	return fmt.Sprintf("%.100s", u.Hostname())
}
