package icona

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Verb is what a message on handle 0 says.
type Verb byte

// The verbs of §1.2.
const (
	Open Verb = 1 + iota
	OpenAck
	Close
	CloseAck
)

// Channels that a Session opens (§1.3). FACT is none of them: it answers without a login and can remove every user.
const (
	UAUT = "UAUT" // log in, redeem a code
	UCFG = "UCFG" // configuration
	INFO = "INFO" // what the device is; needs no login
	CTPP = "CTPP" // packets
)

// ErrManage says that a body on handle 0 is none of §1.2's.
var ErrManage = errors.New("not a message that opens or closes a channel")

// Manage is a message on handle 0.
type Manage struct {
	Verb    Verb
	Channel string // of Open: four letters
	Handle  uint16
	// Bare is a close of four bytes, which names no handle (§1.2) [R, T].
	Bare bool
	// Argument goes with the opening of CTPP: one's own address.
	Argument string
}

// nameLength is what every known client writes before the name: the length of name, handle and NUL (§1.2) [R].
const nameLength = 7

// Bytes is the body of a frame on handle 0. The argument is written as an address field of ten bytes [R].
func (m Manage) Bytes() []byte {
	magic, count := uint16(0xabcd), uint32(4)
	switch m.Verb {
	case Open:
		count = nameLength
	case Close:
		magic, count = 0x01ef, 2
	case CloseAck:
		magic = 0x01ef
	case OpenAck:
	}
	b := binary.LittleEndian.AppendUint16(nil, magic)
	b = append(b, byte(m.Verb), 0)
	if m.Verb == Close && m.Bare {
		return b
	}
	b = binary.LittleEndian.AppendUint32(b, count)
	if m.Verb == Open {
		b = append(b, m.Channel...)
	}
	b = binary.LittleEndian.AppendUint16(b, m.Handle)
	switch {
	case m.Verb == Open:
		b = append(b, 0)
	case m.Verb != Close:
		b = append(b, 0, 0)
	}
	if m.Argument == "" {
		return b
	}
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint32(b, addressSize)
	field := make([]byte, addressSize)
	copy(field, m.Argument)
	return append(b, field...)
}

// ParseManage reads a body on handle 0. The number before the name may be any (§1.2) [R, T], and so may what follows.
func ParseManage(b []byte) (Manage, error) {
	if len(b) < 4 || b[3] != 0 {
		return Manage{}, ErrManage
	}
	m := Manage{Verb: Verb(b[2])}
	channel := m.Verb == Open || m.Verb == OpenAck
	want := []byte{0xef, 0x01}
	if channel {
		want = []byte{0xcd, 0xab}
	}
	if !bytes.Equal(b[:2], want) || !channel && m.Verb != Close && m.Verb != CloseAck {
		return Manage{}, ErrManage
	}
	if m.Verb == Close && len(b) == 4 {
		m.Bare = true
		return m, nil
	}
	at := 8
	if m.Verb == Open {
		at = 12
	}
	if len(b) < at+2 {
		return Manage{}, ErrManage
	}
	m.Channel, m.Handle = string(b[8:at]), binary.LittleEndian.Uint16(b[at:])
	if m.Verb == Open {
		m.Argument = argument(b[at+2:])
	}
	return m, nil
}

// argument reads what follows the handle of an opening: NUL, NUL, a length, and text up to a NUL. Anything else is none.
func argument(b []byte) string {
	if len(b) < 6 {
		return ""
	}
	n := binary.LittleEndian.Uint32(b[2:])
	if b = b[6:]; n > 64 || int(n) > len(b) {
		return ""
	}
	text, _, _ := bytes.Cut(b[:n], []byte{0})
	return string(text)
}
