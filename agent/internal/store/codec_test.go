package store

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

func anyKey(t *rapid.T) access.Key {
	return access.Key{Kind: access.Kind(rapid.StringN(1, 8, 16).Draw(t, "kind")), ID: rapid.StringN(0, 20, 60).Draw(t, "id")}
}

func TestChunkCodecKeepsEveryByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var put []access.Item
		for range rapid.IntRange(0, 5).Draw(t, "put") {
			put = append(put, access.Item{Key: anyKey(t), Value: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "value")})
		}
		var gone []access.Key
		for range rapid.IntRange(0, 5).Draw(t, "gone") {
			gone = append(gone, anyKey(t))
		}
		b := encodeChunk(put, gone)
		gotPut, gotGone, err := decodeChunk(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(put) != len(gotPut) || !slices.EqualFunc(put, gotPut, access.Item.Same) || !slices.Equal(gone, gotGone) {
			t.Fatalf("%s", cmp.Diff(put, gotPut))
		}
		for n := range b { // every torn form is seen
			if _, _, err := decodeChunk(b[:n]); !errors.Is(err, errTorn) {
				t.Fatalf("%d of %d bytes are taken: %v", n, len(b), err)
			}
		}
		if _, _, err := decodeChunk(append(slices.Clone(b), 0)); !errors.Is(err, errTorn) {
			t.Fatal("a byte too many is taken")
		}
	})
}

func TestKeyListsStaySortedSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var list []access.Key
		set := map[access.Key]bool{}
		keys := []access.Key{{Kind: "grant", ID: "1"}, {Kind: "grant", ID: "2"}, {Kind: "person", ID: "1"}, {Kind: "credential", ID: "9"}, {Kind: "grant", ID: "10"}}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			if rapid.Bool().Draw(t, "add") {
				list, set[k] = addKey(list, k), true
			} else {
				list = dropKey(list, k)
				delete(set, k)
			}
			if len(list) != len(set) || !slices.IsSortedFunc(list, compareKeys) {
				t.Fatalf("%v for %v", list, set)
			}
		}
		back, err := decodeKeys(encodeKeys(list))
		if err != nil || len(back) != len(list) || !slices.Equal(back, list) {
			t.Fatalf("%v: %v, want %v", err, back, list)
		}
		grants := 0
		for k := range set {
			if k.Kind == access.KindGrant {
				grants++
			}
		}
		if hasGrant(list) != (grants > 0) {
			t.Fatalf("%v", list)
		}
	})
}

func TestSealOpensOnlyAsItWasMade(t *testing.T) {
	t.Parallel()
	s := newSealer(testKey(1), WantedFile)
	plain := []byte("8675309")
	sealed := s.seal("items/credential", "c1", plain)
	if got, err := s.open("items/credential", "c1", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q %v", got, err)
	}
	if bytes.Equal(sealed, s.seal("items/credential", "c1", plain)) {
		t.Error("sealed twice gives the same bytes: the nonce is not fresh")
	}
	for name, open := range map[string]func() ([]byte, error){
		"another bucket": func() ([]byte, error) { return s.open("items/grant", "c1", sealed) },
		"another key":    func() ([]byte, error) { return s.open("items/credential", "c2", sealed) },
		"another file":   func() ([]byte, error) { return newSealer(testKey(1), SiteFile).open("items/credential", "c1", sealed) },
		"another box": func() ([]byte, error) {
			return newSealer(testKey(2), WantedFile).open("items/credential", "c1", sealed)
		},
		"empty": func() ([]byte, error) { return s.open("items/credential", "c1", nil) },
		"a later form": func() ([]byte, error) {
			return s.open("items/credential", "c1", append([]byte{sealVersion + 1}, sealed[1:]...))
		},
	} {
		var u *Unreadable
		if got, err := open(); !errors.As(err, &u) || got != nil {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for i := range sealed {
		bad := slices.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.open("items/credential", "c1", bad); err == nil {
			t.Errorf("a flip in byte %d of %d is not seen", i, len(bad))
		}
	}
	for n := range sealed {
		if _, err := s.open("items/credential", "c1", sealed[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken", n, len(sealed))
		}
	}
	_, err := s.open("items/credential", "c9", sealed)
	if err == nil || !strings.Contains(err.Error(), "items/credential c9") || strings.Contains(err.Error(), "8675309") {
		t.Errorf("the error says %v", err)
	}
}
