package icona

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Flags of a packet (§1.5) [R].
const (
	Ack    byte = 0x00
	Fin    byte = 0x20
	Data   byte = 0x40
	Answer byte = 0x60 // data on a connection that the device owns or answers on
	Syn    byte = 0xc0
)

// PeerBit of a connection's number is flipped in what the other side of it sends.
const PeerBit uint16 = 0x8000

const ctpVersion = 0x18

// ErrPacket says that a body on CTPP is no packet. Devices send none such; clients that do are ignored by them (§1.6).
var ErrPacket = errors.New("not a packet")

// Packet is the body of a frame on CTPP. Sequence numbers advance by one with every packet that has a body, and start
// anywhere (§1.5) [R, T].
type Packet struct {
	Flags      byte
	Connection uint16 // 15 bits by who opened it
	Seq, Ack   byte   // Ack is the peer's next Seq
	Body       []byte // its first two bytes are the opcode
	From, To   Address
}

// Bytes is the packet as it goes out.
func (k Packet) Bytes() []byte {
	b := binary.BigEndian.AppendUint16([]byte{k.Flags, ctpVersion}, k.Connection)
	b = append(b, k.Seq, k.Ack)
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.Body)))
	b = append(b, k.Body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = append(b, 0xff, 0xff, 0xff, 0xff)
	return append(append(b, k.From[:]...), k.To[:]...)
}

// ParsePacket reads a body on CTPP. Its addresses may be any bytes: Valid tells.
func ParsePacket(b []byte) (Packet, error) {
	const tail = 4 + 2*addressSize
	if len(b) < 8+tail || b[1] != ctpVersion {
		return Packet{}, ErrPacket
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	end := (8 + n + 3) / 4 * 4
	if len(b) != end+tail || !bytes.Equal(b[8+n:end], make([]byte, end-8-n)) || !bytes.Equal(b[end:end+4], []byte{0xff, 0xff, 0xff, 0xff}) {
		return Packet{}, ErrPacket
	}
	switch b[0] {
	case Ack, Fin, Data, Answer, Syn:
	default:
		return Packet{}, ErrPacket
	}
	return Packet{
		Flags: b[0], Connection: binary.BigEndian.Uint16(b[2:]), Seq: b[4], Ack: b[5], Body: bytes.Clone(b[8 : 8+n]),
		From: Address(b[end+4 : end+14]), To: Address(b[end+14:]),
	}, nil
}

// Opcode is the first two bytes of the body; NoOpcode when it has none.
func (k Packet) Opcode() uint16 {
	if len(k.Body) < 2 {
		return NoOpcode
	}
	return binary.BigEndian.Uint16(k.Body)
}

// Reply answers k without a body, on its connection and with its own addresses turned round: those of a renewal may be
// other than the configuration says (§4) [R].
func (k Packet) Reply(flags byte) Packet {
	next := k.Seq
	if len(k.Body) > 0 {
		next++
	}
	return Packet{Flags: flags, Connection: k.Connection ^ PeerBit, Seq: k.Ack, Ack: next, From: k.To, To: k.From}
}
