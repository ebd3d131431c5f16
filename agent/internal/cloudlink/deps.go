package cloudlink

import (
	"context"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Wanted is the store of the wanted state. Only the link changes it; its calls to Apply never overlap.
type Wanted interface {
	// Position is the last revision that is stored whole; the zero Position while there is none.
	Position() access.Position
	// Digest is the digest of the state at Position.
	Digest() access.Digest
	// Apply stores one chunk durably before it returns; done says that a revision is whole and now holds.
	// An error means that nothing changed. Its reason word is taken from a protocol.Refusal or from a method
	// Reason() string in its chain; Gap, BadDigest and Stale make the link ask for what is missing.
	Apply(u access.Update) (done bool, err error)
	// Meant tells up to where somebody at the cloud agrees with what the state takes away, as an answer that
	// brings nothing new says it; with everything else Apply hears it. It is told again and again, and must be quick.
	Meant(at access.Position) error
}

// Outbox keeps events until the cloud has them.
type Outbox interface {
	// Pending returns consecutive events that are not confirmed and have numbers above after, oldest first, as the
	// exact bytes of the chain, with the number of the first and the link before it. It returns at least one when
	// there is one, else as many as fit into maxBytes. check is the newest checkpoint about these or those before; nil: none.
	Pending(after uint64, maxBytes int) (first uint64, prev access.Link, raw [][]byte, check *protocol.Checkpoint, err error)
	// Confirm forgets every event up to and including through. Repeating it, or an older one, changes nothing.
	Confirm(through uint64) error
	// Last is the number of the newest event ever, 0 when there was none.
	Last() uint64
	// Wake receives after an event was added; one value may stand for many.
	Wake() <-chan struct{}
}

// Clock is the gateway's clock.
type Clock interface {
	// Now is the best time known and whether it is trusted.
	Now() (at time.Time, trusted bool)
	// Health is whether the time is trusted and where it comes from: "ntp", "cloud", "held", "doubted" or "none".
	Health() (trusted bool, source string)
	// Cloud offers the time that the cloud wrote into an answer to a hello which left at sent; the answer came at
	// received. Both are readings of Deps.Now, so their difference bounds how wrong remote can be. It is called by
	// the receiving goroutine and must be quick.
	Cloud(remote, sent, received time.Time)
}

// Inventory lists the gateway's devices.
type Inventory interface {
	// Devices are all devices, and a number that grows with every change.
	Devices() (number uint64, devices []access.Device)
	// Changed receives after a change; one value may stand for many.
	Changed() <-chan struct{}
}

// Commands carries out commands. Do is called from several goroutines, with a context that ends with the link.
// It journals the command's id before it acts, answers a repeated id with the stored reply, and refuses a command
// that is past its deadline or comes while the clock is not trusted: only the journal can tell a repetition from a new one.
type Commands interface {
	Do(ctx context.Context, c protocol.Command) protocol.Reply
}

// Deps are what the link needs of the rest of the agent.
type Deps struct {
	Wanted    Wanted
	Outbox    Outbox
	Clock     Clock
	Inventory Inventory
	Commands  Commands // nil: every command is refused as unsupported
	OnState   func()   // called after a revision was stored; must not block; may be nil
	// OnContact is called when the cloud has answered a hello and all that it said is stored: at that instant, by
	// the gateway's clock, nothing was missing here. It must be quick; may be nil.
	OnContact func(at time.Time)
	// Hello adds what others have to say to a hello that is about to leave; must not block; may be nil.
	Hello func(*protocol.Hello)
	Now   func() time.Time // wall clock with a monotonic reading; nil means time.Now
}

func (d Deps) withDefaults() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.OnState == nil {
		d.OnState = func() {}
	}
	if d.OnContact == nil {
		d.OnContact = func(time.Time) {}
	}
	if d.Hello == nil {
		d.Hello = func(*protocol.Hello) {}
	}
	return d
}
