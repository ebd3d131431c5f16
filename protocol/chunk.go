package protocol

import "gatehouse/protocol/access"

// chunkPlain is how many bytes of items go into one chunk. Even when nothing compresses, sealing
// and base64 keep the message below MaxMessage: 88 KiB × 4/3 < 120 KiB.
const chunkPlain = 88 << 10

// itemOverhead bounds the JSON around one item's bytes.
const itemOverhead = 32

// Split cuts a change into chunks that each fit one message, in order. There is always at least
// one chunk, so that a change which only moves the revision can be told. An item too large for
// any chunk is an error.
func Split(put []access.Item, gone []access.Key) ([]State, error) {
	out, size := []State{{}}, 0
	room := func(n int) *State {
		if size+n > chunkPlain && size > 0 {
			out, size = append(out, State{}), 0
		}
		size += n
		return &out[len(out)-1]
	}
	for _, k := range gone {
		s := room(len(k.Kind) + len(k.ID) + itemOverhead)
		s.Gone = append(s.Gone, k)
	}
	for _, it := range put {
		n := len(it.Kind) + len(it.ID) + len(it.Value) + itemOverhead
		if n > chunkPlain {
			return nil, Refuse(Oversized, "%s %s has %d bytes", it.Kind, it.ID, len(it.Value))
		}
		s := room(n)
		s.Put = append(s.Put, it)
	}
	return out, nil
}

// Update joins a state's header and body into what stores apply.
func (s State) Update(h Header) access.Update {
	at := access.Position{Epoch: h.Epoch, Revision: h.Revision}
	if s.Intended && s.Meant.Before(at) {
		s.Meant = at
	}
	return access.Update{
		Position: at,
		Base:     h.Base, Chunk: h.Chunk, Of: h.Of, Issued: h.Issued,
		Put: s.Put, Gone: s.Gone, DigestKey: s.DigestKey, Digest: s.Digest, Meant: s.Meant,
	}
}
