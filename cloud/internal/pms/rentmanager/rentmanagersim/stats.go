package rentmanagersim

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"
)

// kept is how many requests are remembered.
const kept = 1000

// Request is one request as it was seen and answered.
type Request struct {
	At       time.Time `json:"at"` // by the account's clock
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Query    string    `json:"query"`
	Resource string    `json:"resource"`
	Status   int       `json:"status"` // 0: the connection was reset
	Rows     int       `json:"rows"`
}

type record struct {
	total    int
	tokens   int
	inFlight int
	most     int
	byPath   map[string]int
	byStatus map[int]int
	requests []*Request
}

func newRecord() record { return record{byPath: map[string]int{}, byStatus: map[int]int{}} }

func (r *record) arrive(now time.Time, req *http.Request) *Request {
	q := &Request{At: now, Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery}
	r.total++
	r.byPath[q.Method+" "+q.Path]++
	r.inFlight++
	r.most = max(r.most, r.inFlight)
	r.requests = append(r.requests, q)
	if len(r.requests) > kept {
		r.requests = slices.Delete(r.requests, 0, len(r.requests)-kept)
	}
	return q
}

func (r *record) leave(q *Request) {
	r.inFlight--
	r.byStatus[q.Status]++
}

// PathCount is one line of Stats.
type PathCount struct {
	Path  string `json:"path"` // "GET /Tenants"
	Count int    `json:"count"`
}

// Stats sums up what was asked.
type Stats struct {
	Requests int         `json:"requests"`
	ByPath   []PathCount `json:"by_path"`
	ByStatus map[int]int `json:"by_status"`
	Tokens   int         `json:"tokens"` // given out
	// MostAtOnce is how many requests were in flight at the same time, at most.
	MostAtOnce int       `json:"most_at_once"`
	Last       []Request `json:"last"` // the last twenty, oldest first
}

// Stats sums up what was asked since the start or the last ForgetRequests.
func (s *Server) Stats() Stats {
	all := s.Requests()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{
		Requests: s.rec.total, ByPath: []PathCount{}, ByStatus: maps.Clone(s.rec.byStatus), Tokens: s.rec.tokens,
		MostAtOnce: s.rec.most, Last: all[max(0, len(all)-20):],
	}
	for path, n := range s.rec.byPath {
		out.ByPath = append(out.ByPath, PathCount{path, n})
	}
	slices.SortFunc(out.ByPath, func(a, b PathCount) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// Requests is the last thousand requests, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.rec.requests))
	for i, r := range s.rec.requests {
		out[i] = *r
	}
	return out
}

// ForgetRequests starts the record anew.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	inFlight := s.rec.inFlight
	s.rec = newRecord()
	s.rec.inFlight = inFlight
}
