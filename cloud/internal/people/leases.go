package people

import (
	"fmt"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// The statuses of a lease that matter here.
const (
	past    = string(pms.Past)
	current = string(pms.Current)
	future  = string(pms.Future)
)

// claim identifies a lease of ours: one person under one paper of the PMS.
type claim struct {
	person access.PersonID
	ref    string
}

// takeLeases updates and adds. A unit change on the same paper changes the residency in place, so
// that common doors do not flicker.
func (m *merger) takeLeases() {
	at := map[claim]int{}
	for i, l := range m.now.Leases {
		if l.Ref != "" {
			at[claim{l.Person, l.Ref}] = i
		}
	}
	seen := map[claim]bool{}
	for _, row := range m.rows {
		id, known := m.person[row.Ref]
		c := claim{id, row.Lease}
		if !known || row.Lease == "" || seen[c] {
			continue
		}
		seen[c] = true
		i, had := at[c]
		if had {
			m.present[m.now.Leases[i].ID] = true
		}
		l, inExport := m.leases[row.Lease]
		if !inExport && row.Own == nil {
			m.skip("lease", row.Lease, fmt.Sprintf("the lease of %s is not in the export; what was known stays", nameOf(row)))
			continue
		}
		stay := l.StayOf(row)
		if !had {
			i, had = m.newLease(c, row, stay)
		}
		if had {
			m.takeLease(&m.now.Leases[i], l, stay, m.unit[m.unitRef(row)])
		}
	}
}

// newLease is the place of a lease seen for the first time; false when it gives no reason to keep
// a record: a past one of before, an applicant's.
func (m *merger) newLease(c claim, row pms.Person, stay pms.Stay) (int, bool) {
	if stay.Status == pms.Past || stay.Status == pms.None {
		if m.livesHere(row) {
			m.skip("lease", c.ref, fmt.Sprintf("a lease of %s that is not current or future (status %s)", nameOf(row), stay.RawStatus))
		}
		return 0, false
	}
	unit := m.unit[m.unitRef(row)]
	if unit == "" {
		m.conflict("unknown_unit", string(c.person), "Enter the unit in the PMS, or correct the lease there.",
			"%s has a lease in unit %q, which the export does not list; it is not taken over.", m.who(c.person), m.unitRef(row))
		return 0, false
	}
	if i, found := m.residencyByHand(c.person, unit); found {
		m.present[m.now.Leases[i].ID] = true
		return i, true
	}
	id := access.ResidencyID(m.newID("residency"))
	m.now.Leases = append(m.now.Leases, model.Lease{ID: id, Person: c.person, Unit: unit})
	m.present[id] = true
	return len(m.now.Leases) - 1, true
}

// residencyByHand is the residency that somebody whom this run linked had in the unit: it becomes
// the lease.
func (m *merger) residencyByHand(id access.PersonID, unit access.UnitID) (int, bool) {
	i, known := m.at[id]
	if !known || i >= len(m.have.People) || m.have.People[i].Origin != model.ByHand {
		return 0, false
	}
	for i, l := range m.now.Leases {
		if l.Person == id && l.Ref == "" && l.Unit == unit && l.Status != past {
			return i, true
		}
	}
	return 0, false
}

func (m *merger) takeLease(l *model.Lease, paper pms.Lease, stay pms.Stay, unit access.UnitID) {
	if paper.Ref != "" {
		l.Ref = paper.Ref
		l.LeaseStart, l.LeaseEnd, l.Notice, l.MonthToMonth = paper.LeaseStart, paper.LeaseEnd, paper.Notice, paper.MonthToMonth
	}
	l.MoveIn, l.MoveOut = stay.MoveIn, stay.MoveOut
	l.MoveInTime, l.MoveOutTime = stay.MoveInTime.String(), stay.MoveOutTime.String()
	l.RawStatus = stay.RawStatus
	l.Missing, l.MissingIn = 0, ""
	switch {
	case unit == "":
		m.conflict("unknown_unit", string(l.Person), "Enter the unit in the PMS, or correct the lease there.",
			"%s has a lease in a unit that the export does not list; unit %s stays.", m.who(l.Person), m.named[l.Unit])
	default:
		l.Unit = unit
	}
	if stay.Status == "" {
		m.unknownStatus(l)
		return
	}
	l.Status = string(stay.Status)
	switch {
	case l.Status != past:
		l.PastSeen = time.Time{}
	case l.PastSeen.IsZero():
		l.PastSeen = m.time
	}
}

func (m *merger) unknownStatus(l *model.Lease) {
	label, kept := fmt.Sprintf("has status %q in the PMS, which is not known here", l.RawStatus), fmt.Sprintf("the last known one, %s, stays", l.Status)
	if l.RawStatus == "" {
		label = "has no status in the PMS"
	}
	if l.Status == "" {
		kept = "until it is, there is no access"
	}
	m.conflict("unknown_status", string(l.ID), "Set a usual status in the PMS (future, current, notice, past), or ask for this one to be added.",
		"%s %s; %s.", m.who(l.Person), label, kept)
}
