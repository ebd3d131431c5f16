package access_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

func TestPositionBefore(t *testing.T) {
	t.Parallel()
	order := []access.Position{{}, {Revision: 1}, {Epoch: 1}, {Epoch: 1, Revision: 7}, {Epoch: 1, Revision: 8}, {Epoch: 2, Revision: 1}}
	for i, a := range order {
		for j, b := range order {
			if got := a.Before(b); got != (i < j) {
				t.Errorf("%+v before %+v: %v", a, b, got)
			}
		}
	}
}

func anyItem() *rapid.Generator[access.Item] {
	return rapid.Custom(func(t *rapid.T) access.Item {
		return access.Item{
			Key:   access.Key{Kind: access.Kind(rapid.StringMatching(`[a-c]{1,2}`).Draw(t, "kind")), ID: rapid.StringMatching(`[a-c]{1,2}`).Draw(t, "id")},
			Value: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "value"),
		}
	})
}

func sum(key []byte, items ...access.Item) (d access.Digest) {
	for _, it := range items {
		d.Toggle(key, it)
	}
	return d
}

func TestDigestIsOfTheSet(t *testing.T) {
	t.Parallel()
	key := []byte("a key")
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(anyItem(), 0, 8).Draw(t, "items")
		want := sum(key, items...)
		if got := sum(key, rapid.Permutation(items).Draw(t, "other order")...); got != want {
			t.Fatal("the order matters")
		}
		extra := anyItem().Draw(t, "extra")
		d := want
		d.Toggle(key, extra)
		if d == want {
			t.Fatal("one more item changes nothing")
		}
		if d.Toggle(key, extra); d != want {
			t.Fatal("taking it out does not bring the digest back")
		}
		if len(items) > 0 && sum([]byte("other key"), items...) == want && want != (access.Digest{}) {
			t.Fatal("the key does not matter")
		}
	})
}

// One item: the HMAC itself; and kind, id and value do not run into each other.
func TestDigestOfOneItem(t *testing.T) {
	t.Parallel()
	key, it := []byte("k"), access.Item{Key: access.Key{Kind: "ab", ID: "c"}, Value: json.RawMessage(`{ "raw" : 1 }`)}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("ab\x00c\x00{ \"raw\" : 1 }"))
	if got := sum(key, it); string(got[:]) != string(m.Sum(nil)) {
		t.Errorf("%s, want %x", got, m.Sum(nil))
	}
	seen := map[access.Digest]string{}
	for _, parts := range [][3]string{{"ab", "c", "1"}, {"a", "bc", "1"}, {"abc", "", "1"}, {"ab", "c1", ""}, {"ab", "c", "11"}, {"ab", "c", "1 "}} {
		d := sum(key, access.Item{Key: access.Key{Kind: access.Kind(parts[0]), ID: parts[1]}, Value: json.RawMessage(parts[2])})
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %s have one digest", parts, other)
		}
		seen[d] = strings.Join(parts[:], "|")
	}
}

func TestDigestText(t *testing.T) {
	t.Parallel()
	want := sum([]byte("k"), access.Item{Key: access.Key{Kind: "a"}})
	raw, err := json.Marshal(map[string]access.Digest{"d": want})
	if err != nil || string(raw) != `{"d":"`+want.String()+`"}` {
		t.Fatalf("%s, %v", raw, err)
	}
	var back map[string]access.Digest
	if err := json.Unmarshal(raw, &back); err != nil || back["d"] != want {
		t.Errorf("%v, %v", back, err)
	}
	for _, text := range []string{"", "00", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("0", 66), strings.Repeat("g", 64)} {
		d := want
		wantInvalid(t, d.UnmarshalText([]byte(text)))
		if d != want {
			t.Errorf("%q was refused and changed the digest", text)
		}
	}
}

// A link depends on every byte of every event before it, and on their order.
func TestG10_ChainHoldsEveryByte(t *testing.T) {
	t.Parallel()
	chain := func(events [][]byte) (l access.Link) {
		for _, e := range events {
			l = access.Chain(l, e)
		}
		return l
	}
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 20), 1, 6).Draw(t, "events")
		want := chain(events)
		i := rapid.IntRange(0, len(events)-1).Draw(t, "which")
		j := rapid.IntRange(0, len(events[i])-1).Draw(t, "byte")
		events[i][j] ^= 1
		if chain(events) == want {
			t.Fatal("a changed byte does not show")
		}
		events[i][j] ^= 1
		if chain(events[:len(events)-1]) == want || chain(append(events, []byte{0})) == want {
			t.Fatal("an event less or more does not show")
		}
		if len(events) > 1 && string(events[0]) != string(events[1]) {
			events[0], events[1] = events[1], events[0]
			if chain(events) == want {
				t.Fatal("the order does not show")
			}
		}
	})
}
