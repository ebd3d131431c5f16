package people

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Source says where a snapshot comes from.
type Source struct {
	Origin   model.Origin // the PMS; never ByHand
	Property string       // the PMS's ref of the property; "": the roster's, else the snapshot's only one
	// Pull identifies this pull or file (a hash, a run's id). Absence from the same pull counts
	// once, however often it is merged. "": every moment is a pull of its own.
	Pull string
	// Remedy is what to do when the source could not be read whole, in a sentence; "": an export is to be run again.
	Remedy string
	// Release lets this run pass the brake: an administrator has seen Held and agrees.
	Release bool
}

// Op says what happened to a record.
type Op string

// The operations.
const (
	Added   Op = "added"
	Changed Op = "changed"
	Linked  Op = "linked"  // a hand-made person now belongs to the PMS (row S3)
	Ended   Op = "ended"   // a lease became past
	Missing Op = "missing" // a lease was not in a complete snapshot
)

// Change is one difference between the roster before and after, in words without secrets.
type Change struct {
	Op     Op
	Kind   access.Kind // property, building, unit, person, residency
	ID     string
	Person access.PersonID // of a person or residency
	Text   string
}

// Counts sums a run up.
type Counts struct {
	People, Leases int // of this property in the snapshot
	Residents      int // living here now, before this run
	Leaving        int // who loses access by this run without a published end, or the PIN or the card they had
	Changes        int
	Skipped        int
	Conflicts      int
}

// Result is what a snapshot led to.
type Result struct {
	Roster    model.Roster
	Changes   []Change         // empty exactly when Roster is as it was
	Conflicts []model.Conflict // all that people must look at after this run, by kind and subject
	Skipped   []pms.Skipped    // what was not taken over, and why: the snapshot's own and ours
	Counts    Counts
	Held      string // why nobody lost anything, in words; "": nothing was held
	// Evidence is the snapshot's own, in words: why it is complete, or not.
	Evidence []string

	ok, complete bool
	judged       map[string]bool // subjects that this run saw
}

// Closes says whether c, an open conflict that this run did not find again, is over. A run that
// did not see what c is about proves nothing: an export cut in half must not tidy up the list.
func (r Result) Closes(c model.Conflict) bool {
	switch {
	case c.FoundBy != model.FoundByPeople, !r.ok, slices.ContainsFunc(r.Conflicts, func(o model.Conflict) bool { return o.Kind == c.Kind && o.Subject == c.Subject }):
		return false
	default:
		return r.complete || r.judged[c.Subject] || c.Kind == kindNearMatch
	}
}

// Merge is who lives where once snap is known. have is left alone. newID makes an id of the house
// that was never used, for kind "unit", "building", "person" or "residency"; it is called only for
// records that are new, in an order that depends on the snapshot's contents alone.
//
// The same snapshot merged again changes nothing. An error (kind invalid or conflict, with a
// remedy) means that snap cannot belong to this property; nothing follows from it then.
func Merge(have model.Roster, snap pms.Snapshot, src Source, now time.Time, newID func(kind string) string) (Result, error) {
	m, err := newMerger(have, snap, src, now, newID)
	if err != nil {
		return Result{}, err
	}
	if !snap.OK {
		m.unreadable()
		return m.result(), nil
	}
	m.takeProperty()
	m.setDay()
	m.takeUnits()
	m.takePeople()
	m.takeLeases()
	m.noteAbsence()
	m.brake()
	m.reportMissing()
	m.offerNearMatches()
	m.offerProperties()
	m.reportFields()
	m.reportIncomplete()
	if m.broken != nil {
		return Result{}, m.broken
	}
	return m.result(), nil
}

// merger is one run. now is being built; have stays as it was, for comparison.
type merger struct {
	have model.Roster
	now  model.Roster
	time time.Time // of this run, to the second
	day  pms.Date  // today on the property's calendar
	snap pms.Snapshot
	src  Source
	ref  string // the property's, in the snapshot

	ids    func(kind string) string
	used   map[string]bool
	broken error

	unit    map[string]access.UnitID   // by PMS ref
	named   map[access.UnitID]string   // units' names
	person  map[string]access.PersonID // by PMS ref
	at      map[access.PersonID]int    // place in now.People
	rows    []pms.Person               // of this property, in a stable order
	home    map[string]string          // a person's unit, by PMS refs, as the first row has it
	leases  map[string]pms.Lease       // by PMS ref
	present map[access.ResidencyID]bool

	residents, leaving int
	held               string
	skipped            []pms.Skipped
	conflicts          []model.Conflict
}

func newMerger(have model.Roster, snap pms.Snapshot, src Source, now time.Time, newID func(string) string) (*merger, error) {
	m := &merger{
		have: have, now: clone(have), time: now.UTC().Truncate(time.Second), snap: snap, src: src,
		ids: newID, used: map[string]bool{},
		unit: map[string]access.UnitID{}, named: map[access.UnitID]string{},
		person: map[string]access.PersonID{}, at: map[access.PersonID]int{}, home: map[string]string{},
		leases: map[string]pms.Lease{}, present: map[access.ResidencyID]bool{},
		skipped: slices.Clone(snap.Skipped),
	}
	if m.src.Pull == "" {
		m.src.Pull = now.UTC().Format(time.RFC3339Nano)
	}
	if err := m.checkSource(); err != nil {
		return nil, err
	}
	m.checkMentioned()
	m.collect()
	for _, id := range idsOf(have) {
		m.used[id] = true
	}
	for i, p := range have.People {
		m.at[p.ID] = i
	}
	for _, u := range have.Units {
		m.named[u.ID] = u.Name
	}
	return m, nil
}

func clone(r model.Roster) model.Roster {
	r.Buildings = slices.Clone(r.Buildings)
	r.Units = slices.Clone(r.Units)
	r.People = slices.Clone(r.People)
	r.Leases = slices.Clone(r.Leases)
	return r
}

func idsOf(r model.Roster) []string {
	var out []string
	for _, b := range r.Buildings {
		out = append(out, "building "+string(b.ID))
	}
	for _, u := range r.Units {
		out = append(out, "unit "+string(u.ID))
	}
	for _, p := range r.People {
		out = append(out, "person "+string(p.ID))
	}
	for _, l := range r.Leases {
		out = append(out, "residency "+string(l.ID))
	}
	return out
}

// newID asks for an id and checks it: a repeated one would give somebody else's keys away.
func (m *merger) newID(kind string) string {
	id := m.ids(kind)
	if !access.ValidID(id) || m.used[kind+" "+id] {
		m.broken = fault.New(fault.Internal, "merge", "property "+string(m.have.Property.ID), "new %s id %q is not usable or was used before", kind, id)
	}
	m.used[kind+" "+id] = true
	return id
}

// checkSource finds the property in the snapshot, and refuses one that cannot be it.
func (m *merger) checkSource() error {
	p := m.have.Property
	bad := func(k fault.Kind, remedy, format string, args ...any) error {
		return fault.New(k, "merge", "property "+string(p.ID), format, args...).WithRemedy("%s", remedy)
	}
	switch {
	case m.src.Origin == "" || m.src.Origin == model.ByHand:
		return bad(fault.Invalid, "Say which PMS the export is from.", "origin %q is no PMS", m.src.Origin)
	case p.Origin != "" && p.Origin != model.ByHand && p.Origin != m.src.Origin:
		return bad(fault.Conflict, "Import it into the property it belongs to.", "people here come from %s, this export from %s", p.Origin, m.src.Origin)
	case m.src.Property != "" && p.Ref != "" && m.src.Property != p.Ref:
		return bad(fault.Conflict, "Import it into the property it belongs to.", "the PMS calls this property %q, the export is of %q", p.Ref, m.src.Property)
	}
	if m.src.Property == "" && p.Ref != "" && !slices.ContainsFunc(m.have.People, func(p model.Person) bool { return !p.OnStaff() }) {
		m.now.Property.Ref = "" // it was set once, nobody ever came from under it, and it is not set any more
	}
	m.ref = m.now.Property.Ref
	if m.ref == "" {
		m.ref = m.src.Property
	}
	if m.ref == "" && len(m.snap.Properties) > 1 {
		return bad(fault.Invalid, "Set "+m.choices()+" under [[property]] "+string(p.ID)+".",
			"source under [[property]] %s does not say which: there are %d properties", p.ID, len(m.snap.Properties))
	}
	if m.ref == "" && len(m.snap.Properties) == 1 {
		m.ref = m.snap.Properties[0].Ref
	}
	m.ref = refNamed(m.snap.Properties, m.ref)
	return nil
}

// refNamed is the ref of the one property that is called so, where none has it as its ref.
func refNamed(all []pms.Property, name string) string {
	ref, n := name, 0
	for _, p := range all {
		switch {
		case p.Ref == name:
			return name
		case p.Name == name:
			ref, n = p.Ref, n+1
		}
	}
	if n != 1 {
		return name
	}
	return ref
}

// choices is what source may be set to: `source = "12" (Harbor Row) or "27" (Kiln Lofts)`.
func (m *merger) choices() string {
	const most = 20
	var out []string
	for _, p := range m.snap.Properties {
		one := fmt.Sprintf("%.80q", p.Ref)
		if p.Name != "" && p.Name != p.Ref {
			one += fmt.Sprintf(" (%.80s)", p.Name)
		}
		out = append(out, one)
	}
	if n := len(out) - most; n > 0 {
		out = append(out[:most], fmt.Sprintf("one of %d more", n))
	}
	return "source = " + strings.Join(out, " or ")
}

// checkMentioned makes an export that does not name this property prove nothing about it: it is
// more likely the wrong export than an empty house.
func (m *merger) checkMentioned() {
	if !m.snap.OK || slices.ContainsFunc(m.snap.Properties, func(p pms.Property) bool { return p.Ref == m.ref }) {
		return
	}
	m.snap.Evidence = slices.Clone(m.snap.Evidence)
	words := fmt.Sprintf("property %q does not stand in it", m.ref)
	if len(m.snap.Properties) > 0 {
		words += fmt.Sprintf(", but %q does; if that is this property's name there, say so with source in its settings", m.snap.Properties[0].Ref)
	}
	m.snap.Incomplete(words)
}

// collect takes this property's rows, in an order that does not depend on the export's.
func (m *merger) collect() {
	for _, l := range m.snap.Leases {
		if _, twice := m.leases[l.Ref]; l.Property == m.ref && !twice {
			m.leases[l.Ref] = l
		}
	}
	for _, p := range m.snap.People {
		switch {
		case p.Property != m.ref:
		case p.Ref == "":
			m.skip("person", "", p.First+" "+p.Last+" has no id in the PMS")
		default:
			m.rows = append(m.rows, p)
		}
	}
	slices.SortStableFunc(m.rows, m.orderRows)
	for i, p := range m.rows {
		if i == 0 || m.rows[i-1].Ref != p.Ref {
			m.home[p.Ref] = m.unitRef(p)
		}
	}
}

func (m *merger) skip(what, ref, reason string) {
	m.skipped = append(m.skipped, pms.Skipped{What: what, Ref: ref, Reason: reason})
}

func (m *merger) unreadable() {
	m.now = m.have
	m.conflict("incomplete_export", string(m.have.Property.ID), cmp.Or(m.src.Remedy, "Run the export again; if it keeps failing, check the connection to the PMS."),
		"The last export could not be read, so nothing changed: %s.", join(m.snap.Evidence))
}

func (m *merger) result() Result {
	sortConflicts(m.conflicts)
	r := Result{Roster: m.now, Conflicts: m.conflicts, Skipped: m.skipped, Held: m.held, Evidence: slices.Clone(m.snap.Evidence)}
	r.ok, r.complete, r.judged = m.snap.OK, m.snap.OK && m.snap.Complete, map[string]bool{string(m.have.Property.ID): true}
	for _, p := range m.rows {
		r.judged[string(m.person[p.Ref])] = true
	}
	for id := range m.present {
		r.judged[string(id)] = true
	}
	r.Changes = diff(m.have, m.now)
	r.Counts = Counts{
		People: countPeople(m.rows), Leases: len(m.leases), Residents: m.residents, Leaving: m.leaving,
		Changes: len(r.Changes), Skipped: len(r.Skipped), Conflicts: len(r.Conflicts),
	}
	return r
}

func countPeople(rows []pms.Person) int {
	n := 0
	for i, p := range rows {
		if i == 0 || rows[i-1].Ref != p.Ref {
			n++
		}
	}
	return n
}
