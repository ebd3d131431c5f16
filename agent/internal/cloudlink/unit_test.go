package cloudlink

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

func checkFault(t *testing.T, err error, kind, remedy string) {
	t.Helper()
	if err == nil || fault.KindOf(err).String() != kind || !strings.Contains(fault.RemedyOf(err), remedy) {
		t.Errorf("%v: kind %s, remedy %q", err, fault.KindOf(err), fault.RemedyOf(err))
	}
}

func TestBadConfigurationIsRefusedInWords(t *testing.T) {
	g := prototest.NewGateway(t, "gw1")
	good := Config{Gateway: "gw1", Broker: "tcp://127.0.0.1:1883", Signing: g.Signing, Sealing: g.Sealing,
		Trusted: good1(t)}
	if _, err := New(good, Deps{}, nil); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"gateway id":               func(c *Config) { c.Gateway = "gw/1" },
		"want tls://host:port":     func(c *Config) { c.Broker = "broker.example.com" },
		"want tls://":              func(c *Config) { c.Broker = "ws://127.0.0.1:80" },
		"tcp:// is for loopback":   func(c *Config) { c.Broker = "tcp://192.0.2.1:1883" },
		"no client certificate":    func(c *Config) { c.Broker = "tls://broker.example.com:8883" },
		"no signing key":           func(c *Config) { c.Signing = nil },
		"no sealing key":           func(c *Config) { c.Sealing = nil },
		"no key of the cloud":      func(c *Config) { c.Trusted = nil },
		"\"tls://broker.example.c": func(c *Config) { c.Broker = "tls://broker.example.com" },
	} {
		c := good
		change(&c)
		if _, err := New(c, Deps{}, nil); err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	good.Broker, good.Certificate = "tls://broker.example.com:8883", func() (tls.Certificate, error) { return tls.Certificate{}, nil }
	if _, err := New(good, Deps{}, nil); err != nil {
		t.Error(err)
	}
}

func good1(t *testing.T) []ed25519.PublicKey {
	return []ed25519.PublicKey{prototest.Public(prototest.NewSigningKey(t))}
}

// packet is an MQTT packet with a body of n bytes.
func packet(n int) []byte {
	out := []byte{0x30}
	length := binary.AppendUvarint(nil, uint64(n)) // the same coding as MQTT's remaining length
	return append(append(out, length...), make([]byte, n)...)
}

func TestPacketMeterFollowsAnyCuts(t *testing.T) {
	var stream []byte
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, maxPacket, 0} {
		stream = append(stream, packet(n)...)
	}
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(string(stream)), "bytes": iotest.OneByteReader(strings.NewReader(string(stream))),
		"halves": iotest.HalfReader(strings.NewReader(string(stream))),
	} {
		var m packetMeter
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			if tooLarge := m.feed(buf[:n]); tooLarge != nil {
				t.Fatalf("%s: %v", name, tooLarge)
			}
			if err != nil {
				break
			}
		}
		if m != (packetMeter{}) && (m.body != 0 || m.inLength) {
			t.Errorf("%s: ended inside a packet: %+v", name, m)
		}
	}
}

func TestPacketMeterStopsAtTheLength(t *testing.T) {
	for name, head := range map[string][]byte{
		"one too many":          append([]byte{0x30}, binary.AppendUvarint(nil, maxPacket+1)...),
		"256 MB":                {0x30, 0xff, 0xff, 0xff, 0x7f},
		"a length without end":  {0x30, 0x80, 0x80, 0x80, 0x80, 0x80},
		"after a good one":      append(packet(5), 0x30, 0xff, 0xff, 0x7f),
		"a second of zero size": append(packet(0), 0x40, 0xff, 0xff, 0xff, 0x01),
	} {
		var m packetMeter
		if err := m.feed(head); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPacketMeter(f *testing.F) {
	f.Add([]byte{0x30, 0x02, 1, 2, 0xd0, 0}, uint8(1))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		var whole, parts packetMeter
		errWhole := whole.feed(stream)
		at := min(int(cut), len(stream))
		errParts := parts.feed(stream[:at])
		if errParts == nil {
			errParts = parts.feed(stream[at:])
		}
		if (errWhole == nil) != (errParts == nil) || errWhole == nil && whole != parts {
			t.Errorf("cut at %d: %v %+v, whole %v %+v", at, errParts, parts, errWhole, whole)
		}
	})
}

func TestEveryWriteHasADeadline(t *testing.T) {
	here, there := net.Pipe() // nobody reads
	defer func() { _, _ = here.Close(), there.Close() }()
	var failed error
	counted := map[string]int{}
	c := newConn(here, 50*time.Millisecond, func(d string, n int) { counted[d] += n }, func(err error) { failed = err })
	if _, err := c.Write([]byte{0xc0, 0}); err == nil || failed == nil {
		t.Errorf("a ping into a full network: %v, reported %v", err, failed)
	}
	go func() { _, _ = there.Read(make([]byte, 2)) }()
	if _, err := c.Write([]byte{0xc0, 0}); err != nil || counted["out"] != 2 {
		t.Errorf("%v, counted %v: a deadline of before must not stay", err, counted)
	}
}

func TestTooLargePacketIsNotGivenToPaho(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _, _ = here.Close(), there.Close() }()
	go func() { _, _ = there.Write([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}) }()
	var failed error
	c := newConn(here, time.Second, func(string, int) {}, func(err error) { failed = err })
	got, err := io.ReadAll(iotest.OneByteReader(c))
	if !errors.Is(err, errTooLarge) || !errors.Is(failed, errTooLarge) || len(got) > 4 {
		t.Errorf("read %x, %v, reported %v: paho must not see the last length byte", got, err, failed)
	}
}

func TestWindow(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	w := newWindow(30*time.Second, 5*time.Minute)
	if _, ok := w.due(); ok || !w.room() {
		t.Error("an empty window waits for something")
	}
	for n := uint64(1); w.room(); n++ {
		w.left(n*10, now)
	}
	if len(w.flying) != maxFlying || w.next != 80 {
		t.Errorf("%d under way, next %d", len(w.flying), w.next)
	}
	w.receipt(25) // two batches and a part
	if len(w.flying) != 6 || w.next != 80 {
		t.Errorf("%d under way, next %d", len(w.flying), w.next)
	}
	for _, patience := range []time.Duration{30, 60, 120, 240, 300, 300} {
		at, ok := w.due()
		if !ok || at.Sub(now) != patience*time.Second { //nolint:durationcheck // patience is a plain factor
			t.Fatalf("due after %s, want %ds", at.Sub(now), patience)
		}
		w.overdue(at.Add(-1))
		if len(w.flying) == 0 {
			t.Fatal("given up too early")
		}
		w.overdue(at)
		if len(w.flying) != 0 || w.next != 0 || !w.room() {
			t.Fatalf("%+v after it was overdue", w)
		}
		now = at
		w.left(30, now)
		if w.room() {
			t.Fatal("more than one batch for a silent cloud")
		}
	}
	w.receipt(30)
	if w.size != maxFlying || w.patience != 30*time.Second {
		t.Errorf("%+v after a receipt", w)
	}
}

func TestWindowGoesBackToWhatWasMissed(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	fly := func() *window {
		w := newWindow(30*time.Second, 5*time.Minute)
		w.left(10, now)
		w.left(20, now.Add(time.Second))
		return w
	}
	for name, c := range map[string]struct {
		through uint64
		asked   time.Time
		next    uint64
	}{
		"nothing arrived":           {0, now.Add(time.Minute), 0},
		"a part of the oldest":      {9, now.Add(time.Minute), 0},
		"it was asked before":       {0, now, 20},
		"the oldest batch is there": {10, now.Add(time.Minute), 0},
		"all is there":              {20, now.Add(time.Minute), 20},
		"the rest left after it":    {10, now.Add(time.Second), 20},
	} {
		w := fly()
		w.receipt(c.through)
		if w.missed(c.through, c.asked); w.next != c.next {
			t.Errorf("%s: goes on behind %d, want %d", name, w.next, c.next)
		}
	}
}

func TestNonces(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	n := &nonces{limit: 10 * time.Minute}
	var issued []string
	for i := range remembered + 1 {
		issued = append(issued, n.issue(now.Add(time.Duration(i)*time.Second)))
	}
	now = now.Add(time.Minute)
	if _, fresh, _ := n.echo(issued[0], now); fresh {
		t.Error("a forgotten nonce is fresh")
	}
	sent, fresh, first := n.echo(issued[1], now)
	if !fresh || !first || now.Sub(sent) != 59*time.Second {
		t.Errorf("sent %s, fresh %t, first %t", sent, fresh, first)
	}
	if _, fresh, first = n.echo(issued[1], now); !fresh || first {
		t.Errorf("second chunk: fresh %t, first %t", fresh, first)
	}
	for _, bad := range []string{"", "x", issued[2] + " "} {
		if _, fresh, _ := n.echo(bad, now); fresh {
			t.Errorf("%q is fresh", bad)
		}
	}
	if _, fresh, _ := n.echo(issued[4], now.Add(10*time.Minute)); fresh {
		t.Error("an answer that took ten minutes is fresh")
	}
}

func TestReasonOf(t *testing.T) {
	for want, err := range map[protocol.Reason]error{
		protocol.Gap:  fmt.Errorf("apply: %w", protocol.Refuse(protocol.Gap, "x")),
		"no_room":     fmt.Errorf("apply: %w", reasoned{}),
		"full":        fault.New(fault.Full, "write", "wanted.db", "x"),
		"internal":    errDisk,
		"unreachable": fault.Wrap(fault.Unreachable, "a", "b", errDisk),
	} {
		if got := reasonOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestMetricsAreNamedByTheRules(t *testing.T) {
	_, b := virtual(t)
	b.link.metrics.messages.WithLabelValues("in", "state").Inc()
	b.link.metrics.refused.WithLabelValues("gap").Inc()
	b.link.metrics.bytes.WithLabelValues("in").Add(1)
	families, err := b.registry.Gather()
	if err != nil || len(families) != len(b.link.Collectors()) {
		t.Fatalf("%d families, %v", len(families), err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "gatehouse_cloudlink_") || f.GetHelp() == "" {
			t.Errorf("metric %s", f.GetName())
		}
	}
	if err := prometheus.NewRegistry().Register(b.link.Collectors()[0]); err != nil {
		t.Error(err)
	}
}
