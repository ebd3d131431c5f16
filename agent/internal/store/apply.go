package store

import (
	"errors"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

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

	// Everybody: an earlier update whose commit failed may have been stored all the same, so
	// People, Lost, Own and Settled need not name all that changed.
	Everybody bool

	Lost    []access.PersonID   // as in Loss, whether or not somebody agreed; sorted
	Own     bool                // an item about the gateway itself changed, see Wanted.Own
	Settled []access.Settlement // that came or changed; after a crash ask Wanted.Settlement too
}

// ApplyOptions say by what an update is judged.
type ApplyOptions struct {
	Now time.Time // by the gateway's clock
	// Floor is a position behind which nobody may lead this gateway, whatever is stored: what is older
	// is refused as replay. Zero: none.
	Floor access.Position
	// Hold is asked before anything is changed, when the update comes from a later epoch or takes
	// access from somebody although nobody agreed to it (Update.Meant). Its error refuses the update
	// and is what Apply returns. It must not use the Wanted it is called from. nil: nobody is asked.
	Hold func(Loss) error
	// ByName is told, after Hold and before anything is changed, whom the update revokes by name and
	// which of Watch get access by it. Its error refuses the update. It must not use the Wanted either.
	ByName func(ByName) error
	Watch  map[access.PersonID]bool
	// Placed is asked, where nothing is stored, for the people who stand on devices: there is nothing
	// else by which to judge who loses access. Not where the update is the state that stood at Floor
	// with FloorDigest: nothing in it is news. nil: nobody.
	Placed      func() ([]access.PersonID, error)
	FloorDigest access.Digest
}

// Apply takes one verified chunk. Chunks are kept, across restarts, until all are there; then the
// state changes in one transaction or not at all. The same position again is answered Done with
// nothing changed. The error is a *Refusal when the update does not fit, a fault when the disk
// failed; either way the state stands as before.
//
// Chunks come in any order and may repeat. A chunk of another multi-chunk update discards what was
// staged. A snapshot of the position we stand at is applied again when its digest differs from
// ours or a record of ours is unreadable: that is how damage heals.
//
// A snapshot of a later epoch is taken like any other; a change of one is refused as foreign,
// because it stands on nothing that is here. An earlier epoch is a replay.
func (w *Wanted) Apply(u access.Update, o ApplyOptions) (Applied, error) {
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
		if known, err := w.admit(s, u, o.Floor); known || err != nil {
			return err
		}
		chunks, err := w.gather(tx, u)
		if err != nil || chunks == nil {
			out.Done = false
			return err
		}
		out, err = w.change(tx, s, u, o, chunks)
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
		if w.Suspect() != nil {
			w.unsure.Store(true)
		}
		return Applied{}, w.note(err)
	}
	if out.Done {
		out.Everybody = w.unsure.Swap(false)
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
func (w *Wanted) admit(s state, u access.Update, floor access.Position) (known bool, err error) {
	switch {
	case u.Before(floor):
		return false, refuse(Replay, "epoch %d revision %d, this gateway has been at epoch %d revision %d", u.Epoch, u.Revision, floor.Epoch, floor.Revision)
	case s.empty() && u.Snapshot():
		return false, nil
	case s.empty():
		return false, refuse(Gap, "a change on revision %d, nothing is stored here yet", u.Base)
	case u.Epoch < s.Epoch:
		return false, refuse(Replay, "epoch %d, this gateway is in epoch %d", u.Epoch, s.Epoch)
	case u.Epoch > s.Epoch && !u.Snapshot():
		return false, refuse(Foreign, "a change of epoch %d, this gateway is in epoch %d and needs a snapshot", u.Epoch, s.Epoch)
	case u.Epoch > s.Epoch:
		return false, nil
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
