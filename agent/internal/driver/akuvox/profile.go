package akuvox

import (
	"strings"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// profile is what is known of a model beyond what it tells itself (§3, §5.1).
type profile struct {
	prefix string // of the model's name, upper case
	relays int    // 0 unknown
	people int    // 0 unknown
}

const documentedPeople = 20000 // §5.1; some units take 50,000, none is known to take fewer

// profiles lists models by prefix; the longest that fits counts. Relay counts are the vendor's (§3).
// No profile narrows the PIN: the vendor's pages say 2-8 digits, its API text 4-8 (§2.3), and a
// unit that wants four refuses the write by name.
func profiles() []profile {
	return []profile{
		{prefix: "X916", relays: 4, people: documentedPeople},
		{prefix: "X915", relays: 3, people: documentedPeople},
		{prefix: "X912", relays: 2, people: documentedPeople},
		{prefix: "X910", relays: 2, people: documentedPeople},
		{prefix: "R29", relays: 3, people: documentedPeople},
		{prefix: "R28", relays: 3, people: documentedPeople},
		{prefix: "R25", relays: 2},
		{prefix: "R20", relays: 2},
		{prefix: "S539", relays: 3},
		{prefix: "S535", relays: 1},
		{prefix: "S532", relays: 2},
		{prefix: "E18", relays: 2, people: documentedPeople},
		{prefix: "E16", relays: 1},
		{prefix: "E13", relays: 1},
		{prefix: "E12", relays: 1},
		{prefix: "A01", relays: 1},
		{prefix: "A02", relays: 1},
		{prefix: "A03", relays: 1},
		{prefix: "A05", relays: 1},
		{prefix: "A08", relays: 1},
		{prefix: "A094", relays: 4},
		{prefix: "A095", relays: 4},
	}
}

// profileOf finds a model's profile; an unknown one gets the cautious zero.
func profileOf(name string) profile {
	var best profile
	for _, p := range profiles() {
		if strings.HasPrefix(strings.ToUpper(name), p.prefix) && len(p.prefix) > len(best.prefix) {
			best = p
		}
	}
	return best
}

// Bounds that hold for every model.
const (
	cardsPerPerson = 5  // §5.1
	cardChars      = 16 // row A5
	nameChars      = 32 // the shortest bound any client was seen to keep (§2.3)
	refChars       = 63
	pinMin, pinMax = 2, 8 // vendor's pages, §2.3
	pinNotFirst    = "9"  // row A4; some models keep it for the public PIN (§2.3)
	mostRelays     = 4    // A to D
)

func (p profile) limits(canLookUp bool) model.Limits {
	return model.Limits{
		People: p.people, PINDigitMin: pinMin, PINDigitMax: pinMax, PINNoFirst: pinNotFirst,
		PINs: 1, Cards: cardsPerPerson, CardChars: cardChars, NameChars: nameChars,
		Relays: letters(p.relays), Lookup: canLookUp, Grade: access.Exact,
	}
}

// letters names the first n relays: "A", "B".
func letters(n int) []string {
	var out []string
	for i := range n {
		out = append(out, string(rune('A'+i)))
	}
	return out
}
