package rentmanagersim

import "time"

// Person is one contact as the account knows it now, everything in clear: this is a simulator.
type Person struct {
	Tenant   int    `json:"tenant"`
	Contact  int    `json:"contact"`
	Lease    int    `json:"lease"` // the last one; 0 without any
	Property int    `json:"property"`
	Unit     string `json:"unit"`
	First    string `json:"first"`
	Last     string `json:"last"`
	Company  string `json:"company,omitempty"`
	Email    string `json:"email"`
	Type     string `json:"type"`
	Primary  bool   `json:"primary"`
	Active   bool   `json:"active"`
	Status   string `json:"status"` // of the account
	MoveIn   string `json:"move_in,omitempty"`
	MoveOut  string `json:"move_out,omitempty"`
	PIN      string `json:"pin,omitempty"`
	Card     string `json:"card,omitempty"`
	Case     string `json:"case,omitempty"` // what is awkward about the household, in the sample
}

// People lists every contact of every account as the clock has it. Faults do not change it.
func (s *Server) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &builder{schema: s.schema, data: s.data, clock: s.days, start: s.start}
	byID := map[int]*node{}
	for _, n := range b.build()["Tenants"] {
		byID[n.id()] = n
	}
	out := []Person{}
	for _, p := range s.data.Properties {
		for _, h := range p.Households {
			for _, m := range h.Members {
				out = append(out, person(p, h, m, byID[h.ID]))
			}
		}
	}
	return out
}

func person(p *Property, h *Household, m *Member, n *node) Person {
	out := Person{
		Tenant: h.ID, Contact: m.ID, Property: p.ID, First: m.First, Last: m.Last, Company: h.Company, Email: m.Email,
		Type: m.Type, Primary: m.Primary, Active: !m.Left, Status: n.values["Status"].(string),
		PIN: m.PIN, Card: m.Card, Case: h.Case,
	}
	if leases := n.many["Leases"]; len(leases) > 0 {
		l := leases[len(leases)-1]
		out.Lease, out.Unit = l.id(), l.one["Unit"].values["Name"].(string)
		out.MoveIn, out.MoveOut = words(l.values["MoveInDate"]), words(l.values["MoveOutDate"])
	}
	return out
}

func words(v any) string {
	if t, ok := v.(time.Time); ok {
		return t.Format(isoDay)
	}
	return ""
}
