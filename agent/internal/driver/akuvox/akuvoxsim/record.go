package akuvoxsim

import "time"

// maxRecorded bounds the request log of a long run; the oldest half goes first.
const maxRecorded = 100_000

// Request is one request as it came in, for tests to assert on. Times are the injected clock, without skew.
type Request struct {
	N      int       `json:"n"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"` // just before the reply was sent; zero while in flight
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query,omitempty"`
	Target string    `json:"target,omitempty"`
	Action string    `json:"action,omitempty"`
	// IDs and UserIDs are taken from the items of the body.
	IDs     []string `json:"ids,omitempty"`
	UserIDs []string `json:"user_ids,omitempty"`
	// Mutating says the call asks for a change; Reached says it came past outage and login to the API itself.
	Mutating bool `json:"mutating"`
	Reached  bool `json:"reached"`
	// Status is the HTTP status, 0 when the connection was reset instead. Retcode is 0 without an envelope.
	Status  int `json:"status"`
	Retcode int `json:"retcode"`
	// Gap is the time since the last reply with status 200 was ready; negative when there was none.
	Gap time.Duration `json:"gap"`
	// Overlapped says another request was in flight when this one came.
	Overlapped bool `json:"overlapped"`
}

// recorder keeps the request log.
type recorder struct {
	requests []*Request
	total    int
	byPath   map[string]int
	inFlight int
	lastGood time.Time
}

func newRecorder() recorder { return recorder{byPath: map[string]int{}} }

// arrive notes the start of a request.
func (c *recorder) arrive(now time.Time, method, path, query string) *Request {
	r := &Request{N: c.total, Start: now, Method: method, Path: path, Query: query, Gap: -1, Overlapped: c.inFlight > 0}
	if !c.lastGood.IsZero() {
		r.Gap = now.Sub(c.lastGood)
	}
	c.total++
	c.inFlight++
	c.byPath[method+" "+path]++
	if len(c.requests) >= maxRecorded {
		c.requests = append([]*Request(nil), c.requests[maxRecorded/2:]...)
	}
	c.requests = append(c.requests, r)
	return r
}

// finish notes the end; status 0 means the connection was reset.
func (c *recorder) finish(r *Request, now time.Time, status int) {
	r.End, r.Status = now, status
	c.inFlight--
	if status == 200 {
		c.lastGood = now
	}
}

// Requests returns the recorded requests in the order they came; at most the newest 100,000 are kept.
func (p *Panel) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rec.list(func(*Request) bool { return true })
}

// Mutating returns the requests that asked the API for a change, in order. Those that only fetched a login
// challenge or hit an outage are left out.
func (p *Panel) Mutating() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rec.list(func(r *Request) bool { return r.Mutating && r.Reached })
}

func (c *recorder) list(keep func(*Request) bool) []Request {
	out := []Request{}
	for _, r := range c.requests {
		if keep(r) {
			out = append(out, *r)
		}
	}
	return out
}

// ForgetRequests empties the record, for a test that counts from here on. Requests in flight still count as such.
func (p *Panel) ForgetRequests() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rec.requests, p.rec.total, p.rec.byPath = nil, 0, map[string]int{}
}
