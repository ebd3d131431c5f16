package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/people"
	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/cloud/internal/policy"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func checkFormat(format string) error {
	if format == "csv" {
		return nil
	}
	return fault.New(fault.Invalid, "read", "export", "format %q is not known", format).WithRemedy("Give --format csv.")
}

// ReadFile reads an export into the neutral snapshot, without any database.
func ReadFile(format, zone, property string, r io.Reader) (pms.Snapshot, error) {
	if err := checkFormat(format); err != nil {
		return pms.Snapshot{}, err
	}
	return csv.Read(r, csv.Options{Zone: zone, Property: property})
}

// SyncReport is what one sync of a property led to.
type SyncReport struct {
	OK        bool              `json:"ok"`
	Property  access.PropertyID `json:"property"`
	Complete  bool              `json:"complete"`
	Evidence  []string          `json:"evidence"`
	Held      string            `json:"held,omitempty"`
	People    int               `json:"people"`
	Units     int               `json:"units"`
	Leases    int               `json:"leases"`
	Added     int               `json:"added"`
	Changed   int               `json:"changed"`
	Ended     int               `json:"ended"`
	Skipped   []pms.Skipped     `json:"skipped"`
	Conflicts []SyncConflict    `json:"conflicts"`
	Gateways  int               `json:"gateways_changed"`
	Removed   int               `json:"removed"` // leases that ended, under the name the page gives them

	remedy string // of what could not be read; "": a file's
}

// SyncConflict is something that a person should look at.
type SyncConflict struct {
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// Import reads an export as a sync of a property: it finds out who lives where, decides, and
// allocates new revisions, all in one transaction. A file that cannot be understood at all is an
// error, and is kept in the run history as what it was.
func (c *Cloud) Import(ctx context.Context, property access.PropertyID, format, name string, r io.Reader) (SyncReport, error) {
	return c.importFile(ctx, property, format, name, "", r)
}

func (c *Cloud) importFile(ctx context.Context, property access.PropertyID, format, name, released string, r io.Reader) (SyncReport, error) {
	p, err := c.property(property)
	if err != nil {
		return SyncReport{}, err
	}
	if err := checkFormat(format); err != nil { // our own slip says nothing about the source
		return SyncReport{}, err
	}
	began := c.now()
	sum := sha256.New()
	snap, readErr := ReadFile(format, p.Zone, p.Source, io.TeeReader(r, sum))
	src := people.Source{Origin: model.OtherCSV, Property: p.Source, Pull: pullID(sum.Sum(nil), began), Release: released != ""}
	report, err := c.sync(ctx, property, named(format+" "+name, released), src, snap, began)
	if readErr != nil {
		return report, readErr
	}
	return report, err
}

func (c *Cloud) sync(ctx context.Context, property access.PropertyID, source string, src people.Source, snap pms.Snapshot, began time.Time) (SyncReport, error) {
	var report SyncReport
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		roster, err := tx.Roster(ctx, property)
		if err != nil {
			return err
		}
		open, err := c.store.Conflicts(ctx, property) // after Roster: nobody else changes them until we commit
		if err != nil {
			return err
		}
		ids := idMaker{ctx: ctx, tx: tx, property: property}
		res, err := people.Merge(roster, snap, src, c.now(), ids.next)
		if err := firstOf(err, ids.err); err != nil {
			return err
		}
		if err := learn(ctx, tx, roster.Property, res.Roster.Property.Ref); err != nil {
			return err
		}
		if _, err := tx.SaveRoster(ctx, res.Roster); err != nil {
			return err
		}
		changed, refusals, err := c.decide(ctx, tx, res.Roster, snap.OK && res.Held == "")
		if err != nil {
			return err
		}
		report = reportOf(property, snap, res, refusals, changed)
		report.remedy = src.Remedy
		if err := tx.SetConflicts(ctx, property, stillOpen(res, refusals, open), true, c.now()); err != nil {
			return err
		}
		_, err = tx.AddRun(ctx, runOf(report, source, began, c.now()))
		return err
	})
	return report, err
}

// pullID tells imports apart: the same bytes within an hour are one and the same export given
// twice; later they are a new one in which nothing changed.
func pullID(sum []byte, at time.Time) string {
	return hex.EncodeToString(sum) + at.UTC().Format(" 2006-01-02T15")
}

// learn keeps what the source calls a property, once an import showed it: from then on a file of
// another property cannot be taken for this one's.
func learn(ctx context.Context, tx *store.Tx, p model.Property, ref string) error {
	if ref == p.Ref {
		return nil
	}
	p.Ref = ref
	return tx.UpsertProperty(ctx, p)
}

// idMaker allocates ids inside a transaction and keeps the first error, since people asks for ids
// where it cannot fail.
type idMaker struct {
	ctx      context.Context // lives within one transaction
	tx       *store.Tx
	property access.PropertyID
	err      error
}

func (m *idMaker) next(kind string) string {
	letter := map[string]string{"person": store.PersonIDs, "unit": store.UnitIDs, "building": store.BuildingIDs, "residency": store.ResidencyIDs}[kind]
	if letter == "" {
		m.err = firstOf(m.err, fault.New(fault.Internal, "allocate id", kind, "no such kind of id"))
		return ""
	}
	id, err := m.tx.NewID(m.ctx, m.property, letter)
	m.err = firstOf(m.err, err)
	return id
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// decide makes the wanted state of every gateway of the property follow from its roster. Agreed says that whoever loses
// access by it is meant to: a sync passed the brake, or a person said so.
func (c *Cloud) decide(ctx context.Context, tx *store.Tx, r model.Roster, agreed bool) (changed int, refusals []model.Conflict, err error) {
	d, err := policy.Decide(r, c.now())
	if err != nil {
		return 0, nil, err
	}
	byHand, err := tx.OverlaysOf(ctx, r.Property.ID)
	if err != nil {
		return 0, nil, err
	}
	items, err := encoded(policy.Adopt(d.Items, adopted(byHand), c.now()))
	if err != nil {
		return 0, nil, err
	}
	gws, err := tx.GatewaysOf(ctx, r.Property.ID)
	if err != nil {
		return 0, nil, err
	}
	for _, gw := range gws {
		about, err := c.own(ctx, tx, gw)
		if err != nil {
			return 0, nil, err
		}
		own, err := encoded(settlements(gw.ID, byHand), about)
		if err != nil {
			return 0, nil, err
		}
		_, news, err := tx.SetState(ctx, gw.ID, slices.Concat(items, own), store.Terms{Now: c.now(), Agreed: agreed})
		if err != nil {
			return 0, nil, err
		}
		if news {
			changed++
		}
	}
	return changed, d.Refusals, nil
}

// Decide decides a property anew without reading its source: after a change of its settings or of
// its gateways, and as time goes on.
func (c *Cloud) Decide(ctx context.Context, property access.PropertyID) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Roster(ctx, property)
		if err != nil {
			return err
		}
		return c.decideAnew(ctx, tx, r, false)
	})
}

// decideAnew is decide for a roster that no source was read for.
func (c *Cloud) decideAnew(ctx context.Context, tx *store.Tx, r model.Roster, agreed bool) error {
	property := r.Property.ID
	open, err := c.store.Conflicts(ctx, property) // after Roster: nobody else changes them until we commit
	if err != nil {
		return err
	}
	_, found, err := c.decide(ctx, tx, r, agreed)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.FoundBy != model.FoundByPolicy {
			found = append(found, o.Conflict)
		}
	}
	return tx.SetConflicts(ctx, property, found, true, c.now())
}

// stillOpen is every conflict found now, and those open ones that this run says nothing about.
func stillOpen(res people.Result, refusals []model.Conflict, open []store.OpenConflict) []model.Conflict {
	found := slices.Concat(res.Conflicts, refusals)
	for _, o := range open {
		if o.FoundBy == model.FoundByPeople && !res.Closes(o.Conflict) {
			found = append(found, o.Conflict)
		}
	}
	return found
}

func reportOf(property access.PropertyID, snap pms.Snapshot, res people.Result, refusals []model.Conflict, gateways int) SyncReport {
	r := SyncReport{
		OK: snap.OK, Property: property, Complete: snap.Complete, Evidence: append([]string{}, res.Evidence...), Held: res.Held,
		People: len(snap.People), Units: len(snap.Units), Leases: len(snap.Leases), Skipped: append([]pms.Skipped{}, res.Skipped...),
		Conflicts: []SyncConflict{}, Gateways: gateways,
	}
	for _, ch := range res.Changes {
		switch {
		case ch.Kind == access.KindProperty: // its name and zone are the configuration's
		case ch.Op == people.Added && ch.Kind == access.KindPerson:
			r.Added++
		case ch.Op == people.Ended:
			r.Ended, r.Removed = r.Ended+1, r.Removed+1
		case ch.Op == people.Changed || ch.Op == people.Linked:
			r.Changed++
		}
	}
	for _, cf := range slices.Concat(res.Conflicts, refusals) {
		r.Conflicts = append(r.Conflicts, SyncConflict{cf.Kind, cf.Text, cf.Remedy})
		r.Complete = r.Complete && cf.Kind != "incomplete_export" // a whole file, but not of this property
	}
	return r
}

// notApplied is why nothing of the run was applied; "" when it was.
func (r SyncReport) notApplied() string {
	if r.Held != "" || r.OK {
		return r.Held
	}
	words := strings.Join(r.Evidence, "; ")
	if r.remedy != "" {
		words = sentence(words) + " " + r.remedy
	}
	return words
}

func runOf(r SyncReport, source string, began, ended time.Time) store.Run {
	return store.Run{
		Property: r.Property, Source: source, Started: began, Finished: ended, Complete: r.Complete, Evidence: r.Evidence,
		People: r.People, Units: r.Units, Leases: r.Leases, Skipped: len(r.Skipped), Added: r.Added, Changed: r.Changed,
		Removed: r.Ended, Held: r.notApplied(),
	}
}
