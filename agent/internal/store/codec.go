package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"gatehouse/protocol/access"
)

// Chunks are staged, and each person's list of items kept, in a form of our own: strings behind
// their length. JSON will not do, because encoding an item again may change its bytes and the
// digest is over the bytes as received.

var errTorn = errors.New("its inner form is broken")

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(b []byte) (s string, rest []byte, err error) {
	v, rest, err := cutBytes(b)
	return string(v), rest, err
}

// cutBytes shares memory with b.
func cutBytes(b []byte) (v, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, errTorn
	}
	b = b[used:]
	return b[:n:n], b[n:], nil
}

func appendKey(b []byte, k access.Key) []byte {
	return appendString(appendString(b, string(k.Kind)), k.ID)
}

func cutKey(b []byte) (k access.Key, rest []byte, err error) {
	kind, b, err := cutString(b)
	if err != nil {
		return k, nil, err
	}
	id, b, err := cutString(b)
	return access.Key{Kind: access.Kind(kind), ID: id}, b, err
}

// encodeKeys writes a list of keys; decodeKeys reads it to its last byte.
func encodeKeys(keys []access.Key) []byte {
	b := binary.AppendUvarint(nil, uint64(len(keys)))
	for _, k := range keys {
		b = appendKey(b, k)
	}
	return b
}

func decodeKeys(b []byte) ([]access.Key, error) {
	keys, rest, err := cutKeys(b)
	if err == nil && len(rest) > 0 {
		err = errTorn
	}
	return keys, err
}

func cutKeys(b []byte) ([]access.Key, []byte, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)) { // a key takes at least two bytes
		return nil, nil, errTorn
	}
	b = b[used:]
	keys := make([]access.Key, 0, n)
	for range n {
		k, rest, err := cutKey(b)
		if err != nil {
			return nil, nil, err
		}
		keys, b = append(keys, k), rest
	}
	return keys, b, nil
}

// encodeChunk writes what one chunk puts and takes away; decodeChunk's items share memory with b.
func encodeChunk(put []access.Item, gone []access.Key) []byte {
	b := encodeKeys(gone)
	b = binary.AppendUvarint(b, uint64(len(put)))
	for _, it := range put {
		b = appendString(appendKey(b, it.Key), string(it.Value))
	}
	return b
}

func decodeChunk(b []byte) (put []access.Item, gone []access.Key, err error) {
	gone, b, err = cutKeys(b)
	if err != nil {
		return nil, nil, err
	}
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)) {
		return nil, nil, errTorn
	}
	b = b[used:]
	for range n {
		var it access.Item
		if it.Key, b, err = cutKey(b); err != nil {
			return nil, nil, err
		}
		if it.Value, b, err = cutBytes(b); err != nil {
			return nil, nil, err
		}
		put = append(put, it)
	}
	if len(b) > 0 {
		return nil, nil, errTorn
	}
	return put, gone, nil
}

func compareKeys(a, b access.Key) int {
	if c := strings.Compare(string(a.Kind), string(b.Kind)); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// addKey and dropKey keep a sorted list without doubles.
func addKey(keys []access.Key, k access.Key) []access.Key {
	if i, found := slices.BinarySearchFunc(keys, k, compareKeys); !found {
		return slices.Insert(keys, i, k)
	}
	return keys
}

func dropKey(keys []access.Key, k access.Key) []access.Key {
	if i, found := slices.BinarySearchFunc(keys, k, compareKeys); found {
		return slices.Delete(keys, i, i+1)
	}
	return keys
}

func hasGrant(keys []access.Key) bool {
	return slices.ContainsFunc(keys, func(k access.Key) bool { return k.Kind == access.KindGrant })
}
