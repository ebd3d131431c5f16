package agent

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/clock"
	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/outbox"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// box is the opened files of a gateway, and the clock that remembers itself in them.
type box struct {
	wanted *store.Wanted
	site   *store.Site
	outbox *outbox.Outbox
	clock  *clock.Clock
	id     *identity // nil before enrolment, or when it cannot be read
	lost   error     // why there can be no link although the gateway was enrolled; nil: nothing is wrong

	log      *slog.Logger
	position atomic.Pointer[access.Position]
	partial  atomic.Bool   // some place cannot be read
	news     atomic.Uint64 // grows with every update that may have changed the places
	places   atomic.Pointer[wholePlaces]
	backs    atomic.Pointer[map[access.PersonID]back]
	point    func(string)   // see Deps.Point
	told     sync.Map       // names of unreadable records that the log has
	untold   []access.Event // of what was repaired at opening, while the disk has no room for them
}

// lasting refuses a state directory in which nothing lasts, unless the configuration insists.
func lasting(cfg config.Config, log *slog.Logger) error {
	err := store.Lasts(cfg.StateDir)
	if err != nil && cfg.Force {
		log.Warn("the state directory is used by force: what this gateway keeps may be gone after the next start", "err", err)
		return nil
	}
	return err
}

// openBox opens the state directory, making it when missing. check looks at a file in a child
// process before it is opened; nil skips that.
func openBox(dir string, source clock.Source, check func(string) error, log *slog.Logger) (*box, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "make", dir, "%w", err).WithRemedy("Set state_dir to a directory this program may write.")
	}
	key, err := store.LoadKey(os.Getenv("CREDENTIALS_DIRECTORY"), dir)
	if err != nil {
		return nil, err
	}
	boot, _ := source.Boot()
	b := &box{log: log}
	b.outbox = outbox.New(outbox.Options{Now: b.now, Boot: boot, Log: log})
	opts := store.Options{Log: log, Check: check, Ballast: store.BallastSize}
	if b.site, err = store.OpenSite(dir, key, b.outbox, opts); err != nil {
		return nil, err
	}
	if err := b.openRest(dir, key, opts, source, log); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *box) openRest(dir string, key store.Key, opts store.Options, source clock.Source, log *slog.Logger) (err error) {
	b.clock, err = clock.New(source, b.site, log)
	if err != nil { // it works all the same, and doors matter more than what it remembered
		log.Error("the clock starts without its memory", "err", err)
	}
	if err := b.outbox.Attach(b.site); err != nil {
		return err
	}
	if b.wanted, err = store.OpenWanted(dir, key, opts); err != nil {
		return err
	}
	pos, err := b.wanted.Position()
	if err != nil {
		return err
	}
	b.position.Store(&pos)
	if err := b.readBacks(); err != nil {
		return err
	}
	if _, err := b.Places(); err != nil { // damage is found before the first hello, which asks for a snapshot
		return err
	}
	if b.id, err = loadIdentity(b.site); err != nil {
		b.noLink(err) // doors are enforced all the same
	}
	if b.id != nil {
		b.outbox.SetSigner(func(msg []byte) []byte { return ed25519.Sign(b.id.ring.Load().signing, msg) })
	}
	b.tellRepairs()
	return nil
}

// noLink notes why the gateway, enrolled as it is, cannot talk to its cloud.
func (b *box) noLink(err error) {
	b.lost = fault.New(fault.Internal, "read", "who this gateway is", "doors work by the stored dates, nothing new arrives: %w", err).
		WithRemedy("Enrol it again: stop the agent, then gatehouse-agent enroll request --out FILE, and bring the new bundle back.")
	b.log.Error("no link to the cloud", "err", b.lost, "remedy", fault.RemedyOf(b.lost))
}

// tellRepairs makes events of what was brought back or put aside when the files were opened; the
// log has it from the store. What there is no room for now is told with the start.
func (b *box) tellRepairs() {
	var evs []access.Event
	if why := b.site.Restored(); why != "" {
		evs = append(evs, b.event(access.EventDrift, "the gateway's own file was brought back from its snapshot; what was written on panels since then is forgotten: "+why))
	}
	if why := b.wanted.Quarantined(); why != "" {
		evs = append(evs, b.event(access.EventState, "the stored wanted state was damaged and put aside; panels stay as they are until the cloud has sent it again: "+why))
	}
	if len(evs) == 0 {
		return
	}
	if err := b.site.Tell(evs...); err != nil {
		b.log.Error("what was repaired at the start cannot be recorded; it is tried again", "err", err, "remedy", fault.RemedyOf(err))
		b.untold = evs
	}
}

// event is one of the gateway as a whole.
func (b *box) event(kind access.EventKind, words string) access.Event {
	now, trusted := b.clock.Now()
	pos := b.Position()
	return access.Event{Kind: kind, At: now, Unsure: !trusted, Epoch: pos.Epoch, Revision: pos.Revision, Message: words}
}

// now serves the outbox, which is made before the clock.
func (b *box) now() (time.Time, bool) {
	if b.clock == nil {
		return time.Now(), false
	}
	return b.clock.Now()
}

// Close closes what is open.
func (b *box) Close() error {
	var errs []error
	if b.wanted != nil {
		errs = append(errs, b.wanted.Close())
	}
	if b.site != nil {
		errs = append(errs, b.site.Close())
	}
	return errors.Join(errs...)
}

// CheckFile is the hidden command `db-check FILE`, which an agent starts to look at its own files:
// a damaged one can take the looking process down.
func CheckFile(args []string, stderr io.Writer) int {
	if len(args) != 1 {
		return 2
	}
	return store.CheckMain(args[0], stderr)
}

// The methods below are what reconcile and cloudlink ask of the files.

// Position is the revision that is stored whole; zero while there is none.
func (b *box) Position() access.Position { return *b.position.Load() }

// unknown says that there is no wanted state to go by, as after the disk damaged it. Unknown is not
// empty: nobody comes and nobody goes because of it.
func (b *box) unknown() bool { return b.Position() == access.Position{} }

// Digest is the digest of the state at Position; zero when it cannot be read, which makes the
// cloud send a snapshot.
func (b *box) Digest() access.Digest {
	d, err := b.wanted.Digest()
	if err != nil {
		return access.Digest{}
	}
	return d
}

// readable turns an unreadable record into a fault of kind Invalid: from it nothing follows.
func readable(err error) error {
	var bad *store.Unreadable
	if errors.As(err, &bad) {
		return fault.Wrap(fault.Invalid, "read", bad.Record, err)
	}
	return err
}

// Holder is one person whole.
func (b *box) Holder(p access.PersonID) (access.Holder, bool, error) {
	if b.unknown() {
		return access.Holder{}, false, fault.New(fault.Invalid, "read", "person "+string(p), "the wanted state is not known")
	}
	h, ok, err := b.wanted.Holder(p)
	return b.without(h), ok, readable(err)
}

// split parts an error of the store into the records that cannot be read and the rest.
func split(err error) (bad []*store.Unreadable, rest error) {
	if joined, ok := any(err).(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			b, r := split(e)
			bad, rest = append(bad, b...), errors.Join(rest, r)
		}
		return bad, rest
	}
	var one *store.Unreadable
	if errors.As(err, &one) {
		return []*store.Unreadable{one}, nil
	}
	return nil, err
}

// passOver logs every unreadable record in err, each once, and returns the rest of err.
func (b *box) passOver(err error, then string) (bad []*store.Unreadable, rest error) {
	bad, rest = split(err)
	for _, u := range bad {
		if _, told := b.told.LoadOrStore(u.File+" "+u.Record, true); !told {
			b.log.Error("a record cannot be read: "+then, "err", u)
		}
	}
	return bad, rest
}

// wholePlaces are the places as they were read whole, once for all loops: two thousand units take their room.
type wholePlaces struct {
	access.Places
	news uint64 // box.news before they were read
}

// Places is everything that is not about a person, marked as partial when some of it cannot be read. It is
// shared: nobody may change it.
func (b *box) Places() (access.Places, error) {
	news := b.news.Load()
	if have := b.places.Load(); have != nil && have.news == news {
		return have.Places, nil
	}
	p, err := b.wanted.Places()
	bad, rest := split(err)
	p.Partial = len(bad) > 0
	if was := b.partial.Swap(p.Partial); p.Partial && !was {
		b.log.Error("a place in the wanted state cannot be read: whoever needs it stays on the panels as they are, ends still end", "err", err)
	}
	if rest == nil && !p.Partial {
		b.places.Store(&wholePlaces{p, news})
	}
	return p, rest
}

// Entry is the ledger's entry of a person on a device.
func (b *box) Entry(d access.DeviceID, p access.PersonID) (access.LedgerEntry, bool, error) {
	e, ok, err := b.site.Entry(d, p)
	return e, ok, readable(err)
}

// Record changes the ledger and appends events in one transaction.
func (b *box) Record(d access.DeviceID, p access.PersonID, e *access.LedgerEntry, evs ...access.Event) error {
	if p == "" {
		return b.site.Tell(evs...)
	}
	return b.passing(e, evs, func() error { return b.site.Record(d, p, e, evs...) })
}

// Overlays are the acts made at the gateway, as far as they can be read.
func (b *box) Overlays() ([]access.Overlay, error) {
	out, err := b.site.Overlays()
	_, err = b.passOver(err, "what was done at the gateway by hand goes on without it")
	return out, err
}

// Print is a keyed fingerprint.
func (b *box) Print(s string) string { return b.site.Fingerprint([]byte(s)) }

// walker adds the context that streaming reads end by.
type walker struct {
	*box
	ctx context.Context // lives exactly as long as the loop it is made for
}

// People calls f with every person's id; with none while the state is unknown.
func (w walker) People(f func(access.PersonID) error) error {
	if w.unknown() {
		return nil
	}
	return w.wanted.People(w.ctx, f)
}

// Entries calls f with every ledger entry of a device; with none while the state is unknown. An
// entry that cannot be read comes last, as one that was only intended: the device tells what stands
// there.
func (w walker) Entries(d access.DeviceID, f func(access.LedgerEntry) error) error {
	if w.unknown() {
		return nil
	}
	var own error
	err := w.site.Entries(w.ctx, d, func(e access.LedgerEntry) error { own = f(e); return own })
	if own != nil {
		return own
	}
	bad, err := w.passOver(err, "the panel is asked what stands there")
	for _, u := range bad {
		if p, ok := strings.CutPrefix(u.Record, "ledger/"+string(d)+" "); ok && err == nil {
			who := access.PersonID(p)
			err = f(access.LedgerEntry{Person: who, Ref: string(model.RefOf(who)), State: access.Intended})
		}
	}
	return err
}

// saveJSON keeps a small value under a name in site.db.
func saveJSON(s *store.Site, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.SaveBlob(name, raw)
}
