package protocol_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
)

func tlsKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func csrPEM(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// certificatePEM is one certificate signed by itself; for reading, a chain does not matter.
func certificatePEM(t testing.TB, cn string) string {
	t.Helper()
	key := tlsKey(t)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: issued, NotAfter: issued.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantInvalid expects a refusal in one line of words, with a command that mends it.
func wantInvalid(t *testing.T, err error, command string) {
	t.Helper()
	switch {
	case err == nil:
		t.Error("it was taken")
	case fault.KindOf(err) != fault.Invalid:
		t.Errorf("kind %s: %v", fault.KindOf(err), err)
	case !strings.Contains(fault.RemedyOf(err), command):
		t.Errorf("%v: remedy %q does not name %q", err, fault.RemedyOf(err), command)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("more than one line: %q", err)
	}
}

func TestEnrollRequestRoundTrip(t *testing.T) {
	t.Parallel()
	tls, signing, sealingKey := tlsKey(t), signer("box"), sealing(t, "box")
	raw := marshal(t, protocol.NewEnrollRequest(csrPEM(t, tls), signing, sealingKey.PublicKey()))
	r, csr, err := protocol.ParseEnrollRequest(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !tls.PublicKey.Equal(csr.PublicKey) || !bytes.Equal(r.Signing, public(signing)) || !bytes.Equal(r.Sealing, sealingKey.PublicKey().Bytes()) {
		t.Error("other keys came out than went in")
	}
	scalar, err := tls.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string][]byte{"signing": signing.Seed(), "sealing": sealingKey.Bytes(), "TLS": scalar} {
		if bytes.Contains(raw, marshal(t, secret)[1:20]) {
			t.Errorf("the private %s key is in the request", what)
		}
	}
}

func TestEnrollRequestRefused(t *testing.T) {
	t.Parallel()
	good := protocol.NewEnrollRequest(csrPEM(t, tlsKey(t)), signer("box"), sealing(t, "box").PublicKey())
	change := func(f func(*protocol.EnrollRequest)) []byte {
		r := good
		f(&r)
		return marshal(t, r)
	}
	resigned := func(csr string, seal *ecdh.PublicKey) []byte {
		return marshal(t, protocol.NewEnrollRequest(csr, signer("box"), seal))
	}
	block, _ := pem.Decode([]byte(good.CSR))
	block.Bytes[len(block.Bytes)-1] ^= 1
	for name, raw := range map[string][]byte{
		"nothing":               nil,
		"no JSON":               []byte("-----BEGIN CERTIFICATE REQUEST-----"),
		"another form":          change(func(r *protocol.EnrollRequest) { r.Form = "gatehouse enroll bundle v1" }),
		"a form of tomorrow":    change(func(r *protocol.EnrollRequest) { r.Form = "gatehouse enroll request v2" }),
		"oversized":             append(marshal(t, good), bytes.Repeat([]byte(" "), 64<<10)...),
		"no PEM":                resigned("hello", sealing(t, "box").PublicKey()),
		"PEM of something else": resigned(certificatePEM(t, "x"), sealing(t, "box").PublicKey()),
		"CSR damaged":           resigned(string(pem.EncodeToMemory(block)), sealing(t, "box").PublicKey()),
		"CSR exchanged":         change(func(r *protocol.EnrollRequest) { r.CSR = csrPEM(t, tlsKey(t)) }),
		"sealing key exchanged": change(func(r *protocol.EnrollRequest) { r.Sealing = sealing(t, "thief").PublicKey().Bytes() }),
		"signing key exchanged": change(func(r *protocol.EnrollRequest) { r.Signing = public(signer("thief")) }),
		"signing key cut":       change(func(r *protocol.EnrollRequest) { r.Signing = r.Signing[:31] }),
		"no signing key":        change(func(r *protocol.EnrollRequest) { r.Signing = nil }),
		"proof cut":             change(func(r *protocol.EnrollRequest) { r.Proof = r.Proof[:63] }),
		"no proof":              change(func(r *protocol.EnrollRequest) { r.Proof = nil }),
		"bytes moved between": change(func(r *protocol.EnrollRequest) {
			r.Signing, r.Sealing = r.Signing[:31], append([]byte{r.Signing[31]}, r.Sealing...)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, csr, err := protocol.ParseEnrollRequest(raw)
			wantInvalid(t, err, "gatehouse-agent enroll request")
			if csr != nil || r.CSR != "" {
				t.Error("something of a refused request came out")
			}
		})
	}
}

// A request whose every proof holds but whose sealing key is none.
func TestEnrollRequestWithoutASealingKey(t *testing.T) {
	t.Parallel()
	r := protocol.NewEnrollRequest(csrPEM(t, tlsKey(t)), signer("box"), sealing(t, "box").PublicKey())
	r.Sealing = nil
	r.Proof = ed25519.Sign(signer("box"), append([]byte("gatehouse enroll request v1\x00"+r.CSR+"\x00"), r.Signing...))
	_, _, err := protocol.ParseEnrollRequest(marshal(t, r))
	wantInvalid(t, err, "gatehouse-agent enroll request")
	if err != nil && !strings.Contains(err.Error(), "sealing key") {
		t.Errorf("%v: does not name the sealing key", err)
	}
}

func goodBundle(t testing.TB) protocol.EnrollBundle {
	t.Helper()
	return protocol.NewEnrollBundle(protocol.EnrollBundle{
		Gateway: gateway, Property: "prop-1", Broker: "tls://127.0.0.1:8883", ServerName: "localhost",
		Certificate: certificatePEM(t, string(gateway)), CA: certificatePEM(t, "CA"), CloudKeys: [][]byte{public(signer("cloud"))},
	})
}

func TestEnrollBundleRoundTrip(t *testing.T) {
	t.Parallel()
	want := goodBundle(t)
	got, err := protocol.ParseEnrollBundle(marshal(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(marshal(t, got), marshal(t, want)) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEnrollBundleRefused(t *testing.T) {
	t.Parallel()
	change := func(f func(*protocol.EnrollBundle)) []byte {
		b := goodBundle(t)
		f(&b)
		return marshal(t, b)
	}
	for name, raw := range map[string][]byte{
		"nothing":                       nil,
		"no JSON":                       []byte("hello"),
		"another form":                  change(func(b *protocol.EnrollBundle) { b.Form = "gatehouse enroll request v1" }),
		"oversized":                     append(marshal(t, goodBundle(t)), bytes.Repeat([]byte(" "), 4<<20)...),
		"no certificate":                change(func(b *protocol.EnrollBundle) { b.Certificate = "" }),
		"certificate is a request":      change(func(b *protocol.EnrollBundle) { b.Certificate = csrPEM(t, tlsKey(t)) }),
		"certificate of another":        change(func(b *protocol.EnrollBundle) { b.Gateway = "gw-other" }),
		"a wildcard for a gateway":      change(func(b *protocol.EnrollBundle) { b.Gateway, b.Certificate = "+", certificatePEM(t, "+") }),
		"no signing key":                change(func(b *protocol.EnrollBundle) { b.CloudKeys = nil }),
		"a signing key of 31 bytes":     change(func(b *protocol.EnrollBundle) { b.CloudKeys = append(b.CloudKeys, make([]byte, 31)) }),
		"no broker":                     change(func(b *protocol.EnrollBundle) { b.Broker = "" }),
		"no server name":                change(func(b *protocol.EnrollBundle) { b.ServerName = "" }),
		"no certificate of the CA":      change(func(b *protocol.EnrollBundle) { b.CA = "" }),
		"damaged certificate of the CA": change(func(b *protocol.EnrollBundle) { b.CA = b.CA[:100] }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := protocol.ParseEnrollBundle(raw)
			wantInvalid(t, err, "gatehouse-cloud gateway add")
			if b.Gateway != "" || b.CloudKeys != nil {
				t.Error("something of a refused bundle came out")
			}
		})
	}
}
