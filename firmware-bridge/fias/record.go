package fias

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gatehouse/firmware-bridge/ascii"
)

// Bytes with a meaning (§2) [T].
const (
	STX       = 0x02
	ETX       = 0x03
	Separator = '|' // after every field, the last one included
)

// MaxFrame bounds a frame in bytes, both ways; the source states no limit [U].
const MaxFrame = 4096

// ErrShape means that bytes are no frame of this protocol.
var ErrShape = errors.New("not a FIAS frame")

// Field is a two-character id and its value.
type Field struct{ ID, Value string }

// Record is one message: a two-character id and its fields in order.
type Record struct {
	ID     string
	Fields []Field
}

// Get is the value of the first field with this id; ok is false when there is none.
func (r Record) Get(id string) (value string, ok bool) {
	for _, f := range r.Fields {
		if f.ID == id {
			return f.Value, true
		}
	}
	return "", false
}

// Value is Get where absent and empty mean the same.
func (r Record) Value(id string) string {
	v, _ := r.Get(id)
	return v
}

// String writes the record without STX and ETX.
func (r Record) String() string {
	var s strings.Builder
	s.WriteString(r.ID + "|")
	for _, f := range r.Fields {
		s.WriteString(f.ID + f.Value + "|")
	}
	return s.String()
}

// Encode makes the frame of r. It refuses ids that are not of two characters, and values that hold a separator or
// anything but printable ASCII: the code page is unknown [U].
func Encode(r Record) ([]byte, error) {
	if !isID(r.ID) {
		return nil, fmt.Errorf("record id %q: want two printable characters", r.ID)
	}
	for _, f := range r.Fields {
		if !isID(f.ID) {
			return nil, fmt.Errorf("field id %q: want two printable characters", f.ID)
		}
		if at := strings.IndexFunc(f.Value, strange); at >= 0 {
			return nil, fmt.Errorf("field %s holds the byte %02X: want printable ASCII without |", f.ID, f.Value[at])
		}
	}
	frame := append(append([]byte{STX}, r.String()...), ETX)
	if len(frame) > MaxFrame {
		return nil, fmt.Errorf("the record %s would have %d bytes, at most %d are sent", r.ID, len(frame), MaxFrame)
	}
	return frame, nil
}

// Decode reads one whole frame, from STX to ETX. A missing last separator is let pass. Values are the peer's bytes.
func Decode(frame []byte) (Record, error) {
	n := len(frame)
	if n < 4 || n > MaxFrame || frame[0] != STX || frame[n-1] != ETX || bytes.ContainsAny(frame[1:n-1], "\x02\x03") {
		return Record{}, ErrShape
	}
	parts := strings.Split(strings.TrimSuffix(string(frame[1:n-1]), "|"), "|")
	r := Record{ID: parts[0]}
	if !isID(r.ID) {
		return Record{}, ErrShape
	}
	for _, p := range parts[1:] {
		if len(p) < 2 || !isID(p[:2]) {
			return Record{}, fmt.Errorf("%w: field %q of %s has no id", ErrShape, p, r.ID)
		}
		r.Fields = append(r.Fields, Field{p[:2], p[2:]})
	}
	return r, nil
}

func isID(s string) bool { return len(s) == 2 && strings.IndexFunc(s, strange) < 0 }

func strange(r rune) bool { return r == Separator || !ascii.Printable(r) }

// Receiver cuts a stream into frames and drops what lies between them. The zero value is ready.
type Receiver struct{ buf []byte }

// Feed takes the next byte; ok says that it completed a frame.
func (r *Receiver) Feed(b byte) (frame []byte, ok bool) {
	switch {
	case b == STX: // also inside a frame, whose rest is lost then
		r.buf = []byte{b}
	case len(r.buf) == 0: // noise
	case len(r.buf) == MaxFrame: // there is no end to it
		r.buf = nil
	default:
		r.buf = append(r.buf, b)
		if b == ETX {
			frame, r.buf = r.buf, nil
			return frame, true
		}
	}
	return nil, false
}
