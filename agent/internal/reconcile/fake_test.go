package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver/memory"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// box is the store of a gateway in memory: what survives a restart of the loop.
type box struct {
	mu      sync.Mutex
	pos     access.Position
	holders map[access.PersonID]access.Holder
	places  access.Places
	ledger  map[access.PersonID]access.LedgerEntry
	overlay []access.Overlay
	events  []access.Event
	trusted bool
	broken  error // neither reads nor writes
	full    error // cannot be written
	holds   map[access.PersonID]access.Hold
	proofs  map[access.PersonID]access.Proof
	drift   []access.Drift
	seen    *Observed
	mark    *Mark
	issued  map[access.PersonID]time.Time // of the revision that changed somebody last
	revs    map[access.PersonID]uint64
	torn    bool // the write that fails because of full reaches the disk all the same
	writes  int
}

func newBox() *box {
	return &box{
		pos: access.Position{Epoch: 1, Revision: 1}, trusted: true,
		issued: map[access.PersonID]time.Time{}, revs: map[access.PersonID]uint64{}, proofs: map[access.PersonID]access.Proof{},
		holders: map[access.PersonID]access.Holder{}, ledger: map[access.PersonID]access.LedgerEntry{},
		places: access.Places{
			Units:  map[access.UnitID]access.Unit{"u1": {ID: "u1", Name: "101"}},
			Doors:  map[access.DoorID]access.Door{"lobby": {ID: "lobby"}},
			Groups: map[access.GroupID]access.Group{"entrance": {ID: "entrance", Doors: []access.DoorID{"lobby"}, Common: true}},
		},
	}
}

func (b *box) lock() func() { b.mu.Lock(); return b.mu.Unlock }

func (b *box) Position() access.Position { defer b.lock()(); return b.pos }

func (b *box) Holder(p access.PersonID) (access.Holder, bool, error) {
	defer b.lock()()
	h, ok := b.holders[p]
	return h, ok, b.broken
}

func (b *box) People(f func(access.PersonID) error) error {
	unlock := b.lock()
	ids := slices.Sorted(maps.Keys(b.holders))
	unlock()
	for _, id := range ids {
		if err := f(id); err != nil {
			return err
		}
	}
	return nil
}

func (b *box) Places() (access.Places, error) { return b.places, nil }

func (b *box) Entry(_ access.DeviceID, p access.PersonID) (access.LedgerEntry, bool, error) {
	defer b.lock()()
	e, ok := b.ledger[p]
	return e, ok, nil
}

func (b *box) Entries(_ access.DeviceID, f func(access.LedgerEntry) error) error {
	unlock := b.lock()
	es := slices.Collect(maps.Values(b.ledger))
	unlock()
	for _, e := range es {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (b *box) Record(_ access.DeviceID, p access.PersonID, e *access.LedgerEntry, evs ...access.Event) error {
	defer b.lock()()
	if b.writes++; b.broken != nil || b.full != nil && !b.torn {
		return cmp.Or(b.broken, b.full)
	}
	b.torn = false
	if e != nil {
		b.ledger[p] = *e
	} else {
		delete(b.ledger, p)
	}
	b.events = append(b.events, evs...)
	return b.full
}

// put is one transaction.
func (b *box) put(change func(), evs ...access.Event) error {
	defer b.lock()()
	if b.writes++; b.broken != nil || b.full != nil && !b.torn {
		return cmp.Or(b.broken, b.full)
	}
	b.torn = false
	change()
	b.events = append(b.events, evs...)
	return b.full
}

func (b *box) RecordProof(d access.DeviceID, p access.PersonID, e *access.LedgerEntry, proof access.Proof, evs ...access.Event) error {
	return b.put(func() {
		if delete(b.ledger, p); e != nil {
			b.ledger[p] = *e
		}
		if len(evs) > 0 && !proof.Open() {
			proof.Number = uint64(len(b.events) + len(evs))
		}
		b.proofs[p] = proof
	}, evs...)
}

func (b *box) OpenProofs(ps []access.Proof) error {
	return b.put(func() {
		for _, p := range ps {
			if was, ok := b.proofs[p.Person]; !ok || !was.Open() {
				b.proofs[p.Person] = p
			}
		}
	})
}

func (b *box) Proof(_ access.DeviceID, p access.PersonID) (access.Proof, bool, error) {
	defer b.lock()()
	proof, ok := b.proofs[p]
	return proof, ok, b.broken
}

func (b *box) Holds() (map[access.PersonID]access.Hold, error) {
	defer b.lock()()
	return maps.Clone(b.holds), b.broken
}

func (b *box) Drift(access.DeviceID) ([]access.Drift, error) {
	defer b.lock()()
	return slices.Clone(b.drift), b.broken
}

func (b *box) SaveDrift(_ access.DeviceID, list []access.Drift, evs ...access.Event) error {
	return b.put(func() { b.drift = list }, evs...)
}

func (b *box) Observed(access.DeviceID) (Observed, bool, error) {
	defer b.lock()()
	if b.seen == nil {
		return Observed{}, false, b.broken
	}
	return *b.seen, true, b.broken
}

func (b *box) SaveObserved(_ access.DeviceID, o Observed) error {
	o.Secrets = maps.Clone(o.Secrets)
	return b.put(func() { b.seen = &o })
}

func (b *box) Mark(access.DeviceID) (Mark, bool, error) {
	defer b.lock()()
	if b.mark == nil {
		return Mark{}, false, b.broken
	}
	return *b.mark, true, b.broken
}

func (b *box) SaveMark(_ access.DeviceID, m Mark) error { return b.put(func() { b.mark = &m }) }

func (b *box) Since(p access.PersonID) (rev uint64, issued, stored time.Time, err error) {
	defer b.lock()()
	return b.revs[p], b.issued[p], b.issued[p], b.broken
}

func (b *box) ChangedSince(rev uint64, f func(access.PersonID) error) (bool, error) {
	unlock := b.lock()
	revs, broken := maps.Clone(b.revs), b.broken
	unlock()
	for p, r := range revs {
		if r > rev {
			if err := f(p); err != nil {
				return true, err
			}
		}
	}
	return true, broken
}

func (b *box) Edges(from, to time.Time, f func(access.PersonID) error) error {
	unlock := b.lock()
	holders, broken := maps.Clone(b.holders), b.broken
	unlock()
	for p, h := range holders {
		for _, g := range h.Grants {
			for _, t := range []time.Time{g.From, g.Until} {
				if t.After(from) && !t.After(to) {
					if err := f(p); err != nil {
						return err
					}
				}
			}
		}
	}
	return broken
}

func (b *box) Overlays() ([]access.Overlay, error) { defer b.lock()(); return b.overlay, nil }

func (b *box) Print(s string) string { return "fp:" + s }

func (b *box) Now() (time.Time, bool) { defer b.lock()(); return time.Now(), b.trusted }

// move sets one person's grant and PIN, as a new revision would.
func (b *box) move(id access.PersonID, pin string, w access.Window) {
	defer b.lock()()
	b.pos.Revision++
	b.revs[id], b.issued[id] = b.pos.Revision, time.Now()
	g := access.Grant{ID: access.GrantID("g-" + id), Person: id, Group: "entrance", Window: w, Reason: "lives in unit 101"}
	b.holders[id] = access.Holder{
		Person:      access.Person{ID: id, Kind: access.Resident, First: "Tom", Last: "Jones"},
		Residencies: []access.Residency{{ID: access.ResidencyID("r-" + id), Person: id, Unit: "u1", Window: w}},
		Credentials: []access.Credential{{ID: access.CredentialID("c-" + id), Person: id, Kind: access.PIN, Secret: access.NewSecret(pin)}},
		Grants:      []access.Grant{g},
	}
}

func (b *box) drop(id access.PersonID) {
	defer b.lock()()
	b.pos.Revision++
	b.revs[id], b.issued[id] = b.pos.Revision, time.Now()
	delete(b.holders, id)
}

// kinds lists the kinds of event told about a person, in order.
func (b *box) kinds(id access.PersonID) []string {
	defer b.lock()()
	var out []string
	for _, e := range b.events {
		if e.Person == id {
			out = append(out, string(e.Kind)+" "+string(e.Op))
		}
	}
	return out
}

// told is every event so far.
func (b *box) told() []access.Event {
	defer b.lock()()
	return slices.Clone(b.events)
}

// site is a box with one panel and, while start is in force, a running loop.
type site struct {
	*box
	t      *testing.T
	panel  *memory.Panel
	loop   *Loop
	stop   func()
	cancel context.CancelFunc // ends the loop without waiting for it

	doors  map[access.DoorID]string
	report bool         // for the next start
	limits model.Limits // what the box remembers of the panel

	opened  int   // instances of the driver, where the loop opens them
	openErr error // why no more can be made
}

// inBubble runs f in virtual time with a site whose loop is not yet started.
func inBubble(t *testing.T, f func(*site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{box: newBox(), t: t, panel: memory.New(0, time.Now), doors: map[access.DoorID]string{"lobby": "A"}}
		defer func() {
			if s.stop != nil {
				s.stop()
			}
		}()
		f(s)
	})
}

func (s *site) start() { s.startWith(func(*Config) {}) }

// startWith starts a loop that differs from the usual one in what change does to it.
func (s *site) startWith(change func(*Config)) {
	s.prepare(change)
	s.rerun()
}

// prepare makes a loop that does not run yet.
func (s *site) prepare(change func(*Config)) {
	cfg := Config{
		Device: Device{ID: "front", Doors: s.doors, Report: s.report}, Limits: s.limits,
		Panel: s.panel, Wanted: s.box, Ledger: s.box, Clock: s.box, Log: slog.New(slog.DiscardHandler),
	}
	change(&cfg)
	s.loop = New(cfg)
}

// rerun runs the loop there is, also again.
func (s *site) rerun() {
	ctx, cancel := context.WithCancel(s.t.Context())
	s.cancel = cancel
	done := make(chan error, 1)
	go func() { done <- s.loop.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil && s.broken == nil {
			s.t.Errorf("the loop ended: %v", err)
		}
		s.limits = s.loop.Status().Limits
		s.stop = nil
	}
	synctest.Wait()
}

func (s *site) changed(people ...access.PersonID) {
	s.loop.Changed(false, people...)
	synctest.Wait()
}

// until lets virtual time pass.
func (s *site) until(t time.Time) {
	timer := time.NewTimer(time.Until(t))
	<-timer.C
	synctest.Wait()
}

func (s *site) opens(pin string, want bool) {
	s.t.Helper()
	if got := len(s.panel.Present(pin)) > 0; got != want {
		s.t.Errorf("at %s PIN %s opens: %v, want %v", time.Now().UTC().Format(time.DateTime), pin, got, want)
	}
}

// mutating counts the requests that change something.
func (s *site) mutating() (out []memory.Request) {
	for _, r := range s.panel.Log() {
		if r.Mutating {
			out = append(out, r)
		}
	}
	return out
}
