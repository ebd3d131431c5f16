package store

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/crypto/chacha20poly1305"
)

// sealVersion stands before every sealed value; a later form gets another.
const sealVersion = 1

// sealer seals the values of one file.
type sealer struct {
	file string // base name, for errors
	aead cipher.AEAD
}

func newSealer(k Key, file string) sealer {
	aead, err := chacha20poly1305.NewX(k.derive("values of " + file))
	if err != nil {
		panic(err) // only for a key of the wrong length
	}
	return sealer{file, aead}
}

// seal gives version, random nonce, ciphertext. The bucket and key are bound to it, so that a
// value moved elsewhere does not open.
func (s sealer) seal(bucket, key string, plain []byte) []byte {
	n := s.aead.NonceSize()
	out := make([]byte, 1+n, 1+n+len(plain)+s.aead.Overhead())
	out[0] = sealVersion
	_, _ = rand.Read(out[1:]) // never fails
	return s.aead.Seal(out, out[1:], plain, aad(bucket, key))
}

func (s sealer) open(bucket, key string, sealed []byte) ([]byte, error) {
	n := 1 + s.aead.NonceSize()
	if len(sealed) < n || sealed[0] != sealVersion {
		return nil, &Unreadable{s.file, bucket + " " + key, errors.New("it does not have the form of a sealed value")}
	}
	plain, err := s.aead.Open([]byte{}, sealed[1:n], sealed[n:], aad(bucket, key))
	if err != nil {
		return nil, &Unreadable{s.file, bucket + " " + key, errors.New("its seal is broken: the disk changed it, or another key made it")}
	}
	return plain, nil
}

// aad joins the two names; no bucket of ours has a zero byte in its name.
func aad(bucket, key string) []byte { return []byte(bucket + "\x00" + key) }

// drawer is a bucket whose values are sealed. A drawer whose bucket does not exist is empty.
type drawer struct {
	sealer
	b    *bolt.Bucket
	name string
}

// get copies a value out; nil means absent.
func (d drawer) get(key string) ([]byte, error) {
	if d.b == nil {
		return nil, nil
	}
	v := d.b.Get([]byte(key))
	if v == nil {
		return nil, nil
	}
	return d.open(d.name, key, v)
}

func (d drawer) put(key string, plain []byte) error {
	return d.b.Put([]byte(key), d.seal(d.name, key, plain))
}

func (d drawer) delete(key string) error {
	if d.b == nil {
		return nil
	}
	return d.b.Delete([]byte(key))
}

// page copies up to n keys that follow after; "" starts at the beginning.
func (d drawer) page(after string, n int) []string {
	if d.b == nil {
		return nil
	}
	var out []string
	c := d.b.Cursor()
	k, v := c.Seek([]byte(after))
	if after != "" && string(k) == after {
		k, v = c.Next()
	}
	for ; k != nil && len(out) < n; k, v = c.Next() {
		if v != nil {
			out = append(out, string(k))
		}
	}
	return out
}
