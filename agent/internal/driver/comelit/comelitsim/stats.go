package comelitsim

import (
	"maps"
	"slices"
	"time"
)

// maxRecorded bounds each list of the statistics; the oldest half goes first.
const maxRecorded = 20_000

// Write is one field write that came as far as the table.
type Write struct {
	At     time.Time `json:"at"`
	Unit   int       `json:"unit"`
	Slot   int       `json:"slot"`
	Field  int       `json:"field"`
	Value  string    `json:"value"`
	Stored bool      `json:"stored"`
}

// Invitation is a mail the vendor's cloud would send when a code is made for an app slot with an e-mail (§3).
type Invitation struct {
	Unit  int    `json:"unit"`
	Slot  int    `json:"slot"`
	Email string `json:"email"`
}

// Stats sums up what was asked since the start.
type Stats struct {
	// Web counts requests by method and path.
	Web map[string]int `json:"web"`
	// Bridge counts what happened on the ICONA side: connections, opens, logins, registers, renewals and the like.
	Bridge map[string]int `json:"bridge"`
	// Ignored counts packets and messages that were not answered, by reason.
	Ignored     map[string]int `json:"ignored"`
	Writes      []Write        `json:"writes"`
	Invitations []Invitation   `json:"invitations"`
	// SlotZero counts writes to the wall monitors.
	SlotZero int `json:"slot_zero"`
}

func newStats() Stats {
	return Stats{
		Web: map[string]int{}, Bridge: map[string]int{}, Ignored: map[string]int{},
		Writes: []Write{}, Invitations: []Invitation{},
	}
}

// Stats returns a copy of the counts.
func (p *Panel) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Web, s.Bridge, s.Ignored = maps.Clone(s.Web), maps.Clone(s.Bridge), maps.Clone(s.Ignored)
	s.Writes, s.Invitations = append([]Write{}, s.Writes...), append([]Invitation{}, s.Invitations...)
	return s
}

// ignore counts what the panel passes over in silence.
func (p *Panel) ignore(why string) { p.stats.Ignored[why]++ }

func (p *Panel) recordWrite(w Write) {
	w.At = p.now()
	if w.Slot == 0 {
		p.stats.SlotZero++
	}
	p.stats.Writes = bounded(append(p.stats.Writes, w))
}

func bounded[T any](s []T) []T {
	if len(s) < maxRecorded {
		return s
	}
	return slices.Clone(s[maxRecorded/2:])
}
