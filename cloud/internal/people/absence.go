package people

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// agree is how many complete snapshots in a row must lack a lease.
const agree = 2

// noteAbsence counts what a complete snapshot lacks, and ends what two of them lack. Of an
// incomplete one it reads nothing: what it does not show may be what was cut off.
func (m *merger) noteAbsence() {
	if !m.snap.Complete {
		return
	}
	for i := range m.now.Leases {
		l := &m.now.Leases[i]
		if l.Ref == "" || l.Status == past || m.present[l.ID] || m.one(l.Person).Origin != m.src.Origin {
			continue
		}
		if l.MissingIn != m.src.Pull {
			l.Missing, l.MissingIn = l.Missing+1, m.src.Pull
		}
		if l.Missing >= agree {
			l.Status, l.PastSeen = past, m.time
		}
	}
}

// brake holds a run that would take too many people's access, PIN or card (row G3): see the package comment.
func (m *merger) brake() {
	before, after := householders(m.have), householders(m.now)
	var leaving, losing []access.PersonID
	single, stays, later := true, 0, 0
	for i, p := range m.now.People {
		if after.lives(p, m.day, false) {
			stays++
		}
		if i >= len(m.have.People) {
			continue
		}
		had := m.have.People[i]
		lived := before.lives(had, m.day, true)
		if lived {
			m.residents++
		}
		switch {
		case lived && !after.lives(p, m.day, false):
			if !before.planned(p.ID, m.day) {
				leaving = append(leaving, p.ID)
				single = single && !m.endedByAbsence(p.ID)
			}
		case loses(had.PIN, p.PIN) || loses(had.Card, p.Card):
			if lived || before.comes(had, m.day) {
				losing = append(losing, p.ID)
			}
			if !lived && before.comes(had, m.day) {
				later++
			}
		}
	}
	m.leaving = len(leaving) + len(losing)
	single = single && len(leaving) == 1
	tooMany := m.leaving > 3 && 10*m.leaving > m.residents+later
	empty := len(leaving) > 0 && stays == 0 && !single
	if m.src.Release || !tooMany && !empty {
		return
	}
	limit := fmt.Sprintf("at most %d may in one run", max(3, (m.residents+later)/10))
	if empty {
		limit = "nobody would live here any more"
	}
	m.hold(leaving, losing, limit, before)
}

func (m *merger) endedByAbsence(id access.PersonID) bool {
	for i, l := range m.now.Leases {
		if l.Person == id && m.newlyMissing(i) {
			return true
		}
	}
	return false
}

// newlyMissing says that this run ended the i-th lease because it was missing.
func (m *merger) newlyMissing(i int) bool {
	return i < len(m.have.Leases) && m.have.Leases[i].Status != past && m.now.Leases[i].Status == past && m.now.Leases[i].Missing >= agree
}

// hold puts back everybody who would leave, every lease that only absence would end, and the PINs and cards of all who
// would lose theirs, also of those who left, or have yet to move in.
func (m *merger) hold(leaving, losing []access.PersonID, limit string, before household) {
	m.held = "Held: " + strings.Join(m.heldWords(leaving, losing, limit), " ") // before anything is put back
	back := map[access.PersonID]bool{}
	for _, id := range leaving {
		back[id] = true
		m.now.People[m.at[id]] = m.have.People[m.at[id]]
	}
	for i, had := range m.have.People {
		p := &m.now.People[i]
		if loses(had.PIN, p.PIN) || loses(had.Card, p.Card) || hasSecret(had) && !before.lives(had, m.day, true) && before.comes(had, m.day) {
			p.PIN, p.OwnPIN, p.Card, p.OwnCard = had.PIN, had.OwnPIN, had.Card, had.OwnCard
		}
	}
	for i, l := range m.have.Leases {
		if back[l.Person] || m.newlyMissing(i) {
			l.Missing, l.MissingIn = m.now.Leases[i].Missing, m.now.Leases[i].MissingIn // keeps counting
			m.now.Leases[i] = l
		}
	}
	m.conflict("held", string(m.have.Property.ID), m.heldRemedy(leaving, losing), "%s", m.held)
}

// heldWords say who would lose what.
func (m *merger) heldWords(leaving, losing []access.PersonID, limit string) (out []string) {
	if n := len(leaving); n > 0 {
		out = append(out, fmt.Sprintf("%d of %d current residents would lose their access by this export without a published move-out (%s), so nobody did: %s.",
			n, m.residents, limit, m.list(leaving)))
	}
	if n := len(losing); n > 0 {
		out = append(out, fmt.Sprintf("%s would lose their %s: is the field still called so? They keep it (%s): %s.", counted(n, "person", "people"), m.lostWord(losing), limit, m.list(losing)))
	}
	return out
}

func (m *merger) heldRemedy(leaving, losing []access.PersonID) string {
	if len(leaving) == 0 && len(losing) > 0 {
		return "Look whether the source still has the field or column of the " + m.lostWord(losing) + " under the name that the settings give it. If it is right as it is, " + m.release()
	}
	return "Look at the export. If it is wrong, export again; if these people really left, " + m.release()
}

// lostWord is what those who lose something lose: all of them a PIN, all of them a card, or either.
func (m *merger) lostWord(losing []access.PersonID) string {
	pins, cards := 0, 0
	for _, id := range losing {
		had, now := m.have.People[m.at[id]], m.now.People[m.at[id]]
		if loses(had.PIN, now.PIN) {
			pins++
		}
		if loses(had.Card, now.Card) {
			cards++
		}
	}
	switch {
	case cards == 0:
		return "PIN"
	case pins == 0:
		return "card"
	}
	return "PIN or card"
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// release says how an administrator lets the next run pass.
func (m *merger) release() string {
	return fmt.Sprintf("an administrator releases the run: gatehouse-cloud release --property %s --reason REASON", m.have.Property.ID)
}

// list names the first few.
func (m *merger) list(ids []access.PersonID) string {
	const most = 5
	var names []string
	for _, id := range ids[:min(most, len(ids))] {
		names = append(names, m.who(id))
	}
	s := strings.Join(names, ", ")
	if more := len(ids) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// reportMissing tells of leases that were missing and have not ended (yet), run after run.
func (m *merger) reportMissing() {
	for _, l := range m.now.Leases {
		switch {
		case l.Missing == 0 || l.Status == past:
		case l.Missing < agree:
			m.conflict("missing", string(l.ID), "If they moved out, enter the move-out date in the PMS; if not, look why the export lacks them.",
				"%s was not in the last complete export. If the next complete one lacks them too, their access ends.", m.who(l.Person))
		default:
			m.conflict("missing", string(l.ID), "Look at the export. If they really left, "+m.release(),
				"%s was not in %d complete exports in a row; their access goes on because the run is held.", m.who(l.Person), l.Missing)
		}
	}
}

// reportIncomplete says in words for staff why nobody was taken for gone.
func (m *merger) reportIncomplete() {
	if m.snap.Complete {
		return
	}
	unseen := 0
	for _, l := range m.now.Leases {
		if l.Ref != "" && l.Status != past && !m.present[l.ID] && m.one(l.Person).Origin == m.src.Origin {
			unseen++
		}
	}
	of := ""
	if unseen > 0 {
		of = fmt.Sprintf(" (%d known leases are not)", unseen)
	}
	m.conflict("incomplete_export", string(m.have.Property.ID), cmp.Or(m.src.Remedy, "Run the whole export again."),
		"The last export is not complete: %s. What could be read was taken over; nobody was removed for not being in it%s.", join(m.snap.Evidence), of)
}

func join(evidence []string) string {
	if len(evidence) == 0 {
		return "the source cannot say that nothing is missing"
	}
	return strings.TrimSuffix(strings.Join(evidence, "; "), ".")
}

// household is everybody's leases, to see who lives here.
type household struct {
	settings model.Settings
	leases   map[access.PersonID][]model.Lease
}

func householders(r model.Roster) household {
	h := household{r.Property.Settings, make(map[access.PersonID][]model.Lease, len(r.People))}
	for _, l := range r.Leases {
		h.leases[l.Person] = append(h.leases[l.Person], l)
	}
	return h
}

// lives says whether somebody has access today. It looks at days, not hours; lastDay says whether
// the day of the move-out still counts.
func (h household) lives(p model.Person, today pms.Date, lastDay bool) bool {
	if !h.settings.Allows(p) {
		return false
	}
	for _, l := range h.leases[p.ID] {
		end := h.end(l)
		switch {
		case !h.alive(l), !h.begun(l, today):
		case end.IsZero(), today.Before(end), lastDay && end == today:
			return true
		}
	}
	return false
}

// alive says whether a lease's status lets it give access: past does where the property ends
// access by dates alone.
func (h household) alive(l model.Lease) bool {
	return l.Status == current || l.Status == future ||
		l.Status == past && !h.settings.EndStatus && !l.PastSeen.IsZero()
}

// begun says whether the day that begins access has come; without one, only current has begun.
func (h household) begun(l model.Lease, today pms.Date) bool {
	begin, other := l.MoveIn, l.LeaseStart
	if h.settings.Begin == model.BeginLeaseStart {
		begin, other = other, begin
	}
	if begin.IsZero() {
		begin = other
	}
	if begin.IsZero() {
		return l.Status == current
	}
	return !today.Before(begin)
}

// end is the published end that counts; zero when there is none.
func (h household) end(l model.Lease) pms.Date {
	var end pms.Date
	if h.settings.EndMoveOut {
		end = l.MoveOut
	}
	if h.settings.EndLeaseEnd && !l.MonthToMonth && (end.IsZero() || l.LeaseEnd.Before(end)) {
		end = l.LeaseEnd
	}
	return end
}

// planned says that whatever ends now was published to end by today.
func (h household) planned(id access.PersonID, today pms.Date) bool {
	for _, l := range h.leases[id] {
		if end := h.end(l); h.alive(l) && h.begun(l, today) && (end.IsZero() || today.Before(end)) {
			return false
		}
	}
	return true
}

// comes says whether somebody lives here or will: a lease of theirs may give access and has not ended.
func (h household) comes(p model.Person, today pms.Date) bool {
	return h.settings.Allows(p) && slices.ContainsFunc(h.leases[p.ID], func(l model.Lease) bool {
		end := h.end(l)
		return h.alive(l) && (end.IsZero() || !end.Before(today))
	})
}

// loses says that a PIN or card would be gone.
func loses(before, after access.Secret) bool { return !before.IsZero() && after.IsZero() }

func hasSecret(p model.Person) bool { return !p.PIN.IsZero() || !p.Card.IsZero() }
