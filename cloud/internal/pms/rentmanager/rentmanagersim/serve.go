package rentmanagersim

import (
	"gatehouse/protocol/simkit"
	"io"
	"net/http"
	"time"
)

// maxBody bounds a request body.
const maxBody = 1 << 20

// reply is what goes out.
type reply struct {
	status int
	header http.Header
	body   []byte
	rows   int
	cut    simkit.Cut
	delay  time.Duration
}

func newReply(status int, body []byte) *reply {
	return &reply{status: status, header: http.Header{}, body: body}
}

// ServeHTTP is the vendor's side.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		body = nil // the call will miss what it needs
	}
	rec, a := s.answer(r, body)
	simkit.Wait(r.Context(), a.delay)
	s.left(rec)
	a.send(w)
}

// answer decides under the lock what goes out.
func (s *Server) answer(r *http.Request, body []byte) (*Request, *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.readCall(r, body)
	rec := s.rec.arrive(s.now(), r)
	within := s.rate.spend(s.opt.Now(), s.opt.RateLimit)
	a := s.dispatch(c, within)
	if slow := s.bites(FaultSlow, c.resource); slow != nil {
		a.delay = slow.Duration
	}
	if a.header.Get("Content-Type") == "" && len(a.body) > 0 {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	s.rateHeaders(a.header)
	rec.Resource, rec.Status, rec.Rows = c.resource, a.status, a.rows
	return rec, a
}

func (s *Server) left(rec *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec.leave(rec)
}

// send writes the reply to the wire.
func (a *reply) send(w http.ResponseWriter) {
	for name, v := range a.header {
		w.Header()[name] = v
	}
	a.cut.Send(w, a.status, a.body)
}
