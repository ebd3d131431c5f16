package access_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestEncodeDecodeEveryNoun(t *testing.T) {
	t.Parallel()
	for kind, want := range examples() {
		it := mustEncode(t, want)
		if it.Kind != kind || it.ID == "" {
			t.Errorf("%s is encoded as %v", kind, it)
		}
		got, err := access.Decode(it)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
		if again := mustEncode(t, got); !again.Same(it) {
			t.Errorf("%s encoded again: %s, was %s", kind, again.Value, it.Value)
		}
	}
}

// Bytes are what the digest is over: JSON must carry an encoded item without changing one.
func TestItemsKeepTheirBytesThroughJSON(t *testing.T) {
	t.Parallel()
	for kind, n := range examples() {
		it := mustEncode(t, n)
		raw, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		var back access.Item
		if err := json.Unmarshal(raw, &back); err != nil || !back.Same(it) {
			t.Errorf("%s: %s came back as %s (%v)", kind, it.Value, back.Value, err)
		}
	}
}

// Every field of every noun goes through Encode: clearCredential is a second list of Credential's
// fields, which must not fall behind.
func TestEncodeForgetsNoField(t *testing.T) {
	t.Parallel()
	for kind, n := range examples() {
		v := reflect.ValueOf(n)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !(kind == access.KindGrant && (name == "Door" || name == "Unit")) {
				t.Errorf("the example of %s leaves %s out, so nothing shows that it is encoded", kind, name)
			}
		}
	}
	it := mustEncode(t, examples()[access.KindCredential])
	if want := `{"id":"c-1","person":"p-1","kind":"pin","secret":"47110"}`; string(it.Value) != want {
		t.Errorf("%s, want %s", it.Value, want)
	}
	it = mustEncode(t, access.Credential{ID: "c-1", Person: "p-1", Kind: access.Mobile})
	if want := `{"id":"c-1","person":"p-1","kind":"mobile"}`; string(it.Value) != want {
		t.Errorf("%s, want %s", it.Value, want)
	}
}

func TestEncodeTakesOnlyNouns(t *testing.T) {
	t.Parallel()
	c := examples()[access.KindCredential].(access.Credential)
	for _, n := range []access.Noun{access.Window{}, access.Overlay{ID: "o-1"}, &c} {
		if it, err := access.Encode(n); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "cannot stand in the state") || it.Value != nil {
			t.Errorf("%T: %v, %v", n, it, err)
		}
	}
}

func TestDecodeOfANewerPeer(t *testing.T) {
	t.Parallel()
	n, err := access.Decode(access.Item{Key: access.Key{Kind: "parcel_locker", ID: "x"}, Value: json.RawMessage(`[not even JSON`)})
	if n != nil || err != nil {
		t.Errorf("an unknown kind gave %v, %v", n, err)
	}
	n, err = access.Decode(access.Item{Key: access.Key{Kind: access.KindDoor, ID: "d-1"}, Value: json.RawMessage(`{"id":"d-1","name":"Main","colour":"red"}`)})
	if want := (access.Door{ID: "d-1", Name: "Main"}); err != nil || n != want {
		t.Errorf("%v, %v", n, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, kind := range slices.Concat(access.Kinds, access.OwnKinds) {
		for what, value := range map[string]string{
			"nothing": ``, "null": `null`, "a list": `[]`, "cut": `{"id":"x"`, "an empty record": `{}`, "a number for an id": `{"id":7}`,
			"two records": `{"id":"x"}{"id":"x"}`, "another id": string(mustEncode(t, examples()[kind]).Value),
		} {
			n, err := access.Decode(access.Item{Key: access.Key{Kind: kind, ID: "x"}, Value: json.RawMessage(value)})
			wantInvalid(t, err)
			if n != nil {
				t.Errorf("%s, %s: gave %v", kind, what, n)
			}
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	for kind, n := range examples() {
		want := access.PersonID("")
		switch kind {
		case access.KindPerson, access.KindResidency, access.KindCredential, access.KindGrant, access.KindSettlement:
			want = "p-1"
		}
		if got := access.Owner(mustEncode(t, n)); got != want {
			t.Errorf("%s belongs to %q, want %q", kind, got, want)
		}
	}
	for _, it := range []access.Item{
		{}, {Key: access.Key{Kind: access.KindGrant, ID: "g"}, Value: json.RawMessage(`{"person":7}`)}, {Key: access.Key{Kind: access.KindGrant, ID: "g"}},
		{Key: access.Key{Kind: "locker", ID: "l"}, Value: json.RawMessage(`{"person":"p-1"}`)},
	} {
		if got := access.Owner(it); got != "" {
			t.Errorf("%v belongs to %q", it, got)
		}
	}
	if got := access.Owner(access.Item{Key: access.Key{Kind: access.KindPerson, ID: "p-9"}, Value: json.RawMessage(`garbage`)}); got != "p-9" {
		t.Errorf("an unreadable person is still that person: %q", got)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	a := access.Item{Key: access.Key{Kind: "k", ID: "i"}, Value: json.RawMessage(`{"a":1}`)}
	for what, c := range map[string]struct {
		o    access.Item
		want bool
	}{
		"a copy":       {access.Item{Key: a.Key, Value: json.RawMessage(`{"a":1}`)}, true},
		"a blank more": {access.Item{Key: a.Key, Value: json.RawMessage(`{"a": 1}`)}, false},
		"another id":   {access.Item{Key: access.Key{Kind: "k", ID: "j"}, Value: a.Value}, false},
		"another kind": {access.Item{Key: access.Key{Kind: "l", ID: "i"}, Value: a.Value}, false},
	} {
		if got := a.Same(c.o); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// The lists that travel are a contract: words may be added, none may change.
func TestWordsOnTheWire(t *testing.T) {
	t.Parallel()
	var got []string
	for _, k := range slices.Concat(access.Kinds, access.OwnKinds) {
		got = append(got, string(k))
	}
	if want := "property building unit door schedule group person residency credential grant overlay settings cloud_keys certificate"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	raw, err := json.Marshal(access.LedgerEntry{Person: "p-1", Ref: "r", State: access.Settled, Grade: access.Exact, Secrets: []string{"f"}, At: monday})
	if want := `{"person":"p-1","ref":"r","state":"settled","grade":"exact","secrets":["f"],"at":"2026-11-23T14:00:00Z"}`; err != nil || string(raw) != want {
		t.Errorf("%s, want %s (%v)", raw, want, err)
	}
	raw, err = json.Marshal(access.Overlay{ID: "o-1", Kind: access.OverlayRevoke, Person: "p-1", Window: access.Window{From: monday}, By: "ida", Reason: "lost card"})
	if want := `{"id":"o-1","kind":"revoke","person":"p-1","from":"2026-11-23T14:00:00Z","by":"ida","reason":"lost card"}`; err != nil || string(raw) != want {
		t.Errorf("%s, want %s (%v)", raw, want, err)
	}
}

func FuzzDecodeItem(f *testing.F) {
	for kind, n := range examples() {
		f.Add(string(kind), "x", []byte(`{"id":"x"}`))
		it := mustEncode(f, n)
		f.Add(string(kind), it.ID, []byte(it.Value))
	}
	f.Fuzz(func(t *testing.T, kind, id string, value []byte) {
		it := access.Item{Key: access.Key{Kind: access.Kind(kind), ID: id}, Value: value}
		n, err := access.Decode(it)
		switch {
		case err != nil:
			if fault.KindOf(err) != fault.Invalid || n != nil {
				t.Fatalf("%v, %v", n, err)
			}
		case n != nil:
			again, err := access.Encode(n)
			if err != nil || again.Key != it.Key {
				t.Fatalf("what was decoded does not encode: %v, %v", again, err)
			}
			if back, err := access.Decode(again); err != nil || !reflect.DeepEqual(mustEncode(t, back), again) {
				t.Fatalf("%s, then %v (%v)", again.Value, back, err)
			}
			if kind := it.Kind; kind != access.KindPerson && access.Owner(it) != access.Owner(again) {
				t.Fatalf("the owner changed from %q to %q", access.Owner(it), access.Owner(again))
			}
		}
	})
}
