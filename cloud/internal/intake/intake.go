// Package intake takes in what gateways say: hello, acknowledgements, events, inventory. Events are
// committed exactly once by (gateway, number); only then does a receipt go down, and only then does
// the gateway forget them. Whatever cannot be taken in now is simply not answered: the gateway says
// it again.
//
// It knows the contract and no MQTT client; the assembly hands in messages and where to answer. Only
// the assembly imports it.
package intake

import (
	"context"
	"crypto/ed25519"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Store is where it all goes.
type Store interface {
	// Signing are the keys a gateway may sign with, the one in use first, then next ones; none for a
	// gateway that is not enrolled, or revoked.
	Signing(ctx context.Context, gw access.GatewayID) ([]ed25519.PublicKey, error)
	// Heard notes that a message was signed with a next key, which is the one in use from now on.
	Heard(ctx context.Context, gw access.GatewayID, key ed25519.PublicKey, at time.Time) error
	// Succeed takes in the next keys that a gateway announces, signed with the key in use. Again it is
	// no error. What is wrong with them is a *protocol.Refusal; nothing has changed then.
	Succeed(ctx context.Context, gw access.GatewayID, by ed25519.PublicKey, next protocol.Succession, at time.Time) error
	SaveStatus(ctx context.Context, gw access.GatewayID, s protocol.Status, at time.Time) error
	SaveHello(ctx context.Context, gw access.GatewayID, h protocol.Hello, at time.Time) error
	SaveAck(ctx context.Context, gw access.GatewayID, a protocol.Ack, at time.Time) error
	SaveInventory(ctx context.Context, gw access.GatewayID, inv protocol.Inventory, at time.Time) error
	SaveReply(ctx context.Context, gw access.GatewayID, r protocol.Reply, at time.Time) error
	// SaveEvents commits consecutive events and returns the number of the last one committed so
	// far. Events already there are no error; a chain that does not fit is a Conflict.
	SaveEvents(ctx context.Context, gw access.GatewayID, e protocol.Events, at time.Time) (through uint64, err error)
}

// Answers is how a gateway is answered.
type Answers interface {
	Hello(context.Context, access.GatewayID, protocol.Hello) error
	Receipt(ctx context.Context, gw access.GatewayID, through uint64) error
	// Greet tells a gateway that somebody listens.
	Greet(ctx context.Context, gw access.GatewayID) error
}

// Config is what an Intake is made of.
type Config struct {
	Store   Store
	Answers Answers
	Now     func() time.Time
	Log     *slog.Logger
	Changed func() // after something was committed; may be nil; called from every worker
	Workers int    // 0: 4
}

// Counts is what happened so far, for metrics.
type Counts struct {
	Taken   map[protocol.Type]uint64
	Refused map[protocol.Reason]uint64 // by what they are: sent again, they are refused again
	Keys    map[protocol.Reason]uint64 // next keys that were refused, in messages that were taken in
	Failed  uint64                     // could not be stored or answered; the gateway sends them again
	Dropped uint64                     // the queue was full; the gateway sends them again
}

// Intake takes messages in. Make it with New; Run owns the workers. Offer and Counts may be called
// from any goroutine.
type Intake struct {
	cfg    Config
	queues []chan message

	mu     sync.Mutex
	counts Counts
	logged map[complaint]bool
}

// complaint is what is logged once: a reason to refuse, or a failure until something of the same
// kind succeeds. The gateway is "" unless it is enrolled, so that their number is bounded.
type complaint struct {
	gateway access.GatewayID
	about   string
}

type message struct {
	topic   string
	payload []byte
	kept    bool // it was said before the cloud listened
}

const queueLength = 256

// New makes an intake.
func New(cfg Config) *Intake {
	if cfg.Workers == 0 {
		cfg.Workers = 4
	}
	in := &Intake{
		cfg: cfg, counts: Counts{Taken: map[protocol.Type]uint64{}, Refused: map[protocol.Reason]uint64{}, Keys: map[protocol.Reason]uint64{}}, logged: map[complaint]bool{},
	}
	for range cfg.Workers {
		in.queues = append(in.queues, make(chan message, queueLength))
	}
	return in
}

// Offer hands a message over without blocking. All messages of a gateway stay in order. It keeps
// payload. When the queue is full the message is dropped and counted; the gateway repeats it.
func (in *Intake) Offer(topic string, payload []byte) { in.offer(message{topic, payload, false}) }

// OfferKept is Offer for what was said before the cloud came to the broker, and kept there. A gateway that has been online
// since is greeted: what else it said then, nobody heard.
func (in *Intake) OfferKept(topic string, payload []byte) { in.offer(message{topic, payload, true}) }

func (in *Intake) offer(m message) {
	gw, _, ok := protocol.ParseUp(m.topic)
	if !ok {
		gw, _ = protocol.ParseStatus(m.topic)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(gw)) // a hash never fails
	select {
	case in.queues[h.Sum32()%uint32(len(in.queues))] <- m:
	default:
		in.mu.Lock()
		in.counts.Dropped++
		in.mu.Unlock()
	}
}

// Run works until ctx ends.
func (in *Intake) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, q := range in.queues {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case m := <-q:
					in.take(ctx, m)
				}
			}
		})
	}
	wg.Wait()
	return nil
}
