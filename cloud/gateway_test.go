package cloud

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// box is a gateway as its installer sees it: its keys, and the bundle once it is enrolled.
type box struct {
	prototest.Gateway
	key    crypto.Signer
	raw    []byte // the bundle's bytes
	bundle protocol.EnrollBundle
}

func newBox(t testing.TB) *box {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &box{Gateway: prototest.NewGateway(t, ""), key: key}
}

func (b *box) request(t testing.TB) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "whatever"}}, b.key)
	if err != nil {
		t.Fatal(err)
	}
	csr := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	raw, err := json.Marshal(protocol.NewEnrollRequest(csr, b.Signing, b.Sealing.PublicKey()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// enrol makes a new gateway of a property.
func enrol(t testing.TB, c *Cloud, property access.PropertyID) *box {
	t.Helper()
	b := newBox(t)
	var err error
	if b.ID, b.raw, err = c.AddGateway(t.Context(), property, b.request(t)); err != nil {
		t.Fatalf("AddGateway: %v", err)
	}
	if b.bundle, err = protocol.ParseEnrollBundle(b.raw); err != nil {
		t.Fatal(err)
	}
	return b
}

// opener opens what the cloud sends to the box.
func (b *box) opener() protocol.Opener {
	var keys []ed25519.PublicKey
	for _, k := range b.bundle.CloudKeys {
		keys = append(keys, k)
	}
	return b.Opener(keys...)
}

func (b *box) tls(t testing.TB) *tls.Config {
	t.Helper()
	block, _ := pem.Decode([]byte(b.bundle.Certificate))
	pool := x509.NewCertPool()
	if block == nil || !pool.AppendCertsFromPEM([]byte(b.bundle.CA)) {
		t.Fatal("the bundle holds no certificates")
	}
	return &tls.Config{
		RootCAs: pool, ServerName: b.bundle.ServerName, MinVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{block.Bytes}, PrivateKey: b.key}},
	}
}

func TestG7_TheBundleIsForTheRequestAndHoldsNoPrivateKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	b := enrol(t, c, "maples")
	if b.bundle.Gateway != b.ID || b.bundle.Property != "maples" || b.bundle.ServerName != "127.0.0.1" || len(b.bundle.CloudKeys) != 1 {
		t.Errorf("bundle: %+v", b.bundle)
	}
	block, _ := pem.Decode([]byte(b.bundle.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if cert.Subject.CommonName != string(b.ID) || cert.IsCA || !b.key.Public().(*ecdsa.PublicKey).Equal(cert.PublicKey) {
		t.Errorf("the certificate is for %s, CA %v", cert.Subject, cert.IsCA)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: b.tls(t).RootCAs, CurrentTime: noon(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("a broker would refuse it: %v", err)
	}
	if bytes.Contains(b.raw, []byte("PRIVATE")) {
		t.Error("the bundle holds a private key in PEM")
	}
	for _, secret := range privateKeys(t, r) {
		for _, form := range []string{string(secret), base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret)} {
			if bytes.Contains(b.raw, []byte(form)) {
				t.Error("the bundle holds a key of the cloud's")
			}
		}
	}
}

// privateKeys are the contents of every key file of the installation, and the seeds inside.
func privateKeys(t *testing.T, r *rig) (out [][]byte) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(r.dir, "state"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "cloud.db") {
			return err
		}
		raw, err := os.ReadFile(path)
		if block, _ := pem.Decode(raw); block != nil {
			if block.Type != "PRIVATE KEY" {
				return err
			}
			raw = block.Bytes
			if key, err := x509.ParsePKCS8PrivateKey(raw); err == nil {
				if ed, ok := key.(ed25519.PrivateKey); ok {
					out = append(out, ed.Seed())
				}
			}
		}
		out = append(out, raw)
		return err
	})
	if err != nil || len(out) < 4 {
		t.Fatalf("%d keys found, want those of database, authority and signing: %v", len(out), err)
	}
	return out
}

// TestTheSameRequestIsTheSameGateway: a bundle that got lost on the way is made again, and no second
// gateway waits for ever for a box that does not exist.
func TestTheSameRequestIsTheSameGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples+"[[property]]\nid = \"oaks\"\nzone = \"America/Chicago\"\n")
	c := r.open()
	b := newBox(t)
	request := b.request(t)
	first, _, err := c.AddGateway(t.Context(), "maples", request)
	if err != nil {
		t.Fatal(err)
	}
	again, raw, err := c.AddGateway(t.Context(), "maples", request)
	if err != nil || again != first {
		t.Fatalf("the same request made %s and %s, %v", first, again, err)
	}
	if bundle, err := protocol.ParseEnrollBundle(raw); err != nil || bundle.Gateway != first {
		t.Errorf("the second bundle: %v", err)
	}
	if gws, err := c.store.Gateways(t.Context()); err != nil || len(gws) != 1 {
		t.Errorf("%d gateways, %v", len(gws), err)
	}
	if _, _, err := c.AddGateway(t.Context(), "oaks", request); fault.KindOf(err) != fault.Conflict || fault.RemedyOf(err) == "" {
		t.Errorf("the same box at another property: %v, want a conflict with a remedy", err)
	}
}

func TestABadRequestMakesNoGateway(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	other := newBox(t).request(t)
	change := func(f func(r, o map[string]any)) []byte {
		var mine, theirs map[string]any
		if err := json.Unmarshal(newBox(t).request(t), &mine); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(other, &theirs); err != nil {
			t.Fatal(err)
		}
		f(mine, theirs)
		raw, err := json.Marshal(mine)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, tt := range map[string]struct {
		property access.PropertyID
		request  []byte
		words    string
	}{
		"unknown property":    {"oaks", other, "not in the configuration"},
		"another file":        {"maples", []byte("property,unit\n"), "no file made by gatehouse-agent"},
		"nothing":             {"maples", nil, "no file made by gatehouse-agent"},
		"another's CSR":       {"maples", change(func(r, o map[string]any) { r["csr"] = o["csr"] }), "changed on the way"},
		"another's sealing":   {"maples", change(func(r, o map[string]any) { r["sealing"] = o["sealing"] }), "changed on the way"},
		"another's signing":   {"maples", change(func(r, o map[string]any) { r["signing"] = o["signing"] }), "changed on the way"},
		"no certificate":      {"maples", change(func(r, _ map[string]any) { r["csr"] = "x" }), "no PEM"},
		"another form number": {"maples", change(func(r, _ map[string]any) { r["form"] = "gatehouse enroll request v2" }), "no file made by gatehouse-agent"},
	} {
		_, bundle, err := c.AddGateway(t.Context(), tt.property, tt.request)
		if bundle != nil || err == nil {
			t.Errorf("%s: a bundle was made", name)
			continue
		}
		wantFault(t, err, fault.Invalid, tt.words)
	}
	if gws, err := c.store.Gateways(t.Context()); err != nil || len(gws) != 0 {
		t.Errorf("gateways: %v, %v", gws, err)
	}
}

func TestASecondGatewayGetsTheSameStateAndAForeignOneNothing(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples+elms).open()
	first := enrol(t, c, "maples").ID
	load(t, c, export(t, mixed()...))
	foreign := enrol(t, c, "elms").ID
	second := enrol(t, c, "maples").ID
	one, two, away := wants(t, c, first), wants(t, c, second), wants(t, c, foreign)
	if d := cmp.Diff(one.names, two.names); d != "" || len(one.names) == 0 {
		t.Errorf("people of the second (-first +second):\n%s", d)
	}
	if d := cmp.Diff(one.pins, two.pins); d != "" {
		t.Errorf("the second has other PINs")
	}
	if len(away.names)+len(away.pins) != 0 {
		t.Errorf("the other property's gateway wants %v", away.names)
	}
	before := away.Position
	load(t, c, export(t, append(mixed(), resident(9))...))
	if got := wants(t, c, foreign).Position; got != before {
		t.Errorf("the other property's gateway went from %v to %v", before, got)
	}
	if one, two = wants(t, c, first), wants(t, c, second); len(one.names) != len(two.names) || two.grants[called(9)].Person == "" {
		t.Errorf("after another move-in: %v and %v", one.names, two.names)
	}
	a, errA := c.store.Snapshot(t.Context(), first)
	b, errB := c.store.Snapshot(t.Context(), second)
	if errA != nil || errB != nil || bytes.Equal(a.DigestKey, b.DigestKey) {
		t.Errorf("two gateways share a digest key, or %v %v", errA, errB)
	}
}
