package akuvoxsim

import (
	"crypto/md5" // the panels know MD5 only (reference §1.1)
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// digest is an Authorization header taken apart.
type digest struct {
	username, realm, nonce, uri, response, opaque, cnonce, qop, nc, algorithm string
	count                                                                     uint64
}

// parseDigest reads the parameters strictly (RFC 7616 §3.4): each at most once, quoted where the RFC quotes
// and bare where it does not, none of the needed ones missing.
func parseDigest(s string) (digest, error) {
	var d digest
	seen := map[string]bool{}
	for s = strings.TrimSpace(s); s != ""; {
		name, value, quoted, rest, err := nextParam(s)
		if err != nil {
			return d, err
		}
		s = rest
		if seen[name] {
			return d, fmt.Errorf("parameter %s twice", name)
		}
		seen[name] = true
		if err := d.put(name, value, quoted); err != nil {
			return d, err
		}
	}
	for _, need := range []string{"username", "realm", "nonce", "uri", "response", "cnonce", "qop", "nc", "opaque"} {
		if !seen[need] {
			return d, fmt.Errorf("parameter %s is missing", need)
		}
	}
	return d, nil
}

// nextParam splits `name=value` or `name="value"` off the front.
func nextParam(s string) (name, value string, quoted bool, rest string, err error) {
	name, s, ok := strings.Cut(s, "=")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok || name == "" {
		return "", "", false, "", errors.New("a parameter without value")
	}
	if strings.HasPrefix(s, `"`) {
		value, s, err = unquote(s[1:])
		if err != nil {
			return "", "", false, "", err
		}
		s = strings.TrimSpace(s)
		if s != "" && s[0] != ',' {
			return "", "", false, "", errors.New("text after a quoted value")
		}
		return name, value, true, strings.TrimSpace(strings.TrimPrefix(s, ",")), nil
	}
	value, s, _ = strings.Cut(s, ",")
	return name, strings.TrimSpace(value), false, strings.TrimSpace(s), nil
}

// unquote reads up to the closing quote, with backslash escapes.
func unquote(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errors.New("a quote is not closed")
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quote is not closed")
}

// put stores one parameter; unknown ones are ignored as the RFC asks.
func (d *digest) put(name, value string, quoted bool) error {
	bare := map[string]*string{"qop": &d.qop, "nc": &d.nc, "algorithm": &d.algorithm}
	text := map[string]*string{
		"username": &d.username, "realm": &d.realm, "nonce": &d.nonce, "uri": &d.uri,
		"response": &d.response, "opaque": &d.opaque, "cnonce": &d.cnonce,
	}
	if to, ok := bare[name]; ok {
		if quoted {
			return fmt.Errorf("parameter %s must not be quoted", name)
		}
		*to = value
	}
	if to, ok := text[name]; ok {
		if !quoted {
			return fmt.Errorf("parameter %s must be quoted", name)
		}
		*to = value
	}
	return nil
}

// check proves the response against the request; it fills in count. The nonce itself is spend's business.
func (d *digest) check(user, password, realm, opaque, method, uri string, body []byte) error {
	switch {
	case d.username != user || d.realm != realm || d.opaque != opaque:
		return errors.New("user, realm or opaque is not ours")
	case d.uri != uri:
		return fmt.Errorf("uri %q is not the one asked for", d.uri)
	case d.algorithm != "" && d.algorithm != "MD5":
		return fmt.Errorf("algorithm %s is not known", d.algorithm)
	case len(d.nc) != 8 || d.cnonce == "":
		return errors.New("nc needs eight digits, and cnonce a value")
	}
	count, err := strconv.ParseUint(d.nc, 16, 64)
	if err != nil {
		return errors.New("nc is not hexadecimal")
	}
	d.count = count
	ha2 := method + ":" + uri
	switch d.qop {
	case "auth":
	case "auth-int":
		ha2 += ":" + md5Hex(string(body))
	default:
		return fmt.Errorf("qop %q was not offered", d.qop)
	}
	ha1 := md5Hex(user + ":" + realm + ":" + password)
	want := md5Hex(strings.Join([]string{ha1, d.nonce, d.nc, d.cnonce, d.qop, md5Hex(ha2)}, ":"))
	if !same(want, d.response) {
		return errors.New("the response is wrong")
	}
	return nil
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s)) // see the import
	return hex.EncodeToString(sum[:])
}
