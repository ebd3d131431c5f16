package cloudlink

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"
)

// maxPacket bounds one inbound MQTT packet. paho allocates the announced length before it reads, up to 256 MB, so
// the limit must act below it. Messages above protocol.MaxMessage are refused later, and counted.
const maxPacket = 256 << 10

// errTooLarge ends a connection. The broker would deliver the same packet again into the same session, so the next
// connection starts a clean one.
var errTooLarge = errors.New("the broker announced a packet that is too large")

// conn is a network connection with a deadline on every write (paho puts none on pings, acknowledgements and
// subscriptions), a size limit on every inbound packet, and byte counts.
type conn struct {
	net.Conn
	in     *bufio.Reader
	meter  packetMeter
	write  time.Duration
	count  func(direction string, n int)
	failed func(error) // told of every read or write error
}

func newConn(c net.Conn, write time.Duration, count func(string, int), failed func(error)) *conn {
	return &conn{Conn: c, in: bufio.NewReader(c), write: write, count: count, failed: failed}
}

// Read gives paho no byte behind the length of a packet that is too large.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.count("in", n)
	if tooLarge := c.meter.feed(p[:n]); tooLarge != nil {
		n, err = 0, tooLarge
	}
	if err != nil {
		c.failed(err)
	}
	return n, err
}

// Write fails when the network takes nothing for the write limit.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
		c.failed(err)
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.count("out", n)
	if err != nil {
		c.failed(err)
	}
	return n, err
}

// packetMeter follows the fixed headers of a stream of MQTT packets (MQTT 3.1.1 section 2.2).
type packetMeter struct {
	inLength bool // the type byte was read, the remaining length is being read
	shift    uint
	length   int
	body     int // bytes of the current packet still to come
}

// feed advances over p and fails at the last length byte of a packet above maxPacket.
func (m *packetMeter) feed(p []byte) error {
	for len(p) > 0 {
		switch {
		case m.body > 0:
			n := min(m.body, len(p))
			m.body -= n
			p = p[n:]
		case !m.inLength:
			m.inLength, m.shift, m.length = true, 0, 0
			p = p[1:]
		default:
			b := p[0]
			p = p[1:]
			m.length |= int(b&0x7f) << m.shift
			m.shift += 7
			if m.length > maxPacket || m.shift > 28 {
				return fmt.Errorf("%w: %d bytes, at most %d are taken", errTooLarge, m.length, maxPacket)
			}
			if b&0x80 == 0 {
				m.inLength, m.body = false, m.length
			}
		}
	}
	return nil
}
