package cloudlink

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"gatehouse/protocol"
)

// FuzzPackets: whatever a broker sends, the library behind our limit reads a packet or fails; a panic there, in a goroutine
// of its own, would end the agent.
func FuzzPackets(f *testing.F) {
	f.Add([]byte{0x20, 2, 0, 0, 0x90, 3, 0, 1, 1})
	f.Add([]byte{0x32, 5, 0, 1, 'a', 0, 1})
	f.Add([]byte{0x30, 2, 0xff, 0xff})
	f.Add([]byte{0x20, 0, 0x40, 1, 7})
	f.Fuzz(func(t *testing.T, stream []byte) {
		c := newConn(silent{r: bytes.NewReader(stream)}, time.Second, func(string, int) {}, func(error) {})
		for {
			p, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			if m, ok := p.(*packets.PublishPacket); ok {
				if len(m.Payload) > maxPacket {
					t.Fatalf("%d bytes", len(m.Payload))
				}
				_, _, _ = protocol.ParseUp(m.TopicName)
			}
			_ = p.String()
		}
	})
}

// silent is a connection that only says something.
type silent struct {
	net.Conn
	r io.Reader
}

func (s silent) Read(p []byte) (int, error) { return s.r.Read(p) }
