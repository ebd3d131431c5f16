package crashtest

import (
	"encoding/binary"
	"strings"
)

// Publish is an MQTT message that left the process.
type Publish struct {
	At      int // number of the Op its first byte left with
	Topic   string
	Payload []byte
}

// Publishes finds the MQTT 3.1.1 PUBLISH packets on connections to a broker, in the order in which they left.
func Publishes(ops []Op, broker string) []Publish {
	var out []Publish
	streams := map[string]*stream{}
	for i, op := range ops {
		if op.Kind != Send || !strings.HasSuffix(op.Path, "->"+broker+"]") {
			continue
		}
		s := streams[op.Path]
		if s == nil {
			s = &stream{}
			streams[op.Path] = s
		}
		if len(s.rest) == 0 {
			s.at = i
		}
		s.rest = append(s.rest, op.Data...)
		out = append(out, s.packets(i)...)
	}
	return out
}

// stream is what left on one connection and is no whole packet yet; it began with Op at.
type stream struct {
	rest []byte
	at   int
}

func (s *stream) packets(now int) (out []Publish) {
	for len(s.rest) > 1 {
		size, n := binary.Uvarint(s.rest[1:]) // MQTT's lengths are written like these
		if n <= 0 || uint64(len(s.rest)) < 1+uint64(n)+size {
			return out
		}
		body := s.rest[1+n:][:size]
		if kind, qos := s.rest[0]>>4, s.rest[0]>>1&3; kind == 3 && len(body) > 2 {
			if topic := int(binary.BigEndian.Uint16(body)) + 2; topic <= len(body) {
				out = append(out, Publish{s.at, string(body[2:topic]), body[min(len(body), topic+2*min(int(qos), 1)):]})
			}
		}
		s.rest, s.at = s.rest[1+n:][size:], now
	}
	return out
}
