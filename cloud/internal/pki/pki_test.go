package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/cloud/internal/pki"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func open(t *testing.T, dir string) *pki.Authority {
	t.Helper()
	a, err := pki.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func request(t *testing.T, name string) (*x509.CertificateRequest, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name, Organization: []string{"Elsewhere"}}, DNSNames: []string{"broker.example.com"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	return csr, key
}

// gateway enrols a gateway and returns how it identifies itself.
func gateway(t *testing.T, a *pki.Authority, id access.GatewayID) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	csr, key := request(t, "whatever it likes to be")
	made, err := a.Gateway(csr, id)
	if err != nil {
		t.Fatal(err)
	}
	cert := parse(t, made.PEM)
	if made.Serial == "" || made.Serial != cert.SerialNumber.Text(16) || !made.Ends.Truncate(time.Second).Equal(cert.NotAfter) {
		t.Errorf("serial %q until %s, the certificate says %s until %s", made.Serial, made.Ends, cert.SerialNumber.Text(16), cert.NotAfter)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, cert
}

func parse(t *testing.T, s string) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode([]byte(s))
	if block == nil || len(rest) > 0 {
		t.Fatalf("not one PEM block: %q", s)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestOpen_MakesADirectoryOnceAndReadsItAgain(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{filepath.Join(t.TempDir(), "not", "there", "yet"), t.TempDir()} {
		first := open(t, dir)
		second := open(t, dir)
		if first.CA() != second.CA() {
			t.Error("the CA changed when the directory was opened again")
		}
		if !first.Signer().Equal(second.Signer()) {
			t.Error("the signing key changed when the directory was opened again")
		}
		for _, name := range []string{"ca.pem", "ca.key", "sign.key"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o", name, info.Mode().Perm())
			}
		}
		left, err := filepath.Glob(dir + ".new-*")
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestOpen_TwoProcessesAgree(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pki")
	var wg sync.WaitGroup
	cas := make([]string, 8)
	for i := range cas {
		wg.Go(func() {
			a, err := pki.Open(dir, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			cas[i] = a.CA()
		})
	}
	wg.Wait()
	for _, ca := range cas[1:] {
		if ca != cas[0] {
			t.Fatal("two processes that started together have two authorities")
		}
	}
}

func TestOpen_RefusesPartInWords(t *testing.T) {
	t.Parallel()
	names := []string{"ca.pem", "ca.key", "sign.key"}
	for mask := 1; mask < 7; mask++ {
		dir := t.TempDir()
		open(t, dir)
		before := map[string][]byte{}
		for i, name := range names {
			path := filepath.Join(dir, name)
			if mask&(1<<i) != 0 {
				remove(t, path)
				continue
			}
			before[path] = read(t, path)
		}
		_, err := pki.Open(dir, time.Now)
		if fault.KindOf(err) != fault.Invalid || err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(fault.RemedyOf(err), "backup") {
			t.Errorf("mask %b: %v (%s)", mask, err, fault.RemedyOf(err))
		}
		for path, b := range before {
			if !bytes.Equal(b, read(t, path)) {
				t.Errorf("mask %b: %s was changed", mask, path)
			}
		}
	}
}

func TestOpen_RefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "other")
	open(t, other)
	for _, c := range []struct {
		name string
		harm func(t *testing.T, dir string)
		kind fault.Kind
		says string
	}{
		{"a loose key file", func(t *testing.T, dir string) { chmod(t, filepath.Join(dir, "ca.key"), 0o644) }, fault.Denied, "mode 0644"},
		{"a signing key that the group reads", func(t *testing.T, dir string) { chmod(t, filepath.Join(dir, "sign.key"), 0o640) }, fault.Denied, "mode 0640"},
		{"the key of another authority", func(t *testing.T, dir string) { copyFile(t, other, dir, "ca.key") }, fault.Invalid, "does not belong"},
		{"a certificate that is no PEM", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "ca.pem"), "hello") }, fault.Invalid, "no PEM"},
		{"a certificate that is cut", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0x82}})))
		}, fault.Invalid, "ca.pem"},
		{"the wrong kind of key", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "sign.key"), string(read(t, filepath.Join(dir, "ca.key"))))
		}, fault.Invalid, "another kind of key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			open(t, dir)
			c.harm(t, dir)
			a, err := pki.Open(dir, time.Now)
			if err == nil || a != nil {
				t.Fatal("opened")
			}
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || fault.RemedyOf(err) == "" {
				t.Errorf("%v: %v (%s)", fault.KindOf(err), err, fault.RemedyOf(err))
			}
		})
	}
}

func TestOpen_KeepsOutOfAStrangersDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "diary.txt"), "private")
	_, err := pki.Open(dir, time.Now)
	if fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "" {
		t.Errorf("%v", err)
	}
	if string(read(t, filepath.Join(dir, "diary.txt"))) != "private" {
		t.Error("the file is gone")
	}
	_, err = pki.Open(filepath.Join(dir, "diary.txt", "pki"), time.Now)
	if fault.KindOf(err) != fault.Denied || fault.RemedyOf(err) == "" {
		t.Errorf("below a file: %v", err)
	}
}

func TestGateway_CertificateCarriesTheIDAndNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	a := open(t, t.TempDir())
	_, cert := gateway(t, a, "gw-7")
	if cert.Subject.CommonName != "gw-7" || len(cert.Subject.Organization) > 0 || len(cert.DNSNames) > 0 {
		t.Errorf("subject %v, names %v", cert.Subject, cert.DNSNames)
	}
	if cert.IsCA || len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Errorf("usable for more than a client: ca %v, %v", cert.IsCA, cert.ExtKeyUsage)
	}
	if years := time.Until(cert.NotAfter).Hours() / 24 / 365; years < 9 {
		t.Errorf("ends after %.1f years", years)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	_, again := gateway(t, a, "gw-7")
	if again.SerialNumber.Cmp(cert.SerialNumber) == 0 {
		t.Error("two certificates have one serial number")
	}
}

func TestGateway_RefusesIdsThatAreNone(t *testing.T) {
	t.Parallel()
	a := open(t, t.TempDir())
	csr, _ := request(t, "gw-1")
	for _, id := range []access.GatewayID{"", "a/b", "+", "#", "gw 1", access.GatewayID(strings.Repeat("x", 41)), pki.CloudName} {
		if _, err := a.Gateway(csr, id); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// shake tries a TLS handshake over a pipe and returns both ends' errors. The client reads a byte,
// because in TLS 1.3 it learns only then that it was refused.
func shake(t *testing.T, server, client *tls.Config) (errServer, errClient error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	done := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			done <- err
			return
		}
		defer func() { _ = c.Close() }()
		s := tls.Server(c, server)
		if err = s.HandshakeContext(t.Context()); err == nil {
			_, err = s.Write([]byte{1})
		}
		done <- err
	}()
	c, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err != nil {
		return <-done, err
	}
	defer func() { _ = c.Close() }()
	_, err = c.Read(make([]byte, 1))
	return <-done, err
}

func TestG7_TLSBetweenWhomTheAuthorityKnowsOnly(t *testing.T) {
	t.Parallel()
	ours, theirs := open(t, t.TempDir()), open(t, t.TempDir())
	server := func(a *pki.Authority, hosts ...string) *tls.Config {
		cert, err := a.Server(hosts)
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool()}
	}
	client := func(trusts *pki.Authority, cert tls.Certificate, name string) *tls.Config {
		return &tls.Config{RootCAs: trusts.Pool(), Certificates: []tls.Certificate{cert}, ServerName: name}
	}
	mine, _ := gateway(t, ours, "gw-1")
	foreign, _ := gateway(t, theirs, "gw-1")
	cloud, err := ours.Cloud()
	if err != nil {
		t.Fatal(err)
	}
	broker := server(ours, "127.0.0.1", "broker.example.com")
	for _, c := range []struct {
		name string
		s, c *tls.Config
		good bool
	}{
		{"a gateway by name", broker, client(ours, mine, "broker.example.com"), true},
		{"a gateway by address", broker, client(ours, mine, "127.0.0.1"), true},
		{"the cloud itself", broker, client(ours, cloud, "127.0.0.1"), true},
		{"a gateway of another authority", broker, client(ours, foreign, "127.0.0.1"), false},
		{"a broker of another authority", server(theirs, "127.0.0.1"), client(ours, mine, "127.0.0.1"), false},
		{"a broker under another name", broker, client(ours, mine, "evil.example.com"), false},
		{"no certificate", broker, &tls.Config{RootCAs: ours.Pool(), ServerName: "127.0.0.1"}, false},
		{"a gateway that poses as the broker", &tls.Config{Certificates: []tls.Certificate{mine}}, client(ours, mine, "gw-1"), false},
		{"the broker's certificate as a client", broker, client(ours, broker.Certificates[0], "127.0.0.1"), false},
	} {
		errS, errC := shake(t, c.s, c.c)
		if good := errS == nil && errC == nil; good != c.good {
			t.Errorf("%s: server %v, client %v", c.name, errS, errC)
		}
	}
}

func TestServer_OutlivesALongRun(t *testing.T) {
	t.Parallel()
	a := open(t, t.TempDir())
	for name, make := range map[string]func() (tls.Certificate, error){
		"broker": func() (tls.Certificate, error) { return a.Server([]string{"localhost"}) },
		"cloud":  a.Cloud,
	} {
		c, err := make()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{time.Now().Add(-23 * time.Hour), time.Now().AddDate(5, 0, 0)} {
			if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) {
				t.Errorf("the %s's certificate is not good at %s", name, at)
			}
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path, s string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to, name string) {
	t.Helper()
	write(t, filepath.Join(to, name), string(read(t, filepath.Join(from, name))))
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
