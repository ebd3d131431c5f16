package akuvox

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

// Finds are the ways to find these units: by HTTP alone, for nothing else answers (§6).
func Finds() []driver.Find {
	return []driver.Find{{Name: "akuvox", Ports: "80 443", Ask: find}}
}

// find asks for system/info without a login: a refusal in the realm HTTP API, or an answer of the API, is such a unit;
// a redirect 308 or a refusal 403 may be one (§6). Then the driver's own doctor says what is missing.
func find(ctx context.Context, host, port string, deps driver.Deps) *driver.Found {
	cfg := driver.Config{URL: "http://" + net.JoinHostPort(host, port)}
	if strings.HasSuffix(port, "443") {
		cfg.URL, cfg.InsecureTLS = "https"+cfg.URL[len("http"):], true // nothing is believed, and no login is sent
	}
	d, err := New(cfg, deps)
	if err != nil {
		return nil
	}
	p, _ := d.(*Panel)
	defer p.link.close()
	f := &driver.Found{Address: cfg.URL}
	if !p.looksLikeOne(ctx, f) {
		return nil
	}
	f.Dialect, err = p.Dialect(ctx)
	f.What = "its HTTP API answers without a login"
	if err != nil {
		f.What, f.Remedy = err.Error(), fault.RemedyOf(err)
	} else if id, err := p.info(ctx); err == nil {
		f.Identity = id
	}
	return f
}

// looksLikeOne sends the one request, and notes the certificate that came with the answer.
func (p *Panel) looksLikeOne(ctx context.Context, f *driver.Found) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.link.base.String()+infoPath, nil)
	if err != nil {
		return false
	}
	resp, err := p.link.wire.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		f.TLSPin = fmt.Sprintf("%x", sha256.Sum256(resp.TLS.PeerCertificates[0].Raw))
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		f.Sure = containsFold(resp.Header.Get("WWW-Authenticate"), `realm="HTTP API"`)
		return f.Sure
	case http.StatusOK:
		b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if err == nil {
			_, err = decode(b)
		}
		f.Sure = err == nil
		return f.Sure
	case http.StatusPermanentRedirect, http.StatusForbidden:
		return true
	}
	return false
}
