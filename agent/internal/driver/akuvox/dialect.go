package akuvox

import (
	"context"
	"net/http"
	"net/url"

	"gatehouse/protocol/access/fault"
)

// The local dialects (sheet, "Read this first"). Only the first is driven.
const (
	dialectAPI    = "http-api"   // /api/*
	dialectSPA    = "web-spa"    // /api/web/*
	dialectLegacy = "web-legacy" // /web/*
	dialectFCGI   = "fcgi"       // /fcgi/do
)

// What an installer is told.
const (
	remedyLogin     = "Use the user and password of the panel's HTTP API (not those of its web page), and set its authorization mode to Digest."
	remedyForbidden = "On the panel's web page open Security or Setting > HTTP API: switch the API on, set the authorization mode to Digest, or add this machine to the allowlist (an empty list refuses everybody). A unit that shows no such page speaks the older web dialect and needs newer firmware."
	remedyAbsent    = "Switch the HTTP API on at the panel's web page and update the firmware; if it stays so, this model cannot do it."
	remedyEmpty     = "Restart the panel; if it stays so, switch the HTTP API off and on at its web page and update the firmware."
	remedyWeb       = "This unit shows its web pages where the API should be: switch the HTTP API on at its web page (HTTP API, mode Digest)."
	remedySPA       = "this unit speaks the web dialect (/api/web). Log in to its web page, switch the HTTP API on (mode Digest), and give its https:// address."
	remedyLegacy    = "This unit shows only its older web dialect (/web): switch the HTTP API on at its web page (mode Digest)."
	remedyFull      = "Remove people who are not needed from the panel."
)

// Dialect names the local interface the unit speaks, and says in the error what is missing before
// it can be driven. A unit that speaks the API and refuses the login is "http-api" with an error.
// It sends reading requests only.
func (p *Panel) Dialect(ctx context.Context) (string, error) {
	const op = "find the dialect of"
	a := &ask{method: http.MethodGet, path: infoPath}
	ans, err := p.link.exchange(ctx, a)
	if err != nil {
		return "", p.link.readFailed(op, a, err)
	}
	f := p.link.refusedByHTTP(op, ans, false)
	switch {
	case ans.status == http.StatusUnauthorized:
		return dialectAPI, f
	case ans.status == http.StatusForbidden && p.speaks(ctx, "/web/status/get", url.Values{"session": {""}, "web": {"1"}}):
		return dialectLegacy, fault.New(fault.Unsupported, op, p.link.subject, "the HTTP API is off (HTTP 403)").WithRemedy("%s", remedyLegacy)
	case ans.status >= 300 && ans.status < 400:
		return dialectSPA, f
	case f != nil && fault.KindOf(f) == fault.Unsupported && p.speaks(ctx, "/api/web/system/info", nil):
		return dialectSPA, fault.New(fault.Unsupported, op, p.link.subject, "only the web dialect answers").WithRemedy("%s", remedySPA)
	case f != nil:
		return "", f
	}
	return p.dialectOf(op, ans)
}

// dialectOf judges an answer of success by its body.
func (p *Panel) dialectOf(op string, ans answer) (string, error) {
	r, err := decode(ans.body)
	switch {
	case err == nil:
		return dialectAPI, p.link.refusedByCode(op, r)
	case len(ans.body) > 0 && containsFold(string(ans.body), "/fcgi/"):
		return dialectFCGI, fault.New(fault.Unsupported, op, p.link.subject, "only the /fcgi web pages answer").WithRemedy("%s", remedyWeb)
	}
	return "", p.link.notAPI(op, err)
}

// speaks asks a page that other dialects show without login.
func (p *Panel) speaks(ctx context.Context, path string, q url.Values) bool {
	ans, err := p.link.exchange(ctx, &ask{method: http.MethodGet, path: path, query: q, manner: manner{bare: true}})
	return err == nil && ans.status == http.StatusOK && len(ans.body) > 0 && ans.body[0] == '{'
}
