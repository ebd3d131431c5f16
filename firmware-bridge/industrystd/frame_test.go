package industrystd_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/firmware-bridge/industrystd"
)

// withLRC finds a message whose frame ends with this checksum.
func withLRC(t *testing.T, want byte) industrystd.Message {
	t.Helper()
	for _, m := range []industrystd.Message{{"CO", "0", "AA"}, {"CO", "0", "", "AA"}} { // the number of separators decides the highest bit
		for a := byte(' '); a <= '~'; a++ {
			for b := byte(' '); b <= '~'; b++ {
				m[len(m)-1] = string([]byte{'x', a, b})
				if f := framed(m.String()); f[len(f)-1] == want && a != '|' && b != '|' {
					return m
				}
			}
		}
	}
	t.Fatalf("no message with checksum %02X", want)
	return nil
}

// TestTowardsE3_EveryChecksum sends a frame with every value a checksum can have, those of control bytes among them, through
// both directions of the codec and cuts it out of a stream.
func TestTowardsE3_EveryChecksum(t *testing.T) {
	t.Parallel()
	for lrc := range 256 {
		m := withLRC(t, byte(lrc))
		frame, err := industrystd.Encode(m)
		if err != nil || frame[len(frame)-1] != byte(lrc) {
			t.Fatalf("%02X: % X, %v", lrc, frame, err)
		}
		for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
			if got, err := industrystd.Decode(d, frame); err != nil || got.String() != m.String() {
				t.Errorf("%s %02X: %v, %v; want %v", d, lrc, got, err, m)
			}
		}
		stream := append(append([]byte{}, frame...), industrystd.ACK)
		units, rx := receive(stream)
		if len(units) != 2 || string(units[0]) != string(frame) || units[1].IsFrame() || rx.Dropped() != 0 {
			t.Errorf("%02X: cut into %X, %d dropped", lrc, units, rx.Dropped())
		}
	}
}

func TestDecode_SkippedChecksum(t *testing.T) {
	t.Parallel()
	frame, err := industrystd.EncodeSkipLRC(industrystd.Message{"CO", "0", "101"}) // its true checksum is 0F
	if err != nil || frame[len(frame)-1] != 0x0D {
		t.Fatalf("% X, %v", frame, err)
	}
	if m, err := industrystd.Decode(industrystd.Salto, frame); err != nil || m.Field(2) != "101" {
		t.Errorf("salto: %v, %v; want it accepted unchecked (§1.2)", m, err)
	}
	if _, err := industrystd.Decode(industrystd.Onity, frame); !errors.Is(err, industrystd.ErrLRC) {
		t.Errorf("onity: %v; want a wrong checksum, it has no skip (§1.2)", err)
	}
}

func TestDecode_Refuses(t *testing.T) {
	t.Parallel()
	good := string(framed("CO|0"))
	for name, v := range map[string]struct {
		frame string
		want  error
	}{
		"nothing":              {"", industrystd.ErrShape},
		"no leading separator": {"\x02CO\xB3\x03\x00", industrystd.ErrShape},
		"no last separator":    {"\x02\xB3CO\x03\x00", industrystd.ErrShape},
		"no ETX":               {good[:len(good)-2] + "..", industrystd.ErrShape},
		"no checksum":          {good[:len(good)-1], industrystd.ErrShape},
		"one byte too many":    {good + ".", industrystd.ErrShape},
		"STX inside":           {"\x02\xB3C\x02O\xB3\x03\x00", industrystd.ErrShape},
		"ETX inside":           {"\x02\xB3C\x03O\xB3\x03\x00", industrystd.ErrShape},
		"too long":             {"\x02\xB3" + strings.Repeat("A", industrystd.MaxFrame) + "\xB3\x03\x00", industrystd.ErrShape},
		"wrong checksum":       {good[:len(good)-1] + "\x8D", industrystd.ErrLRC},
		"separators only":      {"\x02\xB3\xB3\x03\x00", industrystd.ErrLRC},
	} {
		if m, err := industrystd.Decode(industrystd.Salto, []byte(v.frame)); !errors.Is(err, v.want) {
			t.Errorf("%s: %v, %v; want %v", name, m, err, v.want)
		}
	}
}

func TestEncode_RefusesWhatWouldChangeTheFrame(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		_, err := industrystd.Encode(industrystd.Message{"CN", "x" + string([]byte{byte(b)})})
		if printable := b >= ' ' && b <= '~'; (err == nil) != printable {
			t.Errorf("byte %02X: %v", b, err)
		}
	}
	limit := &industrystd.LimitError{}
	if _, err := industrystd.Encode(industrystd.Message{"P1", strings.Repeat("x", industrystd.MaxFrame)}); !errors.As(err, &limit) {
		t.Errorf("a frame over the bound: %v", err)
	}
	if _, err := industrystd.EncodeSkipLRC(industrystd.Message{"\x02"}); !errors.As(err, &limit) {
		t.Errorf("without a checksum: %v", err)
	}
	long := industrystd.Job{Command: industrystd.WriteTrack, Encoder: "1", Track: 1, Text: strings.Repeat("x", industrystd.MaxFrame)}
	if _, err := industrystd.Build(industrystd.Salto, long); !errors.As(err, &limit) {
		t.Errorf("a job over the bound: %v", err)
	}
}

func TestMessage_RoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := industrystd.Message(rapid.SliceOfN(rapid.StringMatching(`[ -{}~]{0,30}`), 1, 20).Draw(t, "fields"))
		frame, err := industrystd.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if string(frame) != string(framed(m.String())) {
			t.Fatalf("% X, want % X", frame, framed(m.String()))
		}
		got, err := industrystd.Decode(industrystd.Onity, frame)
		if err != nil || got.String() != m.String() || len(got) != len(m) {
			t.Fatalf("%q, %v; want %q", got, err, m)
		}
		if got.Field(len(m)) != "" || got.Field(-1) != "" {
			t.Fatal("a field that is not there has a value")
		}
	})
}

func TestDialect_Names(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"salto", "onity"} {
		if d, err := industrystd.ParseDialect(name); err != nil || string(d) != name {
			t.Errorf("%s: %q, %v", name, d, err)
		}
	}
	if _, err := industrystd.ParseDialect("vingcard"); err == nil || !strings.Contains(err.Error(), "onity") {
		t.Errorf("an unknown dialect: %v; want the names in words", err)
	}
	if _, err := industrystd.Build("", industrystd.Job{Command: industrystd.Read, Encoder: "1"}); err == nil {
		t.Error("a job is built in no dialect")
	}
}

func TestTowardsE3_SevenDataBits(t *testing.T) {
	t.Parallel()
	if err := industrystd.CheckDataBits(8); err != nil {
		t.Error(err)
	}
	for _, bits := range []int{0, 5, 7, 9} {
		if err := industrystd.CheckDataBits(bits); err == nil || !strings.Contains(err.Error(), "separator") {
			t.Errorf("%d data bits: %v; want it refused in words", bits, err)
		}
	}
}
