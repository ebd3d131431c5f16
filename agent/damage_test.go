package agent

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// TestG6_ADamagedWantedStateLocksNobodyOut: the disk took the wanted state, or the one group that everybody's grants
// name, while the cloud is away. Unknown is not empty: everybody stays on the panel until the cloud says who they are,
// and only then goes who moved out meanwhile.
func TestG6_ADamagedWantedStateLocksNobodyOut(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]damaging{
		"the file": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, bytes.Repeat([]byte{7}, 64<<10), 0o600))
		}, access.EventDrift, nothingKnown},
		"a group": {func(t *testing.T, path string) { spoil(t, path, "entrance", "items", "group") }, access.EventRefused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			locksNobodyOut(t, damage)
		})
	}
}

// damaging is what happens to the wanted state, the event that shows that the agent has met it, and what a plan says.
type damaging struct {
	do   func(t *testing.T, path string)
	met  access.EventKind
	note string
}

// spoil changes one bit of a stored value, as a worn-out disk does.
func spoil(t *testing.T, path, key string, buckets ...string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(buckets[0]))
		for _, name := range buckets[1:] {
			b = b.Bucket([]byte(name))
		}
		v := bytes.Clone(b.Get([]byte(key)))
		v[len(v)-1] ^= 1
		return b.Put([]byte(key), v)
	}))
	must(t, db.Close())
}

func locksNobodyOut(t *testing.T, damage damaging) {
	t.Helper()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)), resident(2, since(time.Hour)))...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	h.stop()
	damage.do(t, filepath.Join(h.cfg.StateDir, store.WantedFile))
	// A stranger on the panel makes the full read-back tell that it happened.
	must(t, ignore(h.sim.Edit("add", akuvoxsim.User{UserID: "77", Name: "Caretaker", PIN: "4711"})))
	h.keeper.Mute(true)
	h.keeper.Change(nil, keysOf(items(t, resident(1, since(time.Hour))...))) // p1 moves out while nobody listens

	done, events := len(h.sim.Mutating()), h.cloud.Events.Tail()
	h.start()
	events.Find(t, "the event that shows that the damage was met", hasKind(damage.met))
	var r PlanReport
	must(t, json.Unmarshal([]byte(h.ask(AskPlan)), &r))
	if len(r.Devices) != 1 || len(r.Devices[0].Steps) > 0 || r.Devices[0].Note != damage.note {
		t.Errorf("the plan without a state: %+v", r.Devices)
	}
	if n := len(h.sim.Mutating()) - done; n != 0 || !h.opens("10001") || !h.opens("10002") {
		t.Errorf("%d changes at the panel; both residents must still open", n)
	}

	h.stop()
	h.keeper.Mute(false)
	acks := h.cloud.Acks.Tail()
	h.cfg.Hello = 200 * time.Millisecond // the second one tells that a record is still damaged, and brings a snapshot
	h.start()
	story.until(access.EventConfirmed, access.OpRemove, "p1")
	pos, digest := h.keeper.At()
	acks.Find(t, "the ack of a state that is whole again", func(a prototest.Up[protocol.Ack]) bool {
		return a.Body.Position == pos && a.Body.Digest == digest
	})
	if h.opens("10001") || !h.opens("10002") {
		t.Error("the fetched state says that p1 goes and p2 stays")
	}
	if n := len(h.sim.Mutating()) - done; n != 1 {
		t.Errorf("%d changes at the panel, want the removal of p1", n)
	}
	if !slices.ContainsFunc(h.logs.All(), func(s string) bool { return strings.Contains(s, "wanted.db") && strings.Contains(s, `"ERROR"`) }) {
		t.Error("no line of the log tells of the damage")
	}
}

func hasKind(kind access.EventKind) func(prototest.Up[protocol.Events]) bool {
	return func(e prototest.Up[protocol.Events]) bool {
		return slices.ContainsFunc(e.Body.Raw, func(raw json.RawMessage) bool { return bytes.Contains(raw, []byte(`"kind":"`+string(kind)+`"`)) })
	}
}

// TestG6_APlaceThatMakesNoSenseEndsNothing: a newer cloud knows a time zone that this agent does not. Nobody loses
// access by it, the agent goes on, and what does not need the property acts.
func TestG6_APlaceThatMakesNoSenseEndsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	done := len(h.sim.Mutating())
	strange := items(t, places()[0])
	strange[0].Value = json.RawMessage(`{"id":"maple","name":"Maple Court","zone":"Mars/Olympus_Mons"}`)
	h.keeper.Change(append(strange, items(t, resident(2, since(time.Hour))...)...), nil)
	h.logs.wait(t, "a place in the wanted state cannot be read", "Mars/Olympus_Mons")
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	if page := h.get("/"); !strings.Contains(page, "front") || h.get("/healthz") != "ok\n" || h.metric("gatehouse_state_revision") != "2" {
		t.Errorf("the page: %s", page)
	}
	h.keeper.Change(items(t, places()[0]), keysOf(items(t, resident(2, since(time.Hour))...)))
	story.until(access.EventConfirmed, access.OpRemove, "p2")
	if n := len(h.sim.Mutating()) - done; n != 2 || !h.opens("10001") || h.opens("10002") {
		t.Errorf("%d changes at the panel, want p2 added and removed", n)
	}
}
