package akuvox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/icholy/digest"
)

// manner is how one request may be sent, and what became of it. It travels in the request's context.
type manner struct {
	once bool        // never a second time, not after a 401 either
	bare bool        // without credentials, only to fetch a fresh challenge
	sent atomic.Bool // the last attempt was written out and was not answered 401
}

type mannerKey struct{}

func withManner(ctx context.Context, m *manner) context.Context {
	return context.WithValue(ctx, mannerKey{}, m)
}

func mannerOf(ctx context.Context) *manner {
	if m, ok := ctx.Value(mannerKey{}).(*manner); ok {
		return m
	}
	return new(manner)
}

// login signs requests with whatever the unit asks for: nothing, Basic or Digest (§1.1). It keeps
// the unit's challenge, so that only the first request pays for it. The library's own transport is
// not used because it repeats every request after a 401, and a door must not be opened twice.
type login struct {
	next           http.RoundTripper
	user, password string

	mu    sync.Mutex
	open  bool // the last unsigned request was let in
	basic bool
	chal  *digest.Challenge
	count int // uses of chal
}

// RoundTrip sends req, and once more with a fresh challenge after a 401; a third time only when the
// unit calls the nonce stale. The last 401 is handed back.
func (l *login) RoundTrip(req *http.Request) (*http.Response, error) {
	m := mannerOf(req.Context())
	for try := 1; ; try++ {
		out, signed, err := l.sign(req, m)
		if err != nil {
			return nil, err
		}
		resp, err := l.send(out, m)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			l.letIn(err == nil && signed == "" && resp.StatusCode < 300)
			return resp, err
		}
		usable, stale := l.hear(resp.Header)
		basicRefused := signed == "Basic" && l.usesBasic()
		if m.once || m.bare || !usable || basicRefused || try >= 3 || try == 2 && !stale {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		_ = resp.Body.Close()
	}
}

// send notes whether req went out on the wire.
func (l *login) send(req *http.Request, m *manner) (*http.Response, error) {
	m.sent.Store(false)
	trace := &httptrace.ClientTrace{WroteHeaders: func() { m.sent.Store(true) }}
	resp, err := l.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		m.sent.Store(false) // refused at the door: nothing was done
	}
	return resp, err
}

// sign is a copy of req with the credentials the unit is known to want, and the scheme used.
func (l *login) sign(req *http.Request, m *manner) (out *http.Request, scheme string, err error) {
	out = req.Clone(req.Context())
	if req.GetBody != nil {
		if out.Body, err = req.GetBody(); err != nil {
			return nil, "", err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.bare || l.user == "":
		return out, "", nil
	case l.basic:
		out.SetBasicAuth(l.user, l.password)
		return out, "Basic", nil
	case l.chal == nil:
		return out, "", nil
	}
	l.count++
	cred, err := digest.Digest(l.chal, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), GetBody: req.GetBody,
		Count: l.count, Username: l.user, Password: l.password,
	})
	if err != nil {
		return nil, "", err
	}
	out.Header.Set("Authorization", cred.String())
	return out, "Digest", nil
}

// hear takes in the challenges of a 401. usable says that one of them can be met. Digest goes before
// Basic, which would show the password to the whole network.
func (l *login) hear(h http.Header) (usable, stale bool) {
	chal, basic := challenges(h)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.chal, l.count, l.basic = false, chal, 0, chal == nil && basic
	return l.user != "" && (chal != nil || basic), chal != nil && chal.Stale
}

// letIn notes that the unit asks for no login at present.
func (l *login) letIn(unsigned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = l.open || unsigned
}

// primed says whether the next request can be signed, or need not be.
func (l *login) primed() (canSign, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.basic || l.chal != nil, l.open || l.user == ""
}

func (l *login) usesBasic() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.basic
}

// challenges finds what a 401 offers, also when several challenges share one header line. Of the
// qualities of a digest, "auth" is taken wherever it is offered (§1.1).
func challenges(h http.Header) (d *digest.Challenge, basic bool) {
	for _, line := range h.Values("WWW-Authenticate") {
		low := lower(line)
		basic = basic || strings.HasPrefix(low, "basic") || strings.Contains(low, ", basic ")
		at := strings.Index(low, "digest ")
		if d != nil || at < 0 {
			continue
		}
		rest := line[at:]
		if cut := strings.Index(lower(rest), ", basic "); cut > 0 {
			rest = rest[:cut]
		}
		c, err := digest.ParseChallenge(rest)
		if err != nil {
			continue
		}
		for i, q := range c.QOP {
			c.QOP[i] = strings.ToLower(strings.TrimSpace(q))
		}
		if digest.CanDigest(c) {
			d = c
		}
	}
	return d, basic
}

// lower is strings.ToLower for ASCII. It keeps every byte in its place, which letters of other scripts do not: some grow.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
