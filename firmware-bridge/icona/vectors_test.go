package icona_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"gatehouse/firmware-bridge/icona"
	"gatehouse/testdata"
)

func data(t testing.TB, name string, to any) {
	t.Helper()
	b, err := fs.ReadFile(testdata.Dir("comelit"), name)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type manageVector struct {
	Name, Frame, Verb, Channel, Argument string
	Handle                               uint16
}

func manageVectors(t testing.TB) []manageVector {
	t.Helper()
	var all struct{ Vectors []manageVector }
	data(t, "manage.json", &all)
	if len(all.Vectors) < 9 {
		t.Fatalf("%d vectors", len(all.Vectors))
	}
	return all.Vectors
}

// The captured openings and closings are read, whatever form a client gives them, and ours are byte for byte as captured.
func TestManageVectors(t *testing.T) {
	verbs := map[string]icona.Verb{"open": icona.Open, "open-ack": icona.OpenAck, "close": icona.Close, "close-ack": icona.CloseAck}
	same := map[string]bool{
		"open UAUT": true, "open CTPP with an address": true, "close": true, "close of four bytes": true, "close-ack": true,
		"close of handle 0, what a device says to JSON without a header": true, "open with sequence 2 is an acknowledgement": true,
	}
	for _, v := range manageVectors(t) {
		frame := unhex(t, v.Frame)
		f, err := icona.ReadFrame(bytes.NewReader(frame))
		if err != nil || f.Handle != 0 {
			t.Fatalf("%s: handle %d, %v", v.Name, f.Handle, err)
		}
		m, err := icona.ParseManage(f.Body)
		want := icona.Manage{Verb: verbs[v.Verb], Channel: v.Channel, Handle: v.Handle, Argument: v.Argument, Bare: len(f.Body) == 4}
		if err != nil || m != want {
			t.Errorf("%s: %+v, %v", v.Name, m, err)
		}
		if got := (icona.Frame{Body: m.Bytes()}).Bytes(); same[v.Name] != bytes.Equal(got, frame) {
			t.Errorf("%s is written % x", v.Name, got)
		}
	}
}

func TestManageRefused(t *testing.T) {
	for _, body := range []string{
		"", "cd ab 01", "cd ab 03 00 02 00 00 00 76 5f", "ef 01 01 00 07 00 00 00 55 41 55 54 76 5f 00", "cd ab 01 00 07 00 00 00 55 41 55 54 76",
		"ef 01 03 00 02 00 00", "cd ab 02 01 04 00 00 00 76 5f 00 00", "00 00 00 00 00 00 00 00 00 00",
	} {
		if m, err := icona.ParseManage(unhex(t, body)); !errors.Is(err, icona.ErrManage) {
			t.Errorf("%s gives %+v, %v", body, m, err)
		}
	}
	huge := unhex(t, "cd ab 01 00 07 00 00 00 43 54 50 50 7b 5f 00 00 ff ff ff ff 41 42")
	if m, err := icona.ParseManage(huge); err != nil || m.Argument != "" {
		t.Errorf("an argument that is longer than its message: %+v, %v", m, err)
	}
}

type packetVector struct {
	Name, Packet, From, To string
	Flags, Seq, Ack        byte
	Connection, Opcode     uint16
	Body                   int
}

func packetVectors(t testing.TB) (good, refused []packetVector) {
	t.Helper()
	var all struct{ Vectors, Refused []packetVector }
	data(t, "ctp.json", &all)
	return all.Vectors, all.Refused
}

// The captured packets are read and written again byte for byte.
func TestPacketVectors(t *testing.T) {
	good, refused := packetVectors(t)
	for _, v := range good {
		b := unhex(t, v.Packet)
		k, err := icona.ParsePacket(b)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if k.Flags != v.Flags || k.Connection != v.Connection || k.Seq != v.Seq || k.Ack != v.Ack || k.Opcode() != v.Opcode ||
			len(k.Body) != v.Body || k.From.String() != v.From || k.To.String() != v.To {
			t.Errorf("%s: %+v", v.Name, k)
		}
		if got := k.Bytes(); !bytes.Equal(got, b) {
			t.Errorf("%s is written % x", v.Name, got)
		}
	}
	for _, v := range refused {
		if k, err := icona.ParsePacket(unhex(t, v.Packet)); !errors.Is(err, icona.ErrPacket) {
			t.Errorf("%s: %+v, %v", v.Name, k, err)
		}
	}
	if len(good) < 6 || len(refused) < 6 {
		t.Errorf("%d and %d vectors", len(good), len(refused))
	}
}

// captured finds a vector of ctp.json.
func captured(t testing.TB, name string) icona.Packet {
	t.Helper()
	good, _ := packetVectors(t)
	for _, v := range good {
		if v.Name == name {
			k, err := icona.ParsePacket(unhex(t, v.Packet))
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
	}
	t.Fatalf("no vector %s", name)
	return icona.Packet{}
}

func address(t testing.TB, text string) icona.Address {
	t.Helper()
	a, ok := icona.MakeAddress(text)
	if !ok {
		t.Fatalf("%q is no address", text)
	}
	return a
}

// The bodies that we send are the captured ones, but for the two free bytes of a registration.
func TestBodies(t *testing.T) {
	if k := captured(t, "open door without a call"); !bytes.Equal(icona.DoorBody(address(t, "SB100001"), 1), k.Body) {
		t.Errorf("the door's body is % x", k.Body)
	}
	if k := captured(t, "actuator"); !bytes.Equal(icona.ActuatorBody(255, 1), k.Body) {
		t.Errorf("the actuator's body is % x", k.Body)
	}
	k, got := captured(t, "register"), icona.RegisterBody(address(t, "SB0000062"))
	if len(got) != 17 || !bytes.Equal(got[:2], k.Body[:2]) || !bytes.Equal(got[4:], k.Body[4:]) {
		t.Errorf("the registration's body is % x, want % x", got, k.Body)
	}
}

// The acknowledgement that follows from the captured ring has 32 bytes and its addresses turned round (§1.5).
func TestReplyAndRing(t *testing.T) {
	k := captured(t, "ring")
	want := "00 18 d4 bd aa b9 00 00 ff ff ff ff 53 42 30 30 30 30 30 31 31 00 53 42 30 30 30 30 30 31 00 00"
	if got := k.Reply(icona.Ack).Bytes(); !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("the ring is acknowledged with % x", got)
	}
	r, err := icona.ParseRing(k.Body)
	if err != nil || r.Call != 0x1db24a64 || r.Origin.String() != "SB100001" || r.Unit.String() != "SB000001" || r.Tag != "PP" {
		t.Errorf("ring %+v, %v", r, err)
	}
	for n := range len(k.Body) {
		if _, err := icona.ParseRing(k.Body[:n]); !errors.Is(err, icona.ErrRing) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	bad := bytes.Clone(k.Body)
	bad[3] = 7
	if _, err := icona.ParseRing(bad); !errors.Is(err, icona.ErrRing) {
		t.Errorf("an address with a control character: %v", err)
	}
}

// A sub-address of two digits fills the field, and nothing looks for a NUL behind it (§4).
func TestAddressOfTenCharacters(t *testing.T) {
	a := address(t, "SB00000615")
	k := icona.Packet{Flags: icona.Syn, Connection: 1, Body: icona.RegisterBody(a), From: a, To: address(t, "SB000006")}
	back, err := icona.ParsePacket(k.Bytes())
	if err != nil || back.From.String() != "SB00000615" || string(back.Body[4:14]) != "SB00000615" {
		t.Errorf("%+v, %v", back, err)
	}
	for _, text := range []string{"", "SB000006155", "SB 00001", "SB\x0000001\n", "Sé000001"} {
		if a, ok := icona.MakeAddress(text); ok && a.String() == text {
			t.Errorf("%q is an address", text)
		}
	}
}

// Frames may share a segment and be cut anywhere; what is cut off is told from what is no frame.
func TestReadFrame(t *testing.T) {
	one, two := icona.Frame{Handle: 9, Body: []byte("{}")}, icona.Frame{Handle: 0x7474, Body: bytes.Repeat([]byte{1}, icona.MaxBody)}
	stream := append(one.Bytes(), two.Bytes()...)
	r := oneByOne{bytes.NewReader(stream)}
	for _, want := range []icona.Frame{one, two} {
		f, err := icona.ReadFrame(r)
		if err != nil || f.Handle != want.Handle || !bytes.Equal(f.Body, want.Body) {
			t.Fatalf("%d, %d bytes, %v", f.Handle, len(f.Body), err)
		}
	}
	if _, err := icona.ReadFrame(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	for n := 1; n < 10; n++ {
		if _, err := icona.ReadFrame(bytes.NewReader(one.Bytes()[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for _, head := range []string{"00 07 02 00 09 00 00 00", "01 06 02 00 09 00 00 00", "00 06 02 00 09 00 01 00", "48 54 54 50 2f 31 2e 31"} {
		if _, err := icona.ReadFrame(bytes.NewReader(append(unhex(t, head), '{', '}'))); !errors.Is(err, icona.ErrFrame) {
			t.Errorf("%s: %v", head, err)
		}
	}
	if b := (icona.Frame{Body: make([]byte, icona.MaxBody+1)}).Bytes(); b != nil {
		t.Errorf("a body that is too long has %d bytes", len(b))
	}
}

// oneByOne gives one byte a read.
type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }
