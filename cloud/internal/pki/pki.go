// Package pki is the cloud's own small certificate authority and its signing keys: it makes the
// broker's certificate, the cloud's client certificate and, from a gateway's request, the
// gateway's certificate. Private keys of gateways never come here.
//
// Files live in one directory, 0600; losing it means enrolling every gateway anew, so it belongs
// into the backup.
package pki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	caYears   = 20
	leafYears = 10 // a box in a cellar must outlive its installer's memory; revocation is by id

	caFile      = "ca.pem"
	caKeyFile   = "ca.key"
	signKeyFile = "sign.key"

	// CloudName is the common name, and so the MQTT client id, of the cloud itself.
	CloudName = "gatehouse-cloud"
)

// files are what makes an authority.
var files = []string{caFile, caKeyFile, signKeyFile}

// Authority is the opened directory. Its methods are safe for concurrent use.
type Authority struct {
	dir    string
	now    func() time.Time
	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
	signer ed25519.PrivateKey
}

// Open reads the authority's directory, and makes it when it is missing or empty. A directory that
// holds only part of an authority is Invalid: making the rest anew would cut every gateway off.
// Two processes that open a new directory at once agree on one authority.
func Open(dir string, now func() time.Time) (*Authority, error) {
	a := &Authority{dir: dir, now: now}
	missing, err := a.missing()
	if err != nil {
		return nil, err
	}
	if len(missing) == len(files) {
		if err := a.create(); err != nil {
			return nil, err
		}
	} else if len(missing) > 0 {
		return nil, fault.New(fault.Invalid, "open certificate authority", dir, "%s missing beside the rest", strings.Join(missing, " and ")).
			WithRemedy("Restore the whole directory from its backup. Only if no gateway is enrolled yet, delete the directory and start again.")
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *Authority) missing() ([]string, error) {
	var out []string
	for _, name := range files {
		_, err := os.Stat(a.path(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, name)
		case err != nil:
			return nil, unusable("look for", a.path(name), err)
		}
	}
	return out, nil
}

// create makes a whole new directory beside the wanted one and moves it into place: a crash leaves
// no half authority.
func (a *Authority) create() error {
	dir := filepath.Clean(a.dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return unusable("make", filepath.Dir(dir), err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-*")
	if err != nil {
		return unusable("make", dir, err)
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone already when all went well
	if err := a.fill(fresh); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // only an empty one goes
		if missing, err := a.missing(); err == nil && len(missing) == 0 {
			return nil // somebody else was faster
		}
		return fault.New(fault.Invalid, "make certificate authority", dir, "the directory holds other files").
			WithRemedy("Name a directory of its own for it.")
	}
	if err := os.Rename(fresh, dir); err != nil {
		if missing, err := a.missing(); err == nil && len(missing) == 0 {
			return nil
		}
		return unusable("make", dir, err)
	}
	return nil
}

// fill writes a new authority into a directory.
func (a *Authority) fill(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fault.Wrap(fault.Internal, "make key of", "certificate authority", err)
	}
	t := a.template("Gatehouse CA", caYears)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return fault.Wrap(fault.Internal, "make certificate of", "certificate authority", err)
	}
	_, sign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fault.Wrap(fault.Internal, "make", "signing key", err)
	}
	if err := writeKey(filepath.Join(dir, caKeyFile), key); err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, signKeyFile), sign); err != nil {
		return err
	}
	return write(filepath.Join(dir, caFile), "CERTIFICATE", der)
}

func (a *Authority) load() error {
	caKey, err := readKey[*ecdsa.PrivateKey](a.path(caKeyFile))
	if err != nil {
		return err
	}
	signer, err := readKey[ed25519.PrivateKey](a.path(signKeyFile))
	if err != nil {
		return err
	}
	b, err := readPEM(a.path(caFile))
	if err != nil {
		return err
	}
	ca, err := x509.ParseCertificate(b)
	if err != nil {
		return damaged(a.path(caFile), "%w", err)
	}
	if !caKey.PublicKey.Equal(ca.PublicKey) {
		return damaged(a.path(caFile), "it does not belong to %s", caKeyFile)
	}
	a.ca, a.caKey, a.signer = ca, caKey, signer
	return nil
}

func (a *Authority) template(name string, years int) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	// A day of slack: gateways without a battery wake with an old clock.
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: a.now().Add(-24 * time.Hour), NotAfter: a.now().AddDate(years, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

// CA is the authority's certificate in PEM.
func (a *Authority) CA() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Raw}))
}

// Signer is the key that signs everything sent down.
func (a *Authority) Signer() ed25519.PrivateKey { return a.signer }

// Pool trusts this authority only.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.ca)
	return p
}

// Issued is a certificate that was made for a gateway.
type Issued struct {
	PEM    string
	Serial string // in hex
	Ends   time.Time
}

// Gateway makes the certificate for a gateway's request. The name in the request is ignored: the
// cloud decides the id. An id that cannot be one, or that is CloudName, is Invalid.
func (a *Authority) Gateway(csr *x509.CertificateRequest, id access.GatewayID) (Issued, error) {
	if !access.ValidID(string(id)) || id == CloudName {
		return Issued{}, fault.New(fault.Invalid, "make certificate for", string(id), "not a valid gateway id")
	}
	t := a.template(string(id), leafYears)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, a.ca, csr.PublicKey, a.caKey)
	if err != nil {
		return Issued{}, fault.Wrap(fault.Invalid, "make certificate for", string(id), err)
	}
	return Issued{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), t.SerialNumber.Text(16), t.NotAfter}, nil
}

// Server is a fresh certificate for the embedded broker under the given host names and addresses. It is
// made at every start: nothing pins it, gateways trust the CA. It lives long because a process may.
func (a *Authority) Server(hosts []string) (tls.Certificate, error) {
	return a.issue(a.server(hosts))
}

func (a *Authority) server(hosts []string) *x509.Certificate {
	t := a.template("Gatehouse broker", leafYears)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} // with it this certificate is no client's
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return t
}

// Cloud is a fresh client certificate for the cloud itself.
func (a *Authority) Cloud() (tls.Certificate, error) {
	t := a.template(CloudName, leafYears)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(t)
}

func (a *Authority) issue(t *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fault.Wrap(fault.Internal, "make key for", t.Subject.CommonName, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.ca, key.Public(), a.caKey)
	if err != nil {
		return tls.Certificate{}, fault.Wrap(fault.Internal, "make certificate for", t.Subject.CommonName, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
