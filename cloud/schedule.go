package cloud

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	mrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/cloud/internal/config"
	"gatehouse/cloud/internal/people"
	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	lookEvery = time.Second
	pullLimit = 10 * time.Minute // for one property's pull

	// A process that dies in a pull holds up its property no longer than pullLease; one that lives
	// renews.
	pullLease = 45 * time.Second
	pullRenew = pullLease / 3
)

// source is a property's own live source.
type source struct {
	property *config.Property
	kind     connector
	conn     pms.Connector
	released string // why a person lets this run pass the brake; "": nobody does
}

// account is a login at a PMS; properties of one account share its connector.
type account struct{ kind, file string }

func accountOf(p *config.Property) account {
	if p.PMS == nil {
		return account{}
	}
	return account{p.PMS.Kind, p.PMS.File}
}

// sources opens the connectors of the configuration, one for each account: properties of one file
// take turns. Every property that cannot be opened is named; nothing is sent yet.
func (c *Cloud) sources() (out []source, err error) {
	var errs []error
	opened := map[account]source{}
	for i := range c.cfg.Properties {
		p := &c.cfg.Properties[i]
		if p.PMS == nil {
			continue
		}
		s, ok := opened[accountOf(p)]
		if !ok {
			if s, err = c.source(p); err != nil {
				errs = append(errs, fault.Wrap(fault.Invalid, "set up the source of", string(p.ID), err))
				continue
			}
			opened[accountOf(p)] = s
		}
		s.property = p
		out = append(out, s)
	}
	return out, errors.Join(errs...)
}

func (c *Cloud) source(p *config.Property) (source, error) {
	kind, err := connectorOf(p.PMS.Kind)
	if err != nil {
		return source{}, err
	}
	conn, err := newReloading(p.PMS.File, func() (pms.Connector, error) { return kind.open(p.PMS.File, c.now, c.log) })
	return source{property: p, kind: kind, conn: conn}, err
}

// Pull reads a PMS once, without any database.
func Pull(ctx context.Context, kind, file string, deps Deps) (pms.Snapshot, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	k, err := connectorOf(kind)
	if err != nil {
		return pms.Snapshot{}, err
	}
	conn, err := k.open(file, deps.Now, deps.Log)
	if err != nil {
		return pms.Snapshot{}, err
	}
	snap, complete, evidence, err := conn.Pull(ctx, pms.Request{})
	snap.Complete, snap.Evidence = complete && err == nil, evidence
	return snap, pullFailed(err)
}

// PullError is a failure of the PMS or on the way to it, not of our own input.
type PullError struct{ Err error }

// Error is the cause.
func (e *PullError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PullError) Unwrap() error { return e.Err }

func pullFailed(err error) error {
	if err == nil {
		return nil
	}
	return &PullError{err}
}

// Sync reads a property's live source now; with a unit only that unit, from whose silence about
// others nothing follows. While another process reads the same property it is a Conflict.
func (c *Cloud) Sync(ctx context.Context, property access.PropertyID, unit string) (SyncReport, error) {
	if unit != "" {
		roster, err := c.store.Roster(ctx, property)
		if err != nil {
			return SyncReport{}, err
		}
		unit = unitRef(roster, unit)
	}
	return c.syncLive(ctx, property, unit, "")
}

// unitRef is what the source calls a unit that people call by its name.
func unitRef(r model.Roster, unit string) string {
	for _, u := range r.Units {
		if u.Name == unit {
			return u.Ref
		}
	}
	return unit
}

// SyncPerson reads a person's units from the live source now: a PMS is asked for units, not for
// people. who is an id or a whole name; one that fits nobody, or several, is Invalid and names them.
func (c *Cloud) SyncPerson(ctx context.Context, property access.PropertyID, who string) (out SyncReport, err error) {
	if _, err := c.property(property); err != nil {
		return out, err
	}
	roster, err := c.store.Roster(ctx, property)
	if err != nil {
		return out, err
	}
	units, err := unitsOf(roster, who)
	for _, u := range units {
		if err == nil {
			out, err = c.Sync(ctx, property, u)
		}
	}
	return out, err
}

// unitsOf are the source's refs of the units of one person's leases, those that are over only when there is no other.
func unitsOf(r model.Roster, who string) (units []string, err error) {
	var fits []model.Person
	for _, p := range r.People {
		if string(p.ID) == who || strings.EqualFold(p.Name(), who) {
			fits = append(fits, p)
		}
	}
	if len(fits) != 1 {
		names := make([]string, len(fits))
		for i, p := range fits {
			names[i] = string(p.ID) + " " + p.Name()
		}
		return nil, fault.New(fault.Invalid, "look up", "person", "%q fits %d people %s", who, len(fits), strings.Join(names, ", ")).
			WithRemedy("Give the whole name as the page shows it, or an id.")
	}
	name, live := map[access.UnitID]string{}, map[string]bool{}
	for _, u := range r.Units {
		name[u.ID] = u.Ref
	}
	for _, l := range r.Leases {
		if l.Person == fits[0].ID {
			live[name[l.Unit]] = live[name[l.Unit]] || l.Status != string(pms.Past)
		}
	}
	someLive := slices.Contains(slices.Collect(maps.Values(live)), true)
	for _, u := range slices.Sorted(maps.Keys(live)) {
		if live[u] || !someLive {
			units = append(units, u)
		}
	}
	if len(units) == 0 {
		return nil, fault.New(fault.Invalid, "look up", "person", "%s has no unit", fits[0].Name()).WithRemedy("Sync the whole property.")
	}
	return units, nil
}

func (c *Cloud) syncLive(ctx context.Context, property access.PropertyID, unit, released string) (SyncReport, error) {
	p, err := c.property(property)
	if err != nil {
		return SyncReport{}, err
	}
	if p.PMS == nil {
		return SyncReport{}, noSource(property)
	}
	s, err := c.source(p)
	if err != nil {
		return SyncReport{}, errors.Join(err, c.noteRefused(ctx, property, p.PMS.Kind, c.now(), err))
	}
	s.released = released
	var r SyncReport
	held, err := c.leased(ctx, property, newOwner(), func(ctx context.Context, _ store.Fence) error {
		var err error
		r, err = c.read(ctx, s, pms.Request{Unit: unit})
		return err
	})
	if err == nil && !held {
		err = fault.New(fault.Conflict, "sync", string(property), "another sync of it is running").
			WithRemedy("Wait for it; the page shows when it is done. One that was killed is taken for dead after %s.", pullLease)
	}
	return r, err
}

// leased does work while this process, and no other, reads the property; held is false, and nothing
// was done, while another one does. The lease is short and renewed, and given back also when ctx ended.
func (c *Cloud) leased(ctx context.Context, property access.PropertyID, owner string, work func(context.Context, store.Fence) error) (held bool, err error) {
	f, held, err := c.store.Lease(ctx, leaseName(property), owner, c.now(), pullLease)
	if err != nil || !held {
		return false, err
	}
	renewing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.renew(renewing, property, owner)
	}()
	err = work(ctx, f)
	stop()
	<-done
	return true, errors.Join(err, c.store.Release(context.WithoutCancel(ctx), f))
}

// renew keeps a lease until ctx ends. One that was lost is not this function's to tell: the fence
// refuses whatever is written under it.
func (c *Cloud) renew(ctx context.Context, property access.PropertyID, owner string) {
	tick := time.NewTicker(pullRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, _, err := c.store.Lease(ctx, leaseName(property), owner, c.now(), pullLease); err != nil && ctx.Err() == nil {
				c.log.Warn("the lease of a sync could not be renewed", "property", string(property), "err", err)
			}
		}
	}
}

func leaseName(p access.PropertyID) string { return "sync/" + string(p) }

func newOwner() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// read pulls and syncs. A pull that failed is a run as well: what it read before failing acts, and
// the page says why nothing else does.
func (c *Cloud) read(ctx context.Context, s source, want pms.Request) (SyncReport, error) {
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	began := c.now()
	if s.property.Source != "" {
		want.Properties = []string{s.property.Source}
	}
	snap, complete, evidence, failed := s.conn.Pull(ctx, want)
	snap.Complete, snap.Evidence = complete && failed == nil, evidence
	snap.Skipped = slices.DeleteFunc(snap.Skipped, func(sk pms.Skipped) bool {
		return sk.What == pms.SkippedProperty && !c.offered(s.property, sk)
	})
	if failed != nil && len(snap.Evidence) == 0 {
		snap.Evidence = []string{"the pull failed: " + failed.Error()}
	}
	src := people.Source{Origin: s.kind.origin, Property: s.property.Source, Pull: strconv.FormatInt(began.UnixNano(), 36), Remedy: againByItself, Release: s.released != ""}
	if r := fault.RemedyOf(failed); failed != nil && r != "" {
		src.Remedy = r
	}
	// The time to save what was read is not part of the pull's.
	ctx = context.WithoutCancel(ctx)
	source := named(s.kind.kind, s.released)
	report, err := c.sync(ctx, s.property.ID, source, src, snap, began)
	if err != nil {
		return report, errors.Join(pullFailed(failed), err, c.noteRefused(ctx, s.property.ID, source, began, err))
	}
	return report, pullFailed(failed)
}

// againByItself is the remedy where nobody but the source can do anything.
const againByItself = "The source is read again by itself; if this stays, look at what it says is missing."

// noteRefused keeps a source that cannot be read as it is set up in the history: the page must not say that nobody tried.
func (c *Cloud) noteRefused(ctx context.Context, property access.PropertyID, kind string, began time.Time, why error) error {
	words := sentence(why.Error())
	if r := fault.RemedyOf(why); r != "" {
		words += " " + r
	}
	return c.store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.AddRun(ctx, store.Run{Property: property, Source: kind, Started: began, Finished: c.now(), Evidence: []string{why.Error()}, Held: words})
		return err
	})
}

// sentence ends words with a full stop.
func sentence(words string) string { return strings.TrimRight(words, ". ") + "." }

// offered reports whether a property of p's account is news: neither set up here (by id or by name, with which a reason begins) nor named as not
// wanted. One property speaks for its account, so that nobody is asked twice.
func (c *Cloud) offered(p *config.Property, sk pms.Skipped) bool {
	first := true
	for i := range c.cfg.Properties {
		o := &c.cfg.Properties[i]
		if accountOf(o) != accountOf(p) {
			continue
		}
		if first && o.ID != p.ID || o.Source == sk.Ref || slices.Contains(o.PMS.Ignore, sk.Ref) || o.Source != "" && strings.HasPrefix(sk.Reason, strconv.Quote(o.Source)+" ") {
			return false
		}
		first = false
	}
	return true
}

// schedule reads every property's source when it is due, until ctx ends. Each property has its own
// goroutine, so that a slow PMS holds up nobody else.
func (c *Cloud) schedule(ctx context.Context, s source) error {
	owner, failing := newOwner(), false
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := c.scheduled(ctx, s, owner)
		if err != nil && ctx.Err() == nil && !failing {
			c.log.Warn("a sync failed; everybody stays as they are", "property", string(s.property.ID), "err", err, "remedy", fault.RemedyOf(err))
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// scheduled does one sync if one is due and nobody else does it.
func (c *Cloud) scheduled(ctx context.Context, s source, owner string) error {
	due, err := c.store.SyncDue(ctx, s.property.ID)
	if err != nil || due.After(c.now()) {
		return err
	}
	_, err = c.leased(ctx, s.property.ID, owner, func(ctx context.Context, f store.Fence) error {
		if due, err := c.store.SyncDue(ctx, s.property.ID); err != nil || due.After(c.now()) {
			return err // another process was faster
		}
		began := c.now()
		_, failed := c.read(ctx, s, pms.Request{})
		next := c.now().Add(jittered(s.property.PMS.Every))
		return errors.Join(failed, c.store.SetSyncDue(context.WithoutCancel(ctx), f, s.property.ID, began, next))
	})
	return err
}

// askedApart is how long after a run the next one that people ask for begins at the earliest: a
// button pressed again and again must not use up the PMS's quota.
const askedApart = 15 * time.Second

// SyncNow makes a property due, whichever process reads it; a run that is going on is followed by
// another. It returns when that will be. A property without a live source is Unsupported.
func (c *Cloud) SyncNow(ctx context.Context, property access.PropertyID) (at time.Time, err error) {
	p, err := c.property(property)
	if err != nil {
		return at, err
	}
	if p.PMS == nil {
		return at, noSource(property)
	}
	runs, err := c.store.Runs(ctx, property, 1)
	if err != nil {
		return at, err
	}
	at = c.now()
	if len(runs) > 0 && runs[0].Finished.Add(askedApart).After(at) {
		at = runs[0].Finished.Add(askedApart)
	}
	return at, c.store.AskSync(ctx, property, at)
}

func noSource(property access.PropertyID) error {
	return fault.New(fault.Unsupported, "sync", string(property), "it has no live source").
		WithRemedy("Give it a [property.pms] table, or use import with a file.")
}

// jittered is d, up to a tenth more or less: properties of one account must not ask in step.
func jittered(d time.Duration) time.Duration {
	tenth := int64(d / 10)
	return d - time.Duration(tenth) + time.Duration(mrand.Int64N(2*tenth+1))
}

// origin is who owns the records of a property.
func (c *Cloud) origin(p *config.Property) model.Origin {
	if p.PMS == nil {
		return model.OtherCSV
	}
	k, err := connectorOf(p.PMS.Kind)
	if err != nil {
		return model.OtherCSV // sources says so in words
	}
	return k.origin
}
