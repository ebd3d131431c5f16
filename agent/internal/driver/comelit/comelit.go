package comelit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// entrance is the one relay that the driver names: whoever has a slot opens what the device lets the unit open, and
// nothing on the pages narrows that.
const entrance = "A"

// bridgePatience bounds what a probe waits for the bridge, whose answers are slow (§7.4): meanwhile the directory stands
// still.
const bridgePatience = 45 * time.Second

// Panel is the directory of one gateway as a driver.Panel. It is safe for concurrent use; calls go one at a time.
type Panel struct {
	cfg    driver.Config
	dir    PanelDirectory
	bridge *bridge
	memory driver.Memory

	mu    sync.Mutex
	book  book
	base  *Snapshot // nil: not read yet
	stale bool      // base is older than the driver's own knowledge: no slot is known to be free
}

var (
	_ driver.Panel   = (*Panel)(nil)
	_ driver.Prover  = (*Panel)(nil)
	_ driver.Counter = (*Panel)(nil)
	_ driver.Doctor  = (*Panel)(nil)

	_ driver.UnitLister   = (*Panel)(nil)
	_ driver.Redeemer     = (*Panel)(nil)
	_ driver.DoorReleaser = (*Bridged)(nil)
	_ driver.EventSource  = (*Bridged)(nil)
	_ driver.Inviter      = (*Panel)(nil)
)

// Bridged is a Panel with a token for the ICONA bridge: it opens doors and hears rings too.
type Bridged struct{ Panel }

// New makes the driver of one gateway without touching the network: a *Bridged where cfg has a token, else a *Panel.
// cfg.Host is where it is, with its web port; or cfg.URL, http:// or https:// with nothing after the port. The bridge is
// on the same host, at cfg.IconaPort. Errors are Invalid and name the key that is wrong.
func New(cfg driver.Config, deps driver.Deps) (driver.Panel, error) {
	if strings.HasPrefix(cfg.URL, scheme) {
		b, err := newPanel(cfg, newFile(cfg.URL, "panel "+string(cfg.ID)), deps)
		if err != nil {
			return nil, err
		}
		return &b.Panel, nil
	}
	w, err := newWebUI(cfg, deps)
	if err != nil {
		return nil, err
	}
	b, err := newPanel(cfg, w, deps)
	switch {
	case err != nil:
		return nil, err
	case cfg.Token.IsZero():
		return &b.Panel, nil
	}
	return b, nil
}

func newPanel(cfg driver.Config, dir PanelDirectory, deps driver.Deps) (*Bridged, error) {
	p := &Bridged{Panel{cfg: cfg, dir: dir, bridge: newBridge(cfg, deps), memory: deps.Memory, book: book{Notes: map[string]note{}}}}
	if p.memory == nil {
		return p, nil
	}
	var err error
	if p.book, err = recall(p.memory); err != nil {
		return nil, fault.New(fault.Internal, "read what was written to", p.subject(), "%w", err).
			WithRemedy("Restore the gateway's files; else remove the device and pair it anew, then clear our slots by hand.")
	}
	return p, nil
}

func (p *Panel) subject() string {
	if p.cfg.ID != "" {
		return "panel " + string(p.cfg.ID)
	}
	return "panel " + p.cfg.Host + p.cfg.URL
}

// Close lets go of the device.
func (p *Panel) Close() error {
	p.bridge.close()
	return p.dir.Close()
}

// bridgeAlone says whether only the bridge can be talked to: there is a token and no password for the pages.
func (p *Panel) bridgeAlone() bool { return p.cfg.Password.IsZero() && !p.cfg.Token.IsZero() }

// Dialect implements driver.Doctor.
func (p *Panel) Dialect(ctx context.Context) (string, error) {
	if p.bridgeAlone() {
		_, _, err := p.bridge.identity(ctx)
		return "icona", err
	}
	if _, err := p.dir.Quota(ctx); err != nil {
		return "", err
	}
	return "webui", nil
}

// Probe logs in and sees how many backups are kept: it makes none. The pages name neither model nor firmware, nor doors:
// with a token the bridge is asked for them. A bridge that does not answer then leaves them out, and the directory works.
func (p *Panel) Probe(ctx context.Context) (model.Identity, model.Limits, error) {
	var q Quota
	var err error
	if !p.bridgeAlone() {
		if q, err = p.dir.Quota(ctx); err != nil {
			return model.Identity{}, model.Limits{}, err
		}
	}
	id := model.Identity{Model: "Comelit ViP gateway", Firmware: "not shown"}
	lim := model.Limits{People: p.cfg.Buttons, Buttons: p.cfg.Buttons, NameChars: maxText, Relays: []string{entrance}, Mobile: true, Slots: SlotsPerUnit, Lookup: true, Grade: access.Exact}
	if q.Left == 0 || !p.dir.Capabilities().Proves {
		lim.Grade = access.Unprovable
	}
	if !p.cfg.Token.IsZero() {
		patient, cancel := context.WithTimeout(ctx, bridgePatience)
		found, relays, err := p.bridge.identity(patient)
		cancel()
		switch {
		case err == nil:
			id, lim.Relays = found, relays
		case p.bridgeAlone():
			return id, lim, err
		default:
			p.bridge.log.Warn("the bridge does not say what the device is", "device", p.subject(), "err", err)
		}
	}
	id.Model = cmp.Or(p.cfg.Model, id.Model)
	return id, lim, nil
}

// Count implements driver.Counter: the pages do not tell how many slots are taken, but they answer, and only to an
// installer.
func (p *Panel) Count(ctx context.Context) (int, error) {
	_, err := p.dir.Quota(ctx)
	return -1, err
}

// Read returns the slots of one person as one row. What may have been taken away, or half written, is read back first
// as long as the device makes backups: nobody may pass for gone who is not.
func (p *Panel) Read(ctx context.Context, ref model.Ref) ([]model.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.picture(ctx); err != nil {
		return nil, err
	}
	if keep, doubt := p.doubt(ref); doubt {
		if err := p.prove(ctx, keep); err != nil {
			return nil, err
		}
	}
	return p.rowsOf(ref), nil
}

// doubt says whether a person's slots must be read back at once, and how many backups are to be left for others.
func (p *Panel) doubt(ref model.Ref) (keep int, yes bool) {
	for _, at := range p.book.of(ref) {
		switch p.book.Notes[at.String()].State {
		case intended, clearing, cleared:
			return 0, true
		case stuck:
			keep, yes = 1, true
		}
	}
	return keep, yes
}

// List returns everybody, strangers' slots included, one row each. It reads back what waits for that, but leaves the
// last backup to a removal. It asks the device in any case: one that is off, or has taken the installer's rights away,
// must not be answered for from memory.
func (p *Panel) List(ctx context.Context) ([]model.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.picture(ctx); err != nil {
		return nil, err
	}
	again, keep := p.stale || p.book.open(), 1
	if p.stale {
		keep = 0
	}
	if !again {
		var err error
		if again, err = p.dropped(ctx); err != nil {
			return nil, err
		}
	}
	if again {
		if err := p.prove(ctx, keep); err != nil {
			return nil, err
		}
	}
	var out []model.Record
	for _, ref := range p.book.refs() {
		out = append(out, p.rowsOf(ref)...)
	}
	return append(out, p.strangers()...), nil
}

// dropped says whether the backup that the driver goes by is not kept any more: somebody made room, and what was edited
// by hand since can be seen.
func (p *Panel) dropped(ctx context.Context) (bool, error) {
	q, err := p.dir.Quota(ctx)
	return err == nil && !slices.Contains(q.Kept, p.base.Name), err
}

// Proven implements driver.Prover.
func (p *Panel) Proven(ref model.Ref) access.Grade {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base == nil || p.stale {
		return access.Unprovable
	}
	for _, n := range p.book.Notes {
		if n.Ref == ref && n.State != seen {
			return access.Unprovable
		}
	}
	return access.Exact
}

// picture makes sure that there is a table to go by: the backup that the book names, a new one, or where the device
// makes no more the newest it has, which is stale.
func (p *Panel) picture(ctx context.Context) error {
	if p.base != nil {
		return nil
	}
	q, err := p.dir.Quota(ctx)
	if err != nil {
		return err
	}
	if p.book.Base != "" && slices.Contains(q.Kept, p.book.Base) {
		snap, err := p.dir.Snapshot(ctx, p.book.Base)
		if err == nil {
			p.show(&snap, false)
		}
		if !errors.Is(err, ErrGone) {
			return err
		}
	}
	if q.Left > 0 {
		return p.prove(ctx, 0)
	}
	snap, err := p.dir.Snapshot(ctx, q.Newest())
	if err == nil {
		p.show(&snap, true)
	}
	return err
}

// show takes a table to go by.
func (p *Panel) show(snap *Snapshot, stale bool) {
	p.base, p.stale = snap, stale
	p.bridge.know(snap)
}

// prove has the table shown anew when more than keep backups can still be made; else everything stays as it is.
func (p *Panel) prove(ctx context.Context, keep int) error {
	q, err := p.dir.Quota(ctx)
	if err != nil || q.Left <= keep {
		return err
	}
	snap, err := p.dir.Prove(ctx)
	if errors.Is(err, ErrQuota) && p.base != nil {
		return nil // somebody was faster
	}
	if err != nil {
		return err
	}
	p.show(&snap, false)
	p.book.Base = snap.Name
	p.book.judge(&snap)
	return p.save()
}

// save keeps what the book says of places; without any, all of it. It is called before a write goes out as well: what may stand on the device must be known after
// a power cut.
func (p *Panel) save(places ...Place) error {
	if s, ok := p.dir.(sheeter); ok {
		if err := s.keepSheet(p.sheet()); err != nil {
			return err
		}
	}
	if p.memory == nil {
		return nil
	}
	parts, err := p.book.parts(places)
	if err == nil {
		err = p.memory.Save(parts)
		p.book.whole = err != nil
	}
	if err != nil {
		return fault.Wrap(fault.Internal, "keep what is written to", p.subject(), err)
	}
	return nil
}
