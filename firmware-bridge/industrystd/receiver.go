package industrystd

// Receiver cuts a stream of bytes into control bytes and frames. It takes bytes one at a time, as they may arrive,
// holds at most MaxFrame of them, and drops what belongs to neither. The zero value is ready.
type Receiver struct {
	buf     []byte // of the frame under way, from STX on
	ended   bool   // ETX is in; the next byte is the checksum whatever it is (§1.2) [M]
	dropped int
}

// Unit is one control byte (ENQ, ACK or NAK) or one whole frame, its checksum not yet compared.
type Unit []byte

// IsFrame tells a frame from a control byte.
func (u Unit) IsFrame() bool { return len(u) > 1 }

// Feed takes the next byte; ok says that it completed a unit.
func (r *Receiver) Feed(b byte) (u Unit, ok bool) {
	switch {
	case r.ended:
		u = append(r.buf, b)
		r.buf, r.ended = nil, false
		return u, true
	case b == STX: // also inside a frame: the rest of that one is lost, this one begins
		r.Abandon()
		r.buf = append(r.buf, b)
		return nil, false
	case len(r.buf) == 1 && b != Separator: // a stray STX: no frame goes on like this
		r.Abandon()
	}
	if len(r.buf) > 0 {
		r.text(b)
		return nil, false
	}
	if b == ENQ || b == ACK || b == NAK {
		return Unit{b}, true
	}
	r.dropped++
	return nil, false
}

// text takes a byte of the frame under way.
func (r *Receiver) text(b byte) {
	r.buf = append(r.buf, b)
	r.ended = b == ETX
	if len(r.buf) >= MaxFrame { // there is no room for the checksum
		r.Abandon()
	}
}

// InFrame says that a frame has begun and is not whole yet.
func (r *Receiver) InFrame() bool { return len(r.buf) > 0 }

// Abandon gives up the frame under way, if there is one; its bytes count as dropped.
func (r *Receiver) Abandon() {
	r.dropped += len(r.buf)
	r.buf, r.ended = nil, false
}

// Dropped is how many bytes so far belonged to no unit.
func (r *Receiver) Dropped() int { return r.dropped }
