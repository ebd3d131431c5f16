package viper_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
	"gatehouse/testdata"
)

func vectors(t testing.TB, name string, to any) {
	t.Helper()
	b, err := fs.ReadFile(testdata.Dir("comelit"), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
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

type manageVectors struct {
	Vectors []struct {
		Name, Source, Frame, Verb, Channel, Argument string
		Sequence, Handle                             uint16
	}
}

func TestManagementVectors(t *testing.T) {
	t.Parallel()
	verbs := map[viper.Verb]string{viper.Open: "open", viper.OpenAck: "open-ack", viper.Close: "close", viper.CloseAck: "close-ack"}
	var all manageVectors
	vectors(t, "manage.json", &all)
	for _, v := range all.Vectors {
		raw := unhex(t, v.Frame)
		// However the stream is cut, the frame is the same.
		f, err := viper.ReadFrame(iotest.OneByteReader(bytes.NewReader(raw)))
		if err != nil || f.Handle != 0 {
			t.Errorf("%s (%s): %v, handle %d", v.Name, v.Source, err, f.Handle)
			continue
		}
		if !bytes.Equal(f.Bytes(), raw) {
			t.Errorf("%s: written again as % x", v.Name, f.Bytes())
		}
		m, err := viper.ParseManage(f.Body)
		if err != nil || verbs[m.Verb] != v.Verb || m.Sequence != v.Sequence || m.Name != v.Channel || m.Handle != v.Handle ||
			string(m.Argument) != v.Argument {
			t.Errorf("%s (%s): %+v, %v", v.Name, v.Source, m, err)
		}
	}
	if len(all.Vectors) < 9 {
		t.Errorf("%d vectors", len(all.Vectors))
	}
}

// What the panel writes is what the fact sheet shows.
func TestManagementIsWrittenAsDocumented(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]byte{
		"cd ab 02 00 04 00 00 00 76 5f 00 00":          viper.OpenAckBody(0x5f76),
		"ef 01 03 00 02 00 00 00 00 00":                viper.CloseBody(0),
		"ef 01 04 00 04 00 00 00 76 5f 00 00":          viper.CloseAckBody(0x5f76),
		"cd ab 01 00 07 00 00 00 52 54 50 43 ac c1 01": viper.OpenBody([4]byte{'R', 'T', 'P', 'C'}, 0xc1ac),
	} {
		if !bytes.Equal(unhex(t, want), got) {
			t.Errorf("% x, want %s", got, want)
		}
	}
}

func TestManagementRefusals(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":             "",
		"magic alone":       "cd ab",
		"unknown magic":     "aa bb 01 00 07 00 00 00 55 41 55 54 76 5f 00",
		"close, sequence 9": "ef 01 09 00 02 00 00 00 76 5f",
		"open without name": "cd ab 01 00 07 00 00 00",
		"argument too long": "cd ab 01 00 07 00 00 00 43 54 50 50 7b 5f 00 00 0b 00 00 00 53 42 30 30 30 30 30 36 32 00",
		"argument missing":  "cd ab 01 00 07 00 00 00 43 54 50 50 7b 5f 00 00 0a 00",
		"argument endless":  "cd ab 01 00 07 00 00 00 43 54 50 50 7b 5f 00 00 ff ff ff ff 53",
	} {
		if m, err := viper.ParseManage(unhex(t, body)); !errors.Is(err, viper.ErrManage) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestFrameRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw  string
		want error
	}{
		"nothing":           {"", io.EOF},
		"half a header":     {"00 06 0f", io.ErrUnexpectedEOF},
		"half a body":       {"00 06 04 00 00 00 00 00 ef 01", io.ErrUnexpectedEOF},
		"no body at all":    {"00 06 04 00 00 00 00 00", io.ErrUnexpectedEOF},
		"wrong magic":       {"00 07 00 00 00 00 00 00", viper.ErrHeader},
		"a JSON text":       {"7b 22 6d 65 73 73 61 67", viper.ErrHeader},
		"not zero at six":   {"00 06 00 00 00 00 01 00", viper.ErrHeader},
		"not zero at seven": {"00 06 00 00 00 00 00 01", viper.ErrHeader},
	} {
		if f, err := viper.ReadFrame(bytes.NewReader(unhex(t, tc.raw))); !errors.Is(err, tc.want) {
			t.Errorf("%s: %+v, %v; want %v", name, f, err, tc.want)
		}
	}
}

func TestALongBodyIsCutToWhatTheHeaderCanSay(t *testing.T) {
	t.Parallel()
	b := viper.Frame{Handle: 7, Body: make([]byte, viper.MaxBody+10)}.Bytes()
	f, err := viper.ReadFrame(bytes.NewReader(b))
	if err != nil || len(f.Body) != viper.MaxBody || len(b) != viper.MaxBody+viper.HeaderSize {
		t.Errorf("%d bytes, %v", len(f.Body), err)
	}
}

type packetVectors struct {
	Vectors []struct {
		Name, Source, Packet, From, To string
		Flags, Seq, Ack                byte
		Connection, Opcode             uint16
		Body                           int
	}
	Refused []struct{ Name, Source, Packet string }
}

func TestPacketVectors(t *testing.T) {
	t.Parallel()
	var all packetVectors
	vectors(t, "ctp.json", &all)
	for _, v := range all.Vectors {
		raw := unhex(t, v.Packet)
		k, err := viper.ParsePacket(raw)
		if err != nil {
			t.Errorf("%s (%s): %v", v.Name, v.Source, err)
			continue
		}
		if k.Flags != v.Flags || k.Connection != v.Connection || k.Seq != v.Seq || k.Ack != v.Ack || k.Opcode() != v.Opcode ||
			len(k.Body) != v.Body || k.Source.String() != v.From || k.Dest.String() != v.To {
			t.Errorf("%s (%s): %+v", v.Name, v.Source, k)
		}
		if !bytes.Equal(k.Bytes(), raw) {
			t.Errorf("%s: written again as % x", v.Name, k.Bytes())
		}
	}
	for _, v := range all.Refused {
		if k, err := viper.ParsePacket(unhex(t, v.Packet)); !errors.Is(err, viper.ErrPacket) {
			t.Errorf("%s (%s): taken as %+v, %v", v.Name, v.Source, k, err)
		}
	}
	if len(all.Vectors) < 6 || len(all.Refused) < 6 {
		t.Errorf("%d and %d vectors", len(all.Vectors), len(all.Refused))
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, packed := range map[string]string{
		"SB100001": "53 42 31 30 30 30 30 31 00 00", "SB0000011": "53 42 30 30 30 30 30 31 31 00",
		"SB00000115": "53 42 30 30 30 30 30 31 31 35", "00000643": "30 30 30 30 30 36 34 33 00 00",
	} {
		a := viper.MakeAddress(text)
		if !bytes.Equal(a[:], unhex(t, packed)) || a.String() != text || !a.Valid() {
			t.Errorf("%s: % x, %q, valid %v", text, a, a, a.Valid())
		}
	}
	for _, bad := range []viper.Address{{}, {'S', 0, 'B'}, {'S', ' '}, {0xff}} {
		if bad.Valid() {
			t.Errorf("% x is valid", bad)
		}
	}
	if got := viper.MakeAddress("SB00000115x").String(); got != "SB00000115" {
		t.Errorf("cut to %q", got)
	}
}
