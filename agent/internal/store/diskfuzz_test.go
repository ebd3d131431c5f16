package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/protocol/access/fault"
)

// FuzzSealed: whatever the disk made of a value, it is what was put there or it is unreadable, never something else.
func FuzzSealed(f *testing.F) {
	s := newSealer(testKey(1), "site.db")
	const text = "who lives where"
	f.Add(s.seal("ledger/front", "p1", []byte(text)))
	f.Add(s.seal("ledger/front", "p2", []byte(text)))
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := s.open("ledger/front", "p1", sealed)
		var bad *Unreadable
		switch {
		case err == nil && string(plain) == text:
		case err != nil && errors.As(err, &bad) && bad.Record == "ledger/front p1" && plain == nil:
		default:
			t.Errorf("%x gives %q, %v", sealed, plain, err)
		}
	})
}

// FuzzKeyFile: a key file is 32 bytes, raw or in hex, or it is refused in words; it is never changed.
func FuzzKeyFile(f *testing.F) {
	f.Add(bytes.Repeat([]byte{7}, keyLen))
	f.Add(bytes.Repeat([]byte("0a"), keyLen))
	f.Add([]byte("0a\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), keyFile)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := LoadKey("", filepath.Dir(path))
		if left, rerr := os.ReadFile(path); rerr != nil || !bytes.Equal(left, content) {
			t.Errorf("the file is %q now (%v)", left, rerr)
		}
		if err == nil && key == (Key{}) && !bytes.Equal(bytes.Trim(content, "0\x00 \n\r\t\v\f"), nil) || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", content, err)
		}
	})
}

// FuzzCheckOutput: what a checking child says, however long or torn, becomes one line.
func FuzzCheckOutput(f *testing.F) {
	f.Add("")
	f.Add("page 7: multiple references\ngoroutine 1 [running]:\n")
	f.Fuzz(func(t *testing.T, said string) {
		if line := firstLine(said); line == "" || bytes.ContainsRune([]byte(line), '\n') {
			t.Errorf("%q becomes %q", said, line)
		}
	})
}
