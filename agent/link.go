package agent

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/outbox"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// newLink joins the files to the cloud.
func (a *Agent) newLink() (*cloudlink.Link, error) {
	cfg := a.box.id.link()
	cfg.Software = a.deps.Version
	boot, up := a.deps.Source.Boot()
	cfg.Boot, cfg.Before = boot, uint64(max(up, 0).Milliseconds()) // nobody connects a thousand times a second
	reconnect := a.settings.reconnect()
	cfg.Limits = cloudlink.Limits{Hello: a.settings.hello(), Retry: min(reconnect, 30*time.Second), RetryMax: reconnect}
	return cloudlink.New(cfg, cloudlink.Deps{
		Wanted: linkWanted{a}, Outbox: a.box.pointed(linkOutbox{a.box.outbox, a.log}), Clock: linkClock{a}, Inventory: a.inventory, Commands: a.commands(),
		OnContact: a.contact, Hello: a.greet,
	}, a.log)
}

// link is what the link to the cloud must know of an identity.
func (id *identity) link() cloudlink.Config {
	r := id.ring.Load()
	return cloudlink.Config{
		Gateway: id.bundle.Gateway, Broker: id.bundle.Broker, ServerName: id.bundle.ServerName, CA: id.ca,
		Certificate: func() (tls.Certificate, error) { return id.ring.Load().cert, nil },
		Signing:     r.signing, Sealing: r.sealing, Also: r.also, Trusted: r.trusted,
	}
}

// linkWanted stores what comes down and tells the loops who changed.
type linkWanted struct{ a *Agent }

func (w linkWanted) Position() access.Position { return w.a.box.Position() }
func (w linkWanted) Digest() access.Digest     { return w.a.box.Digest() }

// Meant lets wait no longer what somebody agreed to, and makes up for what could not be kept before.
func (w linkWanted) Meant(at access.Position) error {
	return errors.Join(w.a.meant(at), w.a.takeOwn(false))
}

// Apply stores an update. What follows from it is done after it is stored; where that fails it is
// made up for at the next word of the cloud, or at the next start. The loops are told before the floor
// is raised: it is about what the cloud may say later, and a start raises it to what is stored.
func (w linkWanted) Apply(u access.Update) (bool, error) {
	a := w.a
	first := a.box.unknown() // until now nothing followed from the ledger either
	hurt := a.box.wanted.Damaged()
	now, _ := a.box.clock.Now()
	done, err := a.box.wanted.Apply(u, a.options(now))
	if err != nil || !done.Done {
		return false, err
	}
	a.box.at(pointStored)
	a.box.position.Store(&done.Position)
	all := first || done.Places || done.Everybody || hurt && !a.box.wanted.Damaged()
	if all || a.box.partial.Load() {
		a.box.news.Add(1)
		if _, err := a.box.Places(); err != nil { // looks whether what could not be read is mended
			a.log.Error("the places just stored cannot be read", "err", err)
		}
	}
	err = errors.Join(a.regained(done), a.meant(u.Meant), a.takeOwn(all || done.Own))
	a.log.Info("wanted state stored", "revision", done.Position.Revision, "people_changed", len(done.People))
	for _, p := range a.driven() {
		if all || len(done.People) > 0 {
			p.loop.Changed(all, done.People...)
		}
	}
	if len(done.Settled) > 0 || done.Everybody {
		a.onsite.settle()
	}
	if err := errors.Join(err, a.box.site.SetFloor(done.Position, u.Digest)); err != nil {
		a.log.Error("not all that follows from the state is done; it is tried again", "err", err)
	}
	return true, nil
}

// takeOwn acts by what the state says of the gateway itself: when that may be news, or when it could
// not be done before.
func (a *Agent) takeOwn(news bool) error {
	if news {
		a.owing.Store(true)
	}
	if !a.owing.Load() || a.box.unknown() {
		return nil
	}
	own, err := a.box.wanted.Own()
	if err != nil {
		return err
	}
	if err := errors.Join(a.takeKeys(own), a.takeSettings(own)); err != nil {
		return err
	}
	a.owing.Store(false)
	return nil
}

// contact notes that the cloud said that nothing is missing here: lease ends may act by it.
func (a *Agent) contact(at time.Time) {
	a.contacted.Store(&at)
	if err := a.box.site.SetContact(at); err != nil {
		a.log.Error("the time of the last contact cannot be kept", "err", err)
	}
	for _, p := range a.driven() {
		if p.loop != nil {
			p.loop.ContactChanged()
		}
	}
}

// greet adds to a hello what the link does not know.
func (a *Agent) greet(h *protocol.Hello) {
	h.Settings, h.Next = a.settings.told(), a.succession()
	if s, ok := a.box.wanted.Staged(); ok && (access.Position{Epoch: h.Epoch, Revision: h.Revision}).Before(s.Position) {
		h.Staged = &protocol.Staged{Position: s.Position, Base: s.Base, Of: s.Of, Have: s.Have}
	}
	holds, err := walker{box: a.box}.Holds()
	if err != nil {
		a.log.Error("who waits for the cloud's word cannot be read", "err", err)
	}
	h.Held = len(holds) + len(*a.box.backs.Load())
}

// linkOutbox adds the number of the newest event.
type linkOutbox struct {
	*outbox.Outbox
	log *slog.Logger
}

// Pending gives the checkpoint in the words of the contract.
func (o linkOutbox) Pending(after uint64, maxBytes int) (first uint64, prev access.Link, raw [][]byte, check *protocol.Checkpoint, err error) {
	first, prev, raw, c, err := o.Outbox.Pending(after, maxBytes)
	if c != nil {
		check = &protocol.Checkpoint{Number: c.Number, Link: c.Link, At: c.At, Signature: c.Signature}
	}
	return first, prev, raw, check, err
}

// Last is the number of the newest event ever.
func (o linkOutbox) Last() uint64 {
	s, err := o.Stats()
	if err != nil {
		o.log.Error("the outbox cannot be read", "err", err)
	}
	return s.Last
}

// linkClock sets the clock from the cloud's answers.
type linkClock struct{ a *Agent }

func (c linkClock) Now() (time.Time, bool) { return c.a.box.clock.Now() }

func (c linkClock) Health() (bool, string) {
	h := c.a.box.clock.Health()
	return h.Trusted, h.Source
}

func (c linkClock) Cloud(remote, sent, received time.Time) {
	now := c.a.box.clock.Mark()
	if err := c.a.box.clock.Cloud(remote, now.Ago(received.Sub(sent)), now); err != nil {
		c.a.log.Debug("the cloud's time was not taken", "err", err)
	}
}
