package prototest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"
)

// Issue makes a client's certificate with the common name cn for a key that is not ours, as a cloud does from an
// enrolment request. It is PEM.
func (ca *CA) Issue(t testing.TB, cn string, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, certificate(cn), ca.cert, key, ca.key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// PEM is the authority's own certificate.
func (ca *CA) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
}
