package akuvoxsim

import (
	"sort"
	"time"
)

// PathCount is one line of Stats.
type PathCount struct {
	Path  string `json:"path"` // "GET /api/user/get"
	Count int    `json:"count"`
}

// Stats sums the record up.
type Stats struct {
	Requests int         `json:"requests"`
	ByPath   []PathCount `json:"by_path"`
	// Mutating are the requests of Panel.Mutating.
	Mutating []Request `json:"mutating"`
	// MinGap is the smallest Gap seen among the recorded requests; negative when there was none.
	MinGap time.Duration `json:"min_gap"`
	// Overlaps counts requests that came while another was in flight.
	Overlaps int `json:"overlaps"`
}

// Stats sums up what was asked since the start or the last ForgetRequests.
func (p *Panel) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Requests: p.rec.total, ByPath: []PathCount{}, MinGap: -1}
	for path, n := range p.rec.byPath {
		s.ByPath = append(s.ByPath, PathCount{Path: path, Count: n})
	}
	sort.Slice(s.ByPath, func(i, j int) bool { return s.ByPath[i].Path < s.ByPath[j].Path })
	for _, r := range p.rec.requests {
		if r.Gap >= 0 && (s.MinGap < 0 || r.Gap < s.MinGap) {
			s.MinGap = r.Gap
		}
		if r.Overlapped {
			s.Overlaps++
		}
	}
	s.Mutating = p.rec.list(func(r *Request) bool { return r.Mutating && r.Reached })
	return s
}
