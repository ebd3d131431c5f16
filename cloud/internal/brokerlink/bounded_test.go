package brokerlink

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/protocol"
	"gatehouse/protocol/prototest"
)

// packet is one of MQTT with a body of n bytes; its length is written as varints are, MQTT 3.1.1 section 2.2.3.
func packet(n int) []byte {
	return append(binary.AppendUvarint([]byte{0x30}, uint64(n)), bytes.Repeat([]byte{0xff}, n)...)
}

func TestBounded(t *testing.T) {
	t.Parallel()
	whole := bytes.Join([][]byte{packet(0), packet(1), packet(127), packet(128), packet(16383), packet(16384), packet(maxPacket), packet(2)}, nil)
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"as it comes": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "by halves": iotest.HalfReader,
	} {
		if got, err := io.ReadAll(newBounded(cut(bytes.NewReader(whole)))); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(whole), err)
		}
	}
	for name, bad := range map[string][]byte{"too large": packet(maxPacket + 1), "no length": {0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, "zeros for a length": {0x30, 0x80, 0x80, 0x80, 0x80, 0x80}} {
		got, err := io.ReadAll(newBounded(bytes.NewReader(append(packet(3), bad...))))
		if err == nil || !strings.Contains(err.Error(), "at most 262144 are taken") || !bytes.Equal(got, packet(3)) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// FuzzBounded: whatever comes, what is passed on is a beginning of it, and never a packet that is too large.
func FuzzBounded(f *testing.F) {
	f.Add(packet(3))
	f.Add(append(packet(200), 0x30, 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, _ := io.ReadAll(newBounded(bytes.NewReader(in))) // that it fails is allowed
		if !bytes.HasPrefix(in, got) {
			t.Fatal("something else is passed on")
		}
		for rest := got; len(rest) > 1; {
			n, size := binary.Uvarint(rest[1:])
			if size <= 0 || n > maxPacket {
				t.Fatalf("a packet of %d bytes is passed on", n)
			}
			rest = rest[min(len(rest), 1+size+int(n)):]
		}
	})
}

func TestAPacketThatIsTooLargeCostsTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.broker = prototest.Broker(t, prototest.TLS(r.ca), prototest.MaxPacket(0))
	l, _ := r.run(r.config())
	connected(t, l)
	r.broker.Inject(t, protocol.UpTopic("gw1", protocol.TypeHello), make([]byte, maxPacket+1))
	eventually(t, "it is said", func() bool { return strings.Contains(r.said(), "announced a packet of at least") })
	connected(t, l)
	for _, h := range r.heard.All() {
		if strings.Contains(h, "hello") {
			t.Error("it was taken")
		}
	}
}
