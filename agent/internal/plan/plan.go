// Package plan decides what must change on one device, and why. Make is pure: everything it needs
// comes in, the whole decision comes out as a value, which the reconciler applies, the dry run
// prints and staff are shown. There is no second code path for "what would happen".
//
// It imports access, rules and driver/model only: no store, no network, no clock, no vendor.
package plan

import (
	"cmp"
	"slices"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Input is everything a decision rests on. People may be all of the property or one person: the
// decision about one does not depend on which others are in scope, only on Others.
type Input struct {
	Position access.Position // of the wanted state below; outcomes are told with it

	Now     time.Time
	Trusted bool // the clock is: while it is not, nothing new opens, and ends still end

	Doors  map[access.DoorID]string // the relay of this device that opens each door
	Limits model.Limits
	Places access.Places

	People   []access.Holder
	Gone     []access.PersonID // in scope, no longer in the wanted state
	Overlay  []access.Overlay  // acts at the gateway
	Ledger   map[access.PersonID]access.LedgerEntry
	Observed Observed
	Others   Others

	Print Printer
}

// Observed is what was read from the device.
type Observed struct {
	// Complete says that Records holds every row there is for the people in scope. When it is
	// false the ledger stands in for the device: good for deciding what is due, not for acting.
	Complete bool
	Records  []model.Record
}

// Others is what the device holds for people out of scope and for strangers.
type Others struct {
	Rows    int                        // rows in all, people in scope included
	Secrets map[string]access.PersonID // fingerprint of a PIN or card → who holds it; "" a stranger
}

// Printer makes keyed fingerprints, so that what was written can be compared later without
// keeping a secret.
type Printer interface {
	Print(s string) string
}

// Plan is what to do on one device.
type Plan struct {
	Steps    []model.Step // in the order in which they are due
	Refusals []Refusal
	Settled  []Settled // people whose row is as it should be
	// NextChange is the first later instant at which the decision may differ by itself; zero never.
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
func Make(in Input) Plan {
	var p Plan
	rows := byRef(in.Observed.Records)
	for _, h := range in.People {
		p.person(in, h.Person.ID, Want(in, h), rows[model.RefOf(h.Person.ID)])
	}
	for _, id := range in.Gone {
		p.person(in, id, Wanted{Person: id}, rows[model.RefOf(id)])
	}
	slices.SortStableFunc(p.Steps, func(a, b model.Step) int {
		return cmp.Or(cmp.Compare(rank(a.Op), rank(b.Op)), cmp.Compare(a.Person, b.Person))
	})
	return p
}

// person decides one person, given what is wanted and the rows under their reference.
func (p *Plan) person(in Input, id access.PersonID, w Wanted, rows []model.Record) {
	p.Refusals = append(p.Refusals, w.Refusals...)
	p.sooner(w.Next)
	rows = slices.DeleteFunc(slices.Clone(rows), func(r model.Record) bool { return r.ReadOnly })
	entry, ours := in.Ledger[id]
	if !in.Observed.Complete {
		rows = remembered(entry, ours)
	}
	switch {
	case w.Unknown:
		// What cannot be read says nothing: the row stays as it is.
	case !w.Open && !ours:
		// Nothing wanted, nothing of ours: a row that looks like ours was not written by this
		// gateway and waits for a person (DESIGN §1.5).
		p.Settled = append(p.Settled, Settled{Person: id})
	case !w.Open:
		p.remove(id, rows, w.Why, 0)
		if len(rows) == 0 {
			p.Settled = append(p.Settled, Settled{Person: id})
		}
	case len(rows) == 0:
		p.add(in, id, w)
	default:
		p.keep(in, id, w, rows, entry)
	}
}

func (p *Plan) remove(id access.PersonID, rows []model.Record, why string, from int) {
	for _, r := range rows[min(from, len(rows)):] {
		p.Steps = append(p.Steps, model.Step{Op: access.OpRemove, Person: id, Ref: model.RefOf(id), Native: r.Native, Why: why})
	}
}

func (p *Plan) add(in Input, id access.PersonID, w Wanted) {
	if max := in.Limits.People; max > 0 && in.Others.Rows >= max {
		p.Refusals = append(p.Refusals, Refusal{id, fault.Full, "the panel is full: it holds " + itoa(in.Others.Rows) + " of " + itoa(max) + " people; remove some who are not needed"})
		return
	}
	p.Steps = append(p.Steps, model.Step{Op: access.OpAdd, Person: id, Ref: model.RefOf(id), Record: w.Record, Why: w.Why})
}

// keep brings existing rows to the wanted record: the first is kept or changed in place, so that
// nobody is locked out meanwhile; doubles go.
func (p *Plan) keep(in Input, id access.PersonID, w Wanted, rows []model.Record, entry access.LedgerEntry) {
	p.remove(id, rows, "a double of the same person", 1)
	if !in.Trusted && in.Observed.Complete {
		if w.Record.Relays = both(w.Record.Relays, rows[0].Relays); len(w.Record.Relays) == 0 {
			p.remove(id, rows[:1], "ended, and nothing new opens while the clock is not trusted", 0)
			return
		}
	}
	if in.Observed.Complete {
		if g := compare(w.Record, rows[0], entry, in.Print); g != "" {
			rec := w.Record
			rec.Native = rows[0].Native
			p.Settled = append(p.Settled, Settled{id, rec, g})
			return
		}
	} else if entry.State == access.Settled && entry.Print == PrintRecord(in.Print, w.Record) {
		p.Settled = append(p.Settled, Settled{id, w.Record, entry.Grade})
		return
	}
	p.Steps = append(p.Steps, model.Step{Op: access.OpChange, Person: id, Ref: model.RefOf(id), Native: rows[0].Native, Record: w.Record, Why: w.Why})
}

// compare says how well a row proves the wanted record, "" when it differs. A row that hides its
// secrets is compared without them, and counts only when we know that we wrote this very record.
func compare(want, have model.Record, entry access.LedgerEntry, pr Printer) access.Grade {
	if !have.Hidden {
		if want.Same(have) {
			return access.Exact
		}
		return ""
	}
	shown := have
	shown.PIN, shown.Cards = want.PIN, want.Cards
	if want.Same(shown) && entry.Print == PrintRecord(pr, want) {
		return access.Presence
	}
	return ""
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

func byRef(rs []model.Record) map[model.Ref][]model.Record {
	m := map[model.Ref][]model.Record{}
	for _, r := range rs {
		if r.Ref.Ours() {
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
