package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/protocol/access"
)

// maxChunks bounds what staging can be made to hold.
const maxChunks = 4096

// Applied says what an update did.
type Applied struct {
	Done     bool // the state stands at Position, on disk; false: more chunks are awaited
	Position access.Position
	People   []access.PersonID // whose person record, residencies, credentials or grants changed; sorted
	Places   bool              // something that belongs to nobody changed
	Removed  int               // people who had a grant before and have none now
	Total    int               // people who had a grant before
}

// Apply takes one verified chunk. Chunks are kept, across restarts, until all are there; then the
// state changes in one transaction or not at all. The same position again is answered Done with
// nothing changed. The error is a *Refusal when the update does not fit, a fault when the disk
// failed; either way the state stands as before.
//
// Chunks come in any order and may repeat. A chunk of another multi-chunk update discards what was
// staged. A snapshot of the position we stand at is applied again when its digest differs from
// ours or a record of ours is unreadable: that is how damage heals.
func (w *Wanted) Apply(u access.Update) (Applied, error) {
	if err := wellFormed(u); err != nil {
		return Applied{}, err
	}
	var out Applied
	err := w.Update(func(tx *bolt.Tx) error {
		s, err := w.readState(tx)
		if err != nil {
			return err
		}
		out = Applied{Done: true, Position: s.Position}
		if known, err := w.admit(s, u); known || err != nil {
			return err
		}
		chunks, err := w.gather(tx, u)
		if err != nil || chunks == nil {
			out.Done = false
			return err
		}
		out, err = w.change(tx, s, u, chunks)
		return err
	})
	var r *Refusal
	switch {
	case err == nil && out.Done && u.Snapshot():
		w.damaged.Store(false)
	case errors.As(err, &r) && r.Word == BadDigest && u.Of > 1:
		err = errors.Join(err, w.Update(w.dropStage)) // the chunks can never fit together
	}
	if err != nil {
		return Applied{}, w.note(err)
	}
	return out, nil
}

func wellFormed(u access.Update) error {
	switch {
	case u.Position == access.Position{}:
		return refuse(Malformed, "it names no position")
	case u.Of < 1 || u.Of > maxChunks || u.Chunk < 1 || u.Chunk > u.Of:
		return refuse(Malformed, "chunk %d of %d", u.Chunk, u.Of)
	case u.Base > u.Revision:
		return refuse(Malformed, "revision %d on base %d", u.Revision, u.Base)
	}
	for _, it := range u.Put {
		if err := goodKey(it.Key); err != nil {
			return err
		}
	}
	for _, k := range u.Gone {
		if err := goodKey(k); err != nil {
			return err
		}
	}
	return nil
}

// goodKey takes any kind, also one this program does not know, if it can name a bucket.
func goodKey(k access.Key) error {
	if k.Kind == "" || len(k.Kind) > 64 || strings.ContainsAny(string(k.Kind), "\x00/") || k.ID == "" || len(k.ID) > 128 {
		return refuse(Malformed, "item %q %q: no such key can be", k.Kind, k.ID)
	}
	return nil
}

// admit compares positions. known: we stand there already and nothing is to be done.
func (w *Wanted) admit(s state, u access.Update) (known bool, err error) {
	switch {
	case s.empty() && u.Snapshot():
		return false, nil
	case s.empty():
		return false, refuse(Gap, "a change on revision %d, nothing is stored here yet", u.Base)
	case u.Epoch != s.Epoch:
		return false, refuse(Foreign, "epoch %d, this gateway is in epoch %d", u.Epoch, s.Epoch)
	case u.Revision < s.Revision:
		return false, refuse(Replay, "revision %d, this gateway is at %d", u.Revision, s.Revision)
	case u.Revision == s.Revision:
		return w.admitSame(s, u)
	case !u.Snapshot() && u.Base != s.Revision:
		return false, refuse(Gap, "a change on revision %d, this gateway is at %d", u.Base, s.Revision)
	}
	return false, nil
}

func (w *Wanted) admitSame(s state, u access.Update) (known bool, err error) {
	switch {
	case u.Snapshot() && (w.damaged.Load() || u.Digest != s.Digest):
		return false, nil
	case u.Digest != s.Digest:
		return false, refuse(BadDigest, "revision %d is said to be %s, here it is %s", u.Revision, u.Digest, s.Digest)
	}
	return true, nil
}

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
