package rentmanager

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"gatehouse/protocol/access"
)

// failure is an error body: one of two shapes (§1.3), other members are not shown.
type failure struct {
	Message          text
	UserMessage      text
	DeveloperMessage text
}

const maxSaid = 200 // characters of the server's own words that are shown

// said is what the server says about a refusal, as a tail for an error, without control characters
// and without our secrets, should it repeat them.
func (p *pull) said(r reply) string {
	var f failure
	if isPage(r.body) || json.Unmarshal(r.body, &f) != nil {
		return p.shape(r)
	}
	for _, t := range []text{f.UserMessage, f.Message, f.DeveloperMessage} {
		if s := p.clean(t.s); s != "" {
			return ": it says “" + s + "”"
		}
	}
	return ""
}

func (p *pull) clean(s string) string {
	for _, secret := range []access.Secret{p.cfg.Password, p.token} {
		if !secret.IsZero() {
			s = strings.ReplaceAll(s, secret.Reveal(), access.Redacted)
		}
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxSaid {
		s = string(r[:maxSaid]) + "…"
	}
	return strings.TrimSpace(s)
}

// shape says what an answer is that is not the API's.
func (p *pull) shape(r reply) string {
	if isPage(r.body) {
		return ": it is a web page"
	}
	return ""
}

// isPage spots HTML and XML: a proxy's, a maintenance or a sign-in page.
func isPage(b []byte) bool { return bytes.HasPrefix(b, []byte("<")) }
