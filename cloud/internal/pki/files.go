package pki

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"

	"gatehouse/protocol/access/fault"
)

func unusable(op, path string, err error) error {
	return fault.New(fault.Denied, op, path, "%w", err).
		WithRemedy("Give the user that runs gatehouse-cloud the right to read and write there.")
}

func damaged(path, format string, args ...any) error {
	return fault.New(fault.Invalid, "read", path, format, args...).WithRemedy("Restore the whole directory from its backup.")
}

// write makes a new file and sees that it is on the disk: losing it later means enrolling anew.
func write(path, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return unusable("write", path, err)
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close()); err != nil {
		return unusable("write", path, err)
	}
	return nil
}

func writeKey(path string, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fault.Wrap(fault.Internal, "write", path, err)
	}
	return write(path, "PRIVATE KEY", der)
}

func readPEM(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unusable("open", path, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fault.New(fault.Denied, "open", path, "others on this machine can read it (mode %04o)", mode).
			WithRemedy("Make it private with: chmod 600 %s, and think about who may have read it.", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unusable("read", path, err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, damaged(path, "it is no PEM file")
	}
	return block.Bytes, nil
}

func readKey[K any](path string) (K, error) {
	var none K
	der, err := readPEM(path)
	if err != nil {
		return none, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return none, damaged(path, "%w", err)
	}
	k, ok := key.(K)
	if !ok {
		return none, damaged(path, "it holds another kind of key (%T)", key)
	}
	return k, nil
}
