package store

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Key seals secrets at rest. It prints redacted. Lose it and every PIN, card and gateway state in
// the database is lost with it: it belongs into the backup, but not onto the database's own disk.
type Key [chacha20poly1305.KeySize]byte

// Format is redacted for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(access.Redacted)) }

// LogValue is redacted.
func (k Key) LogValue() slog.Value { return slog.StringValue(access.Redacted) }

// MarshalJSON is redacted.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + access.Redacted + `"`), nil }

// LoadKey reads the key file at path, making it with a random key when there is none. A file that
// others than its owner may read, or of another length, is refused. Two processes that start
// together agree on one key.
func LoadKey(path string) (Key, error) {
	k, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := makeKey(path); err != nil {
		return Key{}, fault.Wrap(fault.Denied, "make key file", path, err)
	}
	return readKey(path)
}

func readKey(path string) (k Key, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return k, fault.Wrap(fault.Denied, "read key file", path, err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return k, fault.New(fault.Denied, "read key file", path, "its mode is %04o: others than its owner may read it", st.Mode().Perm()).
			WithRemedy("Run chmod 600 %s, and think about who may have read it.", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return k, fault.Wrap(fault.Denied, "read key file", path, err)
	}
	if copy(k[:], b) != len(k) || len(b) != len(k) {
		return Key{}, fault.New(fault.Invalid, "read key file", path, "it has %d bytes, a key has %d", len(b), len(k)).
			WithRemedy("Put the right key file back from a backup; without it the database cannot be read.")
	}
	return k, nil
}

// makeKey writes a whole file beside path and links it into place: a crash leaves no half key, and
// of two processes the second finds the first one's.
func makeKey(path string) error {
	var k Key
	_, _ = rand.Read(k[:]) // it never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(k[:])
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// sealer seals values. Where says which place a value belongs to (table, ids, column): a sealed
// value that is moved elsewhere does not open.
type sealer struct{ aead cipher.AEAD }

func newSealer(k Key) (sealer, error) {
	aead, err := chacha20poly1305.NewX(k[:])
	return sealer{aead}, err
}

func (s sealer) seal(plain []byte, where ...string) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	_, _ = rand.Read(nonce) // it never fails
	return s.aead.Seal(nonce, nonce, plain, place(where))
}

func (s sealer) open(sealed []byte, where ...string) ([]byte, error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, s.damaged(where)
	}
	plain, err := s.aead.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], place(where))
	if err != nil {
		return nil, s.damaged(where)
	}
	return plain, nil
}

func (sealer) damaged(where []string) error {
	return fault.New(fault.Internal, "unseal", strings.Join(where, " "), "the sealed value does not open: the database is damaged or was edited").
		WithRemedy("Restore the database from its last good backup.")
}

// secret seals a secret; none stays empty, so that a missing PIN is not taken for a PIN.
func (s sealer) secret(v string, where ...string) []byte {
	if v == "" {
		return []byte{}
	}
	return s.seal([]byte(v), where...)
}

func (s sealer) reveal(sealed []byte, where ...string) (access.Secret, error) {
	if len(sealed) == 0 {
		return access.Secret{}, nil
	}
	b, err := s.open(sealed, where...)
	return access.NewSecret(string(b)), err
}

func place(where []string) []byte {
	var b bytes.Buffer
	for _, w := range where {
		b.WriteString(w)
		b.WriteByte(0)
	}
	return b.Bytes()
}
