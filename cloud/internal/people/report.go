package people

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

func (m *merger) conflict(kind, subject, remedy, format string, args ...any) {
	m.conflicts = append(m.conflicts, model.Conflict{
		Property: m.have.Property.ID, Kind: kind, Subject: subject,
		Text: fmt.Sprintf(format, args...), Remedy: remedy, FoundBy: model.FoundByPeople,
	})
}

func sortConflicts(all []model.Conflict) {
	slices.SortStableFunc(all, func(a, b model.Conflict) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
}

// differ compares two rosters; lists only ever grow at their ends here.
type differ struct {
	had, now model.Roster
	unit     map[access.UnitID]string
	name     map[access.PersonID]string
	changes  []Change
}

func diff(had, now model.Roster) []Change {
	d := &differ{had: had, now: now, unit: map[access.UnitID]string{}, name: map[access.PersonID]string{}}
	for _, u := range now.Units {
		d.unit[u.ID] = u.Name
	}
	for _, p := range now.People {
		d.name[p.ID] = p.Name()
	}
	d.places()
	d.people()
	d.leases()
	return d.changes
}

func (d *differ) add(op Op, kind access.Kind, id string, person access.PersonID, format string, args ...any) {
	d.changes = append(d.changes, Change{op, kind, id, person, fmt.Sprintf(format, args...)})
}

func (d *differ) places() {
	if p := d.now.Property; !reflect.DeepEqual(p, d.had.Property) {
		d.add(Changed, access.KindProperty, string(p.ID), "", "property %s: what the PMS says about it changed", p.Name)
	}
	for _, b := range d.now.Buildings[len(d.had.Buildings):] {
		d.add(Added, access.KindBuilding, string(b.ID), "", "building %s", b.Name)
	}
	for i, u := range d.now.Units {
		switch {
		case i >= len(d.had.Units):
			d.add(Added, access.KindUnit, string(u.ID), "", "unit %s", u.Name)
		case u != d.had.Units[i]:
			d.add(Changed, access.KindUnit, string(u.ID), "", "unit %s (was %s)", u.Name, d.had.Units[i].Name)
		}
	}
}

func (d *differ) people() {
	for i, p := range d.now.People {
		if i >= len(d.had.People) {
			d.add(Added, access.KindPerson, string(p.ID), p.ID, "%s", p.Name())
			continue
		}
		had := d.had.People[i]
		switch {
		case reflect.DeepEqual(p, had):
		case had.Origin == model.ByHand && p.Origin != model.ByHand:
			d.add(Linked, access.KindPerson, string(p.ID), p.ID, "%s, entered by hand, is %s of the PMS: e-mail, name and unit match", had.Name(), p.Ref)
		default:
			d.add(Changed, access.KindPerson, string(p.ID), p.ID, "%s: %s", p.Name(), personWords(had, p))
		}
	}
}

func personWords(had, now model.Person) string {
	var w words
	w.note(had.Name() != now.Name(), "name was %s", had.Name())
	w.note(had.Email != now.Email, "e-mail")
	w.note(!slices.Equal(had.Phones, now.Phones), "phone")
	w.note(had.RawType != now.RawType || had.Type != now.Type || had.Kind != now.Kind, "type was %q, is %q", had.RawType, now.RawType)
	w.note(had.Primary != now.Primary, "head of the household: %v", now.Primary)
	w.note(!had.PIN.Equal(now.PIN), "PIN")
	w.note(!had.Card.Equal(now.Card), "card")
	return w.or("other details")
}

func (d *differ) leases() {
	for i, l := range d.now.Leases {
		who := d.name[l.Person] + ", unit " + d.unit[l.Unit]
		if i >= len(d.had.Leases) {
			d.add(Added, access.KindResidency, string(l.ID), l.Person, "%s: %s, moves in %s", who, cmp.Or(l.Status, "status not known"), show(l.MoveIn))
			continue
		}
		had := d.had.Leases[i]
		switch {
		case sameLease(l, had):
		case l.Status == past && had.Status != past && l.Missing >= agree:
			d.add(Ended, access.KindResidency, string(l.ID), l.Person, "%s: missing from %d complete exports in a row", who, l.Missing)
		case l.Status == past && had.Status != past:
			d.add(Ended, access.KindResidency, string(l.ID), l.Person, "%s: the PMS says %s", who, l.RawStatus)
		case l.Missing > had.Missing:
			d.add(Missing, access.KindResidency, string(l.ID), l.Person, "%s: not in a complete export", who)
		default:
			d.add(Changed, access.KindResidency, string(l.ID), l.Person, "%s: %s", who, d.leaseWords(had, l))
		}
	}
}

func sameLease(a, b model.Lease) bool {
	same := a.PastSeen.Equal(b.PastSeen)
	a.PastSeen = b.PastSeen
	return same && a == b
}

func (d *differ) leaseWords(had, now model.Lease) string {
	var w words
	w.note(had.Unit != now.Unit, "moves from unit %s", d.unit[had.Unit])
	w.note(had.Status != now.Status, "was %s, is %s", had.Status, now.Status)
	w.note(had.RawStatus != now.RawStatus, "PMS status %q", now.RawStatus)
	w.note(had.MoveIn != now.MoveIn, "move-in %s", show(now.MoveIn))
	w.note(had.MoveOut != now.MoveOut, "move-out %s", show(now.MoveOut))
	w.note(had.MoveInTime != now.MoveInTime, "move-in time %q", now.MoveInTime)
	w.note(had.MoveOutTime != now.MoveOutTime, "move-out time %q", now.MoveOutTime)
	w.note(had.LeaseStart != now.LeaseStart, "lease start %s", show(now.LeaseStart))
	w.note(had.LeaseEnd != now.LeaseEnd, "lease end %s", show(now.LeaseEnd))
	w.note(had.Notice != now.Notice, "notice %s", show(now.Notice))
	w.note(had.MonthToMonth != now.MonthToMonth, "month to month: %v", now.MonthToMonth)
	w.note(had.Missing > now.Missing, "is in the export again")
	return w.or("other details")
}

// words collects what changed.
type words []string

func (w *words) note(changed bool, format string, args ...any) {
	if changed {
		*w = append(*w, fmt.Sprintf(format, args...))
	}
}

func (w words) or(otherwise string) string {
	if len(w) == 0 {
		return otherwise
	}
	return strings.Join(w, ", ")
}

func show(d pms.Date) string {
	if d.IsZero() {
		return "without a date"
	}
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format("Jan 2, 2006")
}
