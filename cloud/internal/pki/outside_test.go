package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/pki"
	"gatehouse/protocol/access/fault"
)

var outsideFiles = []string{"ca.pem", "broker.pem", "broker.key"}

func contents(t *testing.T, dir string) (out []string) {
	t.Helper()
	for _, name := range outsideFiles {
		out = append(out, string(read(t, filepath.Join(dir, name))))
	}
	return out
}

func TestG7_ABrokerBesideTheCloudGetsAServersCertificate(t *testing.T) {
	t.Parallel()
	a, dir := open(t, t.TempDir()), filepath.Join(t.TempDir(), "not", "there")
	out, err := a.Outside(dir, []string{"broker.example.com", "192.0.2.7"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range outsideFiles {
		if out.Files[i] != filepath.Join(dir, name) {
			t.Errorf("file %d is %s", i, out.Files[i])
		}
		if info, err := os.Stat(out.Files[i]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != len(outsideFiles) {
		t.Errorf("also written: %v", left)
	}
	if got := string(read(t, filepath.Join(dir, "ca.pem"))); got != a.CA() {
		t.Error("ca.pem is not the authority's")
	}
	pair, err := tls.LoadX509KeyPair(out.Files[1], out.Files[2])
	if err != nil {
		t.Fatal(err)
	}
	cert := pair.Leaf
	if days := time.Until(cert.NotAfter).Hours() / 24; days < 824 || days > 825 || !cert.NotAfter.Equal(out.Ends) {
		t.Errorf("it lasts %.1f days, until %v; told %v", days, cert.NotAfter, out.Ends)
	}
	for _, name := range []string{"broker.example.com", "192.0.2.7"} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: name}); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil || cert.IsCA {
		t.Error("it passes as a client's or as an authority's")
	}
	if got := a.OutsideNames(dir); !slices.Equal(got, []string{"broker.example.com", "192.0.2.7"}) {
		t.Errorf("it is for %v", got)
	}
}

func TestOutside_ReplacesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	a := open(t, t.TempDir())
	for i, name := range outsideFiles {
		dir := t.TempDir()
		write(t, filepath.Join(dir, name), "somebody's\n")
		_, err := a.Outside(dir, []string{"b"}, false)
		if fault.KindOf(err) != fault.Conflict || err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(fault.RemedyOf(err), "--force") {
			t.Errorf("%s: %v (%s)", name, err, fault.RemedyOf(err))
		}
		if got := string(read(t, filepath.Join(dir, name))); got != "somebody's\n" {
			t.Errorf("%s was changed", name)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
			t.Errorf("%d: %v", i, left)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.pem"), a.CA()) // it was copied before
	if _, err := a.Outside(dir, []string{"b"}, false); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	write(t, filepath.Join(dir, "broker.pem.new"), "left by a crash")
	if _, err := a.Outside(dir, []string{"b"}, true); err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	if before[0] != after[0] || before[1] == after[1] || before[2] == after[2] {
		t.Error("with --force certificate and key are new, and the authority the same")
	}
	if _, err := tls.X509KeyPair([]byte(after[1]), []byte(after[2])); err != nil {
		t.Errorf("they do not belong together: %v", err)
	}
}

func TestOutside_LastsNoLongerThanTheAuthority(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now().AddDate(-19, 0, 0)
	a, err := pki.Open(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	now = time.Now()
	out, err := a.Outside(t.TempDir(), []string{"b"}, false)
	if err != nil || !out.Ends.Equal(parse(t, a.CA()).NotAfter) {
		t.Errorf("until %v, the authority until %v: %v", out.Ends, parse(t, a.CA()).NotAfter, err)
	}
}

func TestOutsideNames_OnlyOfItsOwn(t *testing.T) {
	t.Parallel()
	ours, theirs := open(t, t.TempDir()), open(t, t.TempDir())
	dir := t.TempDir()
	if got := ours.OutsideNames(dir); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	if _, err := theirs.Outside(dir, []string{"b"}, false); err != nil {
		t.Fatal(err)
	}
	if got := ours.OutsideNames(dir); got != nil {
		t.Errorf("of another authority's: %v", got)
	}
	write(t, filepath.Join(dir, "broker.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	if got := ours.OutsideNames(dir); got != nil {
		t.Errorf("of garbage: %v", got)
	}
}
