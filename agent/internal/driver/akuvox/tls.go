package akuvox

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"gatehouse/agent/internal/driver"
)

// pinError is a certificate other than the pinned one.
type pinError struct{ seen string }

func (e *pinError) Error() string {
	return "the certificate is not the pinned one; its SHA-256 is " + e.seen
}

// tlsConfig verifies the unit's certificate as browsers do, unless a pin or --insecure-tls takes
// its place: units come with certificates signed by themselves (§1).
func tlsConfig(cfg driver.Config) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.TLSPin == "" {
		c.InsecureSkipVerify = cfg.InsecureTLS // the installer's own choice, named in the config
		return c, nil
	}
	pin, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(cfg.TLSPin), ":", ""))
	if err != nil || len(pin) != sha256.Size {
		return nil, fmt.Errorf("want the SHA-256 of the certificate, %d hex digits", 2*sha256.Size)
	}
	c.InsecureSkipVerify = true // the pin is stricter than a chain
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the panel showed no certificate")
		}
		if sum := sha256.Sum256(s.PeerCertificates[0].Raw); string(sum[:]) != string(pin) {
			return &pinError{hex.EncodeToString(sum[:])}
		}
		return nil
	}
	return c, nil
}

// distrusted says that err is about the unit's certificate, and which fingerprint it has, if known.
func distrusted(err error) (fingerprint string, yes bool) {
	var pin *pinError
	var bad *tls.CertificateVerificationError
	var host x509.HostnameError
	switch {
	case errors.As(err, &pin):
		return pin.seen, true
	case errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0:
		sum := sha256.Sum256(bad.UnverifiedCertificates[0].Raw)
		return hex.EncodeToString(sum[:]), true
	case errors.As(err, &bad), errors.As(err, &host):
		return "", true
	}
	return "", false
}
