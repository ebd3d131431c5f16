package store

import (
	"encoding/binary"
	"slices"
	"time"

	"gatehouse/protocol/access"
)

// markVersion stands before every mark.
const markVersion = 1

// stamp says when somebody's items changed last.
type stamp struct {
	Revision uint64    `json:"rev,omitempty"`
	Issued   time.Time `json:"issued,omitzero"` // by the cloud's clock
	Stored   time.Time `json:"stored,omitzero"` // by ours
}

func (s stamp) same(o stamp) bool {
	return s.Revision == o.Revision && s.Issued.Equal(o.Issued) && s.Stored.Equal(o.Stored)
}

// mark is what the index keeps of one person.
type mark struct {
	stamp
	named   bool            // their person item is there: without it they have no access
	unknown bool            // some grant cannot be read: it counts as open
	windows []access.Window // of all grants that can, each once
}

// markOf makes the mark of what somebody has after a change.
func markOf(p access.PersonID, keys []access.Key, list []claim, at stamp) mark {
	m := mark{stamp: at, named: hasKey(keys, access.Key{Kind: access.KindPerson, ID: string(p)})}
	for _, g := range list {
		switch {
		case g.rank != rankNone:
		case !g.known:
			m.unknown = true
		case !slices.ContainsFunc(m.windows, func(w access.Window) bool { return sameWindow(w, g.Window) }):
			m.windows = append(m.windows, g.Window)
		}
	}
	return m
}

func sameWindow(a, b access.Window) bool { return a.From.Equal(b.From) && a.Until.Equal(b.Until) }

func (m mark) granted() bool { return m.unknown || len(m.windows) > 0 }

func (m mark) open(at time.Time) bool {
	return m.named && (m.unknown || slices.ContainsFunc(m.windows, func(w access.Window) bool { return w.Contains(at) }))
}

// plain says that the mark tells nothing which its absence does not: somebody who changed last at
// first and whose access has no dates.
func (m mark) plain(first stamp) bool {
	return m.stamp.same(first) && !m.unknown && (m.named || !m.granted()) &&
		!slices.ContainsFunc(m.windows, func(w access.Window) bool { return !w.From.IsZero() || !w.Until.IsZero() })
}

// edges are the keys, sorted, under which p stands in the index by time: every begin and end.
func (m mark) edges(p access.PersonID) (out []string) {
	var b []byte
	for _, w := range m.windows {
		for _, t := range [2]time.Time{w.From, w.Until} {
			if !t.IsZero() {
				b = append(appendEdge(b[:0], t), p...)
				out = append(out, string(b))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// edgeLen is the length of an instant in a key.
const edgeLen = 12

// edgeKey writes an instant so that keys sort by time: seconds shifted above zero, nanoseconds.
func edgeKey(t time.Time) string { return string(appendEdge(nil, t)) }

func appendEdge(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

// cutEdge reads what edgeKey and a person's id made.
func cutEdge(key string) (access.PersonID, error) {
	if len(key) <= edgeLen || !access.ValidID(key[edgeLen:]) {
		return "", errTorn
	}
	return access.PersonID(key[edgeLen:]), nil
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func cutTime(b []byte) (t time.Time, rest []byte, err error) {
	if len(b) < edgeLen {
		return t, nil, errTorn
	}
	sec, nano := int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])
	if nano >= 1e9 {
		return t, nil, errTorn
	}
	return time.Unix(sec, int64(nano)).UTC(), b[edgeLen:], nil
}

const (
	markNamed = 1 << iota
	markUnknown
)

func encodeMark(m mark) []byte {
	flags := byte(0)
	if m.named {
		flags |= markNamed
	}
	if m.unknown {
		flags |= markUnknown
	}
	b := make([]byte, 0, 2*edgeLen*(len(m.windows)+1)+16)
	b = binary.AppendUvarint(append(b, markVersion, flags), m.Revision)
	b = appendTime(appendTime(b, m.Issued), m.Stored)
	b = binary.AppendUvarint(b, uint64(len(m.windows)))
	for _, w := range m.windows {
		b = appendTime(appendTime(b, w.From), w.Until)
	}
	return b
}

// decodeMark reads a mark to its last byte.
func decodeMark(b []byte) (m mark, err error) {
	if len(b) < 2 || b[0] != markVersion || b[1]&^(markNamed|markUnknown) != 0 {
		return m, errTorn
	}
	m.named, m.unknown = b[1]&markNamed != 0, b[1]&markUnknown != 0
	var used int
	if m.Revision, used = binary.Uvarint(b[2:]); used <= 0 {
		return m, errTorn
	}
	if b, err = cutTimes(b[2+used:], &m.Issued, &m.Stored); err != nil {
		return m, err
	}
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)) {
		return m, errTorn
	}
	b = b[used:]
	for range n {
		var w access.Window
		if b, err = cutTimes(b, &w.From, &w.Until); err != nil {
			return m, err
		}
		m.windows = append(m.windows, w)
	}
	if len(b) > 0 {
		return m, errTorn
	}
	return m, nil
}

func cutTimes(b []byte, to ...*time.Time) (rest []byte, err error) {
	for _, t := range to {
		if *t, b, err = cutTime(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func openMark(d drawer, key string, sealed []byte) (mark, error) {
	plain, err := d.open(d.name, key, sealed)
	if err != nil {
		return mark{}, err
	}
	m, err := decodeMark(plain)
	if err != nil {
		return mark{}, &Unreadable{d.file, d.name + " " + key, err}
	}
	return m, nil
}

// encodePeople writes a list of ids; decodePeople reads it to its last byte.
func encodePeople(people []access.PersonID) []byte {
	b := binary.AppendUvarint(nil, uint64(len(people)))
	for _, p := range people {
		b = appendString(b, string(p))
	}
	return b
}

func decodePeople(b []byte) ([]access.PersonID, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)) {
		return nil, errTorn
	}
	b = b[used:]
	out := make([]access.PersonID, 0, n)
	for range n {
		s, rest, err := cutString(b)
		if err != nil {
			return nil, err
		}
		out, b = append(out, access.PersonID(s)), rest
	}
	if len(b) > 0 {
		return nil, errTorn
	}
	return out, nil
}
