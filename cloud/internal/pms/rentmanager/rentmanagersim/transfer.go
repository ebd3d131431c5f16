package rentmanagersim

import (
	"fmt"
	"slices"
)

// household finds an account. The caller holds the lock.
func (s *Server) household(id int) (*Property, *Household, error) {
	for _, p := range s.data.Properties {
		for _, h := range p.Households {
			if h.ID == id {
				return p, h, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("there is no tenant %d; GET /people lists them", id)
}

// unit finds a unit by name. The caller holds the lock.
func (s *Server) unit(property int, name string) (*Property, *Unit, error) {
	for _, p := range s.data.Properties {
		if p.ID != property {
			continue
		}
		for _, u := range p.Units {
			if u.Name == name {
				return p, u, nil
			}
		}
		return nil, nil, fmt.Errorf("property %d has no unit %q", property, name)
	}
	return nil, nil, fmt.Errorf("there is no property %d", property)
}

func (h *Household) member(id int) (*Member, error) {
	i := slices.IndexFunc(h.Members, func(m *Member) bool { return m.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("tenant %d has no contact %d", h.ID, id)
	}
	return h.Members[i], nil
}

// copyMembers gives people new ids: a transfer or a promotion makes new rows of them.
func (s *Server) copyMembers(from []*Member) []*Member {
	var out []*Member
	for _, m := range from {
		if !m.Left {
			again := *m
			again.ID, again.touched = s.newID(), s.now()
			out = append(out, &again)
		}
	}
	return out
}

// Transfer makes the new account and ends the old one on the same day.
func (s *Server) Transfer(in Transfer) (Changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, h, err := s.household(in.Tenant)
	if err != nil {
		return Changed{}, err
	}
	if in.Property == 0 {
		in.Property = p.ID
	}
	to, u, err := s.unit(in.Property, in.Unit)
	if err != nil {
		return Changed{}, err
	}
	out, err := s.dayOf(p, in.Date, 0)
	if err != nil {
		return Changed{}, fmt.Errorf("date: %w", err)
	}
	day, err := s.dayOf(to, in.Date, 0)
	if err != nil {
		return Changed{}, fmt.Errorf("date: %w", err)
	}
	now := s.now()
	again := &Household{
		ID: s.newID(), Company: h.Company, PIN: h.PIN, Card: h.Card, From: h.ID, Moved: day,
		Members: s.copyMembers(h.Members), touched: now,
	}
	again.Leases = []*Lease{{ID: s.newID(), Unit: u.ID, MoveIn: day, Terms: []Term{{day, In(day.relative + 364)}}, touched: now}}
	if h.Transfer == 0 {
		h.Transfer = h.ID
	}
	again.Transfer, h.Moved = h.Transfer, out
	s.endLeases(p, h, out, false)
	to.Households = append(to.Households, again)
	s.changed()
	return result(again, again.primary()), nil
}

// Promote makes a contact the head.
func (s *Server) Promote(in Promote) (Changed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, h, err := s.household(in.Tenant)
	if err != nil {
		return Changed{}, err
	}
	m, err := h.member(in.Contact)
	switch {
	case err != nil:
		return Changed{}, err
	case m.Left:
		return Changed{}, fmt.Errorf("contact %d has left", m.ID)
	case m == h.primary():
		return Changed{}, fmt.Errorf("contact %d is the head already", m.ID)
	}
	now := s.now()
	before := h.primary()
	before.Left, before.Primary, before.touched = true, false, now
	m.Primary, m.Type, m.touched, h.touched = true, "Primary", now, now
	if in.NewIDs {
		h = s.reissue(p, h)
	}
	s.changed()
	return result(h, h.primary()), nil
}

// reissue gives a household that stays where it is a new account, people and leases; the old account is past.
func (s *Server) reissue(p *Property, h *Household) *Household {
	again := *h
	again.ID, again.From, again.Members, again.Leases = s.newID(), h.ID, s.copyMembers(h.Members), nil
	for _, l := range h.Leases {
		lease := *l
		lease.ID, lease.Terms, lease.touched = s.newID(), slices.Clone(l.Terms), s.now()
		again.Leases = append(again.Leases, &lease)
	}
	yesterday, _ := s.dayOf(p, "-1", 0)
	s.endLeases(p, h, yesterday, false)
	p.Households = append(p.Households, &again)
	return &again
}
