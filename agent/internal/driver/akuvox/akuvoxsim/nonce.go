package akuvoxsim

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// Nonce rules; the lifetime on real units is unknown (assumptions.md).
const (
	nonceLife = 5 * time.Minute
	maxNonces = 64
)

// nonce is one challenge handed out and how far its counter got.
type nonce struct {
	text  string
	until time.Time
	count uint64
}

func newNonceText() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (Go 1.24)
	return hex.EncodeToString(b[:])
}

// challenge issues a nonce and returns the WWW-Authenticate value. It carries no algorithm: MD5 is implied.
func (p *Panel) challenge(stale bool) string {
	n := &nonce{text: newNonceText(), until: p.opt.Now().Add(nonceLife)}
	p.nonces = append(p.nonces, n)
	if len(p.nonces) > maxNonces {
		p.nonces = p.nonces[1:]
	}
	qop := "auth,auth-int"
	if p.bites(FaultAuthIntOnly) {
		qop = "auth-int"
	}
	s := fmt.Sprintf(`Digest realm="%s", qop="%s", nonce="%s", opaque="%s"`, p.realm(), qop, n.text, p.opaque)
	if stale {
		s += `, stale=true`
	}
	return s
}

// spend takes one count off the nonce of a login that is otherwise right. It is false when the nonce is
// unknown, old, or the count was used before.
func (p *Panel) spend(d digest) bool {
	for _, n := range p.nonces {
		if n.text != d.nonce {
			continue
		}
		spent := n.count > 0 && p.bites(FaultStaleNonce)
		if spent || !p.opt.Now().Before(n.until) || d.count <= n.count {
			return false
		}
		n.count = d.count
		return true
	}
	return false
}
