package protocol

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A frame is what DSSE signs: the header's length (4 bytes, big endian), the header as JSON, the
// body. The header's bytes as received are the body's additional authenticated data, so they are
// never encoded again.

func joinFrame(header, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(header)+len(body)), uint32(len(header)))
	return append(append(out, header...), body...)
}

func splitFrame(frame []byte) (h Header, header, body []byte, err error) {
	if len(frame) < 4 {
		return h, nil, nil, Refuse(Malformed, "too short for a header")
	}
	n := binary.BigEndian.Uint32(frame)
	if n > maxHeader || int(n) > len(frame)-4 {
		return h, nil, nil, Refuse(Malformed, "a header of %d bytes cannot be", n)
	}
	header, body = frame[4:4+n], frame[4+n:]
	if err := json.Unmarshal(header, &h); err != nil {
		return h, nil, nil, Refuse(Malformed, "header: %v", err)
	}
	return h, header, body, nil
}

// The coders are safe for concurrent use with EncodeAll and DecodeAll, and costly to make: they are
// made when first needed and stay for good.
var (
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxPlain), zstd.WithDecoderMaxWindow(MaxPlain))
		if err != nil {
			panic(err)
		}
		return d
	})

	encoder = &lazyEncoder{}
)

// lazyEncoder is sync.OnceValue by a method: what an initialiser names stays in every program, and this
// is to be left out of one that sends nothing down.
type lazyEncoder struct {
	once sync.Once
	made *zstd.Encoder
}

func (l *lazyEncoder) get() *zstd.Encoder {
	l.once.Do(func() {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(MaxPlain),
			zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // the options are constants
		}
		l.made = e
	})
	return l.made
}

// shrink compresses a body that is worth it.
func shrink(body []byte) (out []byte, zipped bool) {
	if len(body) <= zipAbove {
		return body, false
	}
	return encoder.get().EncodeAll(body, nil), true
}

// grow undoes shrink and refuses what would not fit in MaxPlain.
func grow(body []byte, zipped bool) ([]byte, error) {
	if !zipped {
		if len(body) > MaxPlain {
			return nil, Refuse(Oversized, "a body of %d bytes", len(body))
		}
		return body, nil
	}
	out, err := decoder().DecodeAll(body, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded), len(out) > MaxPlain:
		return nil, Refuse(ZipBomb, "decompresses to more than %d bytes", MaxPlain)
	case err != nil:
		return nil, Refuse(Malformed, "decompression: %v", err)
	}
	return out, nil
}
