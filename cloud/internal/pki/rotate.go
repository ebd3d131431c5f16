package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"time"

	"gatehouse/protocol/access/fault"
)

const (
	nextKeyFile = "sign.next.key"
	rotatedFile = "sign.rotated" // it is there once a key was ever replaced
)

// Signers reads the signing keys as they are now, also when another process changed them: the one in
// use and, while it is being replaced, the next one, else nil. Rotated says that a key was ever
// replaced, so that gateways must be told by which they know their cloud.
func (a *Authority) Signers() (current, next ed25519.PrivateKey, rotated bool, err error) {
	// The next one first: it becomes the current one by a rename.
	next, err = readKey[ed25519.PrivateKey](a.path(nextKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		next, err = nil, nil
	}
	if err == nil {
		current, err = readKey[ed25519.PrivateKey](a.path(signKeyFile))
	}
	if err != nil {
		return nil, nil, false, err
	}
	if next != nil && next.Equal(current) {
		next = nil
	}
	_, missing := os.Stat(a.path(rotatedFile))
	return current, next, missing == nil, nil
}

// Rotating is since when a next signing key waits to take the current one's place; zero: none does.
func (a *Authority) Rotating() (since time.Time, err error) {
	_, next, _, err := a.Signers()
	if err != nil || next == nil {
		return since, err
	}
	info, err := os.Stat(a.path(nextKeyFile))
	if err != nil {
		return since, unusable("look at", a.path(nextKeyFile), err)
	}
	return info.ModTime().UTC(), nil
}

// Rotate makes the next signing key, unless there is one already.
func (a *Authority) Rotate() error {
	_, next, _, err := a.Signers()
	if err != nil || next != nil {
		return err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fault.Wrap(fault.Internal, "make", "signing key", err)
	}
	if err := os.WriteFile(a.path(rotatedFile), nil, 0o600); err != nil {
		return unusable("write", a.path(rotatedFile), err)
	}
	fresh := a.path(nextKeyFile + ".new")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a crash
		return unusable("remove", fresh, err)
	}
	if err := writeKey(fresh, key); err != nil {
		return err
	}
	if err := os.Link(fresh, a.path(nextKeyFile)); err != nil && !errors.Is(err, fs.ErrExist) { // who was faster made it
		return unusable("make", a.path(nextKeyFile), err)
	}
	return os.Remove(fresh)
}

// Retire drops the current signing key: the next one takes its place. Without a next one it is a
// Conflict.
func (a *Authority) Retire() error {
	_, next, _, err := a.Signers()
	if err != nil {
		return err
	}
	if next == nil {
		return fault.New(fault.Conflict, "retire", "signing key", "there is no next one").WithRemedy("Make one first with: gatehouse-cloud keys rotate.")
	}
	if err := os.Rename(a.path(nextKeyFile), a.path(signKeyFile)); err != nil {
		return unusable("replace", a.path(signKeyFile), err)
	}
	return nil
}
