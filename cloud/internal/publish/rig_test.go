package publish

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// states is a gateway's history: the whole state at each revision; revision 0 is nothing.
type states struct {
	epoch     uint64
	at        []map[access.Key]access.Item
	floor     uint64 // no delta from an older revision
	acked     access.Position
	through   uint64
	digestKey []byte
	meant     access.Position
}

func (s *states) position() access.Position {
	return access.Position{Epoch: s.epoch, Revision: uint64(len(s.at) - 1)}
}

func (s *states) change() Change {
	whole := s.at[len(s.at)-1]
	c := Change{To: s.position(), DigestKey: s.digestKey, Meant: s.meant}
	for _, it := range whole {
		c.Digest.Toggle(s.digestKey, it)
	}
	return c
}

func (s *states) items() []access.Item {
	return slices.SortedFunc(maps.Values(s.at[len(s.at)-1]), func(a, b access.Item) int {
		return strings.Compare(string(a.Kind)+a.ID, string(b.Kind)+b.ID)
	})
}

// store is a Store in memory, and fails on demand.
type store struct {
	mu      sync.Mutex
	of      map[access.GatewayID]*states
	box     map[access.GatewayID]*box
	changes uint64
	fail    map[string]error // by method, or by method and gateway
	calls   map[string]int
}

func (s *store) enter(method string, gw access.GatewayID) (*states, error) {
	s.mu.Lock()
	s.calls[method]++
	for _, k := range []string{method, method + " " + string(gw)} {
		if err := s.fail[k]; err != nil {
			return nil, err
		}
	}
	return s.of[gw], nil
}

func (s *store) Since(_ context.Context, gw access.GatewayID, base uint64) (Change, bool, error) {
	st, err := s.enter("Since", gw)
	defer s.mu.Unlock()
	if err != nil || base >= uint64(len(st.at)) || base < st.floor {
		return Change{}, false, err
	}
	c, old, now := st.change(), st.at[base], st.at[len(st.at)-1]
	for _, it := range st.items() { // in their order: the same change is always cut alike
		if o, ok := old[it.Key]; !ok || !o.Same(it) {
			c.Put = append(c.Put, it)
		}
	}
	for k := range old {
		if _, ok := now[k]; !ok {
			c.Gone = append(c.Gone, k)
		}
	}
	return c, true, nil
}

func (s *store) Snapshot(_ context.Context, gw access.GatewayID) (Change, error) {
	st, err := s.enter("Snapshot", gw)
	defer s.mu.Unlock()
	if err != nil {
		return Change{}, err
	}
	c := st.change()
	c.Put = st.items()
	return c, nil
}

func (s *store) Position(_ context.Context, gw access.GatewayID) (access.Position, error) {
	st, err := s.enter("Position", gw)
	defer s.mu.Unlock()
	if err != nil {
		return access.Position{}, err
	}
	return st.position(), nil
}

func (s *store) Meant(_ context.Context, gw access.GatewayID) (access.Position, error) {
	st, err := s.enter("Meant", gw)
	defer s.mu.Unlock()
	if err != nil {
		return access.Position{}, err
	}
	return st.meant, nil
}

func (s *store) Acked(_ context.Context, gw access.GatewayID) (access.Position, error) {
	st, err := s.enter("Acked", gw)
	defer s.mu.Unlock()
	if err != nil {
		return access.Position{}, err
	}
	return st.acked, nil
}

func (s *store) Through(_ context.Context, gw access.GatewayID) (uint64, error) {
	st, err := s.enter("Through", gw)
	defer s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return st.through, nil
}

func (s *store) Gateways(context.Context) ([]access.GatewayID, error) {
	_, err := s.enter("Gateways", "")
	defer s.mu.Unlock()
	out := make([]access.GatewayID, 0, len(s.of)) // some even with an error: they must not be used
	for gw := range s.of {
		out = append(out, gw)
	}
	return out, err
}

func (s *store) Sealing(_ context.Context, gw access.GatewayID) (*ecdh.PublicKey, error) {
	_, err := s.enter("Sealing", gw)
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.box[gw].keys.Sealing.PublicKey(), nil
}

func (s *store) Changes(context.Context) (uint64, error) {
	_, err := s.enter("Changes", "")
	defer s.mu.Unlock()
	return s.changes, err
}

// set changes the store from the outside.
func (s *store) set(gw access.GatewayID, change func(*states)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.of[gw])
}

func (s *store) breaks(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[method] = err
}

func (s *store) called(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// message is one message as a gateway opened it.
type message struct {
	protocol.Header
	state   protocol.State
	receipt protocol.Receipt
}

// box is the gateway's side: it opens what arrives and keeps the wanted state like a gateway does.
type box struct {
	t    *testing.T
	keys prototest.Gateway
	open protocol.Opener

	got    []message
	items  map[access.Key]access.Item
	staged map[access.Key]access.Item
	at     access.Position
	next   int // the chunk that must come next
}

func (b *box) receive(payload []byte) {
	h, body, err := b.open.Open(payload)
	if err != nil {
		b.t.Errorf("%s does not open: %v", b.keys.ID, err)
		return
	}
	m := message{Header: h}
	switch h.Type {
	case protocol.TypeReceipt:
		m.receipt, err = protocol.Decode[protocol.Receipt](body)
	case protocol.TypeState:
		if m.state, err = protocol.Decode[protocol.State](body); err == nil {
			b.apply(m)
		}
	default:
		b.t.Errorf("a message of type %q", h.Type)
	}
	if err != nil {
		b.t.Error(err)
	}
	b.got = append(b.got, m)
}

func (b *box) apply(m message) {
	if m.Chunk == 1 {
		b.staged, b.next = maps.Clone(b.items), 1
		if m.Base == 0 || b.staged == nil {
			b.staged = map[access.Key]access.Item{}
		}
	}
	if m.Chunk != b.next {
		b.t.Errorf("chunk %d of %d, want %d", m.Chunk, m.Of, b.next)
	}
	b.next++
	for _, k := range m.state.Gone {
		delete(b.staged, k)
	}
	for _, it := range m.state.Put {
		b.staged[it.Key] = it
	}
	if m.Chunk < m.Of {
		return
	}
	if m.Base != 0 && m.Base != b.at.Revision { // does not fit: a real gateway refuses it
		return
	}
	if digestOf(m.state.DigestKey, b.staged) != m.state.Digest {
		b.t.Errorf("revision %d does not have the digest that was sent", m.Revision)
	}
	b.items, b.at = b.staged, access.Position{Epoch: m.Epoch, Revision: m.Revision}
}

func digestOf(key []byte, items map[access.Key]access.Item) (d access.Digest) {
	for _, it := range items {
		d.Toggle(key, it)
	}
	return d
}

// rig is a publisher in virtual time.
type rig struct {
	t *testing.T
	*Publisher
	store *store
	log   bytes.Buffer

	mu      sync.Mutex
	boxes   map[access.GatewayID]*box
	refuse  error         // what sending fails with
	held    chan struct{} // sending waits for it
	dropped bool          // what is sent is lost
}

// inBubble runs f with a publisher for gateways that have nothing yet.
func inBubble(t *testing.T, gateways []access.GatewayID, f func(*rig)) {
	t.Helper()
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		signer := prototest.NewSigningKey(t)
		r := &rig{t: t, boxes: map[access.GatewayID]*box{}}
		r.store = &store{of: map[access.GatewayID]*states{}, box: r.boxes, fail: map[string]error{}, calls: map[string]int{}}
		for _, id := range gateways {
			keys := prototest.NewGateway(t, id)
			r.boxes[id] = &box{t: t, keys: keys, open: keys.Opener(prototest.Public(signer))}
			r.store.of[id] = &states{epoch: 1, at: []map[access.Key]access.Item{{}}, digestKey: bytes.Repeat([]byte{7}, 32)}
		}
		r.Publisher = New(Config{
			Store: r.store, Signer: func(context.Context, access.GatewayID) (ed25519.PrivateKey, error) { return signer, nil }, Send: r.send, Now: time.Now, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Poll: time.Second,
		})
		f(r)
	})
}

// warm lets the compressor make its channels: those made inside a bubble die with it, and it is one
// for the whole process.
func warm(t *testing.T) {
	t.Helper()
	keys, signer := prototest.NewGateway(t, "warm"), prototest.NewSigningKey(t)
	msg, err := protocol.SealDown(protocol.Header{Gateway: "warm"}, strings.Repeat("x", 4<<10), signer, keys.Sealing.PublicKey())
	if err == nil {
		_, _, err = keys.Opener(prototest.Public(signer)).Open(msg)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) send(ctx context.Context, topic string, payload []byte) error {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil || r.dropped {
		return r.refuse
	}
	for id, b := range r.boxes {
		if strings.HasPrefix(topic, "gatehouse/v1/"+string(id)+"/down/") {
			b.receive(payload)
			if last := b.got[len(b.got)-1]; topic != protocol.DownTopic(id, last.Type) {
				r.t.Errorf("a %s on %s", last.Type, topic)
			}
		}
	}
	return nil
}

// wire changes how sending goes.
func (r *rig) wire(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// run runs the publisher until the test ends.
func (r *rig) run() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
}

// commit stores a new revision with exactly these items.
func (r *rig) commit(gw access.GatewayID, items ...access.Item) {
	whole := map[access.Key]access.Item{}
	for _, it := range items {
		whole[it.Key] = it
	}
	r.store.set(gw, func(s *states) { s.at = append(s.at, whole) })
	r.store.mu.Lock()
	r.store.changes++
	r.store.mu.Unlock()
}

// after lets time pass and everything settle.
func (r *rig) after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// hello says hello as the box really is.
func (r *rig) hello(gw access.GatewayID, nonce string) {
	r.t.Helper()
	b := r.boxes[gw]
	r.mu.Lock()
	h := protocol.Hello{Epoch: b.at.Epoch, Revision: b.at.Revision, Digest: digestOf(r.store.of[gw].digestKey, b.items), Nonce: nonce}
	r.mu.Unlock()
	r.say(gw, h)
}

func (r *rig) say(gw access.GatewayID, h protocol.Hello) {
	r.t.Helper()
	if err := r.Hello(r.t.Context(), gw, h); err != nil {
		r.t.Fatal(err)
	}
}

// take returns the states a gateway got since the last take, one line a chunk.
func (r *rig) take(gw access.GatewayID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	b := r.boxes[gw]
	for _, m := range b.got {
		if m.Type != protocol.TypeState {
			continue
		}
		line := fmt.Sprintf("%d→%d put %d gone %d", m.Base, m.Revision, len(m.state.Put), len(m.state.Gone))
		if m.Of > 1 {
			line += fmt.Sprintf(" (%d/%d)", m.Chunk, m.Of)
		}
		if m.state.Nonce != "" {
			line += " " + m.state.Nonce
		}
		out = append(out, line)
	}
	b.got = nil
	return strings.Join(out, "; ")
}

func (r *rig) wants(gw access.GatewayID, what, want string) {
	r.t.Helper()
	if got := r.take(gw); got != want {
		r.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// converged reports whether the box holds the newest state.
func (r *rig) converged(gw access.GatewayID) {
	r.t.Helper()
	s, b := r.store.of[gw], r.boxes[gw]
	if b.at != s.position() || digestOf(s.digestKey, b.items) != digestOf(s.digestKey, s.at[len(s.at)-1]) {
		r.t.Errorf("%s is at %+v, the store at %+v", gw, b.at, s.position())
	}
}

var errBroken = errors.New("the disk is on fire")
