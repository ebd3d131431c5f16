// Package plan decides what must change on one device, and why. Make is pure: everything it needs
// comes in, the whole decision comes out as a value, which the reconciler applies, the dry run
// prints and staff are shown. There is no second code path for "what would happen".
//
// It imports access, rules and driver/model only: no store, no network, no clock, no vendor.
package plan

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Input is everything a decision rests on. People may be all of the property or one person: of those
// who are not in scope a decision knows what Others tells.
type Input struct {
	Position access.Position // of the wanted state below; outcomes are told with it

	Now     time.Time
	Trusted bool // the clock is: while it is not, nothing new opens, and ends still end

	Doors  map[access.DoorID]string // the relay of this device that opens each door
	Limits model.Limits
	Places access.Places
	// Units says where the device calls each unit; nil: it finds every unit by its name.
	Units  map[access.UnitID]Bell
	Policy access.DriftPolicy // "" is DriftRepair

	People  []access.Holder
	Gone    []access.PersonID // in scope, no longer in the wanted state
	Overlay []access.Overlay  // acts at the gateway
	// Held are people whose removal waits for word from the cloud. A revocation by name, made here or
	// later there, acts all the same.
	Held map[access.PersonID]access.Hold

	// Contact is the last instant at which the cloud surely knew of this gateway; zero never.
	Contact time.Time
	// StaleAfter is how long after Contact a lease end still acts by itself at a door; nil, or 0 for a
	// door, sets no limit (DESIGN §1.6).
	StaleAfter func(access.DoorID) time.Duration

	Ledger   map[access.PersonID]access.LedgerEntry
	Observed Observed
	Others   Others

	Print Printer
}

// Bell is where a device calls a unit.
type Bell struct {
	Apartment string // as in model.Record; "": nowhere
	Why       string // then, in words, with what to do about it
	// Doubt says that nobody has decided so: whoever is called for the unit already stays as they are, because
	// from what is not known nothing follows.
	Doubt bool
}

// Observed is what was read from the device.
type Observed struct {
	// Complete says that Records holds every row there is for the people in scope. When it is
	// false the ledger stands in for the device: good for deciding what is due, not for acting.
	Complete bool
	// Unprovable says that the device could not be asked for the people in scope: what is absent from
	// Records was accepted as removed and not seen to be gone.
	Unprovable bool
	// Everybody says that Records is the whole device and that everybody is in scope: drift can be told.
	Everybody bool
	Records   []model.Record
}

// Others is what the device holds for people out of scope and for strangers.
type Others struct {
	Rows    int                        // rows in all, people in scope included
	Secrets map[string]access.PersonID // fingerprint of a PIN or card → who holds it; "" a stranger
	Names   map[uint32]int16           // fingerprint of a name (NamePrint) → how many of our people stand under it
}

// Printer makes keyed fingerprints, so that what was written can be compared later without
// keeping a secret.
type Printer interface {
	Print(s string) string
}

// Plan is what to do on one device.
type Plan struct {
	// Steps are in the order in which they are applied: removals, then changes, then additions, each by
	// the start of what gives access. Under DriftReport they say what differs and nobody applies them.
	Steps    []model.Step
	Refusals []Refusal
	Settled  []Settled // people whose row is as it should be
	// Adopt are rows that are exactly a wanted person's although the ledger does not know them; only
	// under DriftAdopt. They are entered into the ledger and not written.
	Adopt []Adopt
	Held  []access.Hold // people whose row would go and waits
	// Stale are people who stay in although their lease ended, because the cloud was out of reach for
	// too long when it did.
	Stale []access.PersonID
	// Drift is what stands on the device otherwise than it should; only from an observation of
	// Everybody. Device is left to the caller, and First and Last are both now.
	Drift []access.Drift
	// NextChange is the first later instant at which the decision may differ by itself; zero never.
	// The hours of a weekly schedule are none of its instants: the device keeps them.
	NextChange time.Time
}

// Refusal is something wanted that cannot be written as it is. The rest of the person's record is
// written all the same: a bad card must not cost somebody the PIN.
type Refusal struct {
	Person access.PersonID
	Kind   fault.Kind
	Why    string
}

// Settled is a person whose row was observed to be as wanted. Record is zero when nothing is
// wanted and nothing of ours is there.
type Settled struct {
	Person access.PersonID
	Record model.Record
	Grade  access.Grade // of an absence: "" or Unprovable
}

// Adopt is a row that becomes ours as it stands.
type Adopt struct {
	Person access.PersonID
	Record model.Record // with the device's own row id
	Grade  access.Grade
}

// rank orders operations: removals go first, then changes, then additions.
func rank(op access.Op) int {
	switch op {
	case access.OpRemove:
		return 0
	case access.OpChange:
		return 1
	default:
		return 2
	}
}

// Make decides. Two rules stand above all others: what we did not write is not touched, and a
// removal goes before everything else.
//
// A plan accounts for itself: additions never exceed the room that Others shows, and nobody gets a
// PIN or card that an earlier step of the same plan gives to somebody else. What its own steps set
// free, rows as well as PINs, counts only in the next plan, when the device has been seen to have
// let it go: a removal may fail. Room and PINs go first to people who stand on the device, then to
// those whose access began earlier.
func Make(in Input) Plan {
	m := maker{in: in, used: in.Others.Rows}
	if n := len(in.People) + len(in.Gone); n > 1 || in.Observed.Everybody { // most plans are about one person
		m.given, m.wanted = make(map[string]access.PersonID, n), make(map[access.PersonID]*Wanted, n)
	}
	for _, c := range m.candidates() {
		m.decide(c)
	}
	if in.Observed.Everybody && in.Observed.Complete {
		m.p.Drift = m.drift()
	}
	return m.sorted()
}

// maker is one plan in the making.
type maker struct {
	in     Input
	p      Plan
	used   int                         // rows on the device once the additions so far are done
	goes   int                         // removals so far, which will make room when they are confirmed
	given  map[string]access.PersonID  // fingerprints of the PINs and cards of the rows decided so far; nil for one person
	wanted map[access.PersonID]*Wanted // nil for one person
}

// candidate is one person to be decided, and the rows under their reference.
type candidate struct {
	holder *access.Holder // nil: not in the wanted state
	w      *Wanted
	rows   []model.Record
	entry  access.LedgerEntry
	ours   bool
}

// candidates lists everybody in scope in the order in which room and PINs are given out.
func (m *maker) candidates() []*candidate {
	rows := byRef(m.in.Observed.Records)
	out := make([]*candidate, 0, len(m.in.People)+len(m.in.Gone))
	add := func(h *access.Holder, w *Wanted) {
		c := &candidate{holder: h, w: w, rows: rows[model.RefOf(w.Person)]}
		c.entry, c.ours = m.in.Ledger[w.Person]
		if !m.in.Observed.Complete {
			c.rows = remembered(c.entry, c.ours)
		}
		if m.wanted != nil {
			m.wanted[w.Person] = w
		}
		out = append(out, c)
	}
	for i := range m.in.People {
		add(&m.in.People[i], entitled(m.in, m.in.People[i]))
	}
	for _, id := range m.in.Gone {
		add(nil, &Wanted{Person: id, Why: "no longer in the wanted state"})
	}
	slices.SortStableFunc(out, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(min(len(b.rows), 1), min(len(a.rows), 1)), a.w.Begins.Compare(b.w.Begins), cmp.Compare(a.w.Person, b.w.Person))
	})
	return out
}

// decide decides one person.
func (m *maker) decide(c *candidate) {
	id, w := c.w.Person, c.w
	if c.holder != nil {
		w.fill(m.in, *c.holder, m.given)
	}
	m.p.Refusals = append(m.p.Refusals, w.Refusals...)
	m.p.sooner(w.Next)
	if w.Stale && w.Open {
		m.p.Stale = append(m.p.Stale, id)
	}
	hold, held := m.in.Held[id]
	switch {
	case w.Unknown:
		// What cannot be read says nothing: the row stays as it is.
	case !w.Open && w.doubt != "" && c.ours && (c.entry.Unit == w.doubt || c.entry.Unit == ""):
		// Nor does a unit of which it is not clear where it is.
	case !w.Open && !c.ours:
		// Nothing wanted, nothing of ours: a row that looks like ours was not written by this
		// gateway and waits for a person (DESIGN §1.5).
		m.p.Settled = append(m.p.Settled, Settled{Person: id})
	case !w.Open && len(c.rows) == 0:
		s := Settled{Person: id}
		if m.in.Observed.Unprovable {
			s.Grade = access.Unprovable
		}
		m.p.Settled = append(m.p.Settled, s)
	case !w.Open && held && !w.releases(hold):
		m.p.Held = append(m.p.Held, hold)
	case !w.Open:
		m.remove(w, c.rows, w.Why)
	case len(c.rows) == 0:
		m.add(w)
	default:
		m.keep(c)
	}
}

// releases says whether the person was revoked by name after their removal began to wait: at the
// gateway, or at the cloud in a later revision. Minutes, because people set ends by the minute.
func (w *Wanted) releases(h access.Hold) bool {
	byName := w.Cause == access.EndRevoked || w.Cause == access.EndByStaff
	return w.Revoked || byName && !w.Asked.Before(h.Since.Truncate(time.Minute))
}

// remove takes rows away because access ended.
func (m *maker) remove(w *Wanted, rows []model.Record, why string) {
	for _, r := range rows {
		m.goes++
		m.p.Steps = append(m.p.Steps, model.Step{
			Op: access.OpRemove, Person: w.Person, Ref: model.RefOf(w.Person), Native: r.Native, Why: why, Cause: w.Cause, Asked: w.Asked,
		})
	}
}

func (m *maker) add(w *Wanted) {
	if room := m.in.Limits.People; room > 0 && m.used >= room {
		why := "the panel is full: it holds " + itoa(m.used) + " of " + itoa(room) + " people; remove some who are not needed"
		if m.in.Limits.Buttons > 0 {
			why = "no button is left: the panel has " + itoa(room) + " and each has a name; leave somebody off it who needs none"
		}
		if m.goes > 0 {
			why = "the panel is full until the removals before this are confirmed"
		}
		m.p.Refusals = append(m.p.Refusals, Refusal{w.Person, fault.Full, why})
		return
	}
	m.used++
	m.give(w.Person, w.Record)
	m.p.Steps = append(m.p.Steps, model.Step{Op: access.OpAdd, Person: w.Person, Ref: model.RefOf(w.Person), Record: w.Record, Why: w.Why})
}

// keep brings existing rows to the wanted record: the first is kept or changed in place, so that
// nobody is locked out meanwhile; doubles go.
func (m *maker) keep(c *candidate) {
	w, row, complete := c.w, c.rows[0], m.in.Observed.Complete
	m.remove(&Wanted{Person: w.Person}, c.rows[1:], Double)
	if !m.in.Trusted && complete && !w.narrow(row) {
		m.remove(w, c.rows[:1], "ended, and nothing new opens while the clock is not trusted")
		return
	}
	m.give(w.Person, w.Record)
	rec, grade := w.Record, c.entry.Grade
	same := c.entry.State == access.Settled && c.entry.Print == PrintRecord(m.in.Print, w.Record)
	if complete {
		grade, rec.Native = compare(w.Record, row, c.entry, m.in.Print), row.Native
		same = grade != ""
	}
	switch {
	case !same:
		m.p.Steps = append(m.p.Steps, model.Step{Op: access.OpChange, Person: w.Person, Ref: model.RefOf(w.Person), Native: row.Native, Record: w.Record, Why: w.Why})
	case !c.ours && m.in.Policy == access.DriftAdopt:
		m.p.Adopt = append(m.p.Adopt, Adopt{w.Person, rec, grade})
	default:
		m.p.Settled = append(m.p.Settled, Settled{w.Person, rec, grade})
	}
}

// narrow takes from the wanted record what the row does not give already, doors as well as hours. It
// reports whether anything is left.
func (w *Wanted) narrow(row model.Record) bool {
	w.Record.Relays = both(w.Record.Relays, row.Relays)
	if len(row.Schedules) > 0 {
		w.Record.Schedules = row.Schedules // wanted are no hours: none are while the clock is not trusted
	}
	return len(w.Record.Relays) > 0
}

// give notes whose the PIN and cards of a decided row are.
func (m *maker) give(id access.PersonID, r model.Record) {
	if m.given == nil {
		return
	}
	for _, s := range Secrets(m.in.Print, r) {
		m.given[s] = id
	}
	m.given["name "+r.Name] = id
}

// sorted puts the plan into the order in which it is applied and told.
func (m *maker) sorted() Plan {
	begins := func(id access.PersonID) (t time.Time) {
		if w := m.wanted[id]; w != nil {
			t = w.Begins
		}
		return t
	}
	steps, refusals, held := m.p.Steps, m.p.Refusals, m.p.Held
	// By package sort: package slices would bring a sort of its own for each of these types, 10 kB each.
	sort.SliceStable(steps, func(i, j int) bool {
		a, b := &steps[i], &steps[j]
		return cmp.Or(cmp.Compare(rank(a.Op), rank(b.Op)), begins(a.Person).Compare(begins(b.Person)), cmp.Compare(a.Person, b.Person)) < 0
	})
	sort.SliceStable(refusals, func(i, j int) bool { return refusals[i].Person < refusals[j].Person })
	sort.SliceStable(held, func(i, j int) bool { return held[i].Person < held[j].Person })
	slices.Sort(m.p.Stale)
	return m.p
}

// compare says how well a row proves the wanted record, "" when it differs. A row that hides its
// secrets is compared without them, and counts only when we know that we wrote this very record.
func compare(want, have model.Record, entry access.LedgerEntry, pr Printer) access.Grade {
	switch {
	case have.Unproven && want.Same(have):
		return access.Unprovable
	case have.Unproven:
		return ""
	case !have.Hidden && want.Same(have):
		return access.Exact
	case !have.Hidden:
		return ""
	}
	if want.Same(shown(want, have)) && entry.Print == PrintRecord(pr, want) {
		return access.Presence
	}
	return ""
}

// shown is a row with the secrets filled in that it may hide.
func shown(want, have model.Record) model.Record {
	if have.Hidden {
		have.PIN, have.Cards = want.PIN, want.Cards
	}
	return have
}

// remembered is the row that the ledger believes in, for deciding without reading.
func remembered(e access.LedgerEntry, ok bool) []model.Record {
	if !ok {
		return nil
	}
	return []model.Record{{Ref: model.Ref(e.Ref), Native: e.Native}}
}

// both is what stands in a and in b.
func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// byRef groups the rows that may be ours by their reference.
func byRef(rs []model.Record) map[model.Ref][]model.Record {
	m := map[model.Ref][]model.Record{}
	for _, r := range rs {
		if r.Ref.Ours() && !r.ReadOnly {
			m[r.Ref] = append(m[r.Ref], r)
		}
	}
	return m
}

func (p *Plan) sooner(t time.Time) {
	if !t.IsZero() && (p.NextChange.IsZero() || t.Before(p.NextChange)) {
		p.NextChange = t
	}
}
