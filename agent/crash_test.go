package agent

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/agent/internal/crashtest"
	"gatehouse/agent/internal/outbox"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// crashEnv set to "long" makes the recorded run seven times as busy and tears its writes in twenty ways instead of one.
const crashEnv = "GATEHOUSE_CRASH"

// busy is what a recorded run did, and what everybody else knows of it.
type busy struct {
	*process
	ops     []crashtest.Op
	acked   []telling                         // positions that the gateway called stored
	left    []telling                         // events that it told
	digests map[access.Position]access.Digest // of the states that the cloud published
	events  map[uint64][]byte                 // bytes of every event there ever was
}

// telling is something that left with an operation.
type telling struct {
	at       int
	position access.Position
	number   uint64
	raw      []byte
}

// runBusy records a gateway from its first start: it is enrolled, gets residents, and then one change after another.
func runBusy(t *testing.T, exe string, changes int) *busy {
	t.Helper()
	b := &busy{process: newProcess(t, exe), digests: map[access.Position]access.Digest{{}: {}}, events: map[uint64][]byte{}}
	r := record(t, b.process)
	first := places()
	for i := range 4 {
		first = append(first, resident(i, since(time.Hour))...)
	}
	b.enrol(first...)
	pos, digest := b.keeper.At()
	b.digests[pos] = digest
	story, acks := b.story(), b.cloud.Acks.Read()
	b.launch()
	b.stored(acks, pos)
	for i := range changes {
		pos, digest := b.change(i)
		b.digests[pos] = digest
		b.stored(acks, pos)
		if ops := []access.Op{access.OpAdd, "", access.OpRemove}; ops[i%3] != "" {
			story.until(access.EventConfirmed, ops[i%3], access.PersonID(fmt.Sprint("p", 10+i/3)))
		}
	}
	pos, digest = b.keeper.Change(items(t, resident(99, since(time.Hour))...), nil)
	b.digests[pos] = digest
	story.until(access.EventConfirmed, access.OpAdd, "p99")
	b.end()
	b.ops = r.ops()
	b.read()
	return b
}

func (b *busy) stored(acks *prototest.Reader[prototest.Up[protocol.Ack]], pos access.Position) {
	b.t.Helper()
	acks.Find(b.t, fmt.Sprintf("the ack of %v", pos), func(a prototest.Up[protocol.Ack]) bool { return a.Body.Position == pos })
}

// change is by turns somebody who moves in, another PIN, and somebody who moves out.
func (b *busy) change(i int) (access.Position, access.Digest) {
	who, n := 10+i/3, 10+i/3
	switch i % 3 {
	case 1:
		n += 1000
	case 2:
		pos, _ := b.keeper.At()
		pos.Revision++
		b.keeper.Meant(pos) // so many go that the brake would hold one back
		return b.keeper.Change(nil, keysOf(items(b.t, resident(who, since(time.Hour))...)))
	}
	nouns := resident(who, since(time.Hour))
	pin := nouns[2].(access.Credential)
	pin.Secret = access.NewSecret(fmt.Sprint(10000 + n))
	nouns[2] = pin
	return b.keeper.Change(items(b.t, nouns...), nil)
}

// read sorts what left, and learns every event from the cloud and from the files as they are at the end.
func (b *busy) read() {
	b.t.Helper()
	for _, p := range crashtest.Publishes(b.ops, b.broker.Addr()) {
		_, typ, ok := protocol.ParseUp(p.Topic)
		if !ok || typ != protocol.TypeAck && typ != protocol.TypeEvent {
			continue
		}
		_, body, err := protocol.OpenUp(b.gw.ID, []ed25519.PublicKey{prototest.Public(b.gw.Signing)}, p.Payload)
		must(b.t, err)
		if typ == protocol.TypeAck {
			ack, err := protocol.Decode[protocol.Ack](body)
			must(b.t, err)
			b.acked = append(b.acked, telling{at: p.At, position: ack.Position})
			continue
		}
		evs, err := protocol.Decode[protocol.Events](body)
		must(b.t, err)
		for i, raw := range evs.Raw {
			b.left = append(b.left, telling{at: p.At, number: evs.First + uint64(i), raw: raw})
		}
	}
	for _, k := range b.keeper.Kept.All() {
		b.events[k.Number] = k.Raw
	}
	must(b.t, b.opened(b.copied(), func(i *opened) error {
		for n, raw := range i.raw {
			b.events[n] = raw
		}
		return nil
	}))
	if len(b.acked) < 5 || len(b.left) < 20 || uint64(len(b.events)) < b.left[len(b.left)-1].number {
		b.t.Fatalf("%d acks and %d events left, %d are known: the recording shows too little", len(b.acked), len(b.left), len(b.events))
	}
}

// opened is an image in use.
type opened struct {
	wanted *store.Wanted
	site   *store.Site
	outbox *outbox.Outbox
	raw    map[uint64][]byte // the events in it
	head   struct{ Number, Confirmed uint64 }
}

// opened opens the files as the agent does at its start.
func (b *busy) opened(dir string, use func(*opened) error) error {
	key, err := store.LoadKey("", dir)
	if err != nil {
		return err
	}
	o := &opened{outbox: outbox.New(outbox.Options{Now: func() (time.Time, bool) { return time.Now(), true }}), raw: map[uint64][]byte{}}
	if o.site, err = store.OpenSite(dir, key, o.outbox, store.Options{}); err != nil {
		return err
	}
	defer func() { _ = o.site.Close() }()
	if o.wanted, err = store.OpenWanted(dir, key, store.Options{}); err != nil {
		return err
	}
	defer func() { _ = o.wanted.Close() }()
	if err := errors.Join(o.outbox.Attach(o.site), o.site.View(o.read)); err != nil {
		return err
	}
	return use(o)
}

// read takes the events as they lie in the file: key, version, checksum, link before, bytes.
func (o *opened) read(tx *bolt.Tx) error {
	if heads := tx.Bucket([]byte("outbox")); heads != nil {
		if err := json.Unmarshal(heads.Get([]byte("head"))[4:], &o.head); err != nil {
			return err
		}
	}
	events := tx.Bucket([]byte("outbox_events"))
	if events == nil {
		return nil
	}
	return events.ForEach(func(k, v []byte) error {
		o.raw[binary.BigEndian.Uint64(k)] = bytes.Clone(v[5+len(access.Link{}):])
		return nil
	})
}

// judge opens an image that a cut after at operations left and says what is wrong with it.
func (b *busy) judge(dir string, at int) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a page beyond the end of a mapped file
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	for _, name := range []string{store.SiteFile, store.WantedFile} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			continue
		}
		if err := store.Check(path); err != nil {
			return err
		}
	}
	return b.opened(dir, func(o *opened) error {
		return errors.Join(b.stateHolds(o, at), b.eventsHold(o, at), b.pairsHold(o))
	})
}

// stateHolds: the state is the acked one or the next, whole.
func (b *busy) stateHolds(o *opened, at int) error {
	if why := o.wanted.Quarantined() + o.site.Restored(); why != "" {
		return fmt.Errorf("damaged: %s", why)
	}
	acked := access.Position{Epoch: 1}
	for _, a := range b.acked {
		if a.at < at {
			acked = a.position
		}
	}
	pos, err := o.wanted.Position()
	if err != nil {
		return err
	}
	if pos.Revision != acked.Revision && pos.Revision != acked.Revision+1 {
		return fmt.Errorf("stands at %d, acked was %d", pos.Revision, acked.Revision)
	}
	if d, err := o.wanted.Digest(); err != nil || d != b.digests[pos] {
		return fmt.Errorf("digest of revision %d is %v, the cloud's is %v (%w)", pos.Revision, d, b.digests[pos], err)
	}
	return o.wanted.People(b.t.Context(), func(p access.PersonID) error {
		_, _, err := o.wanted.Holder(p)
		return err
	})
}

// eventsHold: the chain is whole, and what left is there, with the same bytes, or receipted.
func (b *busy) eventsHold(o *opened, at int) error {
	if r, err := o.outbox.Verify(nil); err != nil || !r.ChainOK {
		return fmt.Errorf("the chain: %v %w", r.Problems, err)
	}
	if o.head.Confirmed > uint64(len(b.keeper.Kept.All())) {
		return fmt.Errorf("events up to %d are called receipted", o.head.Confirmed)
	}
	for _, e := range b.left {
		if e.at >= at {
			break
		}
		if e.number > o.head.Number {
			return fmt.Errorf("event %d left, and its number would be given again: the last one is %d", e.number, o.head.Number)
		}
		if raw, ok := o.raw[e.number]; e.number > o.head.Confirmed && (!ok || !bytes.Equal(raw, e.raw)) {
			return fmt.Errorf("event %d left and is not there (%v)", e.number, ok)
		}
	}
	for n, raw := range o.raw {
		if !bytes.Equal(raw, b.events[n]) {
			return fmt.Errorf("event %d has two forms: %s and %s", n, raw, b.events[n])
		}
	}
	return nil
}

// pairsHold: the ledger says of everybody what the last event about them says.
func (b *busy) pairsHold(o *opened) error {
	last := map[access.PersonID]access.Event{}
	for n := uint64(1); n <= o.head.Number; n++ {
		var e access.Event
		if err := json.Unmarshal(b.events[n], &e); err != nil {
			return fmt.Errorf("event %d: %w", n, err)
		}
		if e.Kind == access.EventWritten || e.Kind == access.EventConfirmed {
			last[e.Person] = e
		}
	}
	there := map[access.PersonID]bool{}
	err := o.site.Entries(b.t.Context(), "front", func(e access.LedgerEntry) error {
		there[e.Person] = true
		if allowed := statesAfter(last[e.Person]); !slices.Contains(allowed, e.State) {
			return fmt.Errorf("%s is %s in the ledger, the last event is %+v", e.Person, e.State, last[e.Person])
		}
		return nil
	})
	for p, e := range last {
		if gone := e.Kind == access.EventConfirmed && e.Op == access.OpRemove; gone == there[p] {
			err = errors.Join(err, fmt.Errorf("%s is in the ledger: %v; the last event is %+v", p, there[p], e))
		}
	}
	return err
}

// statesAfter are the states an entry may have behind an event; to be about to do something is told to nobody.
func statesAfter(e access.Event) []access.LedgerState {
	switch {
	case e.Kind == access.EventWritten && e.Op == access.OpRemove:
		return []access.LedgerState{access.Removing}
	case e.Kind == access.EventWritten:
		return []access.LedgerState{access.Written, access.Intended, access.Removing}
	case e.Kind == access.EventConfirmed && e.Op != access.OpRemove:
		return []access.LedgerState{access.Settled, access.Intended, access.Removing}
	}
	return []access.LedgerState{access.Intended}
}

// scratch is a folder where writing is quick.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gatehouse-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestTowardsE2_G10_EveryLegalCrash records a real gateway at work. Before every ack and every event that leaves, what it
// says is on the disk. And it opens what a power cut at any moment may leave of the files: they are sound, the state is
// the acked one or the next, nothing that was told is missing, no number is given twice, ledger and events agree.
func TestTowardsE2_G10_EveryLegalCrash(t *testing.T) {
	t.Parallel()
	changes, rounds := 9, 1
	if os.Getenv(crashEnv) == "long" {
		changes, rounds = 60, 20
	}
	b := runBusy(t, built(t), changes)
	if err := b.tellsWhatIsOnDisk(); err != nil {
		t.Error(err)
	}
	dir, seed, began, images := scratch(t), uint64(time.Now().UnixNano()), time.Now(), 0
	for i := range rounds {
		n, err := crashtest.Walk(b.ops, b.cfg.StateDir, dir, crashtest.Options{Seed: seed + uint64(i)}, func(at int) error { return b.judge(dir, at) })
		if images += n; err != nil {
			t.Fatalf("seed %d, image %d: %v", seed+uint64(i), n, err)
		}
	}
	t.Logf("%d operations, %d events told, %d states acked, %d images in %s, seed %d", len(b.ops), len(b.left), len(b.acked), images, time.Since(began).Round(time.Millisecond), seed)
	if images < 1000 {
		t.Errorf("%d images are too few to show anything", images)
	}
}

// tellsWhatIsOnDisk judges, before every ack and event that left, what would be there if all were lost that was not yet
// synced.
func (b *busy) tellsWhatIsOnDisk() error {
	dir, sends := scratch(b.t), map[int]bool{}
	for _, e := range slices.Concat(b.left, b.acked) {
		sends[e.at] = true
	}
	chosen := func(at int) bool { return sends[at] }
	return crashtest.WalkSends(b.ops, b.cfg.StateDir, dir, chosen, func(at int) error {
		if err := b.judge(dir, at+1); err != nil {
			return fmt.Errorf("told before it was on disk, operation %d: %w", at, err)
		}
		return nil
	})
}

// TestTheTraceTestFindsASkippedSync: the same judgement on a program that does not wait for its disk.
func TestTheTraceTestFindsASkippedSync(t *testing.T) {
	t.Parallel()
	exe := built(t, "-overlay", overlay(t, "internal/store/file.go", "InitialMmapSize: mapSize,", "InitialMmapSize: mapSize, NoSync: true,"))
	if err := runBusy(t, exe, 6).tellsWhatIsOnDisk(); err == nil {
		t.Error("nobody noticed that commits are not synced")
	} else {
		t.Logf("noticed: %v", err)
	}
}
