package pki

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access/fault"
)

// The files of a broker that stands beside the cloud, by the names that packaging/mosquitto/gatehouse.conf gives them.
const (
	BrokerFile    = "broker.pem"
	BrokerKeyFile = "broker.key"
	CAFile        = caFile
)

// outsideDays is how long the certificate of a broker beside the cloud lasts. It lies in a file on another machine, so
// not for ever; the cloud warns before it ends.
const outsideDays = 825

// Outside is what was made for a broker beside the cloud.
type Outside struct {
	Names []string
	Ends  time.Time
	Files []string // paths
}

// Outside makes a key and a certificate under the given host names and addresses for a broker that stands beside the
// cloud, and writes them with the authority's own certificate into dir, 0600 each. The authority's key stays here.
//
// Files that are there already are a Conflict and stay as they are, but for an authority's certificate that is the same.
// With replace they are made anew.
func (a *Authority) Outside(dir string, names []string, replace bool) (Outside, error) {
	out := Outside{Names: names}
	for _, name := range []string{CAFile, BrokerFile, BrokerKeyFile} {
		out.Files = append(out.Files, filepath.Join(dir, name))
	}
	if err := a.vacant(out.Files, replace); err != nil {
		return Outside{}, err
	}
	t := a.server(names)
	if t.NotAfter = a.now().AddDate(0, 0, outsideDays); t.NotAfter.After(a.ca.NotAfter) {
		t.NotAfter = a.ca.NotAfter // nobody would believe it for longer
	}
	out.Ends = t.NotAfter.UTC().Truncate(time.Second)
	cert, err := a.issue(t)
	if err != nil {
		return Outside{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Outside{}, unusable("make", dir, err)
	}
	return out, place(out.Files, []func(path string) error{
		func(path string) error { return write(path, "CERTIFICATE", a.ca.Raw) },
		func(path string) error { return write(path, "CERTIFICATE", cert.Certificate[0]) },
		func(path string) error { return writeKey(path, cert.PrivateKey) },
	})
}

// vacant says what stands in the way.
func (a *Authority) vacant(files []string, replace bool) error {
	var there []string
	for _, path := range files {
		b, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return unusable("read", path, err)
		case filepath.Base(path) == CAFile && string(b) == a.CA():
		default:
			there = append(there, path)
		}
	}
	if replace || len(there) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "make certificate of", "the broker", "%s there already", strings.Join(there, ", ")).
		WithRemedy("Give --force to put new ones in their place; the broker goes on with the old ones until the new ones are copied to it. Or name another --out.")
}

// OutsideNames are those of the broker's certificate that lies in dir; none when there is none of this authority.
func (a *Authority) OutsideNames(dir string) []string {
	der, err := readPEM(filepath.Join(dir, BrokerFile))
	if err != nil {
		return nil
	}
	old, err := x509.ParseCertificate(der)
	if err != nil || old.CheckSignatureFrom(a.ca) != nil {
		return nil
	}
	names := slices.Clone(old.DNSNames)
	for _, ip := range old.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// place writes every file under another name first, so that a full disk leaves the old ones as they are.
func place(files []string, writers []func(string) error) error {
	const suffix = ".new"
	for i, path := range files {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unusable("replace", path, err)
		}
		if err := writers[i](path + suffix); err != nil {
			return err
		}
	}
	for _, path := range files {
		if err := os.Rename(path+suffix, path); err != nil {
			return unusable("replace", path, err)
		}
	}
	return nil
}
