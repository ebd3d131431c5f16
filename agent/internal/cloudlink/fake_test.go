package cloudlink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// memWanted is a store of the wanted state in memory, by the rules of the real one.
type memWanted struct {
	mu      sync.Mutex
	pos     access.Position
	items   map[access.Key]access.Item
	digest  access.Digest
	staged  []access.Update
	applied int
	fail    error               // Apply fails with it
	meant   []access.Position   // as told with nothing new
	during  func(access.Update) // called inside Apply
}

func (w *memWanted) Position() access.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pos
}

func (w *memWanted) Digest() access.Digest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.digest
}

func (w *memWanted) Meant(at access.Position) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.meant = append(w.meant, at)
	return w.fail
}

func (w *memWanted) Apply(u access.Update) (bool, error) {
	if w.during != nil {
		w.during(u)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.fail != nil:
		return false, w.fail
	case w.pos.Epoch != 0 && u.Epoch > w.pos.Epoch && !u.Snapshot():
		return false, protocol.Refuse(protocol.Foreign, "epoch %d", u.Epoch)
	case !w.pos.Before(u.Position) && !(u.Snapshot() && u.Position == w.pos):
		return false, protocol.Refuse(protocol.Replay, "at %v", w.pos)
	case !u.Snapshot() && u.Base != w.pos.Revision:
		return false, protocol.Refuse(protocol.Gap, "base %d, here is %d", u.Base, w.pos.Revision)
	}
	if u.Chunk == 1 {
		w.staged = nil
	}
	if len(w.staged) != u.Chunk-1 {
		return false, protocol.Refuse(protocol.Gap, "chunk %d after %d", u.Chunk, len(w.staged))
	}
	if w.staged = append(w.staged, u); u.Chunk < u.Of {
		return false, nil
	}
	return w.commit(u)
}

func (w *memWanted) commit(last access.Update) (bool, error) {
	items := map[access.Key]access.Item{}
	if !last.Snapshot() {
		for k, it := range w.items {
			items[k] = it
		}
	}
	for _, u := range w.staged {
		for _, k := range u.Gone {
			delete(items, k)
		}
		for _, it := range u.Put {
			items[it.Key] = it
		}
	}
	w.staged = nil
	var d access.Digest
	for _, it := range items {
		d.Toggle(last.DigestKey, it)
	}
	if d != last.Digest {
		return false, protocol.Refuse(protocol.BadDigest, "revision %d", last.Revision)
	}
	w.items, w.digest, w.pos = items, d, last.Position
	w.applied++
	return true, nil
}

func (w *memWanted) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.items)
}

// memOutbox is an outbox in memory.
type memOutbox struct {
	mu     sync.Mutex
	raw    [][]byte
	links  []access.Link // links[i] is the link before raw[i]
	first  uint64        // number of raw[0]
	tip    access.Link
	wake   chan struct{}
	broken error
	check  *protocol.Checkpoint
}

func newOutbox() *memOutbox { return &memOutbox{first: 1, wake: make(chan struct{}, 1)} }

// add makes n events, each padded to at least size bytes.
func (o *memOutbox) add(n, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range n {
		e := access.Event{Number: o.first + uint64(len(o.raw)), Kind: access.EventWritten, Person: "r1", Message: fmt.Sprintf("%0*d", size, 0)}
		raw, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		o.raw, o.links = append(o.raw, raw), append(o.links, o.tip)
		o.tip = access.Chain(o.tip, raw)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *memOutbox) Pending(after uint64, most int) (uint64, access.Link, [][]byte, *protocol.Checkpoint, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return 0, access.Link{}, nil, nil, o.broken
	}
	skip := 0
	if after >= o.first {
		skip = int(after-o.first) + 1
	}
	if skip >= len(o.raw) {
		return 0, access.Link{}, nil, nil, nil
	}
	end, size := skip, 0
	for end < len(o.raw) && (end == skip || size+len(o.raw[end]) <= most) {
		size += len(o.raw[end])
		end++
	}
	return o.first + uint64(skip), o.links[skip], o.raw[skip:end], o.check, nil
}

func (o *memOutbox) Confirm(through uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.raw) > 0 && o.first <= through {
		o.raw, o.links, o.first = o.raw[1:], o.links[1:], o.first+1
	}
	return o.broken
}

func (o *memOutbox) Last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first + uint64(len(o.raw)) - 1
}

func (o *memOutbox) Wake() <-chan struct{} { return o.wake }

func (o *memOutbox) setBroken(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = err
}

func (o *memOutbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.raw)
}

// memClock is the system's clock with an error and with or without trust.
type memClock struct {
	mu      sync.Mutex
	off     time.Duration
	trusted bool
	offers  []offer
}

type offer struct {
	remote time.Time
	took   time.Duration
}

func (c *memClock) Now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off), c.trusted
}

func (c *memClock) Health() (bool, string) {
	_, trusted := c.Now()
	return trusted, map[bool]string{true: "ntp", false: "held"}[trusted]
}

func (c *memClock) Cloud(remote, sent, received time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offers = append(c.offers, offer{remote, received.Sub(sent)})
}

func (c *memClock) offered() []offer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]offer(nil), c.offers...)
}

func (c *memClock) set(off time.Duration, trusted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off, c.trusted = off, trusted
}

// memInventory is a list of devices.
type memInventory struct {
	mu      sync.Mutex
	number  uint64
	devices []access.Device
	changed chan struct{}
}

func (i *memInventory) Devices() (uint64, []access.Device) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.number, i.devices
}

func (i *memInventory) Changed() <-chan struct{} { return i.changed }

func (i *memInventory) add(d access.Device) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.number++
	i.devices = append(i.devices, d)
	i.changed <- struct{}{}
}

// memCommands does every command at once, except those named "wait", which end with the link.
type memCommands struct{ begun chan string }

func (m memCommands) Do(ctx context.Context, c protocol.Command) protocol.Reply {
	m.begun <- c.ID
	if c.Do == "wait" {
		<-ctx.Done()
		return protocol.Reply{ID: c.ID, Result: "unknown"}
	}
	return protocol.Reply{ID: c.ID, Result: "done", Message: c.Do}
}

var errDisk = errors.New("no space left on device")

func (w *memWanted) set(fail error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = fail
}

func (w *memWanted) agreed() []access.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]access.Position(nil), w.meant...)
}
