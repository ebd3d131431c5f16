package industrystd

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gatehouse/firmware-bridge/ascii"
)

// Bytes with a meaning (§1.2).
const (
	STX       = 0x02 // a frame begins
	ETX       = 0x03 // its text ends; one byte of checksum follows, whatever its value
	ENQ       = 0x05 // are you ready?
	ACK       = 0x06 // ready, or accepted
	NAK       = 0x15 // busy, or not accepted
	SkipLRC   = 0x0D // in the checksum's place: not checked (SALTO)
	Separator = 0xB3 // before, between and after the fields
)

// MaxFrame bounds a frame in bytes, both ways. The protocol states no limit [U].
const MaxFrame = 4096

// Errors of Decode, for errors.Is.
var (
	ErrShape = errors.New("not a frame of this protocol")
	ErrLRC   = errors.New("wrong checksum")
)

// Message is the fields of one frame. Field 0 is the command, or an error's code.
type Message []string

// Field is the i-th field, empty when the peer left it out: trailing empty fields may be missing (§1.3).
func (m Message) Field(i int) string {
	if i < 0 || i >= len(m) {
		return ""
	}
	return m[i]
}

// String writes the message as people write it, with | for the separator.
func (m Message) String() string { return strings.Join(m, "|") }

// LRC is the checksum of a frame: the exclusive or of every byte after STX up to and including ETX (§1.2) [T, M].
func LRC(body []byte) byte {
	var sum byte
	for _, b := range body {
		sum ^= b
	}
	return sum
}

// Encode makes the frame of m. It refuses fields that hold anything but printable ASCII, since a separator or
// control byte would change the meaning of the rest, and frames over MaxFrame.
func Encode(m Message) ([]byte, error) {
	frame := []byte{STX, Separator}
	for i, field := range m {
		if at := strings.IndexFunc(field, notPrintable); at >= 0 {
			return nil, &LimitError{
				Field: fmt.Sprintf("field %d", i), Why: fmt.Sprintf("holds the byte %02X", field[at]),
				Limit: "printable ASCII", Source: "encoders.md §1.2 [I]",
			}
		}
		frame = append(append(frame, field...), Separator)
	}
	frame = append(frame, ETX)
	frame = append(frame, LRC(frame[1:]))
	if len(frame) > MaxFrame {
		return nil, &LimitError{
			Field: "frame", Why: fmt.Sprintf("would have %d bytes", len(frame)),
			Limit: fmt.Sprintf("%d bytes", MaxFrame), Source: "our own bound, encoders.md §8.2 [U]",
		}
	}
	return frame, nil
}

// EncodeSkipLRC is Encode with 0D in the checksum's place, which SALTO takes unchecked (§1.2) [T]. For lines that
// compute no checksum; Session does not use it.
func EncodeSkipLRC(m Message) ([]byte, error) {
	frame, err := Encode(m)
	if err != nil {
		return nil, err
	}
	frame[len(frame)-1] = SkipLRC
	return frame, nil
}

// Decode reads one whole frame, from STX to the checksum. Errors are ErrShape or ErrLRC; with ErrLRC the message is
// returned all the same, for the record only. Fields are the peer's bytes, not necessarily text.
func Decode(d Dialect, frame []byte) (Message, error) {
	n := len(frame)
	if n < 5 || n > MaxFrame || frame[0] != STX || frame[1] != Separator || frame[n-2] != ETX || frame[n-3] != Separator {
		return nil, ErrShape
	}
	text := frame[2 : n-2]
	if bytes.IndexByte(text, STX) >= 0 || bytes.IndexByte(text, ETX) >= 0 {
		return nil, ErrShape
	}
	m := Message(strings.Split(string(text[:len(text)-1]), string([]byte{Separator})))
	want, got := LRC(frame[1:n-1]), frame[n-1]
	if got != want && (got != SkipLRC || !d.skipsLRC()) {
		return m, fmt.Errorf("%w: %02X, want %02X", ErrLRC, got, want)
	}
	return m, nil
}

func notPrintable(r rune) bool { return !ascii.Printable(r) }
