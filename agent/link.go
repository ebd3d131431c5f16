package agent

import (
	"crypto/tls"
	"log/slog"
	"time"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/outbox"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
)

// newLink joins the files to the cloud.
func (a *Agent) newLink() (*cloudlink.Link, error) {
	cfg := a.box.id.link()
	cfg.Software = a.deps.Version
	cfg.Boot, _ = a.deps.Source.Boot()
	cfg.Limits = cloudlink.Limits{Hello: a.cfg.Hello, Retry: min(a.cfg.Reconnect, 30*time.Second), RetryMax: a.cfg.Reconnect}
	return cloudlink.New(cfg, cloudlink.Deps{
		Wanted: linkWanted{a}, Outbox: linkOutbox{a.box.outbox, a.log}, Clock: linkClock{a}, Inventory: a.inventory, Commands: a.commands(),
	}, a.log)
}

// link is what the link to the cloud must know of an identity.
func (id *identity) link() cloudlink.Config {
	return cloudlink.Config{
		Gateway: id.bundle.Gateway, Broker: id.bundle.Broker, ServerName: id.bundle.ServerName, CA: id.ca,
		Certificate: func() (tls.Certificate, error) { return id.cert, nil },
		Signing:     id.signing, Sealing: id.sealing, Trusted: id.trusted,
	}
}

// linkWanted stores what comes down and tells the loops who changed.
type linkWanted struct{ a *Agent }

func (w linkWanted) Position() access.Position { return w.a.box.Position() }
func (w linkWanted) Digest() access.Digest     { return w.a.box.Digest() }

func (w linkWanted) Meant(access.Position) error { return nil }

func (w linkWanted) Apply(u access.Update) (bool, error) {
	first := w.a.box.unknown() // until now nothing followed from the ledger either
	hurt := w.a.box.wanted.Damaged()
	now, _ := w.a.box.clock.Now()
	done, err := w.a.box.wanted.Apply(u, store.ApplyOptions{Now: now})
	if err != nil || !done.Done {
		return false, err
	}
	w.a.box.position.Store(&done.Position)
	if _, err := w.a.box.Places(); err != nil { // looks whether what could not be read is mended
		w.a.log.Error("the places just stored cannot be read", "err", err)
	}
	mended := hurt && !w.a.box.wanted.Damaged()
	for _, p := range w.a.driven {
		if all := first || mended || done.Places; all || len(done.People) > 0 {
			p.loop.Changed(all, done.People...)
		}
	}
	w.a.log.Info("wanted state stored", "revision", done.Position.Revision, "people_changed", len(done.People))
	return true, nil
}

// linkOutbox adds the number of the newest event.
type linkOutbox struct {
	*outbox.Outbox
	log *slog.Logger
}

// Pending leaves the checkpoint out.
func (o linkOutbox) Pending(after uint64, maxBytes int) (first uint64, prev access.Link, raw [][]byte, err error) {
	first, prev, raw, _, err = o.Outbox.Pending(after, maxBytes)
	return first, prev, raw, err
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
