package outbox

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func signing() (Options, ed25519.PublicKey) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	o := options()
	o.Sign = func(msg []byte) []byte { return ed25519.Sign(key, msg) }
	public, _ := key.Public().(ed25519.PublicKey)
	return o, public
}

func many(n int) []access.Event {
	out := make([]access.Event, n)
	for i := range out {
		out[i] = door(i)
	}
	return out
}

func TestTowardsG1_CheckpointsAreSignedAndHold(t *testing.T) {
	t.Parallel()
	o, public := signing()
	r := newRig(t, o)
	for range 35 {
		r.append(many(100)...)
	}
	if rep := r.verify(public); !rep.ChainOK || rep.Checkpoints != 3 || rep.Events != 3500 {
		t.Errorf("%+v", rep)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	wrong, _ := other.Public().(ed25519.PublicKey)
	if rep := r.verify(wrong); rep.ChainOK || rep.Checkpoints != 0 {
		t.Errorf("another key: %+v", rep)
	}
	if err := r.box.Confirm(2500); err != nil {
		t.Fatal(err)
	}
	if rep := r.verify(public); !rep.ChainOK || rep.Checkpoints != 1 {
		t.Errorf("after a receipt: %+v", rep)
	}
}

func TestSignerCanComeLater(t *testing.T) {
	t.Parallel()
	o, public := signing()
	sign := o.Sign
	o.Sign = nil
	r := newRig(t, o)
	r.append(many(1500)...)
	r.box.SetSigner(sign)
	r.append(many(1)...)
	if rep := r.verify(public); rep.Checkpoints != 1 || !rep.ChainOK {
		t.Errorf("%+v", rep)
	}
}

// TestTowardsG1_AForgerWhoRepairsTheChainIsCaught changes an event and computes every link after it anew.
func TestTowardsG1_AForgerWhoRepairsTheChainIsCaught(t *testing.T) {
	t.Parallel()
	o, public := signing()
	r := newRig(t, o)
	r.append(many(1000)...)
	err := r.db.Update(func(tx *bolt.Tx) error {
		s, err := openShelf(tx)
		if err != nil {
			return err
		}
		var prev access.Link
		for n := uint64(1); n <= 1000; n++ {
			rec, err := decode(key(n), s.events.Get(key(n)))
			if err != nil {
				return err
			}
			raw := bytes.Clone(rec.raw)
			if n == 400 {
				raw = bytes.Replace(raw, []byte(`"p1"`), []byte(`"p2"`), 1)
			}
			if err := s.put(n, record{prev, raw}); err != nil {
				return err
			}
			prev = access.Chain(prev, raw)
		}
		s.head.Link = prev
		return s.close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if rep := r.verify(nil); !rep.ChainOK {
		t.Fatalf("the forger was careless: %+v", rep)
	}
	if rep := r.verify(public); rep.ChainOK || !strings.Contains(rep.Problems[0], "not those that were signed") {
		t.Errorf("%+v", rep)
	}
}

func TestG10_VerifyFindsWhatWasDone(t *testing.T) {
	t.Parallel()
	reseal := func(n uint64, change func(*record)) func(*rig) {
		return func(r *rig) {
			r.spoil(n, func(v []byte) []byte {
				rec, _ := decode(key(n), v)
				rec = record{rec.prev, bytes.Clone(rec.raw)}
				change(&rec)
				out := []byte{recordVersion, 0, 0, 0, 0}
				out = append(append(out, rec.prev[:]...), rec.raw...)
				sum := checksum(key(n), out[5:])
				out[1], out[2], out[3], out[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
				return out
			})
		}
	}
	remove := func(n uint64) func(*rig) {
		return func(r *rig) {
			_ = r.db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucketEvents)).Delete(key(n)) })
		}
	}
	for name, c := range map[string]struct {
		do    func(*rig)
		words string
	}{
		"a flipped byte":    {func(r *rig) { r.spoil(3, flipLast) }, "event 3 cannot be read"},
		"another event":     {reseal(3, func(rec *record) { rec.raw = bytes.Replace(rec.raw, []byte("p1"), []byte("p7"), 1) }), "event 4 does not join"},
		"another link":      {reseal(3, func(rec *record) { rec.prev[0]++ }), "event 3 does not join"},
		"another number":    {reseal(3, func(rec *record) { rec.raw = bytes.Replace(rec.raw, []byte(`"n":3`), []byte(`"n":4`), 1) }), "event 3 is not what its number says"},
		"one is missing":    {remove(3), "events 3 to 3 are missing"},
		"the first missing": {remove(1), "events 1 to 1 are missing"},
		"the last missing":  {remove(5), "events 5 to 5 are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options())
			r.append(many(5)...)
			if rep := r.verify(nil); !rep.ChainOK || len(rep.Problems) != 0 {
				t.Fatalf("before: %+v", rep)
			}
			c.do(r)
			rep := r.verify(nil)
			if rep.ChainOK || !strings.Contains(strings.Join(rep.Problems, "; "), c.words) {
				t.Errorf("%+v", rep)
			}
		})
	}
}

func TestDamagedEventDoesNotBlockThoseBehindIt(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{1, 3, 5} {
		r := newRig(t, options())
		r.append(many(5)...)
		r.spoil(n, flipLast)
		c := newCloud()
		if err := c.drain(r.box, 1<<20); err != nil {
			t.Fatal(err)
		}
		if c.through != 5 || len(c.events) != 4 || !c.lost[n] {
			t.Errorf("damage to %d: through %d, lost %v", n, c.through, c.lost)
		}
		r.append(door(6))
		if rep := r.verify(nil); !rep.ChainOK {
			t.Errorf("damage to %d: %+v", n, rep)
		}
		if err := errors.Join(c.drain(r.box, 1<<20), r.box.Confirm(6)); err != nil {
			t.Error(err)
		}
		if s := r.stats(); s.Waiting != 0 || s.Bytes != 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestDamagedHeadIsRefusedInWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	r.append(door(1))
	err := r.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketHead))
		return b.Put([]byte("head"), flipLast(bytes.Clone(b.Get([]byte("head")))))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.db.Update(func(tx *bolt.Tx) error { return r.box.Append(tx, door(2)) })
	wantFault(t, err, fault.Internal)
	if fault.RemedyOf(err) == "" {
		t.Error("no remedy")
	}
}

func TestVerifyOfAnEmptyOutbox(t *testing.T) {
	t.Parallel()
	r := newRig(t, options())
	rep := r.verify(nil)
	if !rep.ChainOK || rep.Events != 0 {
		t.Errorf("%+v", rep)
	}
	if b, err := json.Marshal(rep.Problems); err != nil || string(b) != "[]" {
		t.Errorf("problems are %s", b)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(key(1), []byte{recordVersion})
	f.Add([]byte{}, bytes.Repeat([]byte{1}, 60))
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if r, err := decode(k, v); err == nil && (len(k) != 8 || len(v) != recordFixed+len(r.raw)) {
			t.Errorf("%x %x is taken for a record", k, v)
		}
	})
}
