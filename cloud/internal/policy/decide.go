package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// Keep is how long after their last window people are still sent to gateways.
const Keep = 30 * 24 * time.Hour

// Decision is the wanted state of a property and why it is so.
type Decision struct {
	// Items is the whole wanted state: property, buildings, units, doors, groups, people,
	// residencies, credentials, grants, in this order and each by id. The same roster, in whatever
	// order, gives the same items, byte for byte once encoded; each passes access.Encode.
	Items []access.Noun
	// Refusals is what policy could not grant and a person should look at, by kind and subject.
	// Each run lists all of them.
	Refusals []model.Conflict
	// Explain says of every person of the roster, in sentences, what they have and why, or why
	// they have nothing.
	Explain map[access.PersonID][]string
}

// Decide is the wanted state of r. now decides only whom to leave out as long gone (Keep); every
// window is absolute, so a decision stays right until the roster changes.
//
// An error (kind invalid, with a remedy) means that the property's zone or settings cannot be
// used. Then nothing may be published: it would be guesswork, and an empty state takes every key.
func Decide(r model.Roster, now time.Time) (Decision, error) {
	cal, err := newCalendar(r.Property)
	if err != nil {
		return Decision{}, err
	}
	d := newDecider(r, cal, now)
	d.readLeases()
	d.bridgeGaps()
	d.dropLongGone()
	d.checkCredentials()
	return Decision{Items: d.items(), Refusals: d.sortedRefusals(), Explain: d.explain}, nil
}

type decider struct {
	roster   model.Roster // every list sorted by id
	cal      calendar
	now      time.Time
	person   map[access.PersonID]model.Person
	unit     map[access.UnitID]model.Unit
	stays    map[access.PersonID][]*stay // valid windows, by residency id
	since    map[access.PersonID]time.Time
	creds    []access.Credential
	refusals []model.Conflict
	explain  map[access.PersonID][]string
}

func newDecider(r model.Roster, cal calendar, now time.Time) *decider {
	d := &decider{
		roster:  sorted(r),
		cal:     cal,
		now:     now,
		person:  map[access.PersonID]model.Person{},
		unit:    map[access.UnitID]model.Unit{},
		stays:   map[access.PersonID][]*stay{},
		since:   map[access.PersonID]time.Time{},
		explain: map[access.PersonID][]string{},
	}
	for _, u := range r.Units {
		d.unit[u.ID] = u
	}
	for _, p := range r.People {
		d.person[p.ID] = p
	}
	return d
}

func sorted(r model.Roster) model.Roster {
	r.Buildings = sortedBy(r.Buildings, func(b access.Building) string { return string(b.ID) })
	r.Units = sortedBy(r.Units, func(u model.Unit) string { return string(u.ID) })
	r.Doors = sortedBy(r.Doors, func(d access.Door) string { return string(d.ID) })
	r.Groups = sortedBy(r.Groups, func(g access.Group) string { return string(g.ID) })
	r.People = sortedBy(r.People, func(p model.Person) string { return string(p.ID) })
	r.Leases = sortedBy(r.Leases, func(l model.Lease) string { return string(l.ID) })
	return r
}

func sortedBy[T any](in []T, id func(T) string) []T {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	return out
}

// readLeases finds each person's windows, and says of those who get none why.
func (d *decider) readLeases() {
	leases := map[access.PersonID][]model.Lease{}
	for _, l := range d.roster.Leases {
		leases[l.Person] = append(leases[l.Person], l)
		if _, known := d.person[l.Person]; !known {
			d.refuse("invalid_record", string(l.ID), "Report this to support: it should not happen.",
				"Residency %s names person %q, who is not known here.", l.ID, l.Person)
		}
	}
	for _, p := range d.roster.People {
		d.readPerson(p, leases[p.ID])
		if len(d.explain[p.ID]) == 0 && len(d.stays[p.ID]) == 0 {
			d.say(p.ID, "no access: lives in no unit")
		}
	}
}

func (d *decider) readPerson(p model.Person, leases []model.Lease) {
	lives := slices.ContainsFunc(leases, func(l model.Lease) bool { return l.Status == future || l.Status == current })
	switch {
	case !d.cal.settings.Allows(p):
		d.say(p.ID, "no access: type %s is not among those that get access here (%s)", typeOf(p), strings.Join(d.cal.settings.Types, ", "))
		if lives {
			d.refuse("type_not_allowed", string(p.ID), "If this person should have access, correct the type in the PMS or add it to the property's list of types.",
				"%s is of type %s, which is not among those that get access here (%s).", d.who(p, leases), typeOf(p), strings.Join(d.cal.settings.Types, ", "))
		}
		return
	case p.Person.Validate() != nil:
		d.say(p.ID, "no access: the record cannot be used")
		if lives {
			d.refuse("bad_person", string(p.ID), "Enter a name in the PMS; the next sync takes it.", "%s cannot get access: %v.", d.who(p, leases), p.Person.Validate())
		}
		return
	}
	if p.OnStaff() {
		d.say(p.ID, "%s", onSite(p))
	}
	for _, l := range leases {
		d.readLease(p, l)
	}
}

// onSite says what a member of staff is here for.
func onSite(p model.Person) string {
	var may []string
	for _, r := range p.May {
		may = append(may, string(r))
	}
	if len(may) == 0 {
		return "works here: may do nothing at the gateway"
	}
	return "works here: may " + strings.Join(may, ", ") + " at the gateway while the cloud is away; opens no door by that"
}

func (d *decider) readLease(p model.Person, l model.Lease) {
	u, known := d.unit[l.Unit]
	if !known {
		d.say(p.ID, "no access by lease %s: its unit is not known", l.ID)
		d.refuse("unknown_unit", string(l.ID), "Add the unit, or correct the lease in the PMS.", "The lease of %s names a unit that is not known here.", p.Name())
		return
	}
	s, why := d.cal.read(l, u)
	if why != nil {
		d.say(p.ID, "%s", why.explain)
		if why.kind != "" {
			d.refuse(why.kind, string(l.ID), why.remedy, "%s (unit %s) %s", p.Name(), u.Name, why.text)
		}
	}
	if s == nil {
		return
	}
	d.stays[p.ID] = append(d.stays[p.ID], s)
	if since, known := d.since[p.ID]; !known || earlier(s.From, since) {
		d.since[p.ID] = s.From
	}
}

// earlier orders beginnings; an unknown one comes last, because it proves no long residency.
func earlier(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return !a.IsZero()
	}
	return a.Before(b)
}

// dropLongGone forgets what ended Keep ago, and says about the rest why it is granted.
func (d *decider) dropLongGone() {
	for _, p := range d.roster.People {
		var kept []*stay
		for _, s := range d.stays[p.ID] {
			if s.common.Until.IsZero() || s.common.Until.After(d.now.Add(-Keep)) {
				kept = append(kept, s)
			}
			d.say(p.ID, "%s", d.cal.reason(s, s.common))
		}
		d.stays[p.ID] = kept
	}
}

// who names somebody with a unit, for staff.
func (d *decider) who(p model.Person, leases []model.Lease) string {
	for _, l := range leases {
		if u, known := d.unit[l.Unit]; known {
			return p.Name() + " (unit " + u.Name + ")"
		}
	}
	return p.Name()
}

func typeOf(p model.Person) string {
	switch {
	case p.RawType != "":
		return fmt.Sprintf("%q", p.RawType)
	case p.Type != "":
		return fmt.Sprintf("%q", p.Type)
	default:
		return "unknown"
	}
}

func (d *decider) say(p access.PersonID, format string, args ...any) {
	d.explain[p] = append(d.explain[p], fmt.Sprintf(format, args...))
}

func (d *decider) refuse(kind, subject, remedy, format string, args ...any) {
	d.refusals = append(d.refusals, model.Conflict{
		Property: d.roster.Property.ID, Kind: kind, Subject: subject,
		Text: fmt.Sprintf(format, args...), Remedy: remedy, FoundBy: model.FoundByPolicy,
	})
}

func (d *decider) sortedRefusals() []model.Conflict {
	slices.SortStableFunc(d.refusals, func(a, b model.Conflict) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
	return d.refusals
}
