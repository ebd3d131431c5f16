package prototest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Keeper does for one gateway what a cloud does: it holds the wanted state, answers hellos with what is
// missing, keeps events exactly once and sends receipts. A nil Keeper does nothing.
type Keeper struct {
	Kept *Log[Kept]  // every event once, in order
	Bad  *Log[error] // chains that do not join, messages that could not be made

	cloud   *Cloud
	gateway Gateway
	key     []byte

	mu    sync.Mutex
	mute  bool
	full  bool            // send everything, whatever a gateway says it has
	meant access.Position // somebody agrees up to here
	pos   access.Position
	items map[access.Key]access.Item
	dig   access.Digest
	last  delta
	count uint64
	link  access.Link
}

// Kept is one event with its number and the exact bytes that the chain is over.
type Kept struct {
	Number uint64
	Raw    []byte
}

type delta struct {
	base uint64
	put  []access.Item
	gone []access.Key
}

// Keep makes the cloud do its job for a gateway, starting at revision 1 of epoch 1 with some items.
func (c *Cloud) Keep(g Gateway, items []access.Item) *Keeper {
	k := &Keeper{
		Kept: NewLog[Kept](), Bad: NewLog[error](), cloud: c, gateway: g, key: []byte("0123456789abcdef0123456789abcdef"),
		pos: access.Position{Epoch: 1}, items: map[access.Key]access.Item{},
	}
	k.change(items, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keepers[g.ID] = k
	return k
}

func (c *Cloud) keeper(id access.GatewayID) *Keeper {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keepers[id]
}

// Change makes the next revision and publishes it as a delta. It returns where the state stands then.
func (k *Keeper) Change(put []access.Item, gone []access.Key) (access.Position, access.Digest) {
	k.change(put, gone)
	k.mu.Lock()
	pos, dig, d, mute := k.pos, k.dig, k.last, k.mute
	k.mu.Unlock()
	if !mute {
		k.send(pos, d.base, protocol.State{DigestKey: k.key, Digest: dig}, d.put, d.gone, nil)
	}
	return pos, dig
}

// Own makes the next revision out of one item about the gateway itself, as it is: a cloud may be wrong.
func (k *Keeper) Own(kind access.Kind, value string) access.Position {
	pos, _ := k.Change([]access.Item{{Key: access.Key{Kind: kind, ID: access.GatewayItem}, Value: []byte(value)}}, nil)
	return pos
}

// Settings makes the next revision out of settings, right or wrong.
func (k *Keeper) Settings(value string) access.Position { return k.Own(access.KindSettings, value) }

// Meant lets somebody agree with everything up to a position. It is told with what is sent from then on.
func (k *Keeper) Meant(at access.Position) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.meant = at
}

// Epoch makes it a cloud that was restored from a backup: it goes on at a position of a later epoch, with the items of
// the backup. It says so when it is asked.
func (k *Keeper) Epoch(at access.Position, items []access.Item) {
	k.mu.Lock()
	k.pos, k.items, k.dig = access.Position{Epoch: at.Epoch, Revision: at.Revision - 1}, map[access.Key]access.Item{}, access.Digest{}
	k.mu.Unlock()
	k.change(items, nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last.base = 0
}

// Forgetful makes the keeper one of before hello told of chunks: it always sends all of them.
func (k *Keeper) Forgetful() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = true
}

func (k *Keeper) change(put []access.Item, gone []access.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last = delta{k.pos.Revision, put, gone}
	k.pos.Revision++
	for _, key := range gone {
		if old, ok := k.items[key]; ok {
			k.dig.Toggle(k.key, old)
			delete(k.items, key)
		}
	}
	for _, it := range put {
		if old, ok := k.items[it.Key]; ok {
			k.dig.Toggle(k.key, old)
		}
		k.items[it.Key] = it
		k.dig.Toggle(k.key, it)
	}
}

// At is where the state stands.
func (k *Keeper) At() (access.Position, access.Digest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pos, k.dig
}

// Mute makes the keeper deaf and silent, as a cloud that is down behind a broker that is up.
func (k *Keeper) Mute(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mute = on
}

func (k *Keeper) hello(h protocol.Hello) {
	if k == nil {
		return
	}
	k.mu.Lock()
	pos, dig, d, mute := k.pos, k.dig, k.last, k.mute
	items := k.all()
	have := h.Staged
	if k.full {
		have = nil
	}
	k.mu.Unlock()
	body := protocol.State{DigestKey: k.key, Digest: dig, Nonce: h.Nonce}
	theirs := access.Position{Epoch: h.Epoch, Revision: h.Revision}
	switch {
	case mute:
	case theirs == pos && h.Digest == dig:
		k.send(pos, pos.Revision, body, nil, nil, nil)
	case theirs == access.Position{Epoch: pos.Epoch, Revision: d.base} && d.base > 0:
		k.send(pos, d.base, body, d.put, d.gone, have)
	default:
		k.send(pos, 0, body, items, nil, have)
	}
}

// all is every item in one order, so that a revision is cut into the same chunks every time. The caller holds mu.
func (k *Keeper) all() []access.Item {
	return slices.SortedFunc(maps.Values(k.items), func(a, b access.Item) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
}

// Messages are those that bring a gateway the whole state, as they would be sent.
func (k *Keeper) Messages(t testing.TB) [][]byte {
	t.Helper()
	k.mu.Lock()
	pos, items, s := k.pos, k.all(), protocol.State{DigestKey: k.key, Digest: k.dig, Meant: k.meant}
	k.mu.Unlock()
	msgs, err := k.cloud.sealChange(k.to(), pos, 0, s, items, nil)
	must(t, err)
	return msgs
}

func (k *Keeper) events(e protocol.Events) {
	if k == nil {
		return
	}
	k.mu.Lock()
	through, mute := k.keep(e), k.mute
	k.mu.Unlock()
	if mute || through == 0 {
		return
	}
	msg, err := k.cloud.Seal(k.to(), protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: through})
	k.publish(protocol.TypeReceipt, msg, err)
}

// keep commits what is new and returns up to where everything is kept.
func (k *Keeper) keep(e protocol.Events) uint64 {
	if k.mute || e.First > k.count+1 {
		return k.count // something before it is still missing
	}
	link := e.Prev
	for i, raw := range e.Raw {
		n := e.First + uint64(i)
		if n == k.count+1 {
			if k.count > 0 && link != k.link {
				k.Bad.Add(fmt.Errorf("event %d does not join the chain", n))
			}
			k.count, k.link = n, access.Chain(link, raw)
			k.Kept.Add(Kept{n, raw})
		}
		link = access.Chain(link, raw)
	}
	return k.count
}

// send leaves out the chunks that the gateway has, if it has some of this very change.
func (k *Keeper) send(pos access.Position, base uint64, s protocol.State, put []access.Item, gone []access.Key, have *protocol.Staged) {
	k.mu.Lock()
	s.Meant = k.meant
	to := k.gateway
	k.mu.Unlock()
	msgs, err := k.cloud.sealChange(to, pos, base, s, put, gone)
	if err != nil {
		k.Bad.Add(err)
	}
	some := have != nil && have.Position == pos && have.Base == base && have.Of == len(msgs)
	for i, m := range msgs {
		if !some || !slices.Contains(have.Have, i+1) {
			k.publish(protocol.TypeState, m, nil)
		}
	}
}

func (k *Keeper) publish(typ protocol.Type, msg []byte, err error) {
	if err != nil {
		k.Bad.Add(err)
		return
	}
	k.cloud.current().Publish(protocol.DownTopic(k.to().ID, typ), 1, false, msg) // a lost one is asked for again
}

// to is the gateway by the keys that it is sealed to now.
func (k *Keeper) to() Gateway {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gateway
}
