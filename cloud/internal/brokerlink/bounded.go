package brokerlink

import (
	"bufio"
	"fmt"
	"io"
)

// maxPacket bounds one inbound MQTT packet, as in the broker's own configuration.
const maxPacket = 256 << 10

// bounded passes a stream of MQTT packets on, up to one that is too large. paho takes memory for whatever length a packet
// announces, up to 256 MB, before it reads it.
type bounded struct {
	in   *bufio.Reader
	head []byte // of the packet that begins, to be passed on
	left int    // bytes of its body to come
}

func newBounded(r io.Reader) *bounded { return &bounded{in: bufio.NewReader(r)} }

// Read fails before a packet that is too large, or whose length is none (MQTT 3.1.1 section 2.2.3), has begun.
func (b *bounded) Read(p []byte) (int, error) {
	if len(b.head) == 0 && b.left == 0 {
		if err := b.begin(); err != nil {
			return 0, err
		}
	}
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// begin reads a packet's type and length.
func (b *bounded) begin() error {
	kind, err := b.in.ReadByte()
	if err != nil {
		return err
	}
	head, length := []byte{kind}, 0
	for shift := 0; ; shift += 7 {
		c, err := b.in.ReadByte()
		if err != nil {
			return err
		}
		head = append(head, c)
		if length |= int(c&0x7f) << shift; length > maxPacket || len(head) > 5 {
			return fmt.Errorf("the broker announced a packet of at least %d bytes; at most %d are taken", length, maxPacket)
		}
		if c&0x80 == 0 {
			b.head, b.left = head, length
			return nil
		}
	}
}
