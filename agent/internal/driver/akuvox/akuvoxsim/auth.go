package akuvoxsim

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Auth is how callers prove themselves (reference §1.1).
type Auth string

// The login modes. The empty Auth means none.
const (
	AuthNone      Auth = "none"
	AuthBasic     Auth = "basic"
	AuthDigest    Auth = "digest"
	AuthAllowlist Auth = "allowlist"
	AuthServer    Auth = "digest-server" // a digest that is refused even when it is right
	AuthBoth      Auth = "basic+digest"
)

// realm is as real units spell it, or as the vendor's guide does (reference §1.1).
func (p *Panel) realm() string {
	if p.on(FaultGuideRealm) {
		return "HTTPAPI"
	}
	return "HTTP API"
}

// AuthModes lists the modes for messages and help.
func AuthModes() []Auth {
	return []Auth{AuthNone, AuthBasic, AuthDigest, AuthAllowlist, AuthServer, AuthBoth}
}

// checkAuth puts the default mode in and says what is missing.
func (o *Options) checkAuth() error {
	if (o.DoorUser == "") != (o.DoorPassword == "") {
		return errors.New("the open-door calls need a user and a password, or neither")
	}
	switch o.Auth {
	case "":
		o.Auth = AuthNone
	case AuthNone:
	case AuthBasic, AuthDigest, AuthServer, AuthBoth:
		if o.User == "" || o.Password == "" {
			return fmt.Errorf("login mode %s needs a user and a password", o.Auth)
		}
	case AuthAllowlist:
		if len(o.Allow) > 5 {
			return errors.New("the allowlist holds at most five addresses")
		}
	default:
		return fmt.Errorf("there is no login mode %q; known are %v", o.Auth, AuthModes())
	}
	return nil
}

// refusal is the answer to a caller who may not come in.
type refusal struct {
	status    int
	challenge string // WWW-Authenticate, a line for each; empty without
}

// admit lets a caller in (nil) or says how to refuse it.
func (p *Panel) admit(r *http.Request, body []byte) *refusal {
	if p.bites(FaultAPIOff) {
		return &refusal{status: http.StatusForbidden}
	}
	switch p.opt.Auth {
	case AuthBasic:
		if p.basicOK(r) && !p.bites(FaultLoginChanged) {
			return nil
		}
		return &refusal{http.StatusUnauthorized, `Basic realm="` + p.realm() + `"`}
	case AuthDigest:
		return p.admitDigest(r, body)
	case AuthServer:
		return &refusal{http.StatusUnauthorized, p.challenge(false)}
	case AuthBoth:
		if p.basicOK(r) && !p.bites(FaultLoginChanged) {
			return nil
		}
		no := p.admitDigest(r, body)
		if no != nil {
			no.challenge += "\nBasic realm=\"" + p.realm() + `"`
		}
		return no
	case AuthAllowlist:
		if p.listed(r.RemoteAddr) {
			return nil
		}
		return &refusal{status: http.StatusForbidden}
	}
	if p.bites(FaultLoginChanged) {
		return &refusal{http.StatusUnauthorized, `Basic realm="` + p.realm() + `"`}
	}
	return nil
}

func (p *Panel) basicOK(r *http.Request) bool {
	user, pass, ok := r.BasicAuth()
	return ok && same(user, p.opt.User) && same(pass, p.opt.Password)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// listed says whether the caller's address is on the allowlist; an empty list holds nobody.
func (p *Panel) listed(remote string) bool {
	caller, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, a := range p.opt.Allow {
		if a.Unmap() == caller.Addr().Unmap() {
			return true
		}
	}
	return false
}

// admitDigest checks a digest login. A good login with a spent nonce gets a fresh one marked stale.
func (p *Panel) admitDigest(r *http.Request, body []byte) *refusal {
	refuse := func(stale bool) *refusal {
		return &refusal{http.StatusUnauthorized, p.challenge(stale)}
	}
	header := r.Header.Get("Authorization")
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Digest") {
		return refuse(false)
	}
	d, err := parseDigest(rest)
	if err != nil || d.check(p.opt.User, p.opt.Password, p.realm(), p.opaque, r.Method, r.RequestURI, body) != nil {
		return refuse(false)
	}
	if p.bites(FaultLoginChanged) || p.on(FaultAuthIntOnly) && d.qop != "auth-int" {
		return refuse(false)
	}
	if !p.spend(d) {
		return refuse(true)
	}
	return nil
}
