package rentmanagersim

import "time"

// Data is a management company's books in a neutral shape: no vendor's ids, words or formats beyond what
// people typed. Ids are positive and unique among their kind.
type Data struct {
	About      string      `json:"about"`
	Company    string      `json:"company"`
	Vendors    []*Member   `json:"vendors,omitempty"` // contacts that are nobody's tenants
	Properties []*Property `json:"properties"`
}

// Property is one site.
type Property struct {
	ID         int          `json:"id"`
	Name       string       `json:"name"`
	Short      string       `json:"short"`
	Zone       string       `json:"zone"` // IANA; the vendor does not tell it
	Email      string       `json:"email"`
	Street     string       `json:"street"`
	City       string       `json:"city"`
	State      string       `json:"state"`
	Postal     string       `json:"postal"`
	Closed     bool         `json:"closed,omitempty"`
	Units      []*Unit      `json:"units"`
	Households []*Household `json:"households"`
	WorkOrders []*WorkOrder `json:"work_orders,omitempty"`
}

// Unit is an apartment, a bed, or bookkeeping that looks like one.
type Unit struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Building string `json:"building,omitempty"`
	Kind     string `json:"kind"` // floor plan
}

// Household is one account: people who rent together.
type Household struct {
	ID       int    `json:"id"`
	Case     string `json:"case,omitempty"`     // what is awkward, for readers; the simulator does not look
	Company  string `json:"company,omitempty"`  // a company rents
	Label    string `json:"label,omitempty"`    // status word that is shown whatever the dates say
	Transfer int    `json:"transfer,omitempty"` // the same on every account of one transfer
	From     int    `json:"from,omitempty"`     // the account before the transfer
	Moved    Day    `json:"moved,omitzero"`     // the day of the transfer
	Eviction Day    `json:"eviction,omitzero"`
	PIN      string `json:"pin,omitempty"` // kept with the account; see Member for the person's own
	Card     string `json:"card,omitempty"`
	Updated  Day    `json:"updated,omitzero"`

	Members []*Member `json:"members"`
	Leases  []*Lease  `json:"leases"`

	touched time.Time
}

// Member is a person as typed, with every slip of the hand.
type Member struct {
	ID      int     `json:"id"`
	First   string  `json:"first"`
	Middle  string  `json:"middle,omitempty"`
	Last    string  `json:"last"`
	Email   string  `json:"email,omitempty"`
	Phones  []Phone `json:"phones,omitempty"`
	Type    string  `json:"type"` // applicant type, verbatim; may be blank
	Primary bool    `json:"primary,omitempty"`
	Left    bool    `json:"left,omitempty"` // no longer active
	PIN     string  `json:"pin,omitempty"`
	Card    string  `json:"card,omitempty"`

	touched time.Time
}

// Phone is a number as typed.
type Phone struct {
	Kind   string `json:"kind"`
	Number string `json:"number"`
}

// Lease is a household's hold on one unit.
type Lease struct {
	ID        int    `json:"id"`
	Unit      int    `json:"unit"`
	MoveIn    Day    `json:"move_in,omitzero"`
	MoveOut   Day    `json:"move_out,omitzero"`
	Expected  Day    `json:"expected_move_out,omitzero"`
	Notice    Day    `json:"notice,omitzero"`
	Confirmed bool   `json:"confirmed,omitempty"` // the move-out took place
	Terms     []Term `json:"terms"`

	touched time.Time
}

// Term is one paper: the first lease or a renewal. No End is month to month.
type Term struct {
	Start Day `json:"start"`
	End   Day `json:"end,omitzero"`
}

// WorkOrder is a maintenance request.
type WorkOrder struct {
	ID        int    `json:"id"`
	Title     string `json:"title"`
	Text      string `json:"text,omitempty"`
	Status    string `json:"status"`
	Category  string `json:"category"`
	Priority  string `json:"priority"`
	Household int    `json:"household,omitempty"`
	Opened    Day    `json:"opened"`
}

// primary is the head of the household: marked and active if there is one, else the first.
func (h *Household) primary() *Member {
	for _, m := range h.Members {
		if m.Primary && !m.Left {
			return m
		}
	}
	if len(h.Members) > 0 {
		return h.Members[0]
	}
	return &Member{}
}

// lastLease is the one that began last, by position; nil without any.
func (h *Household) lastLease() *Lease {
	if len(h.Leases) == 0 {
		return nil
	}
	return h.Leases[len(h.Leases)-1]
}
