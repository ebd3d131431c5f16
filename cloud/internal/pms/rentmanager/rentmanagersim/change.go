package rentmanagersim

import (
	"fmt"
	"slices"
	"strings"
)

// MoveIn is somebody new. With Tenant they join that household, else they begin one in Unit.
type MoveIn struct {
	Property int    `json:"property,omitempty"`
	Unit     string `json:"unit,omitempty"` // name
	Tenant   int    `json:"tenant,omitempty"`
	First    string `json:"first"`
	Last     string `json:"last"`
	Company  string `json:"company,omitempty"`
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Type     string `json:"type,omitempty"` // applicant type; Primary, or Occupant for who joins
	PIN      string `json:"pin,omitempty"`
	Card     string `json:"card,omitempty"`
	Date     string `json:"date,omitempty"`      // move-in day; today
	LeaseEnd string `json:"lease_end,omitempty"` // a year later
}

// MoveOut is somebody leaving: a household, or one contact of it, who then is not active any more.
type MoveOut struct {
	Tenant  int    `json:"tenant"`
	Contact int    `json:"contact,omitempty"`
	Date    string `json:"date,omitempty"`   // last day; today
	Notice  bool   `json:"notice,omitempty"` // notice today, expected to leave that day; nothing more
	Vanish  bool   `json:"vanish,omitempty"` // the account is not there any more, with no trace
}

// Transfer moves a household to another unit, also of another property: a new account, linked with the old.
type Transfer struct {
	Tenant   int    `json:"tenant"`
	Property int    `json:"property,omitempty"` // the same
	Unit     string `json:"unit"`
	Date     string `json:"date,omitempty"` // today
}

// Promote makes another contact the head of the household; the one before leaves. NewIDs gives the account and
// all its people new ids, as some systems do.
type Promote struct {
	Tenant  int  `json:"tenant"`
	Contact int  `json:"contact"`
	NewIDs  bool `json:"new_ids,omitempty"`
}

// Renew adds a lease renewal that begins when the last one ends.
type Renew struct {
	Tenant int    `json:"tenant"`
	End    string `json:"end,omitempty"` // a year after it begins
}

// Edit changes what is written about a contact; what is nil stays.
type Edit struct {
	Contact int     `json:"contact"`
	First   *string `json:"first,omitempty"`
	Last    *string `json:"last,omitempty"`
	Email   *string `json:"email,omitempty"`
	Phone   *string `json:"phone,omitempty"`
	Type    *string `json:"type,omitempty"`
	PIN     *string `json:"pin,omitempty"`
	Card    *string `json:"card,omitempty"`
}

// Changed names what a change left behind: the account, the person it was about (or the head), the last lease.
type Changed struct {
	Tenant  int `json:"tenant"`
	Contact int `json:"contact,omitempty"`
	Lease   int `json:"lease,omitempty"`
}

// result is Changed as it stands now. A contact's change does not touch the account's UpdateDate.
func result(h *Household, m *Member) Changed {
	c := Changed{Tenant: h.ID, Contact: m.ID}
	if l := h.lastLease(); l != nil {
		c.Lease = l.ID
	}
	return c
}

// MoveIn adds a person.
func (s *Server) MoveIn(in MoveIn) (Changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.TrimSpace(in.First+in.Last+in.Company) == "" {
		return Changed{}, fmt.Errorf("nobody is named; give first and last, or company")
	}
	if in.Tenant != 0 {
		return s.join(in)
	}
	p, u, err := s.unit(in.Property, in.Unit)
	if err != nil {
		return Changed{}, err
	}
	from, err := s.dayOf(p, in.Date, 0)
	if err != nil {
		return Changed{}, fmt.Errorf("date: %w", err)
	}
	end, err := s.dayOf(p, in.LeaseEnd, 0)
	if err != nil {
		return Changed{}, fmt.Errorf("lease_end: %w", err)
	}
	if in.LeaseEnd == "" {
		end = In(from.relative + 364)
	}
	now := s.now()
	m := s.newMember(in, "Primary")
	h := &Household{ID: s.newID(), Company: in.Company, Members: []*Member{m}, touched: now}
	h.Leases = []*Lease{{ID: s.newID(), Unit: u.ID, MoveIn: from, Terms: []Term{{from, end}}, touched: now}}
	p.Households = append(p.Households, h)
	s.changed()
	return result(h, m), nil
}

func (s *Server) newMember(in MoveIn, applicant string) *Member {
	m := &Member{
		ID: s.newID(), First: in.First, Last: in.Last, Email: in.Email, Type: applicant, Primary: applicant == "Primary",
		PIN: in.PIN, Card: in.Card, touched: s.now(),
	}
	if in.Type != "" {
		m.Type = in.Type
	}
	if in.Phone != "" {
		m.Phones = []Phone{{"Cell", in.Phone}}
	}
	return m
}

// join adds a person to a household. Where and when they move in is the household's.
func (s *Server) join(in MoveIn) (Changed, error) {
	_, h, err := s.household(in.Tenant)
	if err != nil {
		return Changed{}, err
	}
	if in.Unit != "" || in.Property != 0 || in.Date != "" || in.LeaseEnd != "" || in.Company != "" {
		return Changed{}, fmt.Errorf("who joins tenant %d lives where they live; leave out property, unit, dates and company", in.Tenant)
	}
	m := s.newMember(in, "Occupant")
	h.Members = append(h.Members, m)
	s.changed()
	return result(h, m), nil
}

// MoveOut ends a household's leases that are still open, or one contact's part in it.
func (s *Server) MoveOut(out MoveOut) (Changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, h, err := s.household(out.Tenant)
	if err != nil {
		return Changed{}, err
	}
	day, err := s.dayOf(p, out.Date, 0)
	if err != nil {
		return Changed{}, fmt.Errorf("date: %w", err)
	}
	if out.Contact != 0 && (out.Notice || out.Vanish || out.Date != "") {
		return Changed{}, fmt.Errorf("one contact of a household just leaves; leave out date, notice and vanish")
	}
	who := h.primary()
	switch {
	case out.Contact != 0:
		if who, err = h.member(out.Contact); err != nil {
			return Changed{}, err
		}
		who.Left, who.touched = true, s.now()
	case out.Vanish:
		p.Households = slices.DeleteFunc(p.Households, func(x *Household) bool { return x == h })
		for _, w := range p.WorkOrders {
			if w.Household == h.ID {
				w.Household = 0
			}
		}
	default:
		s.endLeases(p, h, day, out.Notice)
	}
	s.changed()
	return result(h, who), nil
}

func (s *Server) endLeases(p *Property, h *Household, day Day, notice bool) {
	now := s.now()
	base, today := s.days(p)
	for _, l := range h.Leases {
		if old, ok := l.MoveOut.On(base); ok && !sentinel(old) && old.Before(today) {
			continue
		}
		l.Expected, l.touched, h.touched = day, now, now
		if notice {
			l.Notice, _ = s.dayOf(p, "today", 0)
			continue
		}
		last, _ := day.On(base)
		l.MoveOut, l.Confirmed = day, !last.After(today)
	}
}

// Renew adds a term to the last lease.
func (s *Server) Renew(in Renew) (Changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, h, err := s.household(in.Tenant)
	if err != nil {
		return Changed{}, err
	}
	l := h.lastLease()
	if l == nil {
		return Changed{}, fmt.Errorf("tenant %d has no lease to renew", in.Tenant)
	}
	from, _ := s.dayOf(p, "today", 0)
	if n := len(l.Terms); n > 0 {
		if last := l.Terms[n-1].End; last.set && last.fixed == "" {
			from = In(last.relative + 1)
		}
	}
	end, err := s.dayOf(p, in.End, 0)
	if err != nil {
		return Changed{}, fmt.Errorf("end: %w", err)
	}
	if in.End == "" {
		end = In(from.relative + 364)
	}
	if end.relative < from.relative {
		return Changed{}, fmt.Errorf("end: the renewal would end before it begins")
	}
	l.Terms = append(l.Terms, Term{from, end})
	l.touched, h.touched = s.now(), s.now()
	s.changed()
	return result(h, h.primary()), nil
}

// Edit changes a contact.
func (s *Server) Edit(in Edit) (Changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.data.Properties {
		for _, h := range p.Households {
			if m, err := h.member(in.Contact); err == nil {
				in.apply(m)
				m.touched = s.now()
				s.changed()
				return result(h, m), nil
			}
		}
	}
	return Changed{}, fmt.Errorf("there is no contact %d; GET /people lists them", in.Contact)
}

func (in *Edit) apply(m *Member) {
	for _, f := range []struct{ to, from *string }{
		{&m.First, in.First}, {&m.Last, in.Last}, {&m.Email, in.Email}, {&m.Type, in.Type}, {&m.PIN, in.PIN}, {&m.Card, in.Card},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if in.Phone != nil {
		m.Phones = []Phone{{"Cell", *in.Phone}}
	}
}
