package intake

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

var errBroken = errors.New("the disk is on fire")

// ledger is what is committed for one gateway.
type ledger struct {
	events  [][]byte
	link    access.Link
	through uint64
}

// world is the store and the answers in memory. It writes down what happened, in order.
type world struct {
	mu      sync.Mutex
	keys    map[access.GatewayID][]ed25519.PublicKey
	of      map[access.GatewayID]*ledger
	story   []string
	fail    map[string]error // by method
	busy    map[access.GatewayID]bool
	hold    chan struct{} // SaveAck waits for it
	overlap bool
}

func (w *world) note(method, format string, args ...any) error {
	if err := w.fail[method]; err != nil {
		return err
	}
	w.story = append(w.story, fmt.Sprintf(format, args...))
	return nil
}

func (w *world) Signing(_ context.Context, gw access.GatewayID) ([]ed25519.PublicKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys[gw], w.fail["Signing"]
}

// Heard makes a next key the only one.
func (w *world) Heard(_ context.Context, gw access.GatewayID, key ed25519.PublicKey, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.note("Heard", "%s heard by %s at %s", gw, protocol.KeyID(key), at.UTC().Format(time.TimeOnly)); err != nil {
		return err
	}
	w.keys[gw] = []ed25519.PublicKey{key}
	return nil
}

// Succeed takes whatever is proven.
func (w *world) Succeed(_ context.Context, gw access.GatewayID, by ed25519.PublicKey, next protocol.Succession, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := next.Check(gw, by); err != nil {
		return err
	}
	if err := w.note("Succeed", "%s next %s", gw, protocol.KeyID(next.Signing)); err != nil {
		return err
	}
	w.keys[gw] = append(w.keys[gw], next.Signing)
	return nil
}

func (w *world) SaveStatus(_ context.Context, gw access.GatewayID, s protocol.Status, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("SaveStatus", "%s status online=%v at %s", gw, s.Online, at.UTC().Format(time.TimeOnly))
}

func (w *world) SaveHello(_ context.Context, gw access.GatewayID, h protocol.Hello, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("SaveHello", "%s hello %s at %s", gw, h.Nonce, at.UTC().Format(time.TimeOnly))
}

func (w *world) SaveAck(ctx context.Context, gw access.GatewayID, a protocol.Ack, _ time.Time) error {
	w.mu.Lock()
	w.overlap = w.overlap || w.busy[gw]
	w.busy[gw] = true
	hold := w.hold
	w.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[gw] = false
	return w.note("SaveAck", "%s ack %d", gw, a.Revision)
}

func (w *world) SaveInventory(_ context.Context, gw access.GatewayID, inv protocol.Inventory, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("SaveInventory", "%s inventory %d", gw, inv.Number)
}

func (w *world) SaveReply(_ context.Context, gw access.GatewayID, r protocol.Reply, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("SaveReply", "%s reply %s %s", gw, r.ID, r.Result)
}

// SaveEvents commits by the rules of the cloud's store.
func (w *world) SaveEvents(_ context.Context, gw access.GatewayID, e protocol.Events, _ time.Time) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fail["SaveEvents"]; err != nil {
		return 0, err
	}
	l := w.of[gw]
	if e.First > l.through+1 {
		return l.through, nil
	}
	link := e.Prev
	for i, raw := range e.Raw {
		n := e.First + uint64(i)
		if n == l.through+1 {
			if link != l.link {
				return 0, fault.New(fault.Conflict, "save events", string(gw), "event %d does not continue the chain", n)
			}
			l.events, l.through, l.link = append(l.events, raw), n, access.Chain(link, raw)
			w.story = append(w.story, fmt.Sprintf("%s event %d", gw, n))
		}
		link = access.Chain(link, raw)
	}
	return l.through, nil
}

func (w *world) Hello(_ context.Context, gw access.GatewayID, h protocol.Hello) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("answer", "%s answered %s", gw, h.Nonce)
}

func (w *world) Receipt(_ context.Context, gw access.GatewayID, through uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("receipt", "%s receipt %d", gw, through)
}

func (w *world) Greet(_ context.Context, gw access.GatewayID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note("greet", "%s greeted", gw)
}

// rig is an intake with its world, in virtual time.
type rig struct {
	*Intake
	t        *testing.T
	world    *world
	log      bytes.Buffer
	gateways map[access.GatewayID]prototest.Gateway
	changes  int
	changing sync.Mutex
}

// inBubble runs f with an intake for gateways gw-0 to gw-7.
func inBubble(t *testing.T, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			keys: map[access.GatewayID][]ed25519.PublicKey{}, of: map[access.GatewayID]*ledger{},
			fail: map[string]error{}, busy: map[access.GatewayID]bool{},
		}
		r := &rig{t: t, world: w, gateways: map[access.GatewayID]prototest.Gateway{}}
		for i := range 8 {
			g := prototest.NewGateway(t, access.GatewayID(fmt.Sprintf("gw-%d", i)))
			r.gateways[g.ID], w.of[g.ID] = g, &ledger{}
			w.keys[g.ID] = []ed25519.PublicKey{prototest.Public(g.Signing)}
		}
		r.Intake = New(Config{Store: w, Answers: w, Now: time.Now, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Changed: r.changed})
		f(r)
	})
}

func (r *rig) changed() {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.changes++
}

// start runs the intake until the test ends.
func (r *rig) start() {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
}

// say offers a message of a gateway, properly signed, and waits until it is dealt with.
func (r *rig) say(gw access.GatewayID, typ protocol.Type, body any) {
	r.t.Helper()
	r.Offer(protocol.UpTopic(gw, typ), r.gateways[gw].Up(r.t, typ, body))
	synctest.Wait()
}

// events are consecutive events from a number on, in the chain that begins with event 1.
func events(first uint64, n int) protocol.Events {
	e := protocol.Events{First: first}
	for i := uint64(1); i < first+uint64(n); i++ {
		raw := fmt.Appendf(nil, `{"n":%d}`, i)
		if i < first {
			e.Prev = access.Chain(e.Prev, raw)
			continue
		}
		e.Raw = append(e.Raw, raw)
	}
	return e
}

// take is what happened since the last take.
func (r *rig) take() string {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	s := strings.Join(r.world.story, "; ")
	r.world.story = nil
	return s
}

func (r *rig) wants(what, want string) {
	r.t.Helper()
	if got := r.take(); got != want {
		r.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (r *rig) breaks(method string, err error) {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	r.world.fail[method] = err
}

func (r *rig) lines(containing string) int {
	return len(slices.DeleteFunc(strings.Split(r.log.String(), "\n"), func(s string) bool { return !strings.Contains(s, containing) }))
}
