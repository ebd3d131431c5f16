package viper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrPacket is a CTPP body that is no CTP packet. Devices ignore such (§1.6).
var ErrPacket = errors.New("not a CTP packet")

// Flags of a packet (§1.5).
const (
	Syn    byte = 0xc0 // opens a connection
	Data   byte = 0x40
	Answer byte = 0x60 // data from the side that answers
	Ack    byte = 0x00
	Fin    byte = 0x20
)

// Opcodes: the first two bytes of a packet's body (§1.5).
const (
	Invite       uint16 = 0x0001
	Release      uint16 = 0x000e
	Actuator     uint16 = 0x0020
	OpenDoor     uint16 = 0x002d
	Register     uint16 = 0x0040
	Registered   uint16 = 0x0041
	VoiceStatus  uint16 = 0x0070
	NoOpcode     uint16 = 0xffff // of a packet whose body is shorter than an opcode
	version             = 0x18
	fixed               = 8  // in front of the body
	trailer             = 24 // four ff and two addresses
	AddressSize         = 10
	PeerBit      uint16 = 0x8000
	LongestValid        = 1024 // the longest known body has 40 bytes; the bound is ours
)

// Packet is one CTP packet.
type Packet struct {
	Flags      byte
	Connection uint16
	Seq, Ack   byte
	Body       []byte
	Source     Address
	Dest       Address
}

// Opcode is the first two bytes of the body.
func (p Packet) Opcode() uint16 {
	if len(p.Body) < 2 {
		return NoOpcode
	}
	return binary.BigEndian.Uint16(p.Body)
}

// padded is the body's length with its zeros to a multiple of four.
func padded(n int) int { return (n + 3) &^ 3 }

// ParsePacket reads a CTPP body strictly: the version byte, a known flag, the body's own length, zeros behind it, the
// four ff, and nothing more.
func ParsePacket(b []byte) (Packet, error) {
	if len(b) < fixed+trailer || b[1] != version {
		return Packet{}, fmt.Errorf("%w: %d bytes", ErrPacket, len(b))
	}
	p := Packet{Flags: b[0], Connection: binary.BigEndian.Uint16(b[2:]), Seq: b[4], Ack: b[5]}
	n := int(binary.BigEndian.Uint16(b[6:]))
	end := fixed + padded(n)
	if n > LongestValid || len(b) != end+trailer {
		return Packet{}, fmt.Errorf("%w: a body of %d in %d bytes", ErrPacket, n, len(b))
	}
	switch p.Flags {
	case Syn, Data, Answer, Ack, Fin:
	default:
		return Packet{}, fmt.Errorf("%w: flags %02x", ErrPacket, p.Flags)
	}
	if !bytes.Equal(b[end:end+4], []byte{255, 255, 255, 255}) || len(bytes.Trim(b[fixed+n:end], "\x00")) != 0 {
		return Packet{}, fmt.Errorf("%w: no ff ff ff ff behind the body", ErrPacket)
	}
	p.Body = b[fixed : fixed+n]
	p.Source, p.Dest = Address(b[end+4:end+14]), Address(b[end+14:end+24])
	return p, nil
}

// Bytes writes the packet.
func (p Packet) Bytes() []byte {
	b := []byte{p.Flags, version}
	b = binary.BigEndian.AppendUint16(b, p.Connection)
	b = append(b, p.Seq, p.Ack)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Body)))
	b = append(b, p.Body...)
	b = append(b, make([]byte, padded(len(p.Body))-len(p.Body))...)
	b = append(b, 255, 255, 255, 255)
	b = append(b, p.Source[:]...)
	return append(b, p.Dest[:]...)
}
