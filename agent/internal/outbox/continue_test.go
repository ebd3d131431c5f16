package outbox

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestTowardsG15_ANewBoxGoesOnWhereTheOldOneStopped(t *testing.T) {
	t.Parallel()
	o, public := signing()
	old := newRig(t, o)
	old.append(many(1003)...)
	c := newCloud()
	if err := c.drain(old.box, 1<<20); err != nil {
		t.Fatal(err)
	}
	next := newRig(t, o)
	if err := next.box.Continue(c.through, c.link); err != nil {
		t.Fatal(err)
	}
	next.restart()
	if err := next.box.Continue(c.through, c.link); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if s := next.stats(); s.Last != 1003 || s.Confirmed != 1003 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	next.append(started(), door(1))
	if err := c.drain(next.box, 1<<20); err != nil || c.through != 1005 || c.events[1004].Kind != access.EventStarted {
		t.Errorf("the cloud is at %d: %v", c.through, err)
	}
	if rep := next.verify(public); !rep.ChainOK || rep.Events != 2 || rep.First != 1004 {
		t.Errorf("%+v", rep)
	}
	for name, r := range map[string]*rig{"it has events": next, "it has told events": old} {
		before := r.stats()
		if name == "it has told events" {
			if err := r.box.Confirm(1003); err != nil {
				t.Fatal(err)
			}
			before = r.stats()
		}
		if err := r.box.Continue(2000, c.link); fault.KindOf(err) != fault.Conflict || r.stats() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := newRig(t, o).box.Continue(maxNumber+1, c.link); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a number that cannot be: %v", err)
	}
}

func TestNumberCountsWhatThisTransactionAdds(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	err := r.db.Update(func(tx *bolt.Tx) error {
		for want := range uint64(4) {
			if n, err := r.box.Number(tx); n != want || err != nil {
				t.Errorf("%d %v, want %d", n, err, want)
			}
			if err := r.box.Append(tx, door(1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || r.stats().Last != 4 {
		t.Errorf("%v, %+v", err, r.stats())
	}
}

func TestTowardsG1_PendingBringsTheNewestCheckpoint(t *testing.T) {
	t.Parallel()
	o, public := signing()
	r := newRig(t, o)
	for range 25 {
		r.append(many(100)...)
	}
	at := func(after uint64, maxBytes int, want uint64) {
		t.Helper()
		first, prev, raw, check, err := r.box.Pending(after, maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if check == nil || want == 0 {
			if (check == nil) != (want == 0) {
				t.Errorf("after %d: %+v, want that of event %d", after, check, want)
			}
			return
		}
		if check.Number != want || !check.At.Equal(epoch) || !ed25519.Verify(public, CheckpointMessage(check.Number, check.Link), check.Signature) {
			t.Errorf("after %d: %+v, want that of event %d", after, check, want)
		}
		for i, b := range raw { // where it stands in the batch its link is the chain's
			if prev = access.Chain(prev, b); first+uint64(i) == want && prev != check.Link {
				t.Errorf("after %d: the link is another", after)
			}
		}
	}
	at(0, 1<<24, 2000)
	at(0, 1, 0) // the first event alone
	at(998, 1, 0)
	at(999, 1, 1000)
	at(1000, 1, 1000)
	at(1999, 1, 2000)
	at(2400, 1<<24, 2000)
	at(2500, 1<<24, 0) // nothing to send
	if err := r.box.Confirm(2200); err != nil {
		t.Fatal(err)
	}
	at(2200, 1<<24, 2000) // the newest of all outlives its events
	err := r.db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucketChecks)).Put(key(2000), []byte("spoilt")) })
	if err != nil {
		t.Fatal(err)
	}
	at(2200, 1<<24, 0)
	if _, _, _, check, err := newRig(t, options()).box.Pending(0, 1); check != nil || err != nil {
		t.Errorf("an empty outbox: %+v %v", check, err)
	}
}

func TestCheckpointOfAnOlderProgramIsRead(t *testing.T) {
	t.Parallel()
	c, ok := readCheckpoint(key(1000), []byte(`{"n":1000,"link":"`+access.Link{1}.String()+`","sig":"AQI="}`))
	if !ok || !c.At.IsZero() || c.Link != (access.Link{1}) || !bytes.Equal(c.Signature, []byte{1, 2}) {
		t.Errorf("%+v %v", c, ok)
	}
}

// FuzzCheckpoint: no bytes under any key bring the program down or are taken for another event's.
func FuzzCheckpoint(f *testing.F) {
	good, err := json.Marshal(Checkpoint{Number: 7, At: epoch, Signature: []byte{1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key(7), good)
	f.Add([]byte{}, []byte("{}"))
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if c, ok := readCheckpoint(k, v); ok && !bytes.Equal(key(c.Number), k) {
			t.Errorf("%x is taken for the checkpoint of %d", k, c.Number)
		}
	})
}
