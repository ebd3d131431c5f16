package industrystd

import "fmt"

// CardKind is what sort of card lies at the encoder.
type CardKind string

// The kinds (§1.4) [T].
const (
	GuestCard      CardKind = "guest"
	StaffCard      CardKind = "staff"      // LM, Onity: master
	SpareCard      CardKind = "spare"      // LR
	InvalidGuest   CardKind = "invalid"    // LC
	UnknownCard    CardKind = "unknown"    // LD
	DiagnosticCard CardKind = "diagnostic" // LS, Onity
)

// cardKinds are the codes that stand in the main room's place. No room may be called so.
var cardKinds = map[string]CardKind{
	"LM": StaffCard, "LR": SpareCard, "LC": InvalidGuest, "LD": UnknownCard, "LS": DiagnosticCard,
}

// Card is what Read found. Everything but Kind, Encoder and Note is for guest cards only.
type Card struct {
	Kind    CardKind `json:"kind"`
	Encoder string   `json:"encoder"`

	Rooms   []string `json:"rooms,omitempty"` // the main room first
	Valid   bool     `json:"valid"`           // for the main room: not cancelled by a check-out in the lock system
	Copy    string   `json:"copy,omitempty"`  // 0 the original, 1 to 4 copies (SALTO 1 and 2), I later copies, A one-shot
	Granted []int    `json:"granted,omitempty"`
	Start   Wall     `json:"start,omitzero"`
	End     Wall     `json:"end,omitzero"` // none: the card does not expire

	Operator string `json:"operator,omitempty"` // who made it, if the lock system still knows
	Serial   string `json:"serial,omitempty"`   // Onity: the card's own number, upper-case hex
	Note     string `json:"note,omitempty"`     // what the peer added, and symbols of authorisations nobody knows
}

// parseCard reads an LT answer: LT, encoder, four rooms, CI or CO, copy, authorisations, start, end, operator, serial (§1.4) [T].
func parseCard(d Dialect, m Message) (*Card, error) {
	c := &Card{Kind: GuestCard, Encoder: m.Field(1)}
	if kind, short := cardKinds[m.Field(2)]; short {
		c.Kind, c.Note = kind, printableOf(m.Field(3))
		return c, nil
	}
	if m.Field(2) == "" || m.Field(6) != "CI" && m.Field(6) != "CO" {
		return nil, fmt.Errorf("a read-back without a room, or without CI or CO, has %d fields", len(m))
	}
	for _, room := range m[2:6] {
		if room != "" {
			c.Rooms = append(c.Rooms, printableOf(room))
		}
	}
	c.Valid, c.Copy = m.Field(6) == "CI", printableOf(m.Field(7))
	c.Granted, c.Note = d.readAuthorisations(m.Field(8))
	c.Operator = printableOf(m.Field(11))
	if found := serials(append(Message{"", ""}, m.Field(12))); len(found) > 0 {
		c.Serial = found[0]
	}
	var err error
	if c.Start, err = d.readTime(m.Field(9)); err != nil {
		return nil, err
	}
	c.End, err = d.readTime(m.Field(10))
	if err != nil {
		return nil, err
	}
	return c, nil
}
