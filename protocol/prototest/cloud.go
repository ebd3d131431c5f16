package prototest

import (
	"crypto/ed25519"
	"encoding/json"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Up is one message that came up and was verified.
type Up[T any] struct {
	Gateway access.GatewayID
	Header  protocol.Header
	Body    T
}

// Cloud speaks for the cloud: it verifies and collects what its gateways send, and sends what a test tells it to.
// It answers nothing by itself; see Keep.
type Cloud struct {
	Signing     ed25519.PrivateKey
	Hellos      *Log[Up[protocol.Hello]]
	Acks        *Log[Up[protocol.Ack]]
	Events      *Log[Up[protocol.Events]]
	Inventories *Log[Up[protocol.Inventory]]
	Replies     *Log[Up[protocol.Reply]]
	Statuses    *Log[protocol.Status]
	Refused     *Log[error]    // what could not be verified or read
	Online      *Log[struct{}] // one for every time the cloud's subscriptions stood

	jobs chan func()
	end  chan struct{}

	mu      sync.Mutex
	client  paho.Client // of the last connection
	keepers map[access.GatewayID]*Keeper
	// gateways are the keys that each is known by, the newest last.
	gateways map[access.GatewayID][]Gateway
}

// NewCloud connects a cloud for some gateways through any broker, and comes back when it hears them. It leaves with the test
// and comes back by itself when the broker does.
func NewCloud(t testing.TB, in Entry, gateways ...Gateway) *Cloud {
	t.Helper()
	c := &Cloud{
		Signing: NewSigningKey(t),
		Hellos:  NewLog[Up[protocol.Hello]](), Acks: NewLog[Up[protocol.Ack]](), Events: NewLog[Up[protocol.Events]](),
		Inventories: NewLog[Up[protocol.Inventory]](), Replies: NewLog[Up[protocol.Reply]](), Statuses: NewLog[protocol.Status](),
		Refused: NewLog[error](), Online: NewLog[struct{}](),
		gateways: map[access.GatewayID][]Gateway{}, keepers: map[access.GatewayID]*Keeper{}, jobs: make(chan func(), 4096), end: make(chan struct{}),
	}
	for _, g := range gateways {
		c.gateways[g.ID] = []Gateway{g}
	}
	var both sync.WaitGroup
	both.Go(func() { c.live(in) })
	both.Go(c.work)
	t.Cleanup(func() {
		close(c.end)
		both.Wait()
	})
	c.Online.Read().Next(t, "the cloud's subscription")
	return c
}

// live keeps the cloud connected, with a new client for every connection: paho's own reconnecting sends what it holds
// while it changes it (a data race in v1.5.1's resume).
func (c *Cloud) live(in Entry) {
	for {
		lost := make(chan struct{})
		client := paho.NewClient(c.options(in, lost))
		if c.subscribed(client) {
			c.use(client)
			c.Online.Add(struct{}{})
		} else {
			client.Disconnect(0)
			lost = closedAfter(20 * time.Millisecond)
		}
		select {
		case <-lost:
		case <-c.end:
			client.Disconnect(200)
			return
		}
	}
}

func (c *Cloud) options(in Entry, lost chan struct{}) *paho.ClientOptions {
	o := paho.NewClientOptions().AddBroker(in.URL).SetClientID(CloudName).SetProtocolVersion(4).SetCleanSession(true)
	o.SetCustomOpenConnectionFn(in.open) // paho's own dialer follows proxy variables of the environment
	o.SetAutoReconnect(false).SetWriteTimeout(5 * time.Second).SetConnectTimeout(5 * time.Second)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { c.receive(m.Topic(), m.Payload()) })
	o.SetConnectionLostHandler(func(paho.Client, error) { close(lost) })
	return o
}

func (c *Cloud) subscribed(client paho.Client) bool {
	if token := client.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		return false
	}
	token := client.SubscribeMultiple(map[string]byte{protocol.AllUp: 1, protocol.AllStatus: 1}, nil)
	return token.WaitTimeout(patience) && token.Error() == nil
}

func closedAfter(d time.Duration) chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

func (c *Cloud) use(client paho.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = client
}

func (c *Cloud) current() paho.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client
}

// work runs what must not run inside paho's handlers, in order.
func (c *Cloud) work() {
	for {
		select {
		case job := <-c.jobs:
			job()
		case <-c.end:
			return
		}
	}
}

func (c *Cloud) receive(topic string, payload []byte) {
	if _, ok := protocol.ParseStatus(topic); ok {
		var s protocol.Status
		if err := json.Unmarshal(payload, &s); err != nil {
			c.Refused.Add(err)
			return
		}
		c.Statuses.Add(s)
		return
	}
	gw, typ, ok := protocol.ParseUp(topic)
	if !ok {
		c.Refused.Add(protocol.Refuse(protocol.Malformed, "topic %q", topic))
		return
	}
	h, body, err := protocol.OpenUp(gw, c.known(gw), payload)
	if err == nil && h.Type != typ {
		err = protocol.Refuse(protocol.WrongType, "%s on the topic of %s", h.Type, typ)
	}
	if err == nil {
		err = c.sort(gw, h, body)
	}
	if err != nil {
		c.Refused.Add(err)
	}
}

// Know makes the cloud know a gateway by further keys: it seals to these and believes both.
func (c *Cloud) Know(g Gateway) {
	c.mu.Lock()
	c.gateways[g.ID] = append(c.gateways[g.ID], g)
	k := c.keepers[g.ID]
	c.mu.Unlock()
	if k != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.gateway = g
	}
}

func (c *Cloud) known(gw access.GatewayID) (out []ed25519.PublicKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.gateways[gw] {
		out = append(out, Public(g.Signing))
	}
	return out
}

// SignWith makes the cloud sign with another key from now on.
func (c *Cloud) SignWith(key ed25519.PrivateKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Signing = key
}

// sort puts a verified message into its log and before its gateway's keeper.
func (c *Cloud) sort(gw access.GatewayID, h protocol.Header, body []byte) error {
	keeper := c.keeper(gw)
	switch h.Type {
	case protocol.TypeHello:
		return collect(c, c.Hellos, gw, h, body, keeper.hello)
	case protocol.TypeEvent:
		return collect(c, c.Events, gw, h, body, keeper.events)
	case protocol.TypeAck:
		return collect(c, c.Acks, gw, h, body, nil)
	case protocol.TypeInventory:
		return collect(c, c.Inventories, gw, h, body, nil)
	case protocol.TypeReply:
		return collect(c, c.Replies, gw, h, body, nil)
	}
	return protocol.Refuse(protocol.WrongType, "type %q", h.Type)
}

func collect[T any](c *Cloud, log *Log[Up[T]], gw access.GatewayID, h protocol.Header, body []byte, then func(T)) error {
	v, err := protocol.Decode[T](body)
	if err != nil {
		return err
	}
	log.Add(Up[T]{gw, h, v})
	if then != nil {
		select {
		case c.jobs <- func() { then(v) }:
		case <-c.end:
		}
	}
	return nil
}

// Seal makes the bytes of a message down. Type, gateway and, when it is zero, the issue time are filled in.
func Seal(signing ed25519.PrivateKey, to Gateway, typ protocol.Type, h protocol.Header, body any) ([]byte, error) {
	h.Type, h.Gateway = typ, to.ID
	if h.Issued.IsZero() {
		h.Issued = time.Now()
	}
	return protocol.SealDown(h, body, signing, to.Sealing.PublicKey())
}

// Seal makes the bytes of a message of this cloud.
func (c *Cloud) Seal(to Gateway, typ protocol.Type, h protocol.Header, body any) ([]byte, error) {
	c.mu.Lock()
	key := c.Signing
	c.mu.Unlock()
	return Seal(key, to, typ, h, body)
}

// Send seals a message and publishes it.
func (c *Cloud) Send(t testing.TB, to Gateway, typ protocol.Type, h protocol.Header, body any) {
	t.Helper()
	msg, err := c.Seal(to, typ, h, body)
	must(t, err)
	c.Publish(t, protocol.DownTopic(to.ID, typ), msg)
}

// Publish sends bytes as they are and waits until the broker has them.
func (c *Cloud) Publish(t testing.TB, topic string, msg []byte) {
	t.Helper()
	token := c.current().Publish(topic, 1, false, msg)
	select {
	case <-token.Done():
		must(t, token.Error())
	case <-time.After(patience):
		t.Fatalf("the broker took nothing on %s within %s", topic, patience)
	}
}

// Snapshot sends items as the whole state at pos, in as many chunks as it takes, and returns their messages.
func (c *Cloud) Snapshot(t testing.TB, to Gateway, pos access.Position, key []byte, items []access.Item, nonce string) [][]byte {
	t.Helper()
	msgs, err := c.sealChange(to, pos, 0, protocol.State{DigestKey: key, Digest: DigestOf(key, items), Nonce: nonce}, items, nil)
	must(t, err)
	for _, m := range msgs {
		c.Publish(t, protocol.DownTopic(to.ID, protocol.TypeState), m)
	}
	return msgs
}

func (c *Cloud) sealChange(to Gateway, pos access.Position, base uint64, s protocol.State, put []access.Item, gone []access.Key) ([][]byte, error) {
	chunks, err := protocol.Split(put, gone)
	if err != nil {
		return nil, err
	}
	var msgs [][]byte
	for i, chunk := range chunks {
		body := s
		body.Put, body.Gone = chunk.Put, chunk.Gone
		h := protocol.Header{Epoch: pos.Epoch, Revision: pos.Revision, Base: base, Chunk: i + 1, Of: len(chunks)}
		msg, err := c.Seal(to, protocol.TypeState, h, body)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, msg)
	}
	return msgs, nil
}

// Receipt tells a gateway that every event up to through is safe.
func (c *Cloud) Receipt(t testing.TB, to Gateway, through uint64, nonce string) {
	t.Helper()
	c.Send(t, to, protocol.TypeReceipt, protocol.Header{}, protocol.Receipt{Through: through, Nonce: nonce})
}
