package icona

import (
	"encoding/binary"
	"errors"
	"io"
)

// MaxBody is the most a frame can carry (§1.1) [R].
const MaxBody = 65535

const headSize = 8

// ErrFrame says that bytes are no frame; nothing that follows them on a connection can be told apart.
var ErrFrame = errors.New("not a frame of this protocol")

// Frame is one message on a connection. Handle 0 is the management of channels; what else a body is follows from the
// channel that the handle was opened for.
type Frame struct {
	Handle uint16
	Body   []byte
}

// Bytes is the frame as it goes out. A body over MaxBody has no frame: nil.
func (f Frame) Bytes() []byte {
	if len(f.Body) > MaxBody {
		return nil
	}
	b := append(make([]byte, 0, headSize+len(f.Body)), 0, 6)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Body)))
	b = binary.LittleEndian.AppendUint16(b, f.Handle)
	return append(append(b, 0, 0), f.Body...)
}

// ReadFrame reads one whole frame, however the stream is cut into segments (§1.1). It takes no byte beyond it. The error
// is io.EOF between frames, io.ErrUnexpectedEOF within one, ErrFrame for other bytes, else the reader's.
func ReadFrame(r io.Reader) (Frame, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	if head[0] != 0 || head[1] != 6 || head[6] != 0 || head[7] != 0 {
		return Frame{}, ErrFrame
	}
	f := Frame{Handle: binary.LittleEndian.Uint16(head[4:]), Body: make([]byte, binary.LittleEndian.Uint16(head[2:]))}
	_, err := io.ReadFull(r, f.Body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return f, err
}
