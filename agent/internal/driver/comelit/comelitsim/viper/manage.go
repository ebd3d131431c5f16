package viper

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// ErrManage is a body on handle 0 that is no management message this side knows.
var ErrManage = errors.New("not a management message")

// Verb is what a management message asks for or answers.
type Verb int

// The four messages of §1.2.
const (
	Open Verb = iota + 1
	OpenAck
	Close
	CloseAck
)

// Manage is a message on handle 0.
type Manage struct {
	Verb Verb
	// Sequence is the 16-bit number behind the magic: 1 open, 2 open-ack, 3 close, 4 close-ack. A device ignores an
	// open with another one.
	Sequence uint16
	// Name is the four letters of the channel; only an open has it.
	Name   string
	Handle uint16
	// HandleGiven is false for the four-byte close of some clients, which names no handle.
	HandleGiven bool
	// Argument is what follows the name of a CTPP channel, without its NULs; nil when absent.
	Argument []byte
}

const (
	magicOpen  = 0xabcd
	magicClose = 0x01ef
	nameEnd    = 12 // magic, sequence, length, name
	plainOpen  = 16 // with the handle and up to two bytes of trailing NUL
)

// ParseManage reads a body of handle 0. The 32-bit number in front of a channel's name is not looked at: clients
// disagree on it and devices accept them all (§1.2).
func ParseManage(b []byte) (Manage, error) {
	if len(b) < 4 {
		return Manage{}, ErrManage
	}
	m := Manage{Sequence: binary.LittleEndian.Uint16(b[2:])}
	switch magic := binary.LittleEndian.Uint16(b); {
	case magic == magicOpen && m.Sequence == 2:
		m.Verb = OpenAck
	case magic == magicOpen:
		return parseOpen(m, b)
	case magic == magicClose && m.Sequence == 4:
		m.Verb = CloseAck
	case magic == magicClose && m.Sequence == 3:
		m.Verb = Close
	default:
		return Manage{}, ErrManage
	}
	if len(b) >= 10 {
		m.Handle, m.HandleGiven = binary.LittleEndian.Uint16(b[8:]), true
	}
	return m, nil
}

func parseOpen(m Manage, b []byte) (Manage, error) {
	if len(b) < nameEnd+2 {
		return Manage{}, ErrManage
	}
	m.Verb, m.Name = Open, string(b[8:nameEnd])
	m.Handle, m.HandleGiven = binary.LittleEndian.Uint16(b[nameEnd:]), true
	if len(b) <= plainOpen {
		return m, nil
	}
	rest := b[plainOpen:]
	if len(rest) < 4 || int64(binary.LittleEndian.Uint32(rest)) != int64(len(rest)-4) {
		return Manage{}, ErrManage
	}
	m.Argument = bytes.TrimRight(rest[4:], "\x00")
	return m, nil
}

// OpenAckBody answers an open: the handle comes back (§1.2).
func OpenAckBody(handle uint16) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0xcd, 0xab, 2, 0, 4, 0, 0, 0}, handle), 0, 0)
}

// OpenBody opens a channel towards the client, as panels do for media (§1.2).
func OpenBody(name [4]byte, handle uint16) []byte {
	b := append([]byte{0xcd, 0xab, 1, 0, 7, 0, 0, 0}, name[:]...)
	return append(binary.LittleEndian.AppendUint16(b, handle), 1)
}

// CloseBody closes a channel. Of handle 0 it is what a device says to bytes it cannot place (§1.2).
func CloseBody(handle uint16) []byte {
	return binary.LittleEndian.AppendUint16([]byte{0xef, 1, 3, 0, 2, 0, 0, 0}, handle)
}

// CloseAckBody answers a close (§1.2, the form with 4).
func CloseAckBody(handle uint16) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0xef, 1, 4, 0, 4, 0, 0, 0}, handle), 0, 0)
}
