package viper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// HeaderSize is the length of a frame's header; MaxBody the longest body its 16-bit length can say (§1.1).
const (
	HeaderSize = 8
	MaxBody    = 1<<16 - 1
)

// ErrHeader is a header that is none: wrong magic, or something in the two bytes that must be zero. What follows it
// cannot be cut into frames any more.
var ErrHeader = errors.New("not a frame header")

// Frame is one unit of the TCP stream: a channel handle (0 is management) and a body.
type Frame struct {
	Handle uint16
	Body   []byte
}

// AppendTo writes the frame behind b. A body over MaxBody is cut there; the simulator makes none so long.
func (f Frame) AppendTo(b []byte) []byte {
	body := f.Body[:min(len(f.Body), MaxBody)]
	b = append(b, 0, 6)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(body)))
	b = binary.LittleEndian.AppendUint16(b, f.Handle)
	b = append(b, 0, 0)
	return append(b, body...)
}

// Bytes is the frame alone.
func (f Frame) Bytes() []byte { return f.AppendTo(nil) }

// ReadFrame reads one whole frame, however it was cut into segments. It fails with ErrHeader on bytes that are no
// header, with io.EOF at a clean end and io.ErrUnexpectedEOF inside a frame.
func ReadFrame(r io.Reader) (Frame, error) {
	var h [HeaderSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return Frame{}, err
	}
	if h[0] != 0 || h[1] != 6 || h[6] != 0 || h[7] != 0 {
		return Frame{}, fmt.Errorf("%w: % x", ErrHeader, h)
	}
	f := Frame{Handle: binary.LittleEndian.Uint16(h[4:]), Body: make([]byte, binary.LittleEndian.Uint16(h[2:]))}
	if _, err := io.ReadFull(r, f.Body); err != nil {
		return Frame{}, io.ErrUnexpectedEOF
	}
	return f, nil
}
