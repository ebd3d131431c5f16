package store

import (
	"bytes"
	"encoding/binary"
	"errors"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access"
)

// chunk is what one message puts and takes away.
type chunk struct {
	put  []access.Item
	gone []access.Key
}

// stage describes the update whose chunks are being gathered.
type stage struct {
	access.Position
	Base      uint64        `json:"base"`
	Of        int           `json:"of"`
	Have      int           `json:"have"`
	Digest    access.Digest `json:"digest"`
	DigestKey []byte        `json:"digest_key"`
}

func (s stage) same(o stage) bool {
	return s.Position == o.Position && s.Base == o.Base && s.Of == o.Of && s.Digest == o.Digest &&
		bytes.Equal(s.DigestKey, o.DigestKey)
}

// gather stages u and returns all chunks in order when it was the last one missing, else nil. An
// update of one chunk is never staged.
func (w *Wanted) gather(tx *bolt.Tx, u access.Update) ([]chunk, error) {
	if u.Of == 1 {
		return []chunk{{u.Put, u.Gone}}, nil
	}
	s := stage{Position: u.Position, Base: u.Base, Of: u.Of, Digest: u.Digest, DigestKey: u.DigestKey}
	head, err := w.makeDrawer(tx, bucketState)
	if err != nil {
		return nil, err
	}
	var have stage
	if err := getJSON(head, "stage", &have); err != nil || !have.same(s) {
		if err := w.dropStage(tx); err != nil {
			return nil, err
		}
		have = s
	}
	d, err := w.makeDrawer(tx, bucketStage)
	if err != nil {
		return nil, err
	}
	if d.b.Get([]byte(stageKey(u.Chunk))) == nil {
		have.Have++
	}
	if err := errors.Join(d.put(stageKey(u.Chunk), encodeChunk(u.Put, u.Gone)), putJSON(head, "stage", have)); err != nil {
		return nil, err
	}
	if have.Have < have.Of {
		return nil, nil
	}
	return w.staged(tx, d, u.Of)
}

// staged reads all chunks back. One that the disk damaged is thrown away with all others.
func (w *Wanted) staged(tx *bolt.Tx, d drawer, of int) ([]chunk, error) {
	out := make([]chunk, of)
	for i := range out {
		b, err := d.get(stageKey(i + 1))
		if err == nil && b == nil {
			err = errTorn
		}
		if err == nil {
			out[i].put, out[i].gone, err = decodeChunk(b)
		}
		if err != nil {
			w.opts.log().Warn("staged chunks are damaged: gathering starts anew", "err", err)
			return nil, w.dropStage(tx)
		}
	}
	return out, nil
}

func stageKey(chunk int) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(chunk)))
}

func (w *Wanted) dropStage(tx *bolt.Tx) error {
	if err := w.drawer(tx, bucketState).delete("stage"); err != nil {
		return err
	}
	if err := tx.DeleteBucket([]byte(bucketStage)); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
		return err
	}
	return nil
}

// Staged tells which chunks of an unfinished update are on disk.
type Staged struct {
	access.Position
	Base uint64
	Of   int
	Have []int // rising, from 1
}

// Staged is what is left of a transfer that was cut, so that only the rest need be sent again;
// false when nothing is staged. The chunks are looked at when the last one is there: one that the
// disk damaged makes gathering start anew.
func (w *Wanted) Staged() (out Staged, found bool) {
	err := w.View(func(tx *bolt.Tx) error {
		var s stage
		if err := getJSON(w.drawer(tx, bucketState), "stage", &s); err != nil {
			return err
		}
		out = Staged{Position: s.Position, Base: s.Base, Of: s.Of}
		for _, k := range w.drawer(tx, bucketStage).page("", maxChunks) {
			if n := stageChunk(k); n >= 1 && n <= s.Of {
				out.Have = append(out.Have, n)
			}
		}
		return nil
	})
	if err != nil || len(out.Have) == 0 {
		return Staged{}, false
	}
	return out, true
}

// stageChunk reads what stageKey wrote; 0 when it did not.
func stageChunk(key string) int {
	if len(key) != 4 {
		return 0
	}
	return int(binary.BigEndian.Uint32([]byte(key)))
}
