package prototest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA is a throw-away certificate authority. Its certificates are good for a day.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes one.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{key: newKey(t)}
	template := certificate("Test CA")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	ca.cert = ca.sign(t, template, template, ca.key)
	return ca
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func certificate(cn string) *x509.Certificate {
	now := time.Now()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // the system's source does not fail
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: cn},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

func (ca *CA) sign(t testing.TB, template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, ca.key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert
}

// Certificate makes a certificate with the common name cn, good for a client and for a server on loopback.
func (ca *CA) Certificate(t testing.TB, cn string) tls.Certificate {
	t.Helper()
	return ca.CertificateFrom(t, cn, time.Now().Add(-time.Hour))
}

// CertificateFrom makes one that is not valid before a time and for a day from there, to try wrong clocks.
func (ca *CA) CertificateFrom(t testing.TB, cn string, from time.Time) tls.Certificate {
	t.Helper()
	key, template := newKey(t), certificate(cn)
	template.NotBefore, template.NotAfter = from, from.Add(24*time.Hour)
	cert := ca.sign(t, template, ca.cert, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// Pool trusts the CA.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Client is the TLS configuration of a client whose certificate says cn.
func (ca *CA) Client(t testing.TB, cn string) *tls.Config {
	t.Helper()
	return &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{ca.Certificate(t, cn)}, MinVersion: tls.VersionTLS12}
}

// server asks every client for a certificate of this CA.
func (ca *CA) server(t testing.TB) *tls.Config {
	t.Helper()
	return &tls.Config{
		Certificates: []tls.Certificate{ca.Certificate(t, "localhost")}, MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	}
}

// Files writes ca.pem, and <cn>.pem and <cn>.key for every name, into dir, for servers that are not ours.
func (ca *CA) Files(t testing.TB, dir string, names ...string) {
	t.Helper()
	writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", ca.cert.Raw)
	for _, cn := range names {
		c := ca.Certificate(t, cn)
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		must(t, err)
		writePEM(t, filepath.Join(dir, cn+".pem"), "CERTIFICATE", c.Certificate[0])
		writePEM(t, filepath.Join(dir, cn+".key"), "PRIVATE KEY", key)
	}
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	// 0644: a server started by root may drop to a user of its own before it reads the file.
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
