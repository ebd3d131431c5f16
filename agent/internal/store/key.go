package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Names of the files that hold the store's key.
const (
	CredentialName = "gatehouse-key" // in systemd's credential directory
	keyFile        = "key"           // in the state directory
	keyLen         = 32
)

// Key seals both files. It prints redacted. The zero Key opens nothing.
type Key struct{ b [keyLen]byte }

// NewKey takes exactly 32 bytes.
func NewKey(b []byte) (Key, error) {
	if len(b) != keyLen {
		return Key{}, fault.New(fault.Invalid, "read", "store key", "has %d bytes, want %d", len(b), keyLen)
	}
	return Key{[keyLen]byte(b)}, nil
}

// Format is redacted for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, access.Redacted) }

// LogValue is redacted.
func (k Key) LogValue() slog.Value { return slog.StringValue(access.Redacted) }

// MarshalText is redacted.
func (k Key) MarshalText() ([]byte, error) { return []byte(access.Redacted), nil }

// derive makes a key for one use, so that what is sealed for one can never be opened as another.
func (k Key) derive(use string) []byte {
	out, err := hkdf.Key(sha256.New, k.b[:], nil, "gatehouse/v1 "+use, keyLen)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	return out
}

// LoadKey finds the store's key. credentials is $CREDENTIALS_DIRECTORY, or "" outside systemd; when
// it holds gatehouse-key that is taken. Otherwise the key is <state>/key, made on first use: beside
// files that were sealed with a key which is gone, none is made (Invalid). Either holds 32 raw bytes or 64 hex characters. A key that others may read is refused: systemd
// guards its directory itself and may show group rights there that only it has.
func LoadKey(credentials, state string) (Key, error) {
	if credentials != "" {
		k, err := readKey(filepath.Join(credentials, CredentialName), 0o007)
		if !errors.Is(err, fs.ErrNotExist) {
			return k, err
		}
	}
	path := filepath.Join(state, keyFile)
	k, err := readKey(path, 0o077)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := checkDir(state); err != nil {
		return Key{}, err
	}
	if sealed, err := filepath.Glob(filepath.Join(state, "*.db*")); err != nil || len(sealed) > 0 {
		return Key{}, fault.New(fault.Invalid, "read", path, "the key is gone, and %s was sealed with it", strings.Join(sealed, ", ")).
			WithRemedy("Bring the key back: %s, or the credential %s. Without it nobody can read these files: move them away and enrol the gateway anew.", path, CredentialName)
	}
	if err := makeKey(path); err != nil {
		return Key{}, openFailed(path, err)
	}
	return readKey(path, 0o077)
}

func readKey(path string, forbidden fs.FileMode) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, openFailed(path, err)
	}
	if p := info.Mode().Perm(); p&forbidden != 0 {
		return Key{}, fault.New(fault.Denied, "read", path, "others may read it (mode %04o)", p).
			WithRemedy("Run: chmod 600 %s", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, openFailed(path, err)
	}
	if len(b) != keyLen {
		raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
		if err != nil || len(raw) != keyLen {
			return Key{}, fault.New(fault.Invalid, "read", path, "is not a store key: want %d bytes or %d hex characters", keyLen, 2*keyLen)
		}
		b = raw
	}
	return NewKey(b)
}

func makeKey(path string) error {
	b := make([]byte, keyLen)
	_, _ = rand.Read(b) // never fails
	tmp, err := writeTemp(path, func(w io.Writer) error { _, err := w.Write(b); return err })
	if err != nil {
		return err
	}
	return publish(tmp, path)
}
