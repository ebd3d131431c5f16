package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access/fault"
)

func TestOpenRefusesInWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	s, _ := openSite(t, dir, Options{})
	_, _ = w.Close(), s.Close()
	plain := filepath.Join(dir, "plain")
	write(t, plain, "x")
	for name, c := range map[string]struct {
		dir   string
		key   Key
		kind  fault.Kind
		words string
	}{
		"another key":         {dir, testKey(2), fault.Denied, "another key"},
		"no key":              {dir, Key{}, fault.Invalid, "no key"},
		"missing directory":   {filepath.Join(dir, "gone"), testKey(1), fault.Invalid, "does not exist"},
		"a file as directory": {plain, testKey(1), fault.Invalid, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, werr := OpenWanted(c.dir, c.key, checked(t))
			_, serr := OpenSite(c.dir, c.key, &notes{}, checked(t))
			for _, err := range []error{werr, serr} {
				wantFault(t, err, c.kind)
				if err != nil && !strings.Contains(err.Error(), c.words) {
					t.Errorf("says %q", err)
				}
			}
		})
	}
	_, err := OpenSite(dir, testKey(1), nil, Options{})
	wantFault(t, err, fault.Internal)
}

func TestOpenRefusesAFileThatIsHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd, lines := child(t, "hold", dir)
	stop := func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	defer stop()
	lines.Scan()
	for name, o := range map[string]Options{"without a check": {LockWait: 50 * time.Millisecond}, "with a check": checked(t)} {
		_, err := OpenWanted(dir, testKey(1), o)
		wantFault(t, err, fault.Conflict)
		if fault.RemedyOf(err) == "" {
			t.Errorf("%s: no remedy in %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, WantedFile+damagedSuffix)); err == nil {
		t.Error("a held file was taken for damaged")
	}
	stop()
	openWanted(t, dir)
}

func TestOpenFailuresHaveKinds(t *testing.T) {
	t.Parallel()
	for err, kind := range map[error]fault.Kind{
		syscall.EACCES: fault.Denied, syscall.EROFS: fault.Denied, syscall.ENOSPC: fault.Internal, syscall.EMFILE: fault.Internal,
	} {
		got := openFailed("/x", &os.PathError{Op: "open", Path: "/x", Err: err})
		wantFault(t, got, kind)
		if !errors.Is(got, err) {
			t.Errorf("%v hides its cause", got)
		}
	}
}

func TestNewerFormatIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	if err := w.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(metaBucket)).Put([]byte("format"), []byte{formatByte + 1})
	}); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	_, err := OpenWanted(dir, testKey(1), Options{})
	wantFault(t, err, fault.Unsupported)
}

func TestHalfMadeFileIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, WantedFile), "")
	write(t, filepath.Join(dir, WantedFile+".new"), "torn")
	write(t, filepath.Join(dir, SiteFile+".new"), "torn")
	if w := openWanted(t, dir); w.Quarantined() != "" {
		t.Error("an empty file is not a damaged one")
	}
	s, _ := openSite(t, dir, checked(t))
	for _, p := range []string{s.path, filepath.Join(dir, WantedFile)} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
}

func TestCheckVerdicts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWanted(t, dir)
	_ = w.Close()
	check := checked(t).Check
	if err := check(w.path); err != nil {
		t.Errorf("a sound file: %v", err)
	}
	wantFault(t, check(filepath.Join(dir, "nothing")), fault.Internal)
	wantFault(t, CheckCommand(t.Context(), filepath.Join(dir, "no-such-program"))(w.path), fault.Internal)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	exe, _ := os.Executable()
	if err := CheckCommand(ctx, exe)(w.path); isDamage(err) || err == nil {
		t.Errorf("a check that was stopped is no verdict: %v", err)
	}
}

func TestLoadKey(t *testing.T) {
	t.Parallel()
	state, cred := t.TempDir(), t.TempDir()
	first, err := LoadKey("", state)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(filepath.Join(state, keyFile)); info.Mode().Perm() != 0o600 || info.Size() != keyLen {
		t.Errorf("the key file is %v, %d bytes", info.Mode(), info.Size())
	}
	if again, err := LoadKey(cred, state); again != first || err != nil {
		t.Errorf("not the same key again: %v", err)
	}
	write(t, filepath.Join(cred, CredentialName), strings.Repeat("0a", keyLen)+"\n")
	if k, err := LoadKey(cred, state); err != nil || k == first || k.b[31] != 10 {
		t.Errorf("the credential was not taken: %v", err)
	}
	if err := os.Chmod(filepath.Join(state, keyFile), 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = LoadKey("", state)
	wantFault(t, err, fault.Denied)
	write(t, filepath.Join(cred, CredentialName), "short")
	_, err = LoadKey(cred, state)
	wantFault(t, err, fault.Invalid)
	_, err = LoadKey("", filepath.Join(state, "gone"))
	wantFault(t, err, fault.Invalid)
}

// TestE2_NoKeyIsMadeBesideSealedFiles: a new key would open nothing, and hide that the old one is gone.
func TestE2_NoKeyIsMadeBesideSealedFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{SiteFile, WantedFile, SiteFile + ".snapshot-1"} {
		state, cred := t.TempDir(), t.TempDir()
		write(t, filepath.Join(state, name), "sealed")
		_, err := LoadKey("", state)
		wantFault(t, err, fault.Invalid)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(fault.RemedyOf(err), CredentialName) {
			t.Errorf("%s: %v; %s", name, err, fault.RemedyOf(err))
		}
		if _, err := os.Stat(filepath.Join(state, keyFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a key was left behind: %v", name, err)
		}
		write(t, filepath.Join(cred, CredentialName), strings.Repeat("0a", keyLen))
		if _, err := LoadKey(cred, state); err != nil {
			t.Errorf("%s: with the key from elsewhere: %v", name, err)
		}
	}
}

func TestKeyPrintsRedacted(t *testing.T) {
	t.Parallel()
	k, err := NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if s := fmt.Sprintf(verb, k); s != "(redacted)" {
			t.Errorf("%s gives %q", verb, s)
		}
	}
	if s := fmt.Sprintf("%+v", struct{ K *Key }{&k}); strings.Contains(s, "0123") {
		t.Errorf("a pointer gives %q", s)
	}
}
