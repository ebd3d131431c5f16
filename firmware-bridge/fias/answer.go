package fias

import (
	"encoding/hex"
	"strings"
)

// Status is AS of a KA record.
type Status string

// The statuses we know (§2) [T]. Any other one means that the outcome is not known [U].
const (
	OK   Status = "OK"
	Busy Status = "BY" // busy, or not found
)

// KeyAnswer is what a KA record says.
type KeyAnswer struct {
	Status Status
	Text   string    // CT
	Tracks [3]string // $1 to $3
	Serial string    // of the card, upper-case hex, where $2 holds one [T]; else empty
}

// Answers reads the answer to k; ok is false for other records, and for answers to other requests. FIAS has no request
// number: encoder, workstation and reservation must match as far as both sides name them, so one request may be open for
// an encoder at a time [I].
func (k KeyRequest) Answers(r Record) (a KeyAnswer, ok bool) {
	if r.ID != "KA" || !same(r, "KC", k.Coder) || !same(r, "WS", k.Workstation) || !same(r, "G#", k.Reservation) {
		return KeyAnswer{}, false
	}
	a = KeyAnswer{Status: Status(r.Value("AS")), Text: r.Value("CT"), Tracks: [3]string{r.Value("$1"), r.Value("$2"), r.Value("$3")}}
	if raw, err := hex.DecodeString(a.Tracks[1]); err == nil && len(raw) >= 4 && len(raw) <= 10 { // as long as UIDs are
		a.Serial = strings.ToUpper(a.Tracks[1])
	}
	return a, true
}

func same(r Record, id, want string) bool {
	got, named := r.Get(id)
	return !named || got == "" || want == "" || got == want
}
