package plan

import (
	"encoding/json"
	"hash/fnv"
	"slices"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// PrintRecord is the fingerprint of everything that a record gives.
func PrintRecord(pr Printer, r model.Record) string {
	cards := make([]string, len(r.Cards))
	for i, c := range r.Cards {
		cards[i] = c.Reveal()
	}
	slices.Sort(cards)
	relays := slices.Sorted(slices.Values(r.Relays))
	parts := []any{r.Ref, r.Name, r.PIN.Reveal(), cards, relays}
	if len(r.Schedules) > 0 { // else as before there were any: ledgers hold such prints
		parts = append(parts, slices.Sorted(slices.Values(r.Schedules)))
	}
	if r.Unit != "" || r.Email != "" || r.Phone != "" { // likewise
		parts = append(parts, "calls", r.Unit, r.Email, r.Phone)
	}
	if r.Apartment != "" { // likewise
		parts = append(parts, r.Apartment)
	}
	b, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings always marshal
	}
	return pr.Print("record\x00" + string(b))
}

// PrintSecret is the fingerprint by which two people's PINs or cards are told to be the same.
func PrintSecret(pr Printer, s access.Secret) string { return pr.Print("secret\x00" + s.Reveal()) }

// NamePrint is the fingerprint by which two people are told to stand under one name; 0 for a row of a device that calls
// people, whose driver tells the people of a unit apart itself.
func NamePrint(pr Printer, r model.Record) uint32 {
	if r.Unit != "" || r.Name == "" {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(pr.Print("name\x00" + r.Name))) // a hash never fails
	return max(h.Sum32(), 1)
}

// Secrets lists the fingerprints of a record's PIN and cards.
func Secrets(pr Printer, r model.Record) []string {
	var out []string
	if !r.PIN.IsZero() {
		out = append(out, PrintSecret(pr, r.PIN))
	}
	for _, c := range r.Cards {
		out = append(out, PrintSecret(pr, c))
	}
	return out
}
