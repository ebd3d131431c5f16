package icona

import (
	"encoding/binary"
	"errors"
)

// Opcodes of packets (§1.5) [R].
const (
	Invite     uint16 = 0x01
	Release    uint16 = 0x0e
	Actuate    uint16 = 0x20
	OpenDoor   uint16 = 0x2d
	Register   uint16 = 0x40
	Registered uint16 = 0x41
	NoOpcode   uint16 = 0xffff
)

// Causes of a RELEASE (§1.5) [R]; the meaning of any other is unknown.
const (
	CauseDone byte = 0
	CauseBusy byte = 8 // somebody is ringing, for about a minute when nobody answers
)

// LeaseSeconds is how long a registration is asked for (§1.5: 0x0e10) [I].
const LeaseSeconds = 3600

// RegisterBody asks for rings at own. The two bytes after the opcode come back in the answer; 18 c2 is what the one
// source that wants certain ones wants (§1.5) [R].
func RegisterBody(own Address) []byte {
	b := append([]byte{0, byte(Register), 0x18, 0xc2}, own[:]...)
	return append(binary.LittleEndian.AppendUint16(b, LeaseSeconds), 0)
}

// DoorBody opens an output of an entrance (§1.5) [R].
func DoorBody(door Address, output byte) []byte {
	return append(append([]byte{0, byte(OpenDoor)}, door[:]...), output)
}

// ActuatorBody switches an output of an I/O module (§1.5) [T].
func ActuatorBody(module, output byte) []byte { return []byte{0, byte(Actuate), module, output} }

// Cause is why a RELEASE says that a call, or a request, is over.
func (k Packet) Cause() (byte, bool) {
	if k.Opcode() != Release || len(k.Body) < 3 {
		return 0, false
	}
	return k.Body[2], true
}

// Ring is somebody calling. Un-acknowledged it is told up to five times, each with the same Call (§1.5) [R].
type Ring struct {
	Call   uint32
	Origin Address // who calls; some kits leave out its first letter (§4) [R]
	Unit   Address // whom
	Tag    string  // PP an entrance, FF the floor's bell, II a client
}

// ErrRing says that an INVITE cannot be read.
var ErrRing = errors.New("not a ring")

const ringSize = 40

// ParseRing reads the body of an INVITE (§1.5) [R].
func ParseRing(body []byte) (Ring, error) {
	if len(body) < ringSize || binary.BigEndian.Uint16(body) != Invite {
		return Ring{}, ErrRing
	}
	r := Ring{
		Origin: Address(body[2:12]), Unit: Address(body[12:22]), Call: binary.BigEndian.Uint32(body[24:28]), Tag: string(body[38:40]),
	}
	if !r.Origin.Valid() || !r.Unit.Valid() {
		return Ring{}, ErrRing
	}
	return r, nil
}
