package protocol_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/testdata"
)

// vector is one file of testdata/protocol/v1, made by make_vectors.py there.
type vector struct {
	Direction string `json:"direction"`
	Keys      struct {
		Trusted []string         `json:"trusted"`
		Sealing string           `json:"sealing"`
		Gateway access.GatewayID `json:"gateway"`
	} `json:"keys"`
	Message string          `json:"message"`
	Pad     int             `json:"pad"` // white space is added up to this length
	Refused protocol.Reason `json:"refused"`
	Want    struct {
		Header json.RawMessage `json:"header"`
		Body   json.RawMessage `json:"body"`
	} `json:"want"`
	Known *known `json:"known"` // set where a newer peer sent more than we know
}

type known struct {
	IDs      []string      `json:"ids"` // of the items, "" for a kind we do not know
	Type     protocol.Type `json:"type"`
	Protocol int           `json:"protocol"`
}

func vectorFiles(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := fs.Glob(testdata.Dir("protocol/v1"), pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors %s: %v", pattern, err)
	}
	return names
}

func readVector[T any](t *testing.T, name string) T {
	t.Helper()
	raw, err := fs.ReadFile(testdata.Dir("protocol/v1"), name)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) bytes() []byte {
	msg := []byte(v.Message)
	if n := v.Pad - len(msg); n > 0 {
		msg = append(msg, bytes.Repeat([]byte(" "), n)...)
	}
	return msg
}

func (v vector) trusted(t testing.TB) []ed25519.PublicKey {
	var out []ed25519.PublicKey
	for _, k := range v.Keys.Trusted {
		out = append(out, unhex(t, k))
	}
	return out
}

// open does what a receiver does: open, then decode the body as its header says.
func (v vector) open(t testing.TB) (h protocol.Header, plain []byte, body any, err error) {
	t.Helper()
	if v.Direction == "down" {
		var key *ecdh.PrivateKey
		if key, err = ecdh.X25519().NewPrivateKey(unhex(t, v.Keys.Sealing)); err != nil {
			t.Fatal(err)
		}
		h, plain, err = protocol.Opener{Gateway: v.Keys.Gateway, Trusted: v.trusted(t), Sealing: key}.Open(v.bytes())
	} else {
		h, plain, err = protocol.OpenUp(v.Keys.Gateway, v.trusted(t), v.bytes())
	}
	if err == nil {
		body, err = decodeBody(h.Type, plain)
	}
	return h, plain, body, err
}

func decodeBody(typ protocol.Type, plain []byte) (any, error) {
	decoders := map[protocol.Type]func([]byte) (any, error){
		protocol.TypeState: as[protocol.State], protocol.TypeReceipt: as[protocol.Receipt], protocol.TypeCommand: as[protocol.Command],
		protocol.TypeHello: as[protocol.Hello], protocol.TypeAck: as[protocol.Ack], protocol.TypeEvent: as[protocol.Events],
		protocol.TypeInventory: as[protocol.Inventory], protocol.TypeReply: as[protocol.Reply],
	}
	decode, ok := decoders[typ]
	if !ok {
		return nil, nil // a newer peer: the receiver ignores it
	}
	return decode(plain)
}

func as[T any](plain []byte) (any, error) { return protocol.Decode[T](plain) }

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, name := range vectorFiles(t, "*/*.json") {
		v := readVector[vector](t, name)
		if v.Refused != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, plain, body, err := v.open(t)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(plain, v.Want.Body) {
				t.Errorf("the body is\n%s\nwant\n%s", plain, v.Want.Body)
			}
			checkHeader(t, v, h)
			if v.Known != nil {
				checkKnown(t, *v.Known, h, body)
				return
			}
			if again, err := json.Marshal(body); err != nil || !bytes.Equal(again, plain) {
				t.Errorf("encoded again it is (error %v)\n%s\nwant\n%s", err, again, plain)
			}
			if s, ok := body.(protocol.State); ok {
				checkItems(t, s.Put)
			}
		})
	}
}

func checkHeader(t *testing.T, v vector, h protocol.Header) {
	t.Helper()
	got, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if v.Known == nil && !bytes.Equal(got, v.Want.Header) {
		t.Errorf("the header encoded again is\n%s\nwant\n%s", got, v.Want.Header)
	}
	want := map[string]any{}
	if err := json.Unmarshal(v.Want.Header, &want); err != nil {
		t.Fatal(err)
	}
	have := map[string]any{}
	if err := json.Unmarshal(got, &have); err != nil {
		t.Fatal(err)
	}
	delete(want, "hint") // of a newer peer
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

// checkKnown is for messages of a newer peer: what we know arrives, the rest does no harm.
func checkKnown(t *testing.T, want known, h protocol.Header, body any) {
	t.Helper()
	var got known
	switch b := body.(type) {
	case protocol.Hello:
		got.Protocol = b.Protocol
	case protocol.State:
		for _, it := range b.Put {
			got.IDs = append(got.IDs, nounID(t, it))
		}
	default:
		got.Type = h.Type
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is known (-want +got):\n%s", diff)
	}
}

func nounID(t *testing.T, it access.Item) string {
	t.Helper()
	n, err := access.Decode(it)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := n.(access.Person); ok {
		return string(p.ID)
	}
	return ""
}

// checkItems decodes every record and expects the same bytes when it is encoded again.
func checkItems(t *testing.T, put []access.Item) {
	t.Helper()
	for _, it := range put {
		n, err := access.Decode(it)
		if err != nil || n == nil {
			t.Errorf("%v: %T, %v", it, n, err)
			continue
		}
		again, err := access.Encode(n)
		if err != nil || !again.Same(it) {
			t.Errorf("%v encoded again is (error %v)\n%s\nwant\n%s", it, err, again.Value, it.Value)
		}
	}
}

func TestG7_VectorsRefused(t *testing.T) {
	t.Parallel()
	seen := map[protocol.Reason]bool{}
	for _, name := range vectorFiles(t, "*/*.json") {
		v := readVector[vector](t, name)
		if v.Refused == "" {
			continue
		}
		seen[v.Refused] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := v.open(t)
			wantReason(t, err, v.Refused)
			if line := err.Error(); strings.ContainsAny(line, "\n\r") {
				t.Errorf("the refusal is more than one line: %q", line)
			}
		})
	}
	for _, r := range []protocol.Reason{protocol.Oversized, protocol.Malformed, protocol.UnknownKey, protocol.BadSignature, protocol.WrongGateway,
		protocol.WrongType, protocol.WrongVersion, protocol.WrongRecipient, protocol.Unsealable, protocol.ZipBomb} {
		if !seen[r] {
			t.Errorf("no vector is refused as %s", r)
		}
	}
}

// A snapshot of two chunks and three deltas end in the digest that each of them states.
func TestVectorsAsOneHistory(t *testing.T) {
	t.Parallel()
	var digest access.Digest
	have := map[access.Key]access.Item{}
	for _, name := range []string{"state-snapshot-1of2", "state-snapshot-2of2", "state-delta", "state-nothing-new", "state-from-newer-cloud"} {
		h, _, body, err := readVector[vector](t, "down/"+name+".json").open(t)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		u := body.(protocol.State).Update(h)
		for _, it := range u.Put {
			if old, ok := have[it.Key]; ok {
				digest.Toggle(u.DigestKey, old)
			}
			digest.Toggle(u.DigestKey, it)
			have[it.Key] = it
		}
		for _, k := range u.Gone {
			digest.Toggle(u.DigestKey, have[k])
			delete(have, k)
		}
		if u.Chunk == u.Of && digest != u.Digest {
			t.Errorf("%s: digest %s, want %s", name, digest, u.Digest)
		}
	}
	if len(have) != 23 {
		t.Errorf("%d items in the end, want 23", len(have))
	}
}

func TestVectorDigest(t *testing.T) {
	t.Parallel()
	v := readVector[struct {
		Key   string `json:"key"`
		Steps []struct {
			What string `json:"what"`
			Item struct {
				access.Key
				Value string `json:"v"`
			} `json:"item"`
			Digest access.Digest `json:"digest"`
		} `json:"steps"`
	}](t, "digest.json")
	var d access.Digest
	for _, s := range v.Steps {
		d.Toggle(unhex(t, v.Key), access.Item{Key: s.Item.Key, Value: json.RawMessage(s.Item.Value)})
		if d != s.Digest {
			t.Errorf("%s: %s, want %s", s.What, d, s.Digest)
		}
	}
	if len(v.Steps) == 0 || d != (access.Digest{}) {
		t.Errorf("after taking everything out: %s", d)
	}
}

func TestG10_VectorChain(t *testing.T) {
	t.Parallel()
	v := readVector[struct {
		Links []access.Link `json:"links"`
	}](t, "chain.json")
	_, _, body, err := readVector[vector](t, "up/event.json").open(t)
	if err != nil {
		t.Fatal(err)
	}
	events := body.(protocol.Events)
	if len(events.Raw) != len(v.Links) {
		t.Fatalf("%d events, %d links", len(events.Raw), len(v.Links))
	}
	link := events.Prev
	for i, raw := range events.Raw {
		if link = access.Chain(link, raw); link != v.Links[i] {
			t.Errorf("link %d: %s, want %s", i, link, v.Links[i])
		}
		e, err := protocol.Decode[access.Event](raw)
		if err != nil || e.Number != events.First+uint64(i) {
			t.Errorf("event %d has number %d, %v", i, e.Number, err)
		}
		if again, err := json.Marshal(e); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("event %d encoded again is (error %v)\n%s\nwant\n%s", i, err, again, raw)
		}
	}
}

func TestVectorStatus(t *testing.T) {
	t.Parallel()
	v := readVector[struct {
		Messages []json.RawMessage `json:"messages"`
	}](t, "status.json")
	for i, raw := range v.Messages {
		s, err := protocol.Decode[protocol.Status](raw)
		if err != nil || s.Boot != "b-1" || s.Number != 4 || s.Online != (i == 0) {
			t.Errorf("%s gave %+v, %v", raw, s, err)
		}
		if again, err := json.Marshal(s); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("encoded again: %s (%v), want %s", again, err, raw)
		}
	}
}

// Vectors are added, never edited: peers in the field speak those bytes.
func TestVectorsNeverEdited(t *testing.T) {
	t.Parallel()
	folder := testdata.Dir("protocol/v1")
	list, err := fs.ReadFile(folder, "SUMS")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	for _, name := range append(vectorFiles(t, "*.json"), vectorFiles(t, "*/*.json")...) {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(raw)); got != sums[name] {
			t.Errorf("%s has SHA-256 %s, SUMS says %q: take the edit back and add a new vector with make_vectors.py", name, got, sums[name])
		}
		delete(sums, name)
	}
	for name := range sums {
		t.Errorf("%s is in SUMS and gone from the folder", name)
	}
}

// TestVectorEventsOfDoors: what happened at doors is read back to the byte, and an event of a newer gateway arrives as far as it is known, whatever
// its kind.
func TestVectorEventsOfDoors(t *testing.T) {
	t.Parallel()
	_, _, body, err := readVector[vector](t, "up/event-doors.json").open(t)
	if err != nil {
		t.Fatal(err)
	}
	at := func(minute int) time.Time { return time.Date(2026, 11, 22, 15, minute, 0, 0, time.UTC) }
	half := 500 * time.Millisecond
	want := []access.Event{
		{Number: 90211, Kind: access.EventDoor, At: at(10), Recorded: at(10).Add(half), Device: "lobby", Person: "p-1", Door: "d-main", Granted: true,
			How: "pin", DeviceTime: at(10), Log: "20261122T151000Z-00112233445566ff-1"},
		{Number: 90212, Kind: access.EventDoor, At: at(11), Recorded: at(11).Add(half), Device: "lobby", Message: "the device's clock is wrong",
			How: "card", DeviceTime: at(11).Add(-6 * time.Hour), Log: "20261122T091100Z-00112233445566ff-1"},
		{Number: 90213, Kind: access.EventRing, At: at(12), Recorded: at(12).Add(half), Device: "lobby", Unit: "u-101"},
		{Number: 90214, Kind: access.EventTamper, At: at(13), Recorded: at(13).Add(half), Device: "lobby", Message: "the case was opened", DeviceTime: at(13)},
		{Number: 90215, Kind: "parcel", At: at(14), Recorded: at(14).Add(half), Device: "lobby"},
	}
	var got []access.Event
	for i, raw := range body.(protocol.Events).Raw {
		var e access.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(e); i+1 < len(want) && (err != nil || !bytes.Equal(again, raw)) {
			t.Errorf("encoded again it is (error %v)\n%s\nwant\n%s", err, again, raw)
		}
		got = append(got, e)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}
