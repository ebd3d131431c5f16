package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/protocol/access/fault"
)

func TestLoadKey_MakesItOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.key")
	var wait sync.WaitGroup
	keys := make([]Key, 8)
	for i := range keys {
		wait.Go(func() {
			k, err := LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wait.Wait()
	for _, k := range keys {
		if k != keys[0] || k == (Key{}) {
			t.Fatal("processes that start together got different keys, or none")
		}
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 || st.Size() != 32 {
		t.Errorf("the key file is %v (%v), want 32 bytes of mode 0600", st, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLoadKey_Refuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := strings.Repeat("k", 32)
	for name, c := range map[string]struct {
		path  string
		kind  fault.Kind
		words string
	}{
		"group may read":     {write("group", good, 0o640), fault.Denied, "chmod 600"},
		"others may read":    {write("others", good, 0o604), fault.Denied, "others than its owner"},
		"too short":          {write("short", good[1:], 0o600), fault.Invalid, "31 bytes"},
		"too long":           {write("long", good+"\n", 0o600), fault.Invalid, "33 bytes"},
		"empty":              {write("empty", "", 0o600), fault.Invalid, "0 bytes"},
		"folder not there":   {filepath.Join(dir, "none", "key"), fault.Denied, "make key file"},
		"a folder, not file": {dir, fault.Denied, "mode"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := LoadKey(c.path)
			wantKind(t, err, c.kind, c.words)
			if k != (Key{}) {
				t.Error("a key came with the error")
			}
		})
	}
}

func TestKey_PrintsRedacted(t *testing.T) {
	t.Parallel()
	k := testKey()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", k)
	j, err := json.Marshal(struct{ K Key }{k})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x %s %q", k, k, k, k, k), log.String(), string(j)} {
		if strings.Contains(form, "thirty") || strings.Contains(form, "6120") || strings.Contains(form, "97 32") || !strings.Contains(form, "(redacted)") {
			t.Errorf("a key prints as %s", form)
		}
	}
}

func TestSealer_BindsAValueToItsPlace(t *testing.T) {
	t.Parallel()
	s := must(newSealer(testKey()))(t)
	sealed := s.seal([]byte("4711"), "people", "maples", "p1", "pin")
	if bytes.Contains(sealed, []byte("4711")) {
		t.Error("the clear text stands in the sealed value")
	}
	if again := s.seal([]byte("4711"), "people", "maples", "p1", "pin"); bytes.Equal(sealed, again) {
		t.Error("the same value twice gives the same bytes: equal PINs would show")
	}
	if got, err := s.open(sealed, "people", "maples", "p1", "pin"); err != nil || string(got) != "4711" {
		t.Errorf("it opens as %q, %v", got, err)
	}
	for name, where := range map[string][]string{
		"another person":         {"people", "maples", "p2", "pin"},
		"another column":         {"people", "maples", "p1", "card"},
		"another cut of its ids": {"people", "maplesp1", "", "pin"},
	} {
		_, err := s.open(sealed, where...)
		if err == nil {
			t.Errorf("it opens at %s", name)
		}
	}
	for cut := range len(sealed) {
		if _, err := s.open(sealed[:cut], "people", "maples", "p1", "pin"); err == nil {
			t.Fatalf("cut to %d bytes it opens", cut)
		}
	}
	_, err := s.open(nil, "people")
	wantKind(t, err, fault.Internal, "backup")
}

func TestSealer_NoSecretStaysNone(t *testing.T) {
	t.Parallel()
	s := must(newSealer(testKey()))(t)
	none := s.secret("", "people", "p1", "pin")
	if none == nil || len(none) != 0 {
		t.Errorf("no PIN is stored as %v, want an empty value", none)
	}
	if got, err := s.reveal(none, "people", "p1", "pin"); err != nil || !got.IsZero() {
		t.Errorf("no PIN reads as %v, %v", got, err)
	}
}
